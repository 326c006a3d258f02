#include "config.h"

#include "symbols/tail_calls.h"

#include <string.h>

#include "base/text.h"
#include "symbols/call_table.h"

/* A chain is a few jumps long; what a damaged file could make of one ends here. */
enum {
    MAX_PLACES = 8, /* of one function: the copies that a compiler made */
    MAX_STEPS = 4096
};

/* A function with code. */
struct place {
    struct module_file *file;
    uint64_t entry;
};

struct places {
    struct place items[MAX_PLACES];
    size_t count;
};

/* A search from one call; `path` is how it came to where it is, outermost first. */
struct search {
    const struct tail_callee *callee;
    uint64_t callee_entry; /* these of its function, when it is one of a file */
    uint64_t callee_identity;
    const char *callee_name; /* or NULL */
    unsigned steps;
    struct tail_call path[TAIL_CALLS_MAX];
    uint64_t functions[TAIL_CALLS_MAX]; /* what tells chains apart */
    uint64_t entries[TAIL_CALLS_MAX];
    size_t depth;
    /* The chain that was found. */
    bool is_found, is_ambiguous;
    struct tail_call chain[TAIL_CALLS_MAX];
    uint64_t chain_functions[TAIL_CALLS_MAX];
    size_t chain_count;
};

/* ---- functions that allocate ------------------------------------------------------------- */

static bool is_operator_new(const char *name, enum function_kind kind)
{
    bool is_array = kind == FUNCTION_NEW_ARRAY || kind == FUNCTION_NEW_ARRAY_ALIGNED;
    bool is_aligned = kind == FUNCTION_NEW_ALIGNED || kind == FUNCTION_NEW_ARRAY_ALIGNED;

    return text_starts_with(name, is_array ? "_Zna" : "_Znw") &&
           (strstr(name, "St11align_val_t") != NULL) == is_aligned;
}

static bool allocates(const char *name, enum function_kind kind)
{
#define KIND_NAME(number, name, text) [number] = text,
    static const char *const names[] = {FUNCTION_KINDS(KIND_NAME)};
#undef KIND_NAME

    if (kind >= FUNCTION_NEW && kind <= FUNCTION_NEW_ARRAY_ALIGNED)
        return is_operator_new(name, kind);
    return kind < FUNCTION_KIND_COUNT && strcmp(name, names[kind]) == 0;
}

/* ---- which function is it ------------------------------------------------------------------ */

/* False: it is not known which function it is. */
static bool find_callee(struct search *search)
{
    const struct tail_callee *callee = search->callee;
    const struct elf_symbol *symbol;
    struct dwarf_function function;

    if (callee->file == NULL)
        return true;
    symbol = elf_symbols_find(module_file_symbols(callee->file), callee->address);
    search->callee_name = symbol != NULL ? symbol->name : NULL;
    search->callee_entry = symbol != NULL ? symbol->start : 0;
    if (callee->file->lines != NULL &&
        dwarf_lines_find_function(callee->file->lines, callee->address, &function)) {
        search->callee_entry = function.entry;
        search->callee_identity = dwarf_calls_identity(&function.die);
    }
    return search->callee_entry != 0;
}

static void add_place(struct places *places, struct module_file *file, uint64_t entry)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->items[i].file == file && places->items[i].entry == entry)
            return;
    if (places->count < MAX_PLACES)
        places->items[places->count++] = (struct place){file, entry};
}

/* A name alone does not say which of several static functions it is: their DIEs do. */
static bool is_same_function(struct module_file *file, uint64_t address, Dwarf_Die *callee)
{
    struct dwarf_function function;

    return file->lines != NULL && dwarf_lines_find_function(file->lines, address, &function) &&
           dwarf_calls_identity(&function.die) == dwarf_calls_identity(callee);
}

/* The code of what a call in `caller` names, its copies included. */
static void find_places(struct module_file *caller, struct module_file *other, Dwarf_Die *callee,
                        struct places *places)
{
    const char *name = dwarf_calls_name(callee);
    bool is_external = dwarf_calls_is_external(callee);
    uint64_t addresses[4 * MAX_PLACES];
    Dwarf_Addr entry;
    size_t count;

    places->count = 0;
    if (dwarf_entrypc(callee, &entry) == 0 && entry != 0)
        add_place(places, caller, entry);
    if (name == NULL)
        return;
    count = elf_names_find(module_file_names(caller), name, addresses,
                           sizeof addresses / sizeof *addresses);
    for (size_t i = 0; i < count; i++)
        if (is_external || is_same_function(caller, addresses[i], callee))
            add_place(places, caller, addresses[i]);
    if (places->count > 0 || !is_external || other == NULL || other == caller)
        return;
    count = elf_names_find(module_file_names(other), name, addresses,
                           sizeof addresses / sizeof *addresses);
    for (size_t i = 0; i < count; i++)
        add_place(places, other, addresses[i]);
}

/* Is what a call names what was found on the stack? Of another module than `places` say it may be,
 * where what is preloaded, or the program's own, comes first. */
static bool is_callee(const struct search *search, Dwarf_Die *named, const struct places *places)
{
    const struct tail_callee *callee = search->callee;
    const char *name = dwarf_calls_name(named);

    if (callee->file == NULL)
        return name != NULL && allocates(name, callee->kind);
    for (size_t i = 0; i < places->count; i++)
        if (places->items[i].file == callee->file && places->items[i].entry == search->callee_entry)
            return true;
    return dwarf_calls_identity(named) == search->callee_identity ||
           (name != NULL && search->callee_name != NULL && strcmp(name, search->callee_name) == 0);
}

