/* What a seccomp filter does, seen from inside a container (calls, families, uring) and from outside (verdicts PID). One fact a
 * line: what was asked, then what was answered. x86-64 only. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs one call in a child, because it may end, kill or stop its process. */
static void report(const char *what, long number, long detail, long (*call)(long, long)) {
    int pipes[2], answer;
    struct pollfd wait = {.events = POLLIN};
    if (pipe(pipes)) exit(1);
    pid_t child = fork();
    if (child == 0) {
        long result = call(number, detail);
        answer = result < 0 && result > -4096 ? -result : 0;
        if (write(pipes[1], &answer, sizeof answer)) {}
        _exit(0);
    }
    close(pipes[1]);
    wait.fd = pipes[0];
    printf("%s %ld 0x%lx ", what, number, detail);
    if (poll(&wait, 1, 500) <= 0) puts("waits");
    else if (read(pipes[0], &answer, sizeof answer) == sizeof answer) printf("%d\n", answer);
    else puts("ends");
    close(pipes[0]);
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
}

/* All arguments are -1: no such descriptor, address, process, flag or size. */
static long with_bad_arguments(long number, long unused) {
    (void)unused;
    long result = syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
    return result == -1 ? -errno : 0;
}

static long raw(long number, long a, long b, long c, long d) {
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
}

static long raw32(long number, long a, long b, long c, long d) {
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "r8", "r9", "r10", "r11", "memory");
    return result;
}

/* An address that a program of 32 bits can have. */
static int *low(void) {
    int *place = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (place == MAP_FAILED) _exit(9);
    return place;
}

static long family(long number, long domain) { return raw(number, domain, 1, 0, (long)low()); }
static long family32(long number, long domain) { return raw32(number, domain, 1, 0, (long)low()); }
/* `number` is that of the call in `socketcall`, not of a system call. */
static long socketcall(long number, long domain) {
    int *arguments = low();
    arguments[0] = domain;
    arguments[1] = 1;
    arguments[3] = (int)(long)(arguments + 8);
    return raw32(102, number, (long)arguments, 0, 0);
}
static long process_id32(long number, long unused) { (void)unused; return raw32(number, 0, 0, 0, 0); }

static void families(void) {
    for (long high = 0; high < 2; high++)
        for (long domain = 0; domain < 50; domain++) {
            report("socket", 41, high << 32 | domain, family);
            report("socketpair", 53, high << 32 | domain, family);
        }
    report("int80", 20, 0, process_id32);
    for (long domain = 0; domain < 50; domain++) {
        report("socket32", 359, domain, family32);
        report("socketpair32", 360, domain, family32);
        report("socketcall", 1, domain, socketcall);
        report("socketcall", 8, domain, socketcall);
    }
}

