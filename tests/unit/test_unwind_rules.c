/* The rules of whole files, compared with what elfutils' reader makes of the same unwind tables: at
 * the begin, the end and several places of every function of libc, libstdc++ and the Python
 * interpreter.
 *
 * Both are carried out on the same made-up registers and memory, so that it does not matter in
 * which form either of them keeps a rule. */
#define _GNU_SOURCE
#include "preload/frame_rule.h"
#include "preload/unwind_rules.h"

#include "preload/arch/arch.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a file, laid out as the loader does -------------------------------------------------------
 */

struct loaded_file {
    int fd;
    Elf *elf;
    Dwarf_CFI *cfi;
    uint8_t *memory;
    size_t memory_bytes;
    struct eh_frame_module module;
    struct frame_places places;
};

static size_t page_up(uint64_t bytes)
{
    return (size_t)((bytes + 4095) & ~UINT64_C(4095));
}

static bool load_file(const char *path, struct loaded_file *file)
{
    size_t count;
    GElf_Phdr header;

    memset(file, 0, sizeof *file);
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0)
        return false;
    elf_version(EV_CURRENT);
    file->elf = elf_begin(file->fd, ELF_C_READ, NULL);
    assert_non_null(file->elf);
    file->cfi = dwarf_getcfi_elf(file->elf);
    assert_non_null(file->cfi);
    assert_int_equal(elf_getphdrnum(file->elf, &count), 0);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(gelf_getphdr(file->elf, (int)i, &header));
        if (header.p_type == PT_LOAD)
            file->memory_bytes = page_up(header.p_vaddr + header.p_memsz);
    }
    file->memory = mmap(NULL, file->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(file->memory, MAP_FAILED);
    file->module.generation = 1;
    file->module.start = (uintptr_t)file->memory;
    file->module.end = file->module.start + file->memory_bytes;
    for (size_t i = 0; i < count; i++) {
        assert_non_null(gelf_getphdr(file->elf, (int)i, &header));
        if (header.p_type == PT_GNU_EH_FRAME)
            file->module.header = file->module.start + header.p_vaddr;
        if (header.p_type == PT_LOAD)
            assert_int_equal(pread(file->fd, file->memory + header.p_vaddr, header.p_filesz,
                                   (off_t)header.p_offset),
                             (ssize_t)header.p_filesz);
    }
    return true;
}

static void unload_file(struct loaded_file *file)
{
    dwarf_cfi_end(file->cfi);
    elf_end(file->elf);
    munmap(file->memory, file->memory_bytes);
    close(file->fd);
}

/* ---- the made-up machine ------------------------------------------------------------------------
 */

enum {
    MADE_UP_SP = 0x7ffc12340000,
    MADE_UP_BP = 0x7ffc56780000
};

static uint64_t made_up_memory(uint64_t address)
{
    return address * UINT64_C(0x9e3779b97f4a7c15) >> 16;
}

struct machine {
    uint64_t pc;
    uint64_t cfa;
    uint64_t stack[64];
    size_t depth;
    bool needs_other_registers;
};

static uint64_t pop(struct machine *machine)
{
    assert_true(machine->depth > 0);
    return machine->stack[--machine->depth];
}

static void push(struct machine *machine, uint64_t value)
{
    assert_true(machine->depth < 64);
    machine->stack[machine->depth++] = value;
}

static void push_register(struct machine *machine, uint64_t number, uint64_t offset)
{
    if (number == ARCH_DWARF_SP)
        push(machine, MADE_UP_SP + offset);
    else if (number == ARCH_DWARF_BP)
        push(machine, MADE_UP_BP + offset);
    else if (number == ARCH_DWARF_RETURN_ADDRESS)
        push(machine, machine->pc + offset);
    else {
        machine->needs_other_registers = true;
        push(machine, 0);
    }
}

