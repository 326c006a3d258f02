/* The records of a recording: one list from which structs, encoder, decoder, `seep dump` and the
 * check of the man page are derived. Fields may only be added, at the end of a record.
 *
 * Field types: UNSIGNED varint; SIGNED zigzag varint; TEXT varint length + UTF-8 bytes; BYTES
 * varint length + bytes; UNSIGNED_LIST varint count + varints; TEXT_LIST varint count + texts.
 *
 * Times `_ns` are nanoseconds since the session began, unless the name says unix.
 * Ids are dense from 0 in their table. `x_plus_1` is an id + 1, 0 = none.
 * RECORDING_RECORD(number, name, key fields in front: how many of the first fields name the thing
 * that a later record replaces; 0 = records add up). */
#ifndef SEEP_RECORDING_RECORDS_H
#define SEEP_RECORDING_RECORDS_H

#include <stddef.h>
#include <stdint.h>

struct recording_bytes {
    const uint8_t *bytes;
    size_t count;
};

struct recording_list {
    const uint64_t *items;
    size_t count;
};

struct recording_text_list {
    const char *const *items;
    size_t count;
};

/* clang-format off */
#define RECORDING_RECORDS(RECORD) \
    RECORD(1, session, 0)      \
    RECORD(2, process, 1)      \
    RECORD(3, totals, 1)       \
    RECORD(4, quality, 1)      \
    RECORD(5, module, 1)       \
    RECORD(6, loaded_module, 0)\
    RECORD(7, string, 1)       \
    RECORD(8, frame, 1)        \
    RECORD(9, stack_node, 1)   \
    RECORD(10, symbol, 1)      \
    RECORD(11, site, 2)        \
    RECORD(12, thread, 2)      \
    RECORD(13, timeline, 2)    \
    RECORD(14, sample, 0)      \
    RECORD(15, mapping_site, 2)\
    RECORD(16, mark, 0)        \
    RECORD(17, misuse, 0)      \
    RECORD(18, recorder, 0)    \
    RECORD(19, end, 0)         \
    RECORD(20, snapshot, 1)    \
    RECORD(21, snapshot_module, 0)     \
    RECORD(22, snapshot_thread, 0)     \
    RECORD(23, snapshot_blocks, 0)     \
    RECORD(24, snapshot_references, 0) \
    RECORD(25, snapshot_roots, 0)      \
    RECORD(26, snapshot_class, 0)      \
    RECORD(27, snapshot_facts, 0)      \
    RECORD(28, snapshot_python, 0)     \
    RECORD(29, snapshot_python_types, 0) \
    RECORD(30, snapshot_python_text, 0) \
    RECORD(31, snapshot_contents, 0) \
    RECORD(32, tail_calls, 3) \
    RECORD(33, snapshot_memory, 0) \
    RECORD(35, snapshot_python_graph, 0) \
    RECORD(36, snapshot_python_names, 0) \
    RECORD(37, snapshot_python_nodes, 0) \
    RECORD(38, inherited_sites, 0) \
    RECORD(39, snapshot_python_leak, 0) \
    RECORD(40, snapshot_python_site, 0)

/* What was run. The first record of a recording; exactly one. */
#define RECORDING_FIELDS_session(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    TEXT(tool_version) \
    UNSIGNED(start_time_unix_ns) \
    TEXT(host) \
    TEXT(kernel) \
    TEXT(working_folder) \
    TEXT_LIST(command) \
    UNSIGNED(page_bytes) \
    UNSIGNED(stack_depth) \
    UNSIGNED(sample_bytes)          /* 0 = every event */ \
    UNSIGNED(checkpoint_ns) \
    UNSIGNED(sampling_seed)

