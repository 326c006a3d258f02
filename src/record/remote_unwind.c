/* libunwind asks three things: a register's value, a word of memory, and where the unwind table of
 * a pc is. It can search a sorted table (.eh_frame_hdr) in remote memory itself. For a file without
 * one, the entry is found here (unwind_file_find_frame), and libunwind is shown a table with that
 * single entry, at an address near the code where nothing else is. */
#include "record/remote_unwind.h"

#include "base/memory.h"
#include "wire/stack_cut.h"
#include "wire/wire_format.h"

#include <libunwind.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_FRAMES = 1 << 16,     /* 64 KiB of stack hold fewer */
    MAX_READS = 1 << 22,      /* words, in one run; a common frame takes some hundred */
    SHOWN_DISTANCE = 1 << 28, /* from code to the shown entry: within 32 bits, beyond the module */
    SHOWN_ENTRY_BYTES = 8     /* {code, FDE}, relative to the shown address */
};

/* Not in libunwind's headers, but exported for this very use. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t space, unw_word_t pc,
                                              unw_dyn_info_t *table, unw_proc_info_t *info,
                                              int is_info_needed, void *argument);

/* Bytes that libunwind finds at `address`: an entry of a sorted table, then a copied CIE and FDE.
 */
struct shown_entry {
    uint64_t address;
    size_t byte_count; /* 0 = nothing is shown */
    uint8_t bytes[SHOWN_ENTRY_BYTES + UNWIND_FILE_MAX_COPY_BYTES];
};

struct remote_unwind {
    unw_addr_space_t space;
    uint64_t *frames;
    uint64_t *stack_pointers; /* beside them */
    size_t count;
    size_t capacity, pointer_capacity;

    /* Of the run under way. */
    const struct remote_unwind_stack *stack;
    struct remote_unwind_module module; /* the last one found */
    bool has_module;
    struct shown_entry shown;
    struct unwind_file_frame found;
    uint32_t read_count;
    bool is_table_missing; /* for the pc asked for last */
    bool is_out_of_bytes;
};

/* ---- memory ------------------------------------------------------------------------------------
 */

static bool find_module(struct remote_unwind *unwind, uint64_t address)
{
    if (!unwind->has_module || address < unwind->module.start || address >= unwind->module.end)
        unwind->has_module = unwind->stack->find_module(unwind->stack->context, address,
                                                        &unwind->module) &&
                             address >= unwind->module.start && address < unwind->module.end;
    return unwind->has_module && unwind->module.file;
}

/* Copies what `bytes` (standing at `start`) have of the word at `address`; the rest stays. */
static bool copy_word(uint64_t address, uint64_t start, const uint8_t *bytes, size_t count,
                      uint64_t *word)
{
    uint64_t within = address - start;

    if (address < start || within >= count)
        return false;
    memcpy(word, bytes + within, count - within < sizeof *word ? count - within : sizeof *word);
    return true;
}

/* libunwind reads bytes out of aligned words, so a word may reach over the end of what there is. */
static bool read_word(struct remote_unwind *unwind, uint64_t address, uint64_t *word)
{
    const struct remote_unwind_stack *stack = unwind->stack;

    *word = 0;
    if (address >= stack->address && stack->byte_count >= sizeof *word &&
        address - stack->address <= stack->byte_count - sizeof *word)
        return copy_word(address, stack->address, stack->bytes, stack->byte_count, word);
    if (copy_word(address, unwind->shown.address, unwind->shown.bytes, unwind->shown.byte_count,
                  word))
        return true;
    if (find_module(unwind, address) &&
        unwind_file_read(unwind->module.file, address - unwind->module.bias, word, sizeof *word) >
            0)
        return true;
    return stack->read_word && stack->read_word(stack->context, address, word);
}

static int access_memory(unw_addr_space_t space, unw_word_t address, unw_word_t *value,
                         int is_write, void *argument)
{
    struct remote_unwind *unwind = argument;
    uint64_t word;

    (void)space;
    if (is_write || ++unwind->read_count > MAX_READS)
        return -UNW_EINVAL;
    if (!read_word(unwind, address, &word)) {
        if (address >= unwind->stack->address + unwind->stack->byte_count)
            unwind->is_out_of_bytes = true;
        return -UNW_EINVAL;
    }
    *value = word;
    return 0;
}