static void two_operands(struct machine *machine, uint8_t operation)
{
    uint64_t right = pop(machine), left = pop(machine);

    switch (operation) {
    case DW_OP_plus:
        push(machine, left + right);
        break;
    case DW_OP_minus:
        push(machine, left - right);
        break;
    case DW_OP_mul:
        push(machine, left * right);
        break;
    case DW_OP_and:
        push(machine, left & right);
        break;
    case DW_OP_shl:
        push(machine, left << right);
        break;
    case DW_OP_ge:
        push(machine, (int64_t)left >= (int64_t)right);
        break;
    default:
        fail_msg("operation 0x%x is new to this test", operation);
    }
}

static void run(struct machine *machine, const Dwarf_Op *operations, size_t count)
{
    machine->depth = 0;
    for (size_t i = 0; i < count; i++) {
        const Dwarf_Op *operation = &operations[i];
        uint8_t atom = operation->atom;

        if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
            push(machine, atom - DW_OP_lit0);
        else if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
            push_register(machine, atom - DW_OP_breg0, operation->number);
        else if (atom == DW_OP_bregx)
            push_register(machine, operation->number, operation->number2);
        else if (atom >= DW_OP_const1u && atom <= DW_OP_consts)
            push(machine, operation->number);
        else if (atom == DW_OP_call_frame_cfa)
            push(machine, machine->cfa);
        else if (atom == DW_OP_plus_uconst)
            push(machine, pop(machine) + operation->number);
        else if (atom == DW_OP_deref)
            push(machine, made_up_memory(pop(machine)));
        else
            two_operands(machine, atom);
    }
}

/* What a row of the table comes to. */
enum outcome {
    GOES_ON,
    IS_OUTERMOST,
    IS_SIGNAL,
    CANNOT
};

struct step {
    enum outcome outcome;
    uint64_t cfa;
    uint64_t return_address_place;
    uint64_t bp;
};

/* Where a register is saved; UNSAVED: it is not. */
enum place {
    UNSAVED,
    UNDEFINED,
    SAVED,
    COMPUTED
};

static enum place find_register(struct machine *machine, Dwarf_Frame *frame, int number,
                                uint64_t *address)
{
    Dwarf_Op room[3], *operations;
    size_t count;

    assert_int_equal(dwarf_frame_register(frame, number, room, &operations, &count), 0);
    if (count == 0)
        return operations == room ? UNDEFINED : UNSAVED;
    if (operations[count - 1].atom == DW_OP_stack_value || operations[0].atom == DW_OP_regx ||
        (operations[0].atom >= DW_OP_reg0 && operations[0].atom <= DW_OP_reg31))
        return COMPUTED;
    run(machine, operations, count);
    *address = pop(machine);
    return SAVED;
}

/* elfutils' view of the row of `pc`, which is relative to the file. False = it has none. */
static bool step_by_elfutils(Dwarf_CFI *cfi, uint64_t pc, uint64_t pc_in_memory, struct step *step)
{
    struct machine machine = {.pc = pc_in_memory};
    Dwarf_Frame *frame;
    Dwarf_Op *operations;
    size_t count;
    bool is_signal = false;
    uint64_t bp_address = 0;
    enum place return_address, bp;

    *step = (struct step){.outcome = CANNOT};
    if (dwarf_cfi_addrframe(cfi, pc, &frame) != 0)
        return false;
    dwarf_frame_info(frame, NULL, NULL, &is_signal);
    assert_int_equal(dwarf_frame_cfa(frame, &operations, &count), 0);
    run(&machine, operations, count);
    step->cfa = machine.cfa = count ? pop(&machine) : 0;
    return_address = find_register(&machine, frame, ARCH_DWARF_RETURN_ADDRESS,
                                   &step->return_address_place);
    bp = find_register(&machine, frame, ARCH_DWARF_BP, &bp_address);
    step->bp = bp == SAVED ? made_up_memory(bp_address) : MADE_UP_BP;
    if (return_address == UNDEFINED)
        step->outcome = IS_OUTERMOST;
    else if (machine.needs_other_registers || count == 0 || return_address != SAVED ||
             bp == UNDEFINED || bp == COMPUTED)
        step->outcome = CANNOT;
    else
        step->outcome = is_signal ? IS_SIGNAL : GOES_ON;
    free(frame);
    return true;
}

