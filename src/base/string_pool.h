/* Texts kept once each and named by a small id. Id 0 is always the empty text. */
#ifndef SEEP_BASE_STRING_POOL_H
#define SEEP_BASE_STRING_POOL_H

#include <stddef.h>
#include <stdint.h>

struct string_id {
    uint32_t index;
};

struct string_pool;

/* Caller owns the pool. */
struct string_pool *string_pool_create(void);
void string_pool_destroy(struct string_pool *pool);

/* The id of this text; equal texts have equal ids. The bytes are copied; they must not hold NUL. */
struct string_id string_pool_add(struct string_pool *pool, const char *text);
struct string_id string_pool_add_bytes(struct string_pool *pool, const char *bytes, size_t count);

/* Borrowed until the pool is destroyed. An unknown id gives "". */
const char *string_pool_text(const struct string_pool *pool, struct string_id id);

/* Ids are 0 .. count-1 in the order of arrival. */
size_t string_pool_count(const struct string_pool *pool);

#endif
