/* The rule of every pc that was ever on a recorded stack, in one table for the whole process.
 *
 * Without locks: an entry is two words, {tag, rule}, where the tag is the pc mixed with the rule
 * and with the generation. Two threads may write one entry at the same time, and a reader may see
 * one word of each; then the tag does not fit and the reader computes the rule itself. dlopen and
 * dlclose bump the generation, which makes all older entries misfits, also those that were being
 * computed meanwhile: the generation is read before the module is looked for. "No rule" is
 * remembered like any rule.
 *
 * Modules are found through glibc's lock-free _dl_find_object (2.35), or in a list of our own that
 * dl_iterate_phdr fills at start and after each dlopen.
 *
 * Reading a module's unwind table is reading its mapped file, and the module may be unmapped at
 * that moment by a dlclose in another thread. A frame of the module on the walking thread's stack
 * would then return into unmapped code, so only a stray pc (a stack that was misread) can get
 * there. What is left of that danger is as large as in every C++ exception that is thrown beside a
 * dlclose.
 *
 * Costs 1 MiB of address space, once per process, of which a page or two are used at first and
 * twice as many whenever half of the entries are taken: a table that is used all over costs a short
 * process more for its pages than for its rules. An entry is right wherever it stands, so rules
 * that were learned before are found where they were, and put where they belong now. After fork the
 * child goes on with its copy. */
#ifndef SEEP_PRELOAD_UNWIND_RULES_H
#define SEEP_PRELOAD_UNWIND_RULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/frame_rule.h"

enum {
    UNWIND_RULES_ENTRY_BITS = 16,
    UNWIND_RULES_ENTRY_COUNT = 1 << UNWIND_RULES_ENTRY_BITS,
    UNWIND_RULES_FIRST_COUNT = 1 << (UNWIND_RULES_ENTRY_BITS - 8), /* that are used at first */
    UNWIND_RULES_PAGE_COUNT = 256,                                 /* in a page */
    UNWIND_RULES_MAX_MODULES = 2048 /* of the list of our own; those beyond have no rules */
};

/* The tag is made by unwind_rules_tag. */
struct unwind_rules_entry {
    _Atomic uint64_t tag;
    _Atomic uint64_t rule;
};

/* glibc's struct dl_find_object (manual, "Dynamic Linker Introspection"), as it is on x86-64; the
 * build must not need a glibc that has it. */
struct unwind_rules_found_object {
    unsigned long long flags;
    void *map_start;
    void *map_end;
    void *link_map;
    void *eh_frame_header;
    uint64_t reserved[8];
};

typedef int (*unwind_rules_find_object)(void *address, struct unwind_rules_found_object *found);

struct unwind_rules_listed_module {
    _Atomic uint64_t start;
    _Atomic uint64_t end;
    _Atomic uint64_t header;
    _Atomic uint64_t bias;
    const char *_Atomic name;
};

/* A module as the loader knows it. */
struct unwind_rules_module {
    uint64_t start, end;
    uint64_t header;  /* of its unwind table; 0 = none */
    uint64_t bias;    /* address in memory - address in the file */
    const char *name; /* "" for the program itself; valid while it is loaded */
};

struct unwind_rules {
    _Atomic uint64_t generation;
    _Atomic uint64_t place_mask;          /* entries that are used, less one */
    _Atomic uint32_t learned_count;       /* of those */
    unwind_rules_find_object find_object; /* NULL = the list below is used */
    _Atomic uint32_t list_version;        /* odd while it is written */
    _Atomic uint32_t listed_count;
    _Atomic bool is_list_old; /* modules came or went: the next miss fills it anew */
    struct frame_places places;
    struct unwind_rules_entry entries[UNWIND_RULES_ENTRY_COUNT] __attribute__((aligned(64)));
    struct unwind_rules_listed_module listed[UNWIND_RULES_MAX_MODULES];
};

#define UNWIND_RULES_MIX UINT64_C(0x9e3779b97f4a7c15)

/* Readies `rules`, sizeof(struct unwind_rules) bytes of private zeroed pages that live as long as
 * the process. Calls dlsym, so it belongs into a constructor; with is_own_list the list of our own
 * is used even where glibc offers better. */
void unwind_rules_init(struct unwind_rules *rules, bool is_own_list);

/* To be called after every dlopen, and before and after every dlclose. */
void unwind_rules_modules_changed(struct unwind_rules *rules);

/* Fills the list of modules (takes the loader's lock; does nothing where _dl_find_object is there).
 * To be called at start, and after dlopen before unwind_rules_modules_changed. */
void unwind_rules_refresh_modules(struct unwind_rules *rules);

/* In the child of a fork: a refresh that another thread was in the middle of will never end. */
void unwind_rules_after_fork(struct unwind_rules *rules);

/* The module that has the address; without a lock (the list of our own takes the loader's when it
 * is filled anew). */
bool unwind_rules_find_module(struct unwind_rules *rules, uint64_t pc,
                              struct unwind_rules_module *module);

/* Computes the rule and puts it into the table. */
struct frame_rule unwind_rules_learn(struct unwind_rules *rules, uint64_t pc, uint64_t generation);

/* Never 0. */
static inline uint64_t unwind_rules_generation_number(const struct unwind_rules *rules)
{
    return atomic_load_explicit(&rules->generation, memory_order_acquire);
}

/* The same, mixed: what a walk reads once and hands to all its look-ups. */
static inline uint64_t unwind_rules_generation(const struct unwind_rules *rules)
{
    return unwind_rules_generation_number(rules) * (UNWIND_RULES_MIX << 1 | 1);
}

static inline uint64_t unwind_rules_tag(uint64_t pc, struct frame_rule rule, uint64_t generation)
{
    /* The rule is multiplied so that two rules and two pcs cannot differ in the same bits. */
    return rule.bits * UNWIND_RULES_MIX ^ (pc ^ generation);
}

/* The first of the two neighbours where the rule of a pc may stand. Every cycle counts here, for
 * the next pc is only known after this look-up; and the low bits of addresses are as good as
 * random. */
static inline uint64_t unwind_rules_place(const struct unwind_rules *rules, uint64_t pc)
{
    return pc & atomic_load_explicit(&rules->place_mask, memory_order_relaxed);
}

static inline bool unwind_rules_entry_read(const struct unwind_rules_entry *entry, uint64_t pc,
                                           uint64_t generation, struct frame_rule *rule)
{
    rule->bits = atomic_load_explicit(&entry->rule, memory_order_relaxed);
    return atomic_load_explicit(&entry->tag, memory_order_relaxed) ==
           unwind_rules_tag(pc, *rule, generation);
}

/* The rule of the instruction at `pc` (for a return address: the address - 1), if it is in the
 * table. */
static inline bool unwind_rules_look_up(const struct unwind_rules *rules, uint64_t pc,
                                        uint64_t generation, struct frame_rule *rule)
{
    uint64_t place = unwind_rules_place(rules, pc);

    return __builtin_expect(
        unwind_rules_entry_read(&rules->entries[place], pc, generation, rule) ||
            unwind_rules_entry_read(&rules->entries[place ^ 1], pc, generation, rule),
        1);
}

/* The same; what is not in the table is computed. */
static inline struct frame_rule unwind_rules_find(struct unwind_rules *rules, uint64_t pc,
                                                  uint64_t generation)
{
    struct frame_rule rule;

    return unwind_rules_look_up(rules, pc, generation, &rule)
               ? rule
               : unwind_rules_learn(rules, pc, generation);
}

#endif
