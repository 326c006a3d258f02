#define _GNU_SOURCE
#include "preload/unwind_rules.h"

#include "preload/arch/arch.h"
#include "preload/old_glibc.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

/* A reader that meets this many writes of the module list in a row gives up. */
enum {
    LIST_MAX_TRIES = 100
};

/* A page that is read first, as each entry is, takes two page faults: one that shows zeroes, and
 * one that gives it memory when it is written. These take one. Whoever has written an entry
 * meanwhile learns that rule once more. */
static void touch_pages(struct unwind_rules *rules, uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i += UNWIND_RULES_PAGE_COUNT)
        atomic_store_explicit(&rules->entries[i].tag, 0, memory_order_relaxed);
}

void unwind_rules_init(struct unwind_rules *rules, bool is_own_list)
{
    atomic_store_explicit(&rules->generation, 1, memory_order_relaxed);
    atomic_store_explicit(&rules->place_mask, UNWIND_RULES_FIRST_COUNT - 1, memory_order_relaxed);
    touch_pages(rules, 0, UNWIND_RULES_FIRST_COUNT);
    if (!is_own_list && dlsym != NULL) /* _dl_find_object is younger than dlsym in libc */
        *(void **)&rules->find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
    unwind_rules_refresh_modules(rules);
}

void unwind_rules_modules_changed(struct unwind_rules *rules)
{
    atomic_store_explicit(&rules->is_list_old, true, memory_order_release);
    atomic_fetch_add_explicit(&rules->generation, 1, memory_order_acq_rel);
}

void unwind_rules_after_fork(struct unwind_rules *rules)
{
    uint32_t version = atomic_load_explicit(&rules->list_version, memory_order_relaxed);

    if (version & 1) {
        atomic_store_explicit(&rules->listed_count, 0, memory_order_relaxed);
        atomic_store_explicit(&rules->list_version, version + 1, memory_order_release);
        unwind_rules_refresh_modules(rules);
    }
}

/* ---- the list of our own -----------------------------------------------------------------------
 */

static void list_module(struct unwind_rules *rules, uint64_t start, uint64_t end, uint64_t header,
                        const struct dl_phdr_info *info)
{
    uint32_t count = atomic_load_explicit(&rules->listed_count, memory_order_relaxed);

    if (count == UNWIND_RULES_MAX_MODULES)
        return;
    atomic_store_explicit(&rules->listed[count].start, start, memory_order_relaxed);
    atomic_store_explicit(&rules->listed[count].end, end, memory_order_relaxed);
    atomic_store_explicit(&rules->listed[count].header, header, memory_order_relaxed);
    atomic_store_explicit(&rules->listed[count].bias, info->dlpi_addr, memory_order_relaxed);
    atomic_store_explicit(&rules->listed[count].name, info->dlpi_name, memory_order_relaxed);
    atomic_store_explicit(&rules->listed_count, count + 1, memory_order_relaxed);
}

static int list_one(struct dl_phdr_info *info, size_t info_bytes, void *context)
{
    uint64_t start = UINT64_MAX, end = 0, header = 0;

    (void)info_bytes;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t address = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_GNU_EH_FRAME)
            header = address;
        if (segment->p_type != PT_LOAD)
            continue;
        if (address < start)
            start = address;
        if (address + segment->p_memsz > end)
            end = address + segment->p_memsz;
    }
    if (start < end)
        list_module(context, start, end, header, info);
    return 0;
}

void unwind_rules_refresh_modules(struct unwind_rules *rules)
{
    uint32_t version = atomic_load_explicit(&rules->list_version, memory_order_relaxed);

    if (rules->find_object)
        return;
    /* Odd: another thread is at it, inside its own dlopen, and sees what there is. */
    if (version & 1 || !atomic_compare_exchange_strong(&rules->list_version, &version, version + 1))
        return;
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&rules->listed_count, 0, memory_order_relaxed);
    dl_iterate_phdr(list_one, rules);
    atomic_store_explicit(&rules->list_version, version + 2, memory_order_release);
}

static bool search_list(const struct unwind_rules *rules, uint64_t pc,
                        struct unwind_rules_module *module)
{
    uint32_t count = atomic_load_explicit(&rules->listed_count, memory_order_relaxed);

    for (uint32_t i = 0; i < count && i < UNWIND_RULES_MAX_MODULES; i++) {
        module->start = atomic_load_explicit(&rules->listed[i].start, memory_order_relaxed);
        module->end = atomic_load_explicit(&rules->listed[i].end, memory_order_relaxed);
        module->header = atomic_load_explicit(&rules->listed[i].header, memory_order_relaxed);
        module->bias = atomic_load_explicit(&rules->listed[i].bias, memory_order_relaxed);
        module->name = atomic_load_explicit(&rules->listed[i].name, memory_order_relaxed);
        if (pc >= module->start && pc < module->end)
            return true;
    }
    return false;
}

/* A version lock: what was read counts when the version was even and is still the same. Pairs with
 * the stores in unwind_rules_refresh_modules. */