static uint64_t bp_by_rule(struct frame_rule rule, uint64_t cfa)
{
    uint64_t offset = frame_rule_bp_offset(rule);

    switch (frame_rule_bp_place(rule)) {
    case FRAME_RULE_BP_SAME:
        break;
    case FRAME_RULE_BP_AT_CFA:
        return made_up_memory(cfa + offset);
    case FRAME_RULE_BP_AT_BP:
        return made_up_memory(MADE_UP_BP + offset);
    case FRAME_RULE_BP_AT_SP:
        return made_up_memory(MADE_UP_SP + offset);
    }
    return MADE_UP_BP;
}

static struct step step_by_rule(struct frame_rule rule)
{
    struct step step = {.outcome = GOES_ON};
    uint64_t offset = frame_rule_cfa_offset(rule);

    switch (frame_rule_kind(rule)) {
    case FRAME_RULE_SP:
        step.cfa = MADE_UP_SP + offset;
        break;
    case FRAME_RULE_BP:
        step.cfa = MADE_UP_BP + offset;
        break;
    case FRAME_RULE_SP_READ:
        step.cfa = made_up_memory(MADE_UP_SP + offset) + frame_rule_cfa_addend(rule);
        break;
    case FRAME_RULE_BP_READ:
        step.cfa = made_up_memory(MADE_UP_BP + offset) + frame_rule_cfa_addend(rule);
        break;
    case FRAME_RULE_SIGNAL:
        step.outcome = IS_SIGNAL;
        step.cfa = made_up_memory(MADE_UP_SP + ARCH_SIGNAL_CONTEXT_SP);
        step.return_address_place = MADE_UP_SP + ARCH_SIGNAL_CONTEXT_PC;
        step.bp = made_up_memory(MADE_UP_SP + ARCH_SIGNAL_CONTEXT_BP);
        return step;
    case FRAME_RULE_END:
        step.outcome = IS_OUTERMOST;
        return step;
    case FRAME_RULE_NONE:
    case FRAME_RULE_NO_TABLE:
        step.outcome = CANNOT;
        return step;
    }
    step.return_address_place = step.cfa - 8;
    step.bp = bp_by_rule(rule, step.cfa);
    return step;
}

/* ---- whole files --------------------------------------------------------------------------------
 */

enum {
    USUAL_PER_MILLE = 5
};

struct tally {
    size_t functions;
    size_t pcs;
    size_t without_rule;
};

static void compare_at(struct loaded_file *file, uint64_t pc, struct tally *tally)
{
    uint64_t bias = file->module.start;
    struct frame_rule rule = frame_rule_compute(&file->module, pc + bias, NULL);
    struct step expected, step = step_by_rule(rule);

    tally->pcs++;
    if (frame_rule_compute(&file->module, pc + bias, &file->places).bits != rule.bits)
        fail_msg("pc 0x%lx: another rule from a place that was kept", (unsigned long)pc);
    assert_true(step_by_elfutils(file->cfi, pc, pc + bias, &expected));
    if (step.outcome == CANNOT)
        tally->without_rule++;
    if (step.outcome != expected.outcome)
        fail_msg("pc 0x%lx: outcome %d, expected %d", (unsigned long)pc, (int)step.outcome,
                 (int)expected.outcome);
    if (step.outcome == GOES_ON || step.outcome == IS_SIGNAL) {
        if (step.cfa != expected.cfa || step.bp != expected.bp ||
            step.return_address_place != expected.return_address_place)
            fail_msg("pc 0x%lx: the rules differ", (unsigned long)pc);
    }
}

/* The sorted table, read here in its one usual form. */
struct table {
    uint8_t version, frames_encoding, count_encoding, table_encoding;
    int32_t frames;
    uint32_t count;
    struct {
        int32_t code;
        int32_t fde;
    } entries[];
};

