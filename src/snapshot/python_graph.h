/* What the objects of a Python interpreter refer to, as a part of a snapshot: made while the memory
 * was there (src/runtimes), kept in the recording in a few bytes an object and reference, and
 * joined with the snapshot's own blocks by those who ask what keeps what.
 *
 * Nodes are numbered from 0 on, in the order in which they are added. A node is an object with the
 * storage that it has in the interpreter's arenas; one that stands in a block of malloc's is that
 * block. */
#ifndef SEEP_SNAPSHOT_PYTHON_GRAPH_H
#define SEEP_SNAPSHOT_PYTHON_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/string_pool.h"
#include "base/text.h"
#include "recording/recording_reader.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_store.h"

/* Labels from here on are texts; below they are positions in a sequence: "[3]". */
#define PYTHON_GRAPH_TEXTS    UINT32_C(0x80000000)
#define PYTHON_GRAPH_NO_LABEL UINT32_MAX

/* The label of what an object keeps apart, and knows how to read: nothing in it refers to anything
 * that the object does not. */
#define PYTHON_GRAPH_STORAGE ".<storage>"

/* The type of what blocks of malloc's that are arenas have beside objects. */
#define PYTHON_GRAPH_ARENA "GC memory beside objects"

/* What is said of a native block that an object refers to. */
#define PYTHON_GRAPH_NO_BLOCK SNAPSHOT_NONE

struct python_graph_node {
    uint32_t type;    /* id of its name in `types` */
    uint32_t block;   /* of the snapshot that it stands in, or PYTHON_GRAPH_NO_BLOCK: then */
    uint64_t address; /* of its own memory */
    uint64_t bytes;   /* with its storage in arenas */
};

/* Made by adding; owned by a python_heap. */
struct python_graph {
    struct string_pool *types, *labels;
    struct text *pieces; /* of nodes, as they stand in the recording */
    uint64_t *first_nodes;
    size_t piece_count, piece_capacity, first_capacity;
    uint64_t node_count, edge_count;
    struct text roots;   /* varints: label, node */
    struct text slots;   /* varints: kind, address, thread, node */
    struct text locals;  /* varints: address, start of the module, offset, node */
    struct text holders; /* varints: block, node: blocks of malloc's that hold objects */
    struct text unsure;  /* varints: nodes that more refers to than is known */
    struct text arenas;  /* varints: address less the last one's end, bytes */
    uint64_t root_count, holder_count, unsure_count, arena_end;
    /* Of the node that is being added. */
    struct text edges;
    uint64_t edges_of_node, next_index;
    uint64_t last_address;
    uint32_t last_block;
};

struct python_graph *python_graph_create(void);
void python_graph_destroy(struct python_graph *graph);

/* A node's edges come before the node itself. `label`: a position, or PYTHON_GRAPH_TEXTS + an id of
 * `labels`. */
void python_graph_add_edge(struct python_graph *graph, uint32_t label, uint32_t node);
void python_graph_add_block_edge(struct python_graph *graph, uint32_t label, uint32_t block);
void python_graph_add_node(struct python_graph *graph, const struct python_graph_node *node);
void python_graph_add_root(struct python_graph *graph, const char *name, uint32_t node);
/* A root that is a place in the process's memory, which is told as those of blocks are. */
struct python_graph_slot {
    enum snapshot_root_kind kind; /* GLOBAL, STACK or REGISTER */
    uint64_t address;             /* of the slot; of a register its number */
    uint32_t tid;                 /* STACK and REGISTER; 0 = not known */
    uint32_t node;
};
void python_graph_add_slot(struct python_graph *graph, const struct python_graph_slot *slot);
/* The same, of a thread-local variable. */
struct python_graph_local {
    uint64_t address;      /* of the slot */
    uint64_t module_start; /* of the module whose variable it is */
    uint64_t offset;       /* among those of the module */
    uint32_t node;
};
void python_graph_add_local(struct python_graph *graph, const struct python_graph_local *local);
/* A block of malloc's refers to a node. */
void python_graph_add_holder(struct python_graph *graph, uint32_t block, uint32_t node);
/* Of a node that stands in a block: what looks like a reference to it from elsewhere counts. */
void python_graph_add_unsure(struct python_graph *graph, uint32_t node);

/* Memory that objects are in, by growing address: what a scan found there is known better. It may
 * be a block of malloc's: then that counts without the objects in it. */
void python_graph_add_arena(struct python_graph *graph, uint64_t address, uint64_t bytes);

/* Its records, of the snapshot with this number. */
void python_graph_write(const struct python_graph *graph, uint64_t snapshot_id,
                        snapshot_add_record add, void *context);

/* Adds what there is in the recording of Python's objects to a snapshot that was read from it: the
 * blocks behind the others, by growing address where they can be (snapshot.python_blocks), with
 * their references, roots and types. Nothing where there is none. */
bool python_graph_join(struct recording_reader *reader, uint64_t snapshot_id,
                       struct snapshot *snapshot, struct error *error);

#endif
