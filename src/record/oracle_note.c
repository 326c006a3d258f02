#include "record/oracle_note.h"

#include "base/log.h"
#include "base/text.h"

void oracle_note_difference(struct process_tree *tree, struct recorded_process *process,
                            uint32_t own_stack, uint32_t libunwind_stack,
                            enum remote_unwind_end end)
{
    static const char *const ends[] = {"complete", "no table", "out of bytes", "too long"};
    struct text line = {0};
    uint32_t both[2] = {own_stack, libunwind_stack};
    for (int which = 0; which < 2; which++) {
        text_add(&line, which == 0 ? "rules:" : " libunwind:");
        struct stack_id node = {both[which]};
        for (; node.index != 0; node = stack_table_parent(tree->stacks, node)) {
            struct frame frame = stack_table_frame(tree->stacks,
                                                   stack_table_node_frame(tree->stacks, node));
            const struct module *module = frame.module_id_plus_1 == 0
                                              ? NULL
                                              : module_table_get(
                                                    &tree->modules,
                                                    (struct module_id){frame.module_id_plus_1 - 1});
            text_print(&line, " %s+0x%llx%s", module == NULL ? "?" : text_file_name(module->path),
                       (unsigned long long)frame.offset, frame.is_exact ? "!" : "");
        }
    }
    log_note("oracle: process %u: stacks differ (%s): %s", process->pid, ends[end],
             text_get(&line));
    text_clear(&line);
}
