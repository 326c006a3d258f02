/* A live block as the tables of this folder hand it around. */
#ifndef SEEP_HEAP_BLOCK_H
#define SEEP_HEAP_BLOCK_H

#include <stdint.h>

struct block {
    uint64_t address; /* never 0; below 2^48 */
    uint64_t size;    /* below 2^48 */
    uint64_t birth_ns;
    uint32_t site;   /* in the site table of the model that the block belongs to */
    uint32_t thread; /* that allocated it */
};

enum {
    BLOCK_ADDRESS_BITS = 48,
    BLOCK_SIZE_BITS = 48,
    BLOCK_TIME_BITS = 56, /* more than two years */
    BLOCK_SITE_BITS = 24
};

#define BLOCK_SITE_NONE ((1u << BLOCK_SITE_BITS) - 1) /* marks an address where nothing lives */
#define BLOCK_THREAD_INHERITED                                                                     \
    0xffffu                         /* allocated before the fork: by no thread of this process     \
                                     */
#define BLOCK_THREAD_SHARED 0xfffeu /* all threads from this index on */

#endif
