#include "record/stopped_threads.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    RED_ZONE_BYTES = 128 /* x86-64: below the stack pointer of a function that calls nobody */
};

void stopped_thread_fill(struct stopped_thread *to, const struct stopper_thread *from)
{
    to->tid = (uint32_t)from->tid;
    to->pc = from->general[PROCESSOR_WORD_PC];
    to->sp = from->general[PROCESSOR_WORD_SP];
    to->has_registers = to->sp != 0;
    to->thread_pointer = processor_thread_pointer(from->general);
    if (from->state != STOPPER_STOPPED)
        return;
    if (processor_system_call(from->general) < 0)
        to->sp -= RED_ZONE_BYTES;
    memcpy(to->registers, from->general, sizeof from->general);
    to->register_count = PROCESSOR_GENERAL_WORDS;
    to->vector_registers = from->extended;
    to->vector_register_bytes = from->extended_bytes;
}

struct stopped_thread *stopped_threads_copy(const struct stopper *stopper)
{
    struct stopped_thread *threads = memory_allocate_zeroed(stopper->count + 1, sizeof *threads);
    for (size_t i = 0; i < stopper->count; i++) {
        stopped_thread_fill(&threads[i], &stopper->threads[i]);
        if (threads[i].vector_registers != NULL)
            threads[i].vector_registers = memory_duplicate(threads[i].vector_registers,
                                                           threads[i].vector_register_bytes);
    }
    return threads;
}

void stopped_threads_free(struct stopped_thread *threads, size_t count)
{
    for (size_t i = 0; threads != NULL && i < count; i++)
        free((void *)threads[i].vector_registers);
    free(threads);
}