static void compare_file(const char *path, unsigned max_without_per_mille)
{
    struct loaded_file file;
    struct tally tally = {0};
    const struct table *table;

    if (!load_file(path, &file)) {
        print_message("%s is not here\n", path);
        return;
    }
    table = (const struct table *)(uintptr_t)file.module.header;
    assert_int_equal(table->table_encoding, 0x3b);
    for (uint32_t i = 0; i < table->count; i++) {
        uint64_t begin = file.module.header + (uint64_t)(int64_t)table->entries[i].code;
        struct eh_frame_entry entry;
        uint64_t bytes;

        if (!eh_frame_find(&file.module, begin, NULL, &entry))
            continue; /* empty: the next begins at the same place */
        assert_int_equal(entry.pc_begin, begin);
        tally.functions++;
        bytes = entry.pc_end - begin;
        for (uint64_t part = 0; part < 8; part++)
            compare_at(&file, begin + bytes * part / 8 - file.module.start, &tally);
        for (uint64_t first = 1; first < 12 && first < bytes; first++)
            compare_at(&file, begin + first - file.module.start, &tally);
        compare_at(&file, entry.pc_end - 1 - file.module.start, &tally);
    }
    print_message("%s: %zu functions, %zu places, %zu without a rule\n", path, tally.functions,
                  tally.pcs, tally.without_rule);
    assert_true(tally.functions > 10);
    assert_true(tally.without_rule * 1000 <= tally.pcs * max_without_per_mille);
    unload_file(&file);
}

/* The file of a library, wherever this system keeps it. */
static void compare_library(const char *name, const char *symbol)
{
    void *library = dlopen(name, RTLD_NOW);
    Dl_info info;

    if (!library) {
        print_message("%s is not here\n", name);
        return;
    }
    assert_true(dladdr(dlsym(library, symbol), &info) != 0);
    compare_file(info.dli_fname, USUAL_PER_MILLE);
    dlclose(library);
}

static void test_libc(void **state)
{
    (void)state;
    compare_library("libc.so.6", "malloc");
}

static void test_loader(void **state)
{
    (void)state;
    /* Where the ABI puts it. Small, with three resolvers that realign their stacks by rbx. */
    compare_file("/lib64/ld-linux-x86-64.so.2", 20);
}

static void test_libstdcxx(void **state)
{
    (void)state;
    compare_library("libstdc++.so.6", "__cxa_throw");
}

/* Much assembly by hand, with expressions. */
static void test_libcrypto(void **state)
{
    (void)state;
    compare_library("libcrypto.so.3", "EVP_MD_CTX_new");
}

static void test_python(void **state)
{
    (void)state;
    compare_file("/usr/bin/python3", USUAL_PER_MILLE);
}

static void test_self(void **state)
{
    (void)state;
    compare_file("/proc/self/exe", USUAL_PER_MILLE);
}

/* ---- tables by hand
 * ------------------------------------------------------------------------------ */

/* An image: a header, then .eh_frame with one CIE (augmentation "zR", addresses relative to their
 * place, 4 bytes) and one FDE for the 256 "code" bytes at CODE. */
enum {
    HEADER = 0,
    FRAMES = 64,
    FDE = FRAMES + 24,
    CODE = 512,
    IMAGE_BYTES = 1024
};

struct image {
    uint8_t bytes[IMAGE_BYTES] __attribute__((aligned(8)));
};

static void put_32(struct image *image, size_t place, uint32_t value)
{
    memcpy(image->bytes + place, &value, sizeof value);
}

