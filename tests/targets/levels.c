/* Does what each byte of its input says, and answers with the byte: '+' takes a block of 256 KiB and
 * writes to it, '-' frees all of them. Ends with its input; then it keeps what it has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_BYTES = 256 * 1024,
    BLOCKS = 64
};

static char *blocks[BLOCKS];

int main(void)
{
    int count = 0, byte;
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IONBF, 0);
    while ((byte = getchar()) != EOF) {
        if (byte == '+' && count < BLOCKS) {
            blocks[count] = malloc(BLOCK_BYTES);
            memset(blocks[count++], 1, BLOCK_BYTES);
        }
        while (byte == '-' && count > 0) {
            free(blocks[--count]);
            blocks[count] = NULL;
        }
        putchar(byte);
    }
    return 0;
}
