/* What a block is at the instant of a snapshot, by memcheck's cases (Valgrind's manual, "Memory
 * leak detection"): a chain of references from a root that leads through starts of blocks only
 * makes it reachable, one with a reference into the middle of a block on it possible. Of what no
 * chain leads to, the blocks that nothing else lost refers to are definite, and what hangs from
 * them indirect. */
#ifndef SEEP_SNAPSHOT_LEAK_KIND_H
#define SEEP_SNAPSHOT_LEAK_KIND_H

enum leak_kind {
    LEAK_DEFINITE,
    LEAK_INDIRECT,
    LEAK_POSSIBLE,
    LEAK_REACHABLE,
    LEAK_SUPPRESSED,
    LEAK_KIND_COUNT
};

/* Sets of kinds: bit 1 << kind. */
#define LEAK_KINDS_ALL  ((1u << LEAK_KIND_COUNT) - 1)
#define LEAK_KINDS_LOST (1u << LEAK_DEFINITE | 1u << LEAK_INDIRECT | 1u << LEAK_POSSIBLE)

/* "definite", ...; NULL past the end. */
const char *leak_kind_name(unsigned kind);

#endif