static struct eh_frame_module make_image(struct image *image, const uint8_t *program, size_t count,
                                         bool has_table)
{
    static const uint8_t cie[] = {20,   0,    0,   0,       /* length */
                                  0,    0,    0,   0,       /* CIE */
                                  1,    'z',  'R', 0,       /* version, augmentation */
                                  1,    0x78, 16,  1, 0x1b, /* alignments 1, -8; register 16; 'R' */
                                  0x0c, 7,    8,            /* CFA = rsp + 8 */
                                  0x90, 1,                  /* rip at CFA - 8 */
                                  0,    0};
    size_t body = 4 + 4 + 4 + 1 + count;
    size_t length = (body + 3) & ~(size_t)3;

    memset(image, 0, sizeof *image);
    memcpy(image->bytes + FRAMES, cie, sizeof cie);
    put_32(image, FDE, (uint32_t)length);
    put_32(image, FDE + 4, FDE + 4 - FRAMES);
    put_32(image, FDE + 8, CODE - (FDE + 8));
    put_32(image, FDE + 12, 256);
    memcpy(image->bytes + FDE + 17, program, count);
    image->bytes[HEADER] = 1;
    image->bytes[HEADER + 1] = 0x1b;
    image->bytes[HEADER + 2] = has_table ? 0x03 : 0xff;
    image->bytes[HEADER + 3] = has_table ? 0x3b : 0xff;
    put_32(image, HEADER + 4, FRAMES - (HEADER + 4));
    if (has_table) {
        put_32(image, HEADER + 8, 1);
        put_32(image, HEADER + 12, CODE);
        put_32(image, HEADER + 16, FDE);
    }
    return (struct eh_frame_module){.start = (uintptr_t)image,
                                    .end = (uintptr_t)image + IMAGE_BYTES,
                                    .header = (uintptr_t)image};
}

static struct frame_rule rule_at(const struct eh_frame_module *module, uint64_t offset)
{
    return frame_rule_compute(module, module->start + CODE + offset, NULL);
}

static void test_program_by_hand(void **state)
{
    /* push rbp; mov rsp, rbp; sub; leave; ret */
    static const uint8_t program[] = {0x41,               /* 1 on */
                                      0x0e, 16,           /* CFA offset 16 */
                                      0x86, 2,            /* rbp at CFA - 16 */
                                      0x43,               /* 3 on */
                                      0x0d, 6,            /* CFA register rbp */
                                      0x0a,               /* remember */
                                      0x02, 100,          /* 100 on */
                                      0x0c, 7,   8, 0xc6, /* CFA = rsp + 8, rbp restored */
                                      0x41, 0x0b};        /* 1 on, recall */
    struct image image;

    (void)state;
    for (int has_table = 0; has_table < 2; has_table++) {
        struct eh_frame_module module = make_image(&image, program, sizeof program, has_table);
        struct frame_rule rule = rule_at(&module, 0);

        assert_int_equal(frame_rule_kind(rule), FRAME_RULE_SP);
        assert_int_equal(frame_rule_cfa_offset(rule), 8);
        assert_int_equal(frame_rule_bp_place(rule), FRAME_RULE_BP_SAME);
        rule = rule_at(&module, 3);
        assert_int_equal(frame_rule_kind(rule), FRAME_RULE_SP);
        assert_int_equal(frame_rule_cfa_offset(rule), 16);
        assert_int_equal(frame_rule_bp_place(rule), FRAME_RULE_BP_AT_CFA);
        assert_int_equal((int64_t)frame_rule_bp_offset(rule), -16);
        rule = rule_at(&module, 4);
        assert_int_equal(frame_rule_kind(rule), FRAME_RULE_BP);
        assert_int_equal(rule_at(&module, 103).bits, rule.bits);
        assert_int_equal(rule_at(&module, 104).bits, rule_at(&module, 0).bits);
        assert_int_equal(rule_at(&module, 105).bits, rule.bits);
        assert_int_equal(rule_at(&module, 255).bits, rule.bits);
        assert_int_equal(frame_rule_kind(rule_at(&module, 256)), FRAME_RULE_NO_TABLE);
        /* Right before the function: a return address made up to end a stack. */
        assert_int_equal(frame_rule_kind(rule_at(&module, (uint64_t)-1)), FRAME_RULE_END);
        assert_int_equal(frame_rule_kind(rule_at(&module, (uint64_t)-2)), FRAME_RULE_NO_TABLE);
    }
}

/* Two bytes of code and ten of program a row: the CFA is 16, 24, 32, ... above sp, and where that
 * is a multiple of 64 what was before comes again for a row. */