/* ---- registers ---------------------------------------------------------------------------------
 */

static int access_register(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value,
                           int is_write, void *argument)
{
    const struct remote_unwind *unwind = argument;
    static const struct {
        unw_regnum_t number;
        enum remote_unwind_register place;
    } places[] = {
        {UNW_X86_64_RIP, REMOTE_UNWIND_PC},  {UNW_X86_64_RSP, REMOTE_UNWIND_SP},
        {UNW_X86_64_RBP, REMOTE_UNWIND_BP},  {UNW_X86_64_RBX, REMOTE_UNWIND_BX},
        {UNW_X86_64_R12, REMOTE_UNWIND_R12}, {UNW_X86_64_R13, REMOTE_UNWIND_R13},
        {UNW_X86_64_R14, REMOTE_UNWIND_R14}, {UNW_X86_64_R15, REMOTE_UNWIND_R15},
    };

    (void)space;
    if (is_write)
        return -UNW_EREADONLYREG;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i].number == number) {
            *value = unwind->stack->registers[places[i].place];
            return 0;
        }
    return -UNW_EBADREG;
}

static int access_float_register(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value,
                                 int is_write, void *argument)
{
    (void)space, (void)number, (void)value, (void)is_write, (void)argument;
    return -UNW_EBADREG;
}

/* ---- tables ------------------------------------------------------------------------------------
 */

/* Shows libunwind the entry in unwind->found. */
static void show_entry(struct remote_unwind *unwind, uint64_t pc)
{
    struct shown_entry *shown = &unwind->shown;
    const struct unwind_file_frame *found = &unwind->found;
    uint64_t fde;
    int32_t entry[2];

    shown->address = (pc & ~UINT64_C(7)) + SHOWN_DISTANCE;
    shown->byte_count = SHOWN_ENTRY_BYTES + found->copy_bytes;
    fde = found->copy_bytes ? shown->address + SHOWN_ENTRY_BYTES + found->fde_offset
                            : found->fde_address + unwind->module.bias;
    entry[0] = (int32_t)(found->start + unwind->module.bias - shown->address);
    entry[1] = (int32_t)(fde - shown->address);
    memcpy(shown->bytes, entry, sizeof entry);
    memcpy(shown->bytes + SHOWN_ENTRY_BYTES, found->copy, found->copy_bytes);
}

/* Searches the sorted table at `table`, whose offsets count from `base`. */
static int search(struct remote_unwind *unwind, uint64_t pc, uint64_t base, uint64_t table,
                  uint64_t count, unw_proc_info_t *info, int is_info_needed)
{
    unw_dyn_info_t description = {.format = UNW_INFO_FORMAT_REMOTE_TABLE,
                                  .start_ip = unwind->module.start,
                                  .end_ip = unwind->module.end};

    description.u.rti.segbase = base;
    description.u.rti.table_data = table;
    /* In words: an entry is as long as one. */
    description.u.rti.table_len = count;
    return UNW_OBJ(dwarf_search_unwind_table)(unwind->space, pc, &description, info, is_info_needed,
                                              unwind);
}

static int find_table(struct remote_unwind *unwind, uint64_t pc, unw_proc_info_t *info,
                      int is_info_needed)
{
    struct unwind_file_table table;
    uint64_t bias;

    unwind->shown.byte_count = 0;
    if (!find_module(unwind, pc))
        return -UNW_ENOINFO;
    bias = unwind->module.bias;
    if (unwind_file_table(unwind->module.file, &table)) {
        int status = search(unwind, pc, table.header_address + bias, table.table_address + bias,
                            table.count, info, is_info_needed);

        /* What libunwind read meanwhile may stand in another module, or in none. */
        if (status >= 0 || !find_module(unwind, pc))
            return status;
    }
    if (!unwind_file_find_frame(unwind->module.file, pc - bias, bias, &unwind->found))
        return -UNW_ENOINFO;
    show_entry(unwind, pc);
    return search(unwind, pc, unwind->shown.address, unwind->shown.address, 1, info,
                  is_info_needed);
}

