/* Objects of an interpreter joined with a snapshot: what refers to what is as it was told, what a
 * scan took for references to objects is gone where it is known better, and whatever is forged
 * leads nowhere outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recording_fixture.h"
#include "snapshot/python_graph.h"

enum {
    ARENA = 0x100000,
    HEAP = 0x800000,
    FORGERIES = 1000
};

/* Blocks: 0 is storage of an object, 1 is an object itself, 2 is a block of the program's. They all
 * refer to block 1, and so do a root in an arena, and one elsewhere. */
static void fill_native(struct snapshot *snapshot)
{
    snapshot_init(snapshot);
    for (uint64_t i = 0; i < 3; i++)
        snapshot_add_block(snapshot,
                           &(struct snapshot_block){.address = HEAP + i * 0x100, .bytes = 64});
    snapshot_add_reference(snapshot, 0, 1, 0, SNAPSHOT_START);
    snapshot_add_reference(snapshot, 1, 2, 0, SNAPSHOT_START);
    snapshot_add_reference(snapshot, 2, 0, 0, SNAPSHOT_START);
    snapshot_add_reference(snapshot, 2, 1, 1, SNAPSHOT_START);
    snapshot_end_references(snapshot);
    for (uint32_t block = 0; block < 3; block++) {
        snapshot_add_root(snapshot, &(struct snapshot_root){.address = ARENA + 8 * block,
                                                            .block = block,
                                                            .module = SNAPSHOT_NONE,
                                                            .thread = SNAPSHOT_NONE,
                                                            .kind = SNAPSHOT_ROOT_MAPPING});
        snapshot_add_root(snapshot, &(struct snapshot_root){.address = 0x5000 + 8 * block,
                                                            .block = block,
                                                            .module = SNAPSHOT_NONE,
                                                            .thread = SNAPSHOT_NONE,
                                                            .kind = SNAPSHOT_ROOT_GLOBAL});
    }
}

static uint32_t label(struct python_graph *graph, const char *text)
{
    return PYTHON_GRAPH_TEXTS + string_pool_add(graph->labels, text).index;
}

/* Node 0: a list with storage in block 0 and items 1 and 2; node 1: a type in block 1; node 2: a
 * Node whose class is 1, and whose `next` is 0. */
static struct python_graph *make_graph(bool is_unsure)
{
    struct python_graph *graph = python_graph_create();
    uint32_t list = string_pool_add(graph->types, "list").index;
    uint32_t type = string_pool_add(graph->types, "type").index;
    uint32_t node = string_pool_add(graph->types, "Node").index;
    python_graph_add_arena(graph, ARENA, 0x1000);
    python_graph_add_block_edge(graph, label(graph, PYTHON_GRAPH_STORAGE), 0);
    python_graph_add_edge(graph, 0, 1);
    python_graph_add_edge(graph, 1, 2);
    python_graph_add_node(
        graph, &(struct python_graph_node){list, PYTHON_GRAPH_NO_BLOCK, ARENA + 0x100, 72});
    python_graph_add_node(graph, &(struct python_graph_node){.type = type, .block = 1});
    python_graph_add_edge(graph, label(graph, ".__class__"), 1);
    python_graph_add_edge(graph, label(graph, ".next"), 0);
    python_graph_add_node(
        graph, &(struct python_graph_node){node, PYTHON_GRAPH_NO_BLOCK, ARENA + 0x80, 48});
    python_graph_add_root(graph, "__main__", 0);
    python_graph_add_holder(graph, 2, 2);
    python_graph_add_slot(graph, &(struct python_graph_slot){SNAPSHOT_ROOT_GLOBAL, 0x6000, 0, 2});
    python_graph_add_slot(graph, &(struct python_graph_slot){SNAPSHOT_ROOT_STACK, 0x7000, 5, 2});
    python_graph_add_local(graph, &(struct python_graph_local){0x7800, 0x4000, 0x18, 2});
    if (is_unsure)
        python_graph_add_unsure(graph, 1);
    return graph;
}

static void add(void *context, enum recording_kind kind, const void *record)
{
    recording_writer_add(context, kind, record);
}

/* Destroys the graph. */
static void join(struct place *place, struct python_graph *graph, struct snapshot *snapshot)
{
    const char *path = path_in(place, "joined.seep");
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_publish(writer, NULL));
    python_graph_write(graph, 7, add, writer);
    recording_writer_close(writer);
    python_graph_destroy(graph);
    struct recording_reader *reader = open_reader(path);
    fill_native(snapshot);
    assert_true(python_graph_join(reader, 7, snapshot, NULL));
    recording_reader_close(reader);
}

static void read_joined(struct place *place, bool is_unsure, struct snapshot *snapshot)
{
    join(place, make_graph(is_unsure), snapshot);
}