static size_t write_long_program(uint8_t *program, unsigned rows)
{
    uint8_t *at = program;

    for (unsigned row = 1; row < rows; row++) {
        bool is_detour = row % 8 == 7;
        *at++ = 0x42; /* 2 on */
        if (row > 1 && row % 8 == 0)
            *at++ = 0x0b;
        if (is_detour)
            *at++ = 0x0a;
        *at++ = 0x0e;
        *at++ = is_detour ? 8 : (uint8_t)(8 + 8 * (row % 12));
        *at++ = 0x86; /* rbp */
        *at++ = (uint8_t)(2 + row % 3);
        while ((at - program) % 10 != 0)
            *at++ = 0x00;
    }
    return (size_t)(at - program);
}

static void test_places_by_hand(void **state)
{
    enum {
        ROWS = 40
    };
    uint8_t program[10 * ROWS];
    struct image image;
    struct frame_places places = {.is_in_use = false};
    size_t count = write_long_program(program, ROWS);
    struct eh_frame_module module = make_image(&image, program, count, true);
    uint64_t random = 1;

    (void)state;
    module.generation = 7;
    for (unsigned i = 0; i < 2000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint64_t pc = module.start + CODE + (random >> 33) % 90;
        assert_int_equal(frame_rule_compute(&module, pc, &places).bits,
                         frame_rule_compute(&module, pc, NULL).bits);
    }
    assert_false(places.is_in_use);
    memset(&places, 0, sizeof places);
    frame_rule_compute(&module, module.start + CODE + 20, &places); /* a short way */
    assert_int_equal(places.at[0].generation, 0);
    frame_rule_compute(&module, module.start + CODE + 36, &places);
    assert_int_equal(places.at[0].pc, module.start + CODE + 36);
    assert_int_equal(places.at[0].location, module.start + CODE + 38);
    frame_rule_compute(&module, module.start + CODE + 32, &places); /* before that: all the way */
    assert_int_equal(places.at[1].pc, module.start + CODE + 32);
    frame_rule_compute(&module, module.start + CODE + 76, &places); /* on from the first */
    assert_int_equal(places.at[0].pc, module.start + CODE + 76);
    assert_int_equal(places.at[1].pc, module.start + CODE + 32);
    assert_int_equal(places.at[2].generation, 0);

    /* What is kept counts for that module only, and not for who meets another at it. */
    places.at[0].row.cfa_offset = places.at[1].row.cfa_offset = 4000;
    uint64_t pc = module.start + CODE + 77;
    assert_int_equal(frame_rule_cfa_offset(frame_rule_compute(&module, pc, &places)), 4000);
    places.is_in_use = true;
    assert_int_equal(frame_rule_compute(&module, pc, &places).bits,
                     frame_rule_compute(&module, pc, NULL).bits);
    places.is_in_use = false;
    module.generation = 8;
    assert_int_equal(frame_rule_compute(&module, pc, &places).bits,
                     frame_rule_compute(&module, pc, NULL).bits);
}