/* One image of one process: a fork or an exec begins another. Ids count images by their start. */
#define RECORDING_FIELDS_process(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(id) \
    UNSIGNED(parent_id_plus_1) \
    UNSIGNED(pid) \
    UNSIGNED(image)                 /* the n-th exec of this pid, from 0 */ \
    TEXT(executable) \
    TEXT_LIST(arguments) \
    UNSIGNED(start_ns) \
    UNSIGNED(start_time_unix_ns) \
    UNSIGNED(end_ns)                /* of the last event while it runs */ \
    UNSIGNED(exit_kind)             /* enum recording_exit_kind */ \
    UNSIGNED(exit_value)            /* status or signal */ \
    UNSIGNED(observed)              /* 0: its allocations were not seen; reason below */ \
    TEXT(reason)                    /* why not observed, or why observation ended early */ \
    TEXT(allocator_name)            /* glibc, jemalloc, tcmalloc, mimalloc, musl, unknown */ \
    TEXT(allocator_linkage)         /* dynamic, static */ \
    UNSIGNED(is_own_image)          /* 1: began with exec, 0: with fork */ \
    TEXT(suppressions)              /* of its leaks, by the program itself (__lsan_default_suppressions) */ \
    UNSIGNED(python_version)        /* of the CPython in it: PY_VERSION_HEX, below 3.11 without what follows the minor; 0: none */ \
    TEXT(python_note)               /* why its stacks have no Python functions; "": they have, or it has none */

/* Totals of the malloc family, and what stands beside it.
 * inherited + allocations = frees + live, in blocks and in bytes. */
#define RECORDING_FIELDS_totals(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id) \
    UNSIGNED(allocations) \
    UNSIGNED(frees) \
    UNSIGNED(allocated_bytes) \
    UNSIGNED(freed_bytes) \
    UNSIGNED(inherited_blocks) \
    UNSIGNED(inherited_bytes) \
    UNSIGNED(live_blocks) \
    UNSIGNED(live_bytes) \
    UNSIGNED(peak_blocks)           /* blocks live when the bytes were at their peak */ \
    UNSIGNED(peak_bytes) \
    UNSIGNED(peak_time_ns) \
    UNSIGNED(temporary_allocations) \
    UNSIGNED(reallocations)         /* successful ones; each counts as a free and an allocation */ \
    UNSIGNED(failed_allocations)    /* calls that returned no block */ \
    UNSIGNED(peak_resident_bytes)   /* by the kernel; 0 = not known */ \
    UNSIGNED(mapped_bytes)          /* live anonymous mappings made by the program itself */ \
    UNSIGNED(mapped_peak_bytes) \
    UNSIGNED(common_peak_bytes)     /* heap + those mappings, at their common peak */ \
    UNSIGNED(common_peak_time_ns) \
    UNSIGNED_LIST(estimates)        /* as of a site */

/* How far the figures of this process can be trusted. */
#define RECORDING_FIELDS_quality(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id) \
    UNSIGNED(events) \
    UNSIGNED(lost_events) \
    UNSIGNED(unknown_frees)         /* releases of addresses never seen allocated */ \
    UNSIGNED(missed_frees)          /* an address was allocated again without a release seen */ \
    UNSIGNED(repaired_events)       /* late or inverted, put right per address */ \
    UNSIGNED(failed_unwinds)        /* stacks that end early */ \
    UNSIGNED(truncated_stacks)      /* stacks cut by the depth limit, both ends kept */ \
    UNSIGNED(remote_unwinds)        /* stacks unwound in the recorder */ \
    UNSIGNED(bad_records)           /* malformed, skipped */ \
    UNSIGNED(wait_ns)               /* what full rings made the target wait */ \
    UNSIGNED(own_bytes)             /* seep's memory in the target: rings and caches */ \
    UNSIGNED(approximate_stacks)    /* where frames of Python stand among native ones is a guess */

#define RECORDING_FIELDS_module(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(id) \
    TEXT(path)                      /* as the process saw it; "[vdso]" */ \
    BYTES(build_id)                 /* empty: none */ \
    UNSIGNED(file_bytes)            /* 0 = not known */ \
    UNSIGNED(has_symbols)           /* 0 not looked, 1 none, 2 symbol table, 3 with lines */

/* Where a module stood in a process, and when. */
#define RECORDING_FIELDS_loaded_module(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id) \
    UNSIGNED(module_id) \
    UNSIGNED(start_address) \
    UNSIGNED(end_address) \
    UNSIGNED(bias)                  /* address in memory - address in the file */ \
    UNSIGNED(load_ns) \
    UNSIGNED(unload_ns)             /* 0 = still loaded */

#define RECORDING_FIELDS_string(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(id)                    /* string 0 is "" and is not written */ \
    TEXT(text)

