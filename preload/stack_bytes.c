#include "preload/stack_bytes.h"

#include <string.h>

#include "preload/event_writer.h"
#include "preload/module_notice.h"

enum {
    HEADER_WORDS = sizeof(struct wire_stack_bytes) / 8,
    PAGE = 4096
};

/* The unwinder begins in here, with all registers that calls preserve, and goes out through the
 * preload's own frames, which restore them by their unwind tables; those frames are then left out.
 */
void stack_bytes_send(struct thread_state *thread, uint32_t slot, bool is_oracle,
                      const struct walk_registers *caller)
{
    uint64_t registers[ARCH_REGISTER_COUNT];
    arch_capture_registers(registers);
    uint64_t low = registers[1];
    uint32_t most = thread->ring.capacity / 2 - HEADER_WORDS * 8;
    if (most > WIRE_MAX_STACK_BYTES)
        most = WIRE_MAX_STACK_BYTES;
    size_t bytes = walk_memory_readable(&thread->memory, low, most) & ~(size_t)7;
    /* The preload itself is on this stack; and behind the frame where the rules ended, other modules
     * may be: whatever looks like a return address is looked up. */
    module_notice_frames(thread, registers, 1);
    if (!is_oracle)
        module_notice_frames(thread, (const uint64_t *)low, bytes / 8);
    struct wire_stack_bytes *record = (void *)event_reserve(thread,
                                                            HEADER_WORDS + (uint32_t)(bytes / 8));
    if (record == NULL)
        return;
    record->slot = slot;
    record->is_oracle = is_oracle;
    memcpy(&record->pc, registers, 8 * sizeof(uint64_t));
    record->skip_until = caller->pc;
    record->stack_address = low;
    record->byte_count = bytes;
    memcpy(record + 1, (const void *)low, bytes);
    record->header = event_stamp() | WIRE_STACK_BYTES;
    event_commit(thread, HEADER_WORDS + (uint32_t)(bytes / 8));
    thread->last_birth = 0;
}
