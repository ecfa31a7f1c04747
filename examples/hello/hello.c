/* Writes a greeting, some number of times: hello GREETING TIMES. The name it greets is in the input who.txt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    char who[256] = "";
    FILE *input = fopen("who.txt", "r");
    FILE *output = fopen("hello.txt", "w");
    if (argc != 3 || !input || !output) {
        fprintf(stderr, "needs a greeting, a number, a readable who.txt and a writable directory\n");
        return 2;
    }
    if (!fgets(who, sizeof who, input)) {
        fprintf(stderr, "who.txt is empty\n");
        return 2;
    }
    who[strcspn(who, "\n")] = 0;
    for (int times = atoi(argv[2]); times > 0; times--) fprintf(output, "%s, %s!\n", argv[1], who);
    return fclose(output) ? 1 : 0;
}