/* One code address, named by module so that processes and runs share it. */
#define RECORDING_FIELDS_frame(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(id) \
    UNSIGNED(kind)                  /* enum recording_frame_kind */ \
    UNSIGNED(module_id_plus_1)      /* 0 = outside every known module */ \
    UNSIGNED(offset)                /* address in the file's own address space; without a module the \
                                       address itself; for an omission the number of frames left out. \
                                       Of a call: the return address. Of Python: a number for the \
                                       place in the source, which a symbol names; 0: not known. */ \
    UNSIGNED(is_exact)              /* 1: the interrupted instruction itself (above a signal frame), \
                                       0: a return address, to be looked up at offset - 1 */

/* Stacks as a tree: a stack is its innermost frame's node. Parent ids are smaller. */
#define RECORDING_FIELDS_stack_node(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(id)                    /* node 0 is the root, has no frame and is not written */ \
    UNSIGNED(parent_id)             /* the caller's node; 0: this is the outermost frame */ \
    UNSIGNED(frame_id)

/* What a frame is in the source. Four numbers an entry, innermost inlined function first: function
 * string id, file string id (0 = not known), line (0 = not known), 1 if inlined into the next. */
#define RECORDING_FIELDS_symbol(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(frame_id) \
    UNSIGNED_LIST(entries)

/* All blocks of one process born with the same stack and function. Histograms are pairs (bucket,
 * blocks): bucket b holds values v with 2^(b-1) < v <= 2^b for sizes in bytes and lifetimes in ns
 * (bucket 0: v <= 1). Threads are seven numbers each: thread id, allocations, allocated bytes,
 * frees (by any thread, of blocks that this thread allocated), freed bytes, live blocks, live bytes.
 *
 * With sample_bytes in the session, the figures are unbiased estimates: a block of `size` bytes was
 * recorded with the chance p = 1 - exp(-(size + 1) / sample_bytes) and counts for 1 / p blocks and
 * size / p bytes. Then there are estimates: for what was inherited, allocated, freed, temporary, at
 * the peak, and live (six times four numbers, in this order) the blocks and bytes that were really recorded, and
 * the standard deviations of blocks and bytes in thousandths. */
#define RECORDING_FIELDS_site(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id) \
    UNSIGNED(id) \
    UNSIGNED(stack_node_id) \
    UNSIGNED(allocation_function)   /* enum function_kind */ \
    UNSIGNED(allocations) \
    UNSIGNED(frees) \
    UNSIGNED(allocated_bytes) \
    UNSIGNED(freed_bytes) \
    UNSIGNED(inherited_blocks) \
    UNSIGNED(inherited_bytes) \
    UNSIGNED(live_blocks) \
    UNSIGNED(live_bytes) \
    UNSIGNED(peak_blocks)           /* held when the whole process was at its peak */ \
    UNSIGNED(peak_bytes) \
    UNSIGNED(temporary_allocations) \
    UNSIGNED(first_ns) \
    UNSIGNED(last_ns)               /* of its last allocation */ \
    UNSIGNED_LIST(size_histogram) \
    UNSIGNED_LIST(lifetime_histogram) /* of blocks that were freed */ \
    UNSIGNED_LIST(threads) \
    UNSIGNED_LIST(estimates)        /* empty unless sampled; as described above */

#define RECORDING_FIELDS_thread(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id) \
    UNSIGNED(id)                    /* counts the threads of the process by first event */ \
    UNSIGNED(tid) \
    TEXT(name) \
    UNSIGNED(start_ns) \
    UNSIGNED(end_ns)                /* 0 = did not end */ \
    UNSIGNED(allocations) \
    UNSIGNED(allocated_bytes) \
    UNSIGNED(frees)                 /* calls by this thread */ \
    UNSIGNED(freed_bytes)

/* A stretch of the timeline of one process: what each site allocated and freed in each bucket of
 * width bucket_ns. `deltas` holds `delta_count` entries sorted by (bucket, site); each is six
 * varints: bucket - previous bucket; site id (minus the previous one when the bucket is the same);
 * allocations; allocated bytes; frees; freed bytes. Both "previous" start at 0. */
#define RECORDING_FIELDS_timeline(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id) \
    UNSIGNED(block_index)           /* blocks follow each other in time */ \
    UNSIGNED(bucket_ns) \
    UNSIGNED(delta_count) \
    BYTES(deltas)