/* Opens a socket by a request to the kernel's ring, which is no system call. */
static long by_ring(long unused, long domain) {
    (void)unused;
    struct io_uring_params p = {0};
    long ring = syscall(__NR_io_uring_setup, 1, &p);
    if (ring < 0) return -errno;
    size_t requests = p.sq_off.array + p.sq_entries * sizeof(unsigned), answers = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
    char *sq = mmap(NULL, requests, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    char *cq = mmap(NULL, answers, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    struct io_uring_sqe *sqe = mmap(NULL, sizeof *sqe, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqe == MAP_FAILED) return -ENOMEM;
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = IORING_OP_SOCKET;
    sqe->fd = domain;
    sqe->off = 1;
    *(unsigned *)(sq + p.sq_off.array) = 0;
    __atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
    if (syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) return -errno;
    return ((struct io_uring_cqe *)(cq + p.cq_off.cqes))->res;
}

static struct sock_filter programs[8][4096];
static int lengths[8], count;
/* Whether the answer was looked for in the call's arguments. */
static int read_arguments;

/* What one filter answers. The instructions are those that libseccomp writes. */
static uint32_t run(const struct sock_filter *program, int length, const struct seccomp_data *data) {
    uint32_t a = 0, x = 0, memory[16] = {0};
    for (int at = 0; at < length; at++) {
        struct sock_filter one = program[at];
        uint32_t operand = BPF_SRC(one.code) == BPF_X ? x : one.k;
        int jumps = 0;
        switch (one.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            memcpy(&a, (const char *)data + one.k, 4);
            read_arguments |= one.k >= offsetof(struct seccomp_data, args);
            break;
        case BPF_LD | BPF_IMM: a = one.k; break;
        case BPF_LD | BPF_MEM: a = memory[one.k]; break;
        case BPF_LDX | BPF_IMM: x = one.k; break;
        case BPF_LDX | BPF_MEM: x = memory[one.k]; break;
        case BPF_ST: memory[one.k] = a; break;
        case BPF_STX: memory[one.k] = x; break;
        case BPF_MISC | BPF_TAX: x = a; break;
        case BPF_MISC | BPF_TXA: a = x; break;
        case BPF_ALU | BPF_AND | BPF_K: case BPF_ALU | BPF_AND | BPF_X: a &= operand; break;
        case BPF_JMP | BPF_JA: at += one.k; break;
        case BPF_JMP | BPF_JEQ | BPF_K: case BPF_JMP | BPF_JEQ | BPF_X: jumps = a == operand ? 1 : 2; break;
        case BPF_JMP | BPF_JGT | BPF_K: case BPF_JMP | BPF_JGT | BPF_X: jumps = a > operand ? 1 : 2; break;
        case BPF_JMP | BPF_JGE | BPF_K: case BPF_JMP | BPF_JGE | BPF_X: jumps = a >= operand ? 1 : 2; break;
        case BPF_JMP | BPF_JSET | BPF_K: case BPF_JMP | BPF_JSET | BPF_X: jumps = a & operand ? 1 : 2; break;
        case BPF_RET | BPF_K: return one.k;
        case BPF_RET | BPF_A: return a;
        default: fprintf(stderr, "unknown instruction %#x\n", one.code); exit(1);
        }
        at += jumps == 1 ? one.jt : jumps == 2 ? one.jf : 0;
    }
    exit(1);
}

static uint32_t verdict(uint32_t architecture, int number, int argument, uint64_t value) {
    struct seccomp_data data = {.nr = number, .arch = architecture};
    uint32_t strictest = SECCOMP_RET_ALLOW;
    data.args[argument] = value;
    for (int n = 0; n < count; n++) {
        uint32_t answer = run(programs[n], lengths[n], &data);
        if ((int32_t)(answer & SECCOMP_RET_ACTION_FULL) < (int32_t)(strictest & SECCOMP_RET_ACTION_FULL)) strictest = answer;
    }
    return strictest;
}

/* The answers to all calls, each argument in turn being many numbers. Equal ones are given once. */
static int verdicts(pid_t process) {
    static const struct { const char *name; uint32_t architecture; int bit; } ABIS[] = {
        {"x86_64", AUDIT_ARCH_X86_64, 0}, {"i386", AUDIT_ARCH_I386, 0}, {"x32", AUDIT_ARCH_X86_64, 0x40000000}, {"arm", AUDIT_ARCH_ARM, 0}};
    static const uint64_t VALUES[] = {0x20000, 0x20008, 0xffffffff, 0x100000026, 0x100000028, 0x2800000028, -1UL};
    if (ptrace(PTRACE_SEIZE, process, 0, 0) || ptrace(PTRACE_INTERRUPT, process, 0, 0)) return perror("ptrace"), 1;
    waitpid(process, NULL, 0);
    for (long length; count < 8; lengths[count++] = length)
        if ((length = ptrace(PTRACE_SECCOMP_GET_FILTER, process, (void *)(long)count, programs[count])) < 0) break;
    if (errno != ENOENT || count == 0) return perror("the filter cannot be read"), 1;
    for (size_t abi = 0; abi < 4; abi++)
        for (int number = -2; number < 600; number++) {
            int nr = number | ABIS[abi].bit;
            read_arguments = 0;
            uint32_t base = verdict(ABIS[abi].architecture, nr, 0, 0);
            printf("%s %d zero %08x\n", ABIS[abi].name, number, base);
            for (int argument = 0; read_arguments && argument < 6; argument++)
                for (int n = 0; n < 200 + 64 + 7; n++) {
                    uint64_t value = n < 200 ? (uint64_t)n : n < 264 ? 1UL << (n - 200) : VALUES[n - 264];
                    uint32_t answer = verdict(ABIS[abi].architecture, nr, argument, value);
                    if (answer != base) printf("%s %d %d=0x%lx %08x\n", ABIS[abi].name, number, argument, value, answer);
                }
        }
    return 0;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && !strcmp(argv[1], "calls"))
        for (long number = 0; number <= 470; number++)
            /* It would write out the host's files, which may take long. */
            if (number != __NR_sync) report("call", number, -1, with_bad_arguments);
    if (argc > 1 && !strcmp(argv[1], "families")) families();
    if (argc > 1 && !strcmp(argv[1], "uring"))
        for (long domain = 38; domain <= 40; domain++) report("uring", 0, domain, by_ring);
    if (argc > 2 && !strcmp(argv[1], "verdicts")) return verdicts(atoi(argv[2]));
    if (argc > 1 && !strcmp(argv[1], "wait")) pause();
    return 0;
}
