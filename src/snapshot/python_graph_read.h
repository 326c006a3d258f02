/* The records of a Python graph in a recording, decoded and checked; python_graph.c wrote them. */
#ifndef SEEP_SNAPSHOT_PYTHON_GRAPH_READ_H
#define SEEP_SNAPSHOT_PYTHON_GRAPH_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "recording/recording_reader.h"
#include "snapshot/python_graph.h"
#include "snapshot/snapshot.h"

#define PYTHON_GRAPH_BLOCK UINT32_C(0x80000000)

struct python_graph_edge {
    uint32_t target; /* a node, or PYTHON_GRAPH_BLOCK + a block of malloc's */
    uint32_t label;  /* a position, or PYTHON_GRAPH_TEXTS + a text of `labels` */
};

struct python_graph_texts {
    char **items;
    size_t count, capacity;
};

struct python_graph_records {
    bool is_whole;         /* else torn or damaged: nothing of it is to be used */
    uint32_t native_count; /* blocks of malloc's; those of objects follow */
    uint32_t *block_of_node;
    uint32_t *type_of_node;
    uint64_t *edge_ends; /* by node: where its edges end */
    size_t node_count;
    struct python_graph_edge *edges;
    size_t edge_count;
    struct python_graph_texts types, labels;
    /* As recording_records.h describes them. */
    uint8_t *roots, *slots, *locals, *holders, *unsure, *arenas;
    size_t root_bytes, slot_bytes, local_bytes, holder_bytes, unsure_bytes, arena_bytes;

    /* While they are read. */
    struct snapshot *snapshot;
    uint64_t id;
    bool has_head, is_damaged;
    uint64_t node_total, edge_total, type_total, label_total;
    size_t node_capacity, type_capacity, end_capacity, edge_capacity;
};

/* Adds a block to the snapshot for each object that is in none of malloc's. False: the recording
 * cannot be read; what is damaged is not whole. Cleared by the caller, also when it failed. */
bool python_graph_read(struct recording_reader *reader, uint64_t snapshot_id,
                       struct snapshot *snapshot, struct python_graph_records *read,
                       struct error *error);
void python_graph_records_clear(struct python_graph_records *read);

#endif