static void test_expressions_by_hand(void **state)
{
    static const uint8_t realigned[] = {0x0f, 3, 0x76, 0x78, 0x06,  /* CFA = *(rbp - 8) */
                                        0x10, 6, 2,    0x76, 0x00}; /* rbp at rbp */
    static const uint8_t plt[] = {0x0f, 11,   0x77, 8,    0x80, 0,   0x3f,
                                  0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};
    static const uint8_t saved_sp[] = {0x0f, 6,    0x77, 0xd8,
                                       0x00, 0x06, 0x23, 8}; /* *(rsp+88) + 8 */
    static const uint8_t by_rbx[] = {0x0d, 3};
    static const uint8_t outermost[] = {0x07, 16};
    struct eh_frame_module module;
    struct image image;
    struct frame_rule rule;

    (void)state;
    module = make_image(&image, realigned, sizeof realigned, true);
    rule = rule_at(&module, 9);
    assert_int_equal(frame_rule_kind(rule), FRAME_RULE_BP_READ);
    assert_int_equal((int64_t)frame_rule_cfa_offset(rule), -8);
    assert_int_equal(frame_rule_cfa_addend(rule), 0);
    assert_int_equal(frame_rule_bp_place(rule), FRAME_RULE_BP_AT_BP);

    module = make_image(&image, plt, sizeof plt, true);
    for (uint64_t offset = 0; offset < 64; offset++) {
        rule = rule_at(&module, offset);
        assert_int_equal(frame_rule_kind(rule), FRAME_RULE_SP);
        assert_int_equal(frame_rule_cfa_offset(rule),
                         ((module.start + CODE + offset) & 15) >= 11 ? 16 : 8);
    }

    module = make_image(&image, saved_sp, sizeof saved_sp, true);
    rule = rule_at(&module, 0);
    assert_int_equal(frame_rule_kind(rule), FRAME_RULE_SP_READ);
    assert_int_equal(frame_rule_cfa_offset(rule), 88);
    assert_int_equal(frame_rule_cfa_addend(rule), 8);

    module = make_image(&image, by_rbx, sizeof by_rbx, true);
    assert_int_equal(frame_rule_kind(rule_at(&module, 0)), FRAME_RULE_NONE);
    module = make_image(&image, outermost, sizeof outermost, true);
    assert_int_equal(frame_rule_kind(rule_at(&module, 0)), FRAME_RULE_END);
}

/* Any bytes at all: nothing outside the image is read (the sanitizers watch), and it ends. */
static void test_hostile_tables(void **state)
{
    static const uint8_t program[] = {0x41, 0x0e, 16,   0x86, 2,    0x43, 0x0d, 6,   0x0f,
                                      3,    0x76, 0x78, 0x06, 0x0a, 0x02, 100,  0x0b};
    struct frame_places places = {.is_in_use = false};
    uint64_t random = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct image *image = malloc(sizeof *image); /* of its own, so that its ends are watched */
        struct eh_frame_module module = make_image(image, program, sizeof program, round & 1);

        for (int i = 0; i < 1 + round % 4; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            image->bytes[(random >> 33) % (FDE + 40)] = (uint8_t)(random >> 25);
        }
        module.generation = 1;
        for (int i = 0; i < 3; i++) { /* places of images that stood there before, too */
            uint64_t pc = module.start + CODE + (random >> (20 + i)) % 256;
            frame_rule_compute(&module, pc, NULL);
            frame_rule_compute(&module, pc, &places);
        }
        free(image);
    }
}

/* ---- the table of rules
 * -------------------------------------------------------------------------- */

static struct unwind_rules *create_rules(bool is_own_list)
{
    struct unwind_rules *rules = mmap(NULL, sizeof *rules, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(rules, MAP_FAILED);
    unwind_rules_init(rules, is_own_list);
    return rules;
}

static void test_cache(void **state)
{
    uint64_t generation, pc = (uintptr_t)test_cache;
    struct frame_rule rule, found;

    (void)state;
    for (int is_own_list = 0; is_own_list < 2; is_own_list++) {
        struct unwind_rules *rules = create_rules(is_own_list);

        generation = unwind_rules_generation(rules);
        assert_false(unwind_rules_look_up(rules, pc, generation, &found));
        rule = unwind_rules_find(rules, pc, generation);
        assert_int_equal(frame_rule_kind(rule), FRAME_RULE_SP);
        assert_int_equal(frame_rule_cfa_offset(rule), 8);
        assert_true(unwind_rules_look_up(rules, pc, generation, &found));
        assert_int_equal(found.bits, rule.bits);
        /* That there is no table is remembered too. */
        assert_int_equal(frame_rule_kind(unwind_rules_find(rules, 0x1234, generation)),
                         FRAME_RULE_NO_TABLE);
        assert_true(unwind_rules_look_up(rules, 0x1234, generation, &found));
        /* Another generation knows nothing. */
        unwind_rules_modules_changed(rules);
        generation = unwind_rules_generation(rules);
        assert_false(unwind_rules_look_up(rules, pc, generation, &found));
        assert_false(unwind_rules_look_up(rules, 0x1234, generation, &found));
        munmap(rules, sizeof *rules);
    }
}

/* Two pcs of one place stay side by side; a third takes the place of the older. */
static void test_cache_neighbours(void **state)
{
    struct unwind_rules *rules = create_rules(false);
    uint64_t generation = unwind_rules_generation(rules);
    uint64_t pcs[3];
    struct frame_rule found;

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        pcs[i] = 0x1000 + i * UNWIND_RULES_ENTRY_COUNT;
        unwind_rules_find(rules, pcs[i], generation);
    }
    assert_false(unwind_rules_look_up(rules, pcs[0], generation, &found));
    assert_true(unwind_rules_look_up(rules, pcs[1], generation, &found));
    assert_true(unwind_rules_look_up(rules, pcs[2], generation, &found));
    munmap(rules, sizeof *rules);
}

