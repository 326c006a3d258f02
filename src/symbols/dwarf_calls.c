#include "config.h"

#include "symbols/dwarf_calls.h"

#include <dwarf.h>
#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"

/* What a damaged file can make a walk cost; sound files stay far below. */
enum {
    MAX_DEPTH = 128,
    MAX_VISITED_DIES = 1 << 20,
    MAX_ORIGINS = 8
};

struct walk {
    struct dwarf_calls *calls;
    uint32_t visited;
};

static bool find_reference(Dwarf_Die *die, unsigned name, Dwarf_Die *found)
{
    Dwarf_Attribute attribute;

    return dwarf_attr(die, name, &attribute) != NULL &&
           dwarf_formref_die(&attribute, found) != NULL;
}

/* From a copy to what it was made of, as far as that goes. */
static Dwarf_Die find_root(Dwarf_Die *function)
{
    Dwarf_Die root = *function;

    for (unsigned i = 0; i < MAX_ORIGINS; i++) {
        Dwarf_Die next;

        if (!find_reference(&root, DW_AT_abstract_origin, &next) &&
            !find_reference(&root, DW_AT_specification, &next))
            break;
        root = next;
    }
    return root;
}

uint64_t dwarf_calls_identity(Dwarf_Die *function)
{
    return (uint64_t)(uintptr_t)find_root(function).addr;
}

static const char *find_text(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;

    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

const char *dwarf_calls_name(Dwarf_Die *function)
{
    const char *name = find_text(function, DW_AT_linkage_name);

    if (name == NULL)
        name = find_text(function, DW_AT_MIPS_linkage_name);
    return name != NULL ? name : find_text(function, DW_AT_name);
}

static bool has_flag(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    bool is_set = false;

    return dwarf_formflag(dwarf_attr_integrate(die, name, &attribute), &is_set) == 0 && is_set;
}

bool dwarf_calls_is_external(Dwarf_Die *function)
{
    return has_flag(function, DW_AT_external);
}

static bool find_address(Dwarf_Die *die, unsigned name, uint64_t *address)
{
    Dwarf_Attribute attribute;
    Dwarf_Addr value;

    if (dwarf_formaddr(dwarf_attr(die, name, &attribute), &value) != 0)
        return false;
    *address = value;
    return true;
}

static bool find_callee(Dwarf_Die *site, Dwarf_Die *callee)
{
    return find_reference(site, DW_AT_call_origin, callee) ||
           find_reference(site, DW_AT_abstract_origin, callee);
}

static void add_call(struct walk *walk, Dwarf_Die *site, uint64_t place)
{
    struct dwarf_calls *calls = walk->calls;
    struct dwarf_call call = {.place = place};

    if (!find_callee(site, &call.callee))
        return;
    call.is_tail = has_flag(site, DW_AT_call_tail_call) || has_flag(site, DW_AT_GNU_tail_call);
    if (!find_address(site, DW_AT_call_return_pc, &call.address) &&
        !find_address(site, DW_AT_low_pc, &call.address)) {
        call.is_exact = true;
        if (!find_address(site, DW_AT_call_pc, &call.address))
            return;
    }
    calls->items = memory_grow(calls->items, &calls->capacity, calls->count + 1,
                               sizeof *calls->items);
    calls->items[calls->count++] = call;
}

static void visit_children(struct walk *walk, Dwarf_Die *parent, unsigned depth, uint64_t place)
{
    Dwarf_Die die;

    if (depth >= MAX_DEPTH || dwarf_child(parent, &die) != 0)
        return;
    do {
        if (++walk->visited > MAX_VISITED_DIES)
            return;
        switch (dwarf_tag(&die)) {
        case DW_TAG_call_site:
        case DW_TAG_GNU_call_site:
            add_call(walk, &die, place);
            break;
        case DW_TAG_inlined_subroutine:
            visit_children(walk, &die, depth + 1, hash_mix(place ^ dwarf_calls_identity(&die)));
            break;
        case DW_TAG_lexical_block:
        case DW_TAG_try_block:
        case DW_TAG_catch_block:
            visit_children(walk, &die, depth + 1, place);
            break;
        default:
            break;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
}

void dwarf_calls_collect(struct dwarf_calls *calls, Dwarf_Die *function)
{
    struct walk walk = {.calls = calls};

    visit_children(&walk, function, 0, dwarf_calls_identity(function));
}

void dwarf_calls_clear(struct dwarf_calls *calls)
{
    free(calls->items);
    *calls = (struct dwarf_calls){0};
}
