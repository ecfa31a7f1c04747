/* The job that is measured. Times are CLOCK_MONOTONIC, in nanoseconds: one clock for the container and the host.

   job stamp MS      stamps its first and its last act, MS milliseconds apart, in the file stamps
   job tick MS       appends the time to the file ticks (8 bytes, the machine's order) about every 5 ms, for MS milliseconds
   job burn MS       computes for MS milliseconds of processor time; its own figure, in ns, goes to the file cpu
   job probe FILE    writes FILE's size, and whether it could be opened for writing, to the file probe; stays for 2 s */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ns(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void pause_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static int stamp(long ms) {
    int64_t first = clock_ns(CLOCK_MONOTONIC);
    FILE *stamps = fopen("stamps", "w");
    if (!stamps) return 3;
    pause_ms(ms);
    fprintf(stamps, "%lld %lld\n", (long long)first, (long long)clock_ns(CLOCK_MONOTONIC));
    fclose(stamps);
    _exit(0);
}

static int tick(long ms) {
    int ticks = open("ticks", O_CREAT | O_WRONLY | O_APPEND, 0644);
    int64_t end = clock_ns(CLOCK_MONOTONIC) + ms * 1000000LL;
    for (int64_t now = 0; now < end; pause_ms(5)) {
        now = clock_ns(CLOCK_MONOTONIC);
        if (write(ticks, &now, sizeof now) != sizeof now) return 3;
    }
    return 0;
}

static int burn(long ms) {
    volatile double x = 1;
    while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < ms * 1000000LL)
        for (int i = 0; i < 100000; i++) x = x * 1.0000001;
    FILE *cpu = fopen("cpu", "w");
    if (!cpu) return 3;
    fprintf(cpu, "%lld\n", (long long)clock_ns(CLOCK_PROCESS_CPUTIME_ID));
    return fclose(cpu) ? 3 : 0;
}

static int probe(const char *name) {
    struct stat found;
    if (stat(name, &found)) return 3;
    FILE *report = fopen("probe", "w");
    if (!report) return 3;
    fprintf(report, "%lld %s\n", (long long)found.st_size, open(name, O_WRONLY) < 0 ? "read-only" : "writable");
    fclose(report);
    pause_ms(2000);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    if (!strcmp(argv[1], "stamp")) return stamp(atol(argv[2]));
    if (!strcmp(argv[1], "tick")) return tick(atol(argv[2]));
    if (!strcmp(argv[1], "burn")) return burn(atol(argv[2]));
    if (!strcmp(argv[1], "probe")) return probe(argv[2]);
    return 2;
}
