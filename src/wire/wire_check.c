#include "wire/wire_check.h"

#include "wire/wire_format.h"

static const uint8_t fixed_words[WIRE_KIND_COUNT] = {
#define WIRE_KIND_WORDS(number, name, words, variable) [number] = words,
    WIRE_KINDS(WIRE_KIND_WORDS)
#undef WIRE_KIND_WORDS
};

static size_t to_words(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

/* Bytes of the variable part; SIZE_MAX when its length is out of bounds. Volatile, so that no length
 * is read twice: it may change between a check and a use. */
static size_t variable_bytes(unsigned kind, const volatile uint64_t *words)
{
    switch (kind) {
    case WIRE_STACK: {
        uint64_t frames = WIRE_STACK_FRAMES(words[1]);
        return frames <= WIRE_MAX_FRAMES ? frames * 8 : SIZE_MAX;
    }
    case WIRE_STACK_BYTES: {
        uint64_t count = ((const volatile struct wire_stack_bytes *)words)->byte_count;
        return count <= WIRE_MAX_STACK_BYTES && (count & 7) == 0 ? count : SIZE_MAX;
    }
    case WIRE_MODULE: {
        const volatile struct wire_module *module = (const volatile void *)words;
        size_t build_id = module->build_id_bytes, path = module->path_bytes;
        if (build_id > WIRE_MAX_BUILD_ID_BYTES || path > WIRE_MAX_TEXT_BYTES)
            return SIZE_MAX;
        return to_words(build_id + path);
    }
    case WIRE_PROCESS: {
        const volatile struct wire_process *process = (const volatile void *)words;
        size_t executable = process->executable_bytes, arguments = process->argument_bytes;
        if (executable > WIRE_MAX_TEXT_BYTES || arguments > WIRE_MAX_TEXT_BYTES)
            return SIZE_MAX;
        return to_words(executable + arguments);
    }
    case WIRE_PYTHON_CODE: {
        const volatile struct wire_python_code *code = (const volatile void *)words;
        size_t name = code->name_bytes, file = code->file_bytes;
        if (name > WIRE_MAX_PYTHON_NAME_BYTES || file > WIRE_MAX_TEXT_BYTES)
            return SIZE_MAX;
        return to_words(name + file);
    }
    case WIRE_PYTHON_LINES: {
        uint64_t length = words[2];
        return length <= WIRE_MAX_TEXT_BYTES ? to_words(length) : SIZE_MAX;
    }
    case WIRE_EXEC:
    case WIRE_SUPPRESSIONS:
    case WIRE_MARK: {
        uint64_t length = words[kind == WIRE_EXEC ? 3 : 1];
        return length <= WIRE_MAX_TEXT_BYTES ? to_words(length) : SIZE_MAX;
    }
    default:
        return 0;
    }
}

size_t wire_fixed_bytes(unsigned kind)
{
    return kind < WIRE_KIND_COUNT ? fixed_words[kind] * (size_t)8 : 0;
}

size_t wire_check(const void *bytes, size_t available)
{
    const volatile uint64_t *words = bytes;
    if (available < 8)
        return 0;
    uint64_t first = words[0];
    unsigned kind = first & 0xff;
    if (kind == WIRE_PAD) {
        uint64_t size = first >> WIRE_TICKS_SHIFT;
        return size >= 8 && (size & 7) == 0 && size <= available ? (size_t)size : 0;
    }
    size_t fixed = wire_fixed_bytes(kind);
    if (fixed == 0 || fixed > available)
        return 0;
    size_t variable = variable_bytes(kind, words);
    return variable <= available - fixed ? fixed + variable : 0;
}

const char *wire_kind_name(unsigned kind)
{
    static const char *const names[WIRE_KIND_COUNT] = {
#define WIRE_KIND_NAME(number, name, words, variable) [number] = #name,
        WIRE_KINDS(WIRE_KIND_NAME)
#undef WIRE_KIND_NAME
    };
    return kind < WIRE_KIND_COUNT && names[kind] != NULL ? names[kind] : "?";
}