/* One point of the curves of one process. Values at the end of the interval, peaks within it. */
#define RECORDING_FIELDS_sample(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id) \
    UNSIGNED(time_ns) \
    UNSIGNED(heap_bytes) \
    UNSIGNED(heap_peak_bytes) \
    UNSIGNED(mapped_bytes) \
    UNSIGNED(resident_bytes)        /* 0 = not known */ \
    UNSIGNED(live_blocks)

/* Mappings that the program made itself, by stack. */
#define RECORDING_FIELDS_mapping_site(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id) \
    UNSIGNED(id) \
    UNSIGNED(stack_node_id) \
    UNSIGNED(function)              /* enum function_kind: mmap, mremap, sbrk, ... */ \
    UNSIGNED(is_anonymous) \
    UNSIGNED(count)                 /* calls */ \
    UNSIGNED(mapped_bytes)          /* ever */ \
    UNSIGNED(live_count) \
    UNSIGNED(live_bytes)

/* An instant with a name, and the figures of the process as they were then. Totals are nine numbers:
 * reallocations, failed allocations, peak blocks, peak bytes, peak time, mapped bytes and their peak,
 * common peak bytes and time. Sites are eight for each that has changed since the process's mark before:
 * site id, allocations, allocated bytes, frees, freed bytes, temporary allocations, peak blocks, peak
 * bytes. Marks of a process follow each other in time. */
#define RECORDING_FIELDS_mark(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id_plus_1) \
    UNSIGNED(time_ns) \
    TEXT(name) \
    UNSIGNED(has_figures)           /* 0: not known, at this mark and later ones */ \
    UNSIGNED_LIST(totals) \
    UNSIGNED_LIST(sites)

/* A call that the program should not have made. */
#define RECORDING_FIELDS_misuse(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id) \
    UNSIGNED(kind)                  /* enum recording_misuse_kind */ \
    UNSIGNED(time_ns) \
    UNSIGNED(address) \
    UNSIGNED(size) \
    UNSIGNED(function)              /* that was called: enum function_kind */ \
    UNSIGNED(stack_node_id)         /* of the call */ \
    UNSIGNED(allocation_function)   /* of the block; FUNCTION_NONE = none known */ \
    UNSIGNED(allocation_stack_node_id) \
    UNSIGNED(count)                 /* calls with the same kind and stacks */

/* What the recorder itself cost. */
#define RECORDING_FIELDS_recorder(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(cpu_ns) \
    UNSIGNED(peak_resident_bytes) \
    UNSIGNED(bottleneck_ns)         /* time in which full rings waited for the recorder */

/* Stands in a recording that ended well. */
#define RECORDING_FIELDS_end(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(duration_ns) \
    UNSIGNED(is_complete)           /* 0: the recorder had to stop early */

/* What referred to what in one process at one instant (src/snapshot/snapshot.h). The records below
 * hold the rest of it; they never change, and the snapshot counts only with all of them. */
#define RECORDING_FIELDS_snapshot(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(id)                    /* counts the snapshots of a recording */ \
    UNSIGNED(process_id) \
    UNSIGNED(time_ns) \
    UNSIGNED(reason)                /* enum snapshot_reason */ \
    UNSIGNED(end)                   /* enum snapshot_end */ \
    TEXT(note)                      /* what went wrong or is missing, in words */ \
    UNSIGNED(stop_ns)               /* how long the process was held */ \
    UNSIGNED(scan_ns) \
    UNSIGNED(unreadable_bytes) \
    UNSIGNED(missing_threads)       /* without registers or stack */ \
    UNSIGNED(unsure_blocks)         /* in transit, or guessed */ \
    UNSIGNED(roots_off)             /* set of 1 << kind of root: switched off */ \
    UNSIGNED(scanned_bytes) \
    UNSIGNED(skipped_bytes)         /* in pages that nobody ever touched */ \
    UNSIGNED(block_count)           /* in the records below */ \
    UNSIGNED(reference_count) \
    UNSIGNED(root_count) \
    UNSIGNED(module_count) \
    UNSIGNED(thread_count) \
    UNSIGNED(class_count) \
    UNSIGNED(fact_count) \
    TEXT(mark)                      /* of the instant, by the program; "" = none */ \
    UNSIGNED(is_copied)             /* the process went on while a copy of it was read */ \
    UNSIGNED(resident_bytes)        /* that it had in memory */ \
    UNSIGNED(content_limit)         /* so many of each block's first bytes are kept; 0 = none */ \
    UNSIGNED(python_nodes)          /* objects of a Python interpreter that it has a graph of */ \
    UNSIGNED(is_self_read)          /* nobody else may read it: it handed over its memory */