/* ---- chains ------------------------------------------------------------------------------ */

static bool is_known_chain(const struct search *search)
{
    return search->chain_count == search->depth &&
           memcmp(search->chain_functions, search->functions,
                  search->depth * sizeof *search->functions) == 0;
}

/* Jumps from different places of the same functions are as good as one, save for the line. */
static void take_path(struct search *search)
{
    if (search->is_found) {
        search->is_ambiguous |= !is_known_chain(search);
        return;
    }
    search->is_found = true;
    search->chain_count = search->depth;
    memcpy(search->chain, search->path, sizeof search->chain);
    memcpy(search->chain_functions, search->functions, sizeof search->chain_functions);
}

static bool is_on_path(const struct search *search, uint64_t entry)
{
    for (size_t i = 0; i < search->depth; i++)
        if (search->entries[i] == entry)
            return true;
    return false;
}

static void follow(struct search *search, const struct place *from);

static void follow_jump(struct search *search, const struct place *from,
                        const struct dwarf_call *jump)
{
    Dwarf_Die callee = jump->callee;
    struct places places;

    search->path[search->depth] = (struct tail_call){from->file, jump->address, jump->is_exact};
    search->functions[search->depth] = jump->place;
    search->entries[search->depth] = from->entry;
    search->depth++;
    find_places(from->file, search->callee->file, &callee, &places);
    if (is_callee(search, &callee, &places)) {
        take_path(search);
    } else {
        for (size_t i = 0; i < places.count; i++)
            if (!is_on_path(search, places.items[i].entry))
                follow(search, &places.items[i]);
    }
    search->depth--;
}

/* All jumps out of a function. */
static void follow(struct search *search, const struct place *from)
{
    struct dwarf_function function;
    size_t first, count;

    if (search->depth >= TAIL_CALLS_MAX || from->file->lines == NULL ||
        !dwarf_lines_find_function(from->file->lines, from->entry, &function))
        return;
    count = call_table_find(&from->file->calls, &function, &first);
    for (size_t i = first; i < first + count && ++search->steps <= MAX_STEPS; i++) {
        const struct dwarf_call jump = from->file->calls.calls.items[i];

        if (jump.is_tail)
            follow_jump(search, from, &jump);
    }
}

/* An address in the function itself, not in what was inlined into it, near its beginning. */
static bool find_own_address(const struct place *place, uint64_t *address)
{
    const struct dwarf_code_ranges *inlined;
    struct dwarf_function function;
    uint64_t at = place->entry;
    bool is_own = false;

    if (place->file->lines == NULL || !dwarf_lines_find_function(place->file->lines, at, &function))
        return false;
    inlined = dwarf_lines_inlined(place->file->lines, &function);
    for (size_t i = 0; i < inlined->count && !is_own; i++) {
        uint64_t before = at;

        for (size_t j = 0; j < inlined->count; j++)
            if (at >= inlined->items[j].start && at < inlined->items[j].end)
                at = inlined->items[j].end;
        is_own = at == before;
    }
    *address = at;
    return (is_own || inlined->count == 0) && dwarf_haspc(&function.die, at) == 1;
}

static void put_chain(const struct search *search, const struct place *called,
                      struct tail_chain *chain)
{
    bool is_whole = search->is_found && !search->is_ambiguous && search->steps <= MAX_STEPS;
    uint64_t address;

    for (size_t i = search->chain_count; is_whole && i-- > 0;)
        chain->calls[chain->count++] = search->chain[i];
    if (!is_whole && find_own_address(called, &address))
        chain->calls[chain->count++] = (struct tail_call){called->file, address, true};
}

/* The call that returns there; false when it is not known what it calls. */
static bool find_call(struct module_file *caller, uint64_t return_address, struct dwarf_call *call)
{
    struct dwarf_function function;
    size_t first, count;

    if (!dwarf_lines_find_function(caller->lines, return_address - 1, &function))
        return false;
    count = call_table_find(&caller->calls, &function, &first);
    for (size_t i = first; i < first + count; i++) {
        *call = caller->calls.calls.items[i];
        if (call->address == return_address && !call->is_tail && !call->is_exact)
            return true;
    }
    return false;
}

static void hold(struct module_file *file, bool is_held)
{
    if (file == NULL || file->lines == NULL)
        return;
    if (is_held)
        call_table_refresh(&file->calls, file->lines);
    dwarf_lines_hold(file->lines, is_held);
}

static void find_chain(struct search *search, struct module_file *caller, uint64_t return_address,
                       struct tail_chain *chain)
{
    struct places called;
    struct dwarf_call call;

    if (!find_callee(search) || !find_call(caller, return_address, &call))
        return;
    find_places(caller, search->callee->file, &call.callee, &called);
    if (called.count == 0 || is_callee(search, &call.callee, &called))
        return;
    for (size_t i = 0; i < called.count; i++)
        follow(search, &called.items[i]);
    put_chain(search, &called.items[0], chain);
}

void tail_calls_find(struct module_file *caller, uint64_t return_address,
                     const struct tail_callee *callee, struct tail_chain *chain)
{
    struct search search = {.callee = callee};

    chain->count = 0;
    if (caller->lines == NULL)
        return;
    hold(caller, true);
    hold(callee->file, true);
    find_chain(&search, caller, return_address, chain);
    hold(callee->file, false);
    hold(caller, false);
}
