/* seep: where a program's memory goes, and why it stays. */
#include "config.h"

#include <stdio.h>

int main(void)
{
    puts("seep " PACKAGE_VERSION);
    return 0;
}