static bool find_in_list(const struct unwind_rules *rules, uint64_t pc,
                         struct unwind_rules_module *module)
{
    for (int i = 0; i < LIST_MAX_TRIES; i++) {
        uint32_t version = atomic_load_explicit(&rules->list_version, memory_order_acquire);
        bool is_found = search_list(rules, pc, module);

        atomic_thread_fence(memory_order_acquire);
        if (!(version & 1) &&
            atomic_load_explicit(&rules->list_version, memory_order_relaxed) == version)
            return is_found;
    }
    return false;
}

/* ---- learning ----------------------------------------------------------------------------------
 */

bool unwind_rules_find_module(struct unwind_rules *rules, uint64_t pc,
                              struct unwind_rules_module *module)
{
    struct unwind_rules_found_object found;

    if (!rules->find_object) {
        if (find_in_list(rules, pc, module))
            return true;
        if (!atomic_exchange_explicit(&rules->is_list_old, false, memory_order_acq_rel))
            return false;
        unwind_rules_refresh_modules(rules);
        return find_in_list(rules, pc, module);
    }
    /* The function only looks the address up; nothing is written through it. */
    if (rules->find_object((void *)(uintptr_t)pc, &found) != 0)
        return false;
    module->start = (uint64_t)(uintptr_t)found.map_start;
    module->end = (uint64_t)(uintptr_t)found.map_end;
    module->header = (uint64_t)(uintptr_t)found.eh_frame_header;
    module->bias = ((const struct link_map *)found.link_map)->l_addr;
    module->name = ((const struct link_map *)found.link_map)->l_name;
    return true;
}

static bool find_module(struct unwind_rules *rules, uint64_t pc, uint64_t generation,
                        struct eh_frame_module *module)
{
    struct unwind_rules_module found;

    if (!unwind_rules_find_module(rules, pc, &found))
        return false;
    *module = (struct eh_frame_module){
        .start = found.start, .end = found.end, .header = found.header, .generation = generation};
    return true;
}

/* Of two threads that would do it, one does. */
static void grow_when_full(struct unwind_rules *rules)
{
    uint64_t mask = atomic_load_explicit(&rules->place_mask, memory_order_relaxed);
    uint64_t count = mask + 1;

    if (atomic_fetch_add_explicit(&rules->learned_count, 1, memory_order_relaxed) < count / 2 ||
        count == UNWIND_RULES_ENTRY_COUNT)
        return;
    if (atomic_compare_exchange_strong(&rules->place_mask, &mask, count * 2 - 1))
        touch_pages(rules, count, count * 2);
}

/* Where it stood while fewer entries were used. */
static bool find_where_it_was(const struct unwind_rules *rules, uint64_t pc, uint64_t generation,
                              struct frame_rule *rule)
{
    uint64_t mask = atomic_load_explicit(&rules->place_mask, memory_order_relaxed);

    for (mask /= 2; mask >= UNWIND_RULES_FIRST_COUNT - 1; mask /= 2)
        if (unwind_rules_entry_read(&rules->entries[pc & mask], pc, generation, rule) ||
            unwind_rules_entry_read(&rules->entries[(pc & mask) ^ 1], pc, generation, rule))
            return true;
    return false;
}

static void remember(struct unwind_rules *rules, uint64_t pc, uint64_t generation,
                     struct frame_rule rule)
{
    uint64_t place = unwind_rules_place(rules, pc);
    struct unwind_rules_entry *first = &rules->entries[place];
    struct unwind_rules_entry *second = &rules->entries[place ^ 1];

    /* What stood here moves over: it was of use more recently than its neighbour. */
    atomic_store_explicit(&second->rule, atomic_load_explicit(&first->rule, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&second->tag, atomic_load_explicit(&first->tag, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&first->rule, rule.bits, memory_order_relaxed);
    atomic_store_explicit(&first->tag, unwind_rules_tag(pc, rule, generation),
                          memory_order_relaxed);
}

__attribute__((noinline, cold)) struct frame_rule
unwind_rules_learn(struct unwind_rules *rules, uint64_t pc, uint64_t generation)
{
    struct frame_rule rule = frame_rule_make(FRAME_RULE_NO_TABLE);
    struct frame_rule former;
    struct eh_frame_module module;

    if (find_where_it_was(rules, pc, generation, &former)) {
        remember(rules, pc, generation, former);
        return former;
    }
#if ARCH_HAS_EH_FRAME_RULES
    if (find_module(rules, pc, generation, &module))
        rule = frame_rule_compute(&module, pc, &rules->places);
#else
    (void)find_module;
    (void)module;
    rule.bits = (uint64_t)FRAME_RULE_BP << 56 | 16 | (uint64_t)FRAME_RULE_BP_AT_CFA << 60 |
                (uint64_t)(uint16_t)-16 << 32;
#endif
    grow_when_full(rules);
    remember(rules, pc, generation, rule);
    return rule;
}
