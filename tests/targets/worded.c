/* A block whose words and members are known to the last one: what `seep graph --block` shows of it
 * when the recording has its words (seep run --contents). Needs debug information.
 *
 * `station` holds one struct station of 176 bytes:
 *   +0   name      "north \"4\""            char[16], zeroes behind
 *   +16  number    -7                        int
 *   +20  flags     [200, 0, 1, 255]          unsigned char[4]
 *   +24  load      0.5                       double
 *   +32  place     {x: -1, y: 40000000000}   struct of two long int
 *   +48  next      the second station        pointer to a start
 *   +56  middle    24 bytes into the second  pointer into it
 *   +64  act       a function of this program
 *   +72  none      null
 *   +80  tail      [1 ... 12]                long int[12]
 * The second one is zeroed but for its name, "south". `plain` holds 1,000 bytes "abababab...". */
#include <stdlib.h>
#include <string.h>

struct place {
    long x, y;
};

struct station {
    char name[16];
    int number;
    unsigned char flags[4];
    double load;
    struct place place;
    struct station *next;
    void *middle;
    void (*act)(void);
    struct station *none;
    long tail[12];
};

struct station *station;
char *plain;

static void act(void)
{
}

int main(void)
{
    static const unsigned char flags[4] = {200, 0, 1, 255};

    station = calloc(1, sizeof *station);
    station->next = calloc(1, sizeof *station);
    strcpy(station->name, "north \"4\"");
    strcpy(station->next->name, "south");
    station->number = -7;
    memcpy(station->flags, flags, sizeof flags);
    station->load = 0.5;
    station->place = (struct place){-1, 40000000000};
    station->middle = (char *)station->next + 24;
    station->act = act;
    for (int i = 0; i < 12; i++)
        station->tail[i] = i + 1;
    plain = malloc(1000);
    for (int i = 0; i < 1000; i++)
        plain[i] = i % 2 ? 'b' : 'a';
    return 0;
}
