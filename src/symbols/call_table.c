#include "symbols/call_table.h"

enum {
    MAX_CALLS = 1 << 18
};

void call_table_clear(struct call_table *table)
{
    dwarf_calls_clear(&table->calls);
    hash_map_clear(&table->by_function);
    *table = (struct call_table){0};
}

void call_table_refresh(struct call_table *table, const struct dwarf_lines *lines)
{
    uint32_t generation = dwarf_lines_generation(lines);

    if (table->generation != generation || table->calls.count > MAX_CALLS)
        call_table_clear(table);
    table->generation = generation;
}

size_t call_table_find(struct call_table *table, const struct dwarf_function *function,
                       size_t *first)
{
    Dwarf_Die die = function->die;
    bool is_new;
    uint64_t *found = hash_map_put(&table->by_function, (uint64_t)(uintptr_t)die.addr, &is_new);

    if (is_new) {
        size_t start = table->calls.count;

        dwarf_calls_collect(&table->calls, &die);
        *found = (uint64_t)start << 32 | (uint32_t)(table->calls.count - start);
    }
    *first = *found >> 32;
    return *found & UINT32_MAX;
}
