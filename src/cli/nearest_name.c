/* The distance of Damerau and Levenshtein (restricted): letters put in, left out, changed, and
 * neighbours that changed places, by dynamic programming. */
#include "cli/nearest_name.h"

#include <string.h>

enum {
    LONGEST = 40,        /* longer names are not compared */
    FARTHEST = 2,        /* more changed letters are another word */
    LETTERS_A_CHANGE = 3 /* short words allow fewer changes */
};

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][LONGEST + 1]; /* of a's letters i - 2, i - 1 and i, by turns */
    unsigned a_length = (unsigned)strlen(a);
    unsigned b_length = (unsigned)strlen(b);

    for (unsigned j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= b_length; j++) {
            row[j] = smaller(above[j] + 1, row[j - 1] + 1);
            row[j] = smaller(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], rows[(i + 1) % 3][j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

void nearest_name_init(struct nearest_name *nearest, const char *typed)
{
    unsigned allowed = (unsigned)strlen(typed) / LETTERS_A_CHANGE;

    if (allowed > FARTHEST)
        allowed = FARTHEST;
    *nearest = (struct nearest_name){.typed = typed, .distance = allowed + 1};
}

void nearest_name_offer(struct nearest_name *nearest, const char *name)
{
    if (strlen(nearest->typed) > LONGEST || strlen(name) > LONGEST)
        return;
    unsigned steps = distance(nearest->typed, name);
    if (steps < nearest->distance) {
        nearest->distance = steps;
        nearest->best = name;
    }
}
