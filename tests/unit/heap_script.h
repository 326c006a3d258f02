/* Short words for tests that feed a heap model a script of events and look at its records. */
#ifndef SEEP_TESTS_HEAP_SCRIPT_H
#define SEEP_TESTS_HEAP_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "heap/heap_model.h"

enum {
    MAIN = 0,
    OTHER = 1
};

static inline struct heap_model *new_model(void)
{
    struct heap_model_options options = {.start_ns = 0};
    struct heap_model *model = heap_model_create(&options);
    assert_int_equal(heap_model_add_thread(model, 100, "main", 0), MAIN);
    assert_int_equal(heap_model_add_thread(model, 101, NULL, 0), OTHER);
    return model;
}

static inline void apply(struct heap_model *model, struct heap_event event)
{
    heap_model_apply(model, &event, 1);
}

static inline void birth_by(struct heap_model *model, uint32_t thread, uint64_t time,
                            uint64_t address, uint64_t size, uint32_t stack)
{
    apply(model, (struct heap_event){.kind = HEAP_EVENT_BIRTH,
                                     .thread = thread,
                                     .time_ns = time,
                                     .address = address,
                                     .size = size,
                                     .stack = {stack},
                                     .function = FUNCTION_MALLOC});
}

static inline void release_by(struct heap_model *model, uint32_t thread, uint64_t time,
                              uint64_t address)
{
    apply(model, (struct heap_event){.kind = HEAP_EVENT_RELEASE,
                                     .thread = thread,
                                     .time_ns = time,
                                     .address = address,
                                     .function = FUNCTION_FREE});
}

static inline void birth(struct heap_model *model, uint64_t time, uint64_t address, uint64_t size,
                         uint32_t stack)
{
    birth_by(model, MAIN, time, address, size, stack);
}

static inline void release(struct heap_model *model, uint64_t time, uint64_t address)
{
    release_by(model, MAIN, time, address);
}

static inline void leave(struct heap_model *model, uint64_t time, uint64_t address)
{
    apply(model, (struct heap_event){.kind = HEAP_EVENT_LEAVE,
                                     .time_ns = time,
                                     .address = address,
                                     .function = FUNCTION_REALLOC});
}

static inline void arrive(struct heap_model *model, uint64_t time, uint64_t address, uint64_t size,
                          uint32_t stack)
{
    apply(model, (struct heap_event){.kind = HEAP_EVENT_ARRIVE,
                                     .time_ns = time,
                                     .address = address,
                                     .size = size,
                                     .stack = {stack},
                                     .function = FUNCTION_REALLOC});
}

static inline void undo(struct heap_model *model, uint64_t time)
{
    apply(model, (struct heap_event){
                     .kind = HEAP_EVENT_UNDO, .time_ns = time, .function = FUNCTION_REALLOC});
}

static inline struct recording_totals totals_of(const struct heap_model *model)
{
    struct recording_totals totals;
    heap_model_totals(model, &totals);
    assert_int_equal(totals.inherited_blocks + totals.allocations,
                     totals.frees + totals.live_blocks);
    assert_int_equal(totals.inherited_bytes + totals.allocated_bytes,
                     totals.freed_bytes + totals.live_bytes);
    return totals;
}

static inline struct recording_quality quality_of(const struct heap_model *model)
{
    struct recording_quality quality;
    heap_model_quality(model, &quality);
    return quality;
}

/* The records of one write, copied as far as tests look at them. */
struct records {
    struct recording_site sites[64];
    uint64_t sizes[64][8], lifetimes[64][16], threads[64][28];
    size_t site_count;
    struct recording_totals totals;
    struct recording_thread thread[8];
    size_t thread_count;
    struct recording_mapping_site mappings[8];
    size_t mapping_count;
    struct recording_misuse misuses[8];
    size_t misuse_count;
    size_t sample_count, timeline_count;
    bool is_valid;
};

static inline void copy_list(uint64_t *to, size_t room, const struct recording_list *list)
{
    assert_true(list->count <= room);
    for (size_t i = 0; i < list->count; i++)
        to[i] = list->items[i];
}

static inline void keep_record(void *context, enum recording_kind kind, const void *record)
{
    struct records *records = context;
    if (kind == RECORDING_site) {
        size_t at = records->site_count++;
        assert_true(at < 64);
        records->sites[at] = *(const struct recording_site *)record;
        copy_list(records->sizes[at], 8, &records->sites[at].size_histogram);
        copy_list(records->lifetimes[at], 16, &records->sites[at].lifetime_histogram);
        copy_list(records->threads[at], 28, &records->sites[at].threads);
    } else if (kind == RECORDING_totals) {
        records->totals = *(const struct recording_totals *)record;
    } else if (kind == RECORDING_thread) {
        records->thread[records->thread_count++] = *(const struct recording_thread *)record;
    } else if (kind == RECORDING_mapping_site) {
        records->mappings[records->mapping_count++] = *(
            const struct recording_mapping_site *)record;
    } else if (kind == RECORDING_misuse) {
        records->misuses[records->misuse_count++] = *(const struct recording_misuse *)record;
    } else if (kind == RECORDING_sample) {
        records->sample_count++;
    } else {
        assert_int_equal(kind, RECORDING_timeline);
        records->timeline_count++;
    }
}

static inline struct records records_of(struct heap_model *model, bool is_everything)
{
    static struct records records;
    memset(&records, 0, sizeof records);
    records.is_valid = heap_model_write_records(model, 7, is_everything, keep_record, &records);
    return records;
}

#endif