/* A file that was mapped as a module; roots name it by its position among these. */
#define RECORDING_FIELDS_snapshot_module(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    TEXT(path) \
    BYTES(build_id) \
    UNSIGNED(start_address) \
    UNSIGNED(end_address) \
    UNSIGNED(bias)                  /* address in memory - address in the file */

/* Frames are pairs, innermost first: stack address (minus that of the frame before), frame id. */
#define RECORDING_FIELDS_snapshot_thread(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(tid) \
    TEXT(name) \
    UNSIGNED(stack_start)           /* what was scanned of its stack */ \
    UNSIGNED(stack_end) \
    UNSIGNED_LIST(frames)

/* Some blocks, by address. Each is five varints: address minus that of the block before (of the
 * first: the address); bytes; site id; thread id << 4 | flags (enum snapshot_block_flags); birth_ns
 * minus that of the block before, zigzag. Thread 65535: none of the process. */
#define RECORDING_FIELDS_snapshot_blocks(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(first_block)           /* position among all */ \
    UNSIGNED(block_count) \
    BYTES(blocks)

/* The references of some blocks. Of each block: a varint, how many there are; then of each two:
 * position of the block that is referred to minus that of the referring one, zigzag; and
 * (slot minus that of the reference before, of the first: the slot) << 4 | kind (enum
 * snapshot_reference_kind). Slots are words of the referring block. */
#define RECORDING_FIELDS_snapshot_references(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(first_block) \
    UNSIGNED(block_count) \
    UNSIGNED(reference_count) \
    BYTES(references)

/* Some roots. Each is six varints: kind (enum snapshot_root_kind) | reference (enum
 * snapshot_reference_kind) << 4; address minus that of the root before, zigzag; position of the block
 * minus that of the root before, zigzag; module + 1 (0: none); thread + 1; number. */
#define RECORDING_FIELDS_snapshot_roots(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(first_root) \
    UNSIGNED(root_count) \
    BYTES(roots)

/* A C++ class, as its table of virtual functions tells; facts name it by its position among these. */
#define RECORDING_FIELDS_snapshot_class(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    TEXT(name)                      /* of its type information, mangled */ \
    UNSIGNED(module_plus_1)         /* position among the snapshot's */ \
    UNSIGNED(address)               /* of the table's first function, in the file */

/* Some facts of one kind. Each is three varints: owner minus that of the fact before; slot; value
 * (enum snapshot_fact_kind says what they are). */
#define RECORDING_FIELDS_snapshot_facts(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(kind)                  /* enum snapshot_fact_kind */ \
    UNSIGNED(fact_count) \
    BYTES(facts)

/* The heap that a Python interpreter keeps within the process (src/snapshot/python_heap.h): present
 * where there was one. Figures stand in the order of PYTHON_FIGURES, 2^64 - 1 = not known. Size classes
 * are four numbers each: bytes of a block, pools, used blocks, free blocks. Generations are five:
 * threshold, count, collections, collected, uncollectable. */
#define RECORDING_FIELDS_snapshot_python(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    TEXT(implementation)            /* CPython, PyPy */ \
    TEXT(version)                   /* 3.11.2; "" = not known */ \
    UNSIGNED(is_read)               /* 0: nothing can be said of it; why: */ \
    TEXT(refusal) \
    TEXT(note)                      /* what is missing */ \
    UNSIGNED_LIST(figures) \
    UNSIGNED_LIST(size_classes) \
    UNSIGNED_LIST(generations)

/* Types of one table (enum python_table); figures are three numbers each: objects, bytes, retained
 * bytes (2^64 - 1 = not known). */
#define RECORDING_FIELDS_snapshot_python_types(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(table) \
    TEXT_LIST(names) \
    UNSIGNED_LIST(figures)