static int find_procedure(unw_addr_space_t space, unw_word_t pc, unw_proc_info_t *info,
                          int is_info_needed, void *argument)
{
    struct remote_unwind *unwind = argument;
    int status = find_table(unwind, pc, info, is_info_needed);

    (void)space;
    unwind->is_table_missing = status < 0;
    return status;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *argument)
{
    (void)space, (void)info, (void)argument;
}

static int dynamic_info_list(unw_addr_space_t space, unw_word_t *list, void *argument)
{
    (void)space, (void)list, (void)argument;
    return -UNW_ENOINFO;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *argument)
{
    (void)space, (void)cursor, (void)argument;
    return -UNW_EINVAL;
}

static int procedure_name(unw_addr_space_t space, unw_word_t pc, char *name, size_t name_bytes,
                          unw_word_t *offset, void *argument)
{
    (void)space, (void)pc, (void)name, (void)name_bytes, (void)offset, (void)argument;
    return -UNW_ENOINFO;
}

/* ---- a run -------------------------------------------------------------------------------------
 */

static void add_frame(struct remote_unwind *unwind, uint64_t pc, uint64_t sp, bool is_exact)
{
    unwind->stack_pointers = memory_grow(unwind->stack_pointers, &unwind->pointer_capacity,
                                         unwind->count + 1, sizeof *unwind->stack_pointers);
    unwind->stack_pointers[unwind->count] = sp;
    unwind->frames = memory_grow(unwind->frames, &unwind->capacity, unwind->count + 1,
                                 sizeof *unwind->frames);
    /* No code has that bit in its address, but what a misread stack holds may. */
    unwind->frames[unwind->count++] = (pc & ~WIRE_FRAME_EXACT) | (is_exact ? WIRE_FRAME_EXACT : 0);
}

/* Is this `mov $15 (rt_sigreturn), %rax; syscall`? Releases of libunwind differ in when
 * unw_is_signal_frame says so: for this frame, or for the one that was interrupted. */
static bool is_signal_restorer(struct remote_unwind *unwind, uint64_t pc)
{
    const uint64_t first_8_bytes = UINT64_C(0x0f0000000fc0c748), ninth_byte = 0x05;
    uint64_t words[2];

    return read_word(unwind, pc, &words[0]) && read_word(unwind, pc + 8, &words[1]) &&
           words[0] == first_8_bytes && (words[1] & 0xff) == ninth_byte;
}

/* Without a table libunwind still knows a signal's restorer and a PLT entry by their code, and then
 * guesses by rbp. A guess makes the caller's pc wrong more often than not. */
static bool is_guess(struct remote_unwind *unwind, bool is_signal_frame, uint64_t pc)
{
    enum {
        JUMP_THROUGH_MEMORY = 0x25ff
    };
    uint64_t code;

    return unwind->is_table_missing && !is_signal_frame &&
           !(read_word(unwind, pc, &code) && (code & 0xffff) == JUMP_THROUGH_MEMORY);
}

/* No table before the function that begins at this return address: nothing called it, so it was
 * laid there for a new stack to end in (by makecontext), as the target's rules see it too. */
static bool is_made_up(struct remote_unwind *unwind, uint64_t pc, bool is_exact)
{
    unw_proc_info_t info;

    return unwind->is_table_missing && !is_exact &&
           unw_get_proc_info_by_ip(unwind->space, pc, &info, unwind) == 0 && info.start_ip == pc;
}

static enum remote_unwind_end why_it_failed(const struct remote_unwind *unwind)
{
    if (unwind->read_count > MAX_READS)
        return REMOTE_UNWIND_TOO_LONG;
    return unwind->is_out_of_bytes ? REMOTE_UNWIND_OUT_OF_BYTES : REMOTE_UNWIND_NO_TABLE;
}

static enum remote_unwind_end step_all(struct remote_unwind *unwind, unw_cursor_t *cursor)
{
    uint64_t pc = unwind->stack->registers[REMOTE_UNWIND_PC];
    uint64_t sp = unwind->stack->registers[REMOTE_UNWIND_SP];
    bool is_exact = true;