static void check_row(const struct snapshot *snapshot, uint32_t block, size_t count,
                      const uint32_t *targets)
{
    uint64_t first = snapshot->first_reference[block];
    assert_int_equal(snapshot->first_reference[block + 1] - first, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(snapshot->references[first + i].block, targets[i]);
}

static void test_rows_are_as_told(void **state)
{
    struct snapshot snapshot;
    read_joined(*state, false, &snapshot);
    assert_int_equal(snapshot.block_count, 5);
    assert_int_equal(snapshot.objects->first_block, 3);
    assert_int_equal(snapshot.blocks[3].address, ARENA + 0x100);
    assert_int_equal(snapshot.blocks[4].bytes, 48);
    check_row(&snapshot, 0, 0, NULL); /* storage */
    check_row(&snapshot, 1, 0, NULL); /* an object without edges */
    check_row(&snapshot, 2, 2, (const uint32_t[]){0, 4});
    check_row(&snapshot, 3, 3, (const uint32_t[]){0, 1, 4});
    check_row(&snapshot, 4, 2, (const uint32_t[]){1, 3});
    const char *names[5] = {"list storage", "type", NULL, "list", "Node"};
    for (size_t i = 0; i < 5; i++)
        if (names[i] == NULL)
            assert_int_equal(snapshot.objects->types[i], SNAPSHOT_NONE);
        else
            assert_string_equal(snapshot.objects->type_names[snapshot.objects->types[i]], names[i]);
    uint64_t row = snapshot.first_reference[3];
    assert_int_equal(snapshot.objects->labels[row + 1], 0);
    assert_int_equal(snapshot.objects->labels[row + 2], 1);
    uint32_t next = snapshot.objects->labels[snapshot.first_reference[4] + 1] - PYTHON_GRAPH_TEXTS;
    assert_string_equal(snapshot.objects->label_texts[next], ".next");
    assert_int_equal(snapshot_find_block(&snapshot, ARENA + 0x81), 4);
    assert_int_equal(snapshot_find_block(&snapshot, HEAP + 0x101), 1);
    snapshot_clear(&snapshot);
}

/* Of an object whose references are all known nothing else holds it; what it keeps apart is not
 * held by what the object itself says in its arena. */
static void test_roots_are_what_is_left(void **state)
{
    static const uint64_t sure[] = {0x5000, ARENA + 16, 0x5010},
                          unsure[] = {0x5000, ARENA + 8, 0x5008, ARENA + 16, 0x5010};
    for (int is_unsure = 0; is_unsure < 2; is_unsure++) {
        struct snapshot snapshot;
        const uint64_t *wanted = is_unsure ? unsure : sure;
        size_t count = is_unsure ? 5 : 3;
        read_joined(*state, is_unsure, &snapshot);
        assert_int_equal(snapshot.root_count, count + 4);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(snapshot.roots[i].address, wanted[i]);
        assert_int_equal(snapshot.roots[count].kind, SNAPSHOT_ROOT_PYTHON);
        assert_int_equal(snapshot.roots[count].block, 3);
        for (size_t i = count + 1; i < count + 4; i++)
            assert_int_equal(snapshot.roots[i].block, 4);
        assert_int_equal(snapshot.roots[count + 1].kind, SNAPSHOT_ROOT_GLOBAL);
        assert_int_equal(snapshot.roots[count + 1].address, 0x6000);
        assert_int_equal(snapshot.roots[count + 2].kind, SNAPSHOT_ROOT_STACK);
        assert_int_equal(snapshot.roots[count + 2].address, 0x7000);
        assert_int_equal(snapshot.roots[count + 3].kind, SNAPSHOT_ROOT_TLS);
        assert_int_equal(snapshot.roots[count + 3].address, 0x7800);
        assert_int_equal(snapshot.roots[count + 3].number, 0x18);
        snapshot_clear(&snapshot);
    }
}

/* Block 2 is an arena: an object of 24 bytes in it has block 0. What else is in there is not known,
 * and refers to block 1. */
static void test_an_arena_may_be_a_block(void **state)
{
    struct snapshot snapshot;
    struct python_graph *graph = python_graph_create();
    uint32_t node = string_pool_add(graph->types, "Node").index;
    python_graph_add_arena(graph, HEAP + 0x208, 0x38);
    python_graph_add_block_edge(graph, label(graph, ".<memory>"), 0);
    python_graph_add_node(
        graph, &(struct python_graph_node){node, PYTHON_GRAPH_NO_BLOCK, HEAP + 0x210, 24});
    python_graph_add_root(graph, "__main__", 0);
    join(*state, graph, &snapshot);
    assert_int_equal(snapshot.block_count, 4);
    assert_int_equal(snapshot.blocks[2].bytes, 64 - 24);
    assert_int_equal(snapshot.blocks[3].bytes, 24);
    check_row(&snapshot, 0, 1, (const uint32_t[]){1});
    check_row(&snapshot, 2, 1, (const uint32_t[]){1});
    check_row(&snapshot, 3, 1, (const uint32_t[]){0});
    assert_int_equal(snapshot.objects->types[1], SNAPSHOT_NONE);
    assert_string_equal(snapshot.objects->type_names[snapshot.objects->types[2]],
                        PYTHON_GRAPH_ARENA);
    assert_int_equal(snapshot_find_block(&snapshot, HEAP + 0x204), 2);
    snapshot_clear(&snapshot);
}

/* ---- forgeries ---- */

struct forging {
    struct recording_writer *writer;
    uint64_t random;
    uint64_t number;
};

static uint64_t draw(struct forging *forging, uint64_t limit)
{
    forging->random = forging->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (forging->random >> 33) % limit;
}

static struct recording_bytes forge(struct forging *forging, const struct recording_bytes *bytes,
                                    uint8_t *copy)
{
    size_t count = bytes->count;
    memcpy(copy, bytes->bytes, count);
    for (uint64_t i = draw(forging, 3); i-- > 0 && count > 0;)
        copy[draw(forging, count)] = (uint8_t)draw(forging, 256);
    if (draw(forging, 8) == 0 && count > 0)
        count -= draw(forging, count);
    return (struct recording_bytes){.bytes = copy, .count = count};
}

static void add_forged(void *context, enum recording_kind kind, const void *record)
{
    struct forging *forging = context;
    uint8_t copies[6][256];
    if (kind == RECORDING_snapshot_python_nodes) {
        struct recording_snapshot_python_nodes nodes = *(
            const struct recording_snapshot_python_nodes *)record;
        nodes.snapshot_id = forging->number;
        nodes.nodes = forge(forging, &nodes.nodes, copies[0]);
        recording_writer_add(forging->writer, kind, &nodes);
    } else if (kind == RECORDING_snapshot_python_graph) {
        struct recording_snapshot_python_graph head = *(
            const struct recording_snapshot_python_graph *)record;
        head.snapshot_id = forging->number;
        head.roots = forge(forging, &head.roots, copies[0]);
        head.holders = forge(forging, &head.holders, copies[1]);
        head.unsure = forge(forging, &head.unsure, copies[2]);
        head.arenas = forge(forging, &head.arenas, copies[3]);
        head.slots = forge(forging, &head.slots, copies[4]);
        head.locals = forge(forging, &head.locals, copies[5]);
        recording_writer_add(forging->writer, kind, &head);
    } else {
        struct recording_snapshot_python_names names = *(
            const struct recording_snapshot_python_names *)record;
        names.snapshot_id = forging->number;
        recording_writer_add(forging->writer, kind, &names);
    }
}

static void check_bounds(const struct snapshot *snapshot)
{
    for (uint64_t i = 0; i < snapshot->reference_count; i++)
        assert_in_range(snapshot->references[i].block, 0, snapshot->block_count - 1);
    for (size_t i = 0; i < snapshot->root_count; i++)
        assert_in_range(snapshot->roots[i].block, 0, snapshot->block_count - 1);
    for (size_t i = 0; snapshot->objects && i < snapshot->block_count; i++)
        assert_true(snapshot->objects->types[i] == SNAPSHOT_NONE ||
                    snapshot->objects->types[i] < snapshot->objects->type_count);
    assert_int_equal(snapshot->first_reference[snapshot->block_count], snapshot->reference_count);
}

static void test_forgeries_stay_within(void **state)
{
    const char *path = path_in(*state, "forged.seep");
    struct forging forging = {open_writer(path), 1, 0};
    struct python_graph *graph = make_graph(true);
    size_t joined = 0;
    assert_true(recording_writer_publish(forging.writer, NULL));
    for (; forging.number < FORGERIES; forging.number++)
        python_graph_write(graph, forging.number, add_forged, &forging);
    recording_writer_close(forging.writer);
    python_graph_destroy(graph);
    struct recording_reader *reader = open_reader(path);
    for (uint64_t i = 0; i < forging.number; i++) {
        struct snapshot snapshot;
        struct error error;
        fill_native(&snapshot);
        python_graph_join(reader, i, &snapshot, &error);
        check_bounds(&snapshot);
        joined += snapshot.objects != NULL;
        snapshot_clear(&snapshot);
    }
    assert_true(joined > 0 && joined < forging.number);
    recording_reader_close(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, recording_set_up, recording_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows_are_as_told),
        TEST(test_roots_are_what_is_left),
        TEST(test_an_arena_may_be_a_block),
        TEST(test_forgeries_stay_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