/* One explanation (enum python_text_kind): a cycle, a path. */
#define RECORDING_FIELDS_snapshot_python_text(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(kind) \
    TEXT(subject)                   /* the type that it is about */ \
    TEXT(text) \
    UNSIGNED(count) \
    UNSIGNED(bytes)

/* What some blocks begin with; only where it was asked for, and not needed for the snapshot to
 * count. Of each block a varint: how many of its first bytes are kept; 0 of what could not be
 * read. Behind them, one after the other, the bytes. */
#define RECORDING_FIELDS_snapshot_contents(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(first_block)           /* position among all */ \
    UNSIGNED(block_count) \
    BYTES(contents)

/* Functions that ended in a jump between a call and what it led to: their frames were gone, debug
 * information names them. They stand between all neighbours like these, or between the innermost
 * frame and the allocation function. */
#define RECORDING_FIELDS_tail_calls(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(caller_frame_id) \
    UNSIGNED(callee_frame_id_plus_1) /* 0 = the allocation function */ \
    UNSIGNED(allocation_function)   /* enum function_kind; 0 when there is a frame */ \
    UNSIGNED_LIST(frames)           /* frame ids, innermost first */

/* What all of the process's memory is used for (src/snapshot/memory_use.h). Figures stand in the
 * order of MEMORY_FIGURES, 2^64 - 1 = not known. Categories are two numbers each: virtual and
 * resident bytes, in the order of enum memory_category. Parts are four: category, count, virtual and
 * resident bytes. Pins are six: arena, address, bytes, site (2^64 - 1 = not known), whether it is
 * free and cached, free bytes before it. Holders are four: site, blocks, bytes, free bytes before
 * them. */
#define RECORDING_FIELDS_snapshot_memory(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(is_measured)           /* 0: nothing can be said of it; why: */ \
    TEXT(note) \
    UNSIGNED_LIST(figures) \
    UNSIGNED_LIST(categories) \
    TEXT_LIST(part_names) \
    UNSIGNED_LIST(parts) \
    UNSIGNED_LIST(pins) \
    UNSIGNED_LIST(holders)

/* What the objects of a Python interpreter refer to (src/snapshot/python_graph.h); not needed for
 * the snapshot to count. All bytes are varints: of roots the label and the node, of holders the
 * block and the node, by growing block; nodes of which it is not known what all refers to them. */
#define RECORDING_FIELDS_snapshot_python_graph(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(node_count)            /* in the records below */ \
    UNSIGNED(edge_count) \
    UNSIGNED(type_count) \
    UNSIGNED(label_count) \
    BYTES(roots) \
    BYTES(holders) \
    BYTES(unsure) \
    BYTES(arenas)                   /* the interpreter's own memory: address less the last end, bytes */ \
    BYTES(slots)                    /* roots in memory: kind (enum snapshot_root_kind), address, thread's id, node */ \
    BYTES(locals)                   /* thread-local ones: address, start of the module, offset there, node */

/* Names of its types, and labels of its references. */
#define RECORDING_FIELDS_snapshot_python_names(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(kind)                  /* 0 types, 1 labels */ \
    UNSIGNED(first)                 /* position among all */ \
    TEXT_LIST(names)

/* Some of its nodes, with what they refer to; src/snapshot/python_graph.c says how they stand. */
#define RECORDING_FIELDS_snapshot_python_nodes(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(first_node)            /* position among all */ \
    UNSIGNED(node_count) \
    BYTES(nodes)

/* Sites of a process that have blocks which it was born with, and nothing else. `sites` are five
 * numbers each, by id: the id less the one before; the stack's node less the one before, zigzag;
 * the function; blocks; bytes: inherited, live and at the peak. A site record of the same site
 * replaces what stands here. */
#define RECORDING_FIELDS_inherited_sites(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(process_id) \
    UNSIGNED_LIST(sites)

/* Objects of one type with more references than anything holds (struct python_leak), each with the
 * same number of them. */
#define RECORDING_FIELDS_snapshot_python_leak(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    TEXT(type) \
    TEXT(example)                   /* what one of them is, or "" */ \
    TEXT(path)                      /* what keeps one of them besides; "": nothing */ \
    UNSIGNED(count) \
    UNSIGNED(surplus)               /* references of each that nobody holds */ \
    UNSIGNED(alone)                 /* objects that nothing else keeps */ \
    UNSIGNED(bytes) \
    UNSIGNED(retained_bytes)