/* The table grows with what is learned, and what stood in the smaller one is found again. */
static void test_cache_grows(void **state)
{
    enum {
        PCS = 20000
    };
    struct unwind_rules *rules = create_rules(false);
    uint64_t generation = unwind_rules_generation(rules), pc = (uintptr_t)test_cache;
    struct frame_rule rule = unwind_rules_find(rules, pc, generation), found;

    (void)state;
    assert_int_equal(atomic_load(&rules->place_mask), UNWIND_RULES_FIRST_COUNT - 1);
    for (uint64_t i = 0; i < PCS; i++) {
        uint64_t mask = atomic_load(&rules->place_mask);

        unwind_rules_find(rules, 0x1000 + i, generation);
        if (atomic_load(&rules->place_mask) == mask)
            continue;
        assert_int_equal(atomic_load(&rules->place_mask), mask * 2 + 1);
        /* A rule of its own shows that it was found, and not computed. */
        struct frame_rule marked = rule;
        marked.bits ^= UINT64_C(1) << 8;
        struct unwind_rules_entry *entry = &rules->entries[pc & mask];
        atomic_store(&entry->rule, marked.bits);
        atomic_store(&entry->tag, unwind_rules_tag(pc, marked, generation));
        atomic_store(&rules->entries[unwind_rules_place(rules, pc)].tag, 0);
        atomic_store(&rules->entries[unwind_rules_place(rules, pc) ^ 1].tag, 0);
        if ((pc & mask) == unwind_rules_place(rules, pc))
            continue; /* it is where it was */
        assert_int_equal(unwind_rules_find(rules, pc, generation).bits, marked.bits);
        assert_true(unwind_rules_look_up(rules, pc, generation, &found));
    }
    assert_int_equal(atomic_load(&rules->place_mask), UNWIND_RULES_ENTRY_COUNT - 1);
    munmap(rules, sizeof *rules);
}

/* An entry of which one word was overwritten by another writer fits nobody. */
static void test_torn_entry(void **state)
{
    struct unwind_rules *rules = create_rules(false);
    uint64_t generation = unwind_rules_generation(rules);
    uint64_t pc = (uintptr_t)test_cache;
    struct unwind_rules_entry *entry = &rules->entries[unwind_rules_place(rules, pc)];
    struct frame_rule rule = unwind_rules_find(rules, pc, generation), found;

    (void)state;
    atomic_store(&entry->rule, rule.bits ^ 0x10);
    assert_false(unwind_rules_look_up(rules, pc, generation, &found));
    assert_false(unwind_rules_look_up(rules, pc ^ 0x10, generation, &found));
    assert_int_equal(unwind_rules_find(rules, pc, generation).bits, rule.bits);
    munmap(rules, sizeof *rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_libc),
        cmocka_unit_test(test_loader),
        cmocka_unit_test(test_libstdcxx),
        cmocka_unit_test(test_libcrypto),
        cmocka_unit_test(test_python),
        cmocka_unit_test(test_self),
        cmocka_unit_test(test_program_by_hand),
        cmocka_unit_test(test_places_by_hand),
        cmocka_unit_test(test_expressions_by_hand),
        cmocka_unit_test(test_hostile_tables),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_cache_neighbours),
        cmocka_unit_test(test_cache_grows),
        cmocka_unit_test(test_torn_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