    while (unwind->count < MAX_FRAMES) {
        bool is_signal_frame;
        int status;
        unw_word_t next, next_sp;

        add_frame(unwind, pc, sp, is_exact);
        is_signal_frame = is_signal_restorer(unwind, pc);
        unwind->is_table_missing = false;
        unwind->is_out_of_bytes = false;
        status = unw_step(cursor);
        if (is_made_up(unwind, pc, is_exact))
            return REMOTE_UNWIND_COMPLETE;
        if (status < 0)
            return why_it_failed(unwind);
        if (is_guess(unwind, is_signal_frame, pc))
            return REMOTE_UNWIND_NO_TABLE;
        if (status == 0 || unw_get_reg(cursor, UNW_REG_IP, &next) < 0 || next == 0 ||
            unw_get_reg(cursor, UNW_REG_SP, &next_sp) < 0)
            return REMOTE_UNWIND_COMPLETE;
        pc = next;
        sp = next_sp;
        is_exact = is_signal_frame;
    }
    return REMOTE_UNWIND_TOO_LONG;
}

/* Leaves out the frames before the one of `skip_until`, and those in the middle beyond the limit.
 */
static void keep_frames(struct remote_unwind *unwind, struct remote_unwind_result *result)
{
    const struct remote_unwind_stack *stack = unwind->stack;
    size_t first = 0;

    while (first < unwind->count && stack->skip_until && unwind->frames[first] != stack->skip_until)
        first++;
    if (first == unwind->count)
        first = 0;
    size_t count = unwind->count - first;
    struct stack_cut cut = stack_cut_of(count, stack->limit ? stack->limit : 1);
    result->frames = unwind->frames + first;
    result->stack_pointers = unwind->stack_pointers + first;
    result->count = cut.inner + cut.outer;
    result->innermost_count = cut.inner;
    result->omitted_count = cut.omitted;
    if (cut.omitted == 0)
        return;
    size_t from = first + count - cut.outer, to = first + cut.inner;
    memmove(unwind->frames + to, unwind->frames + from, cut.outer * sizeof *unwind->frames);
    memmove(unwind->stack_pointers + to, unwind->stack_pointers + from,
            cut.outer * sizeof *unwind->stack_pointers);
}

void remote_unwind_run(struct remote_unwind *unwind, const struct remote_unwind_stack *stack,
                       struct remote_unwind_result *result)
{
    unw_cursor_t cursor;

    unwind->stack = stack;
    unwind->count = 0;
    unwind->has_module = false;
    unwind->shown.byte_count = 0;
    unwind->read_count = 0;
    if (unw_init_remote(&cursor, unwind->space, unwind) == 0) {
        result->end = step_all(unwind, &cursor);
    } else {
        add_frame(unwind, stack->registers[REMOTE_UNWIND_PC], stack->registers[REMOTE_UNWIND_SP],
                  true);
        result->end = REMOTE_UNWIND_NO_TABLE;
    }
    keep_frames(unwind, result);
    unwind->stack = NULL;
}

struct remote_unwind *remote_unwind_create(struct error *error)
{
    static unw_accessors_t accessors = {
        .find_proc_info = find_procedure,
        .put_unwind_info = put_unwind_info,
        .get_dyn_info_list_addr = dynamic_info_list,
        .access_mem = access_memory,
        .access_reg = access_register,
        .access_fpreg = access_float_register,
        .resume = resume,
        .get_proc_name = procedure_name,
    };
    struct remote_unwind *unwind = memory_allocate_zeroed(1, sizeof *unwind);

    unwind->space = unw_create_addr_space(&accessors, 0);
    if (!unwind->space) {
        error_set(error, "libunwind gives no address space");
        free(unwind);
        return NULL;
    }
    /* What libunwind remembers of a pc would be wrong for the next process. */
    unw_set_caching_policy(unwind->space, UNW_CACHE_NONE);
    return unwind;
}

void remote_unwind_destroy(struct remote_unwind *unwind)
{
    if (!unwind)
        return;
    unw_destroy_addr_space(unwind->space);
    free(unwind->frames);
    free(unwind->stack_pointers);
    free(unwind);
}