/* Where Python's objects of one type were allocated that something is told of (struct python_site). */
#define RECORDING_FIELDS_snapshot_python_site(UNSIGNED, SIGNED, TEXT, BYTES, UNSIGNED_LIST, TEXT_LIST) \
    UNSIGNED(snapshot_id) \
    UNSIGNED(kind)                  /* enum python_site_kind */ \
    UNSIGNED(leak)                  /* which, by its position among the records above */ \
    TEXT(type) \
    UNSIGNED(site_id) \
    UNSIGNED(count) \
    UNSIGNED(bytes)
/* clang-format on */

enum recording_kind {
#define RECORDING_ENUM(number, name, keys) RECORDING_##name = number,
    RECORDING_RECORDS(RECORDING_ENUM)
#undef RECORDING_ENUM
    RECORDING_index = 255 /* the index chunk: framing, not a record */
};

/* Records of snapshots are written once and not kept in memory: a compaction copies their chunks,
 * and a chunk holds those of one snapshot only. They all begin with the snapshot's id. */
static inline int recording_is_of_snapshot(unsigned kind)
{
    return (kind >= RECORDING_snapshot && kind <= RECORDING_snapshot_contents) ||
           kind == RECORDING_snapshot_memory ||
           (kind >= RECORDING_snapshot_python_graph && kind <= RECORDING_snapshot_python_nodes) ||
           kind == RECORDING_snapshot_python_leak || kind == RECORDING_snapshot_python_site;
}

#define RECORDING_STRUCT_UNSIGNED(field)      uint64_t field;
#define RECORDING_STRUCT_SIGNED(field)        int64_t field;
#define RECORDING_STRUCT_TEXT(field)          const char *field;
#define RECORDING_STRUCT_BYTES(field)         struct recording_bytes field;
#define RECORDING_STRUCT_UNSIGNED_LIST(field) struct recording_list field;
#define RECORDING_STRUCT_TEXT_LIST(field)     struct recording_text_list field;
#define RECORDING_STRUCT(number, name, keys)                                                       \
    struct recording_##name {                                                                      \
        RECORDING_FIELDS_##name(RECORDING_STRUCT_UNSIGNED, RECORDING_STRUCT_SIGNED,                \
                                RECORDING_STRUCT_TEXT, RECORDING_STRUCT_BYTES,                     \
                                RECORDING_STRUCT_UNSIGNED_LIST, RECORDING_STRUCT_TEXT_LIST)        \
    };
RECORDING_RECORDS(RECORDING_STRUCT)
#undef RECORDING_STRUCT

enum recording_exit_kind {
    RECORDING_EXIT_UNKNOWN = 0,
    RECORDING_EXIT_STATUS = 1,
    RECORDING_EXIT_SIGNAL = 2,
    RECORDING_EXIT_EXEC = 3,
    RECORDING_EXIT_RUNNING = 4
};

enum recording_frame_kind {
    RECORDING_FRAME_NATIVE = 0,
    RECORDING_FRAME_JIT = 1,     /* code that PyPy made; no module, offset 0 */
    RECORDING_FRAME_UNKNOWN = 2, /* no module there */
    RECORDING_FRAME_OMITTED = 3, /* the depth limit left out `offset` frames here */
    RECORDING_FRAME_PYTHON = 4
};

/* Where the four numbers of each figure begin in a list of estimates. */
enum recording_estimate {
    RECORDING_ESTIMATE_INHERITED = 0,
    RECORDING_ESTIMATE_ALLOCATED = 4,
    RECORDING_ESTIMATE_FREED = 8,
    RECORDING_ESTIMATE_TEMPORARY = 12,
    RECORDING_ESTIMATE_PEAK = 16,
    RECORDING_ESTIMATE_LIVE = 20,
    RECORDING_ESTIMATE_NUMBERS = 24
};

enum recording_misuse_kind {
    RECORDING_MISUSE_DOUBLE_FREE = 1,
    RECORDING_MISUSE_FOREIGN_FREE = 2,
    RECORDING_MISUSE_MISMATCH = 3,
    RECORDING_MISUSE_WRONG_SIZE = 4
};

#endif
