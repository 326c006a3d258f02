/* The processes of a session in the order of a tree: each below the one that made it, of siblings
 * the branch with the highest peak first. */
#ifndef SEEP_ANALYSIS_FAMILY_TREE_H
#define SEEP_ANALYSIS_FAMILY_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"

enum {
    FAMILY_TREE_FEW = 24,     /* as many are never left out */
    FAMILY_TREE_CHILDREN = 5, /* of one parent; else the rest are told in one row */
};

struct family_tree_row {
    uint32_t process;  /* position; where some are left out, of the first of them */
    uint32_t depth;    /* 0: its parent was not recorded */
    uint32_t left_out; /* 0: the row is a process; else it stands for so many */
};

struct family_tree {
    struct family_tree_row *rows;
    size_t count;
};

/* `is_whole`: nothing is left out, however many there are. Clear after use. */
void family_tree_list(const struct profile *profile, bool is_whole, struct family_tree *tree);
void family_tree_clear(struct family_tree *tree);

#endif
