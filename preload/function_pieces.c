#include "preload/function_pieces.h"

#include <stdbool.h>

#include "preload/arch/arch.h"

struct pieces {
    const struct eh_frame_module *module;
    const struct code_range *code;
    struct code_range *items;
    size_t count;
    struct code_range refused; /* what was looked at last, and is none */
};

static bool has(const struct code_range *range, uint64_t address)
{
    return address >= range->start && address < range->end;
}

/* May it jump into the midst of the function? */
static bool leads_back(const struct code_range *piece, const struct code_range *function)
{
    for (uint64_t at = piece->start; at + ARCH_JUMP_BYTES <= piece->end; at++) {
        uint64_t target = arch_jump_target((const uint8_t *)(uintptr_t)at);
        if (target > function->start && target < function->end)
            return true;
    }
    return false;
}

static bool is_known(const struct pieces *pieces, uint64_t target)
{
    for (size_t i = 0; i < pieces->count; i++)
        if (has(&pieces->items[i], target))
            return true;
    return has(&pieces->refused, target);
}

static void look_at(struct pieces *pieces, uint64_t target)
{
    struct eh_frame_entry entry;
    if (is_known(pieces, target) || !eh_frame_find(pieces->module, target, NULL, &entry))
        return;
    struct code_range found = {entry.pc_begin, entry.pc_end};
    if (!has(pieces->code, found.start) || found.end > pieces->code->end ||
        !leads_back(&found, &pieces->items[0]))
        pieces->refused = found;
    else
        pieces->items[pieces->count++] = found;
}

size_t function_pieces_find(const struct eh_frame_module *module, const struct code_range *code,
                            const struct code_range *function,
                            struct code_range items[FUNCTION_PIECES_MOST])
{
    struct pieces pieces = {.module = module, .code = code, .items = items, .count = 1};
    items[0] = *function;
    for (uint64_t at = function->start; at + ARCH_JUMP_BYTES <= function->end && has(code, at) &&
                                        pieces.count < FUNCTION_PIECES_MOST;
         at++) {
        uint64_t target = arch_jump_target((const uint8_t *)(uintptr_t)at);
        if (has(code, target))
            look_at(&pieces, target);
    }
    return pieces.count;
}
