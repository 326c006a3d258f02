#include "heap/heap_model.h"

#include <stdlib.h>

#include "base/memory.h"
#include "heap/heap_state.h"

struct number_list {
    uint64_t *items;
    size_t count;
    size_t capacity;
};

struct record_writer {
    uint64_t process_id;
    heap_model_write write;
    void *context;
    struct number_list sizes;
    struct number_list lifetimes;
    struct number_list threads;
    uint64_t estimates[ESTIMATES_NUMBERS];
};

static void add_number(struct number_list *list, uint64_t number)
{
    list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = number;
}

static struct recording_list list_histogram(const struct histogram *histogram,
                                            struct number_list *list)
{
    list->count = 0;
    for (uint64_t left = histogram->buckets; left != 0; left &= left - 1) {
        unsigned bucket = (unsigned)__builtin_ctzll(left);
        add_number(list, bucket);
        add_number(list, histogram_count(histogram, bucket));
    }
    return (struct recording_list){.items = list->items, .count = list->count};
}

static struct recording_list list_threads(const struct site *site, struct number_list *list)
{
    list->count = 0;
    for (uint32_t i = 0; i < site_threads_count(site); i++) {
        struct site_thread thread = site_threads_at(site, i);
        add_number(list, thread.thread);
        add_number(list, thread.allocations);
        add_number(list, thread.allocated_bytes);
        add_number(list, thread.frees);
        add_number(list, thread.freed_bytes);
        add_number(list, thread.allocations - thread.frees);
        add_number(list, thread.allocated_bytes - thread.freed_bytes);
    }
    return (struct recording_list){.items = list->items, .count = list->count};
}

/* Empty when nothing is sampled. */
static struct recording_list list_estimates(struct record_writer *writer,
                                            const struct heap_model *model,
                                            const struct estimates *estimates)
{
    if (model->options.bytes_per_sample == 0)
        return (struct recording_list){0};
    struct estimate peak = estimates->peak_epoch == model->peak.epoch ? estimates->peak
                                                                      : estimates_live(estimates);
    estimates_to_numbers(estimates, &peak, writer->estimates);
    return (struct recording_list){.items = writer->estimates, .count = ESTIMATES_NUMBERS};
}

static void write_site(struct record_writer *writer, const struct heap_model *model, uint32_t id,
                       const struct site *site)
{
    static const struct estimates none;
    const struct estimates *estimates = id < model->estimates.count ? &model->estimates.sites[id]
                                                                    : &none;
    struct recording_site record = {
        .process_id = writer->process_id,
        .id = id,
        .stack_node_id = site->stack,
        .allocation_function = site->function,
        .allocations = site->allocations,
        .frees = site->frees,
        .allocated_bytes = site->allocated_bytes,
        .freed_bytes = site->freed_bytes,
        .inherited_blocks = site->inherited_blocks,
        .inherited_bytes = site->inherited_bytes,
        .live_blocks = site_live_blocks(site),
        .live_bytes = site_live_bytes(site),
        .peak_blocks = site->written_peak_blocks,
        .peak_bytes = site->written_peak_bytes,
        .temporary_allocations = site->temporary_allocations,
        .first_ns = site->first_ns,
        .last_ns = site->last_ns,
        .size_histogram = list_histogram(&site->sizes, &writer->sizes),
        .lifetime_histogram = list_histogram(&site->lifetimes, &writer->lifetimes),
        .threads = list_threads(site, &writer->threads),
        .estimates = list_estimates(writer, model, estimates),
    };
    writer->write(writer->context, RECORDING_site, &record);
}

/* A site that does not change may still get another figure at the peak: when a new peak comes, it
 * is what the site holds. So a site stays in the set until the two are the same. */
static void write_if_changed(struct record_writer *writer, struct heap_model *model, uint32_t id,
                             struct site *site, bool is_everything)
{
    uint64_t peak_bytes = peak_site_bytes(&model->peak, site);
    uint64_t peak_blocks = peak_site_blocks(&model->peak, site);
    bool is_changed = site->is_changed || peak_bytes != site->written_peak_bytes ||
                      peak_blocks != site->written_peak_blocks;
    site->is_changed = false;
    site->written_peak_bytes = peak_bytes;
    site->written_peak_blocks = peak_blocks;
    if (is_changed || is_everything)
        write_site(writer, model, id, site);
    if (peak_bytes == site_live_bytes(site) && peak_blocks == site_live_blocks(site))
        id_set_remove(&model->sites.changed, id);
}

/* What is noted in one that was not touched is lost, but for that it is no changed one any more. */
static void write_any(struct record_writer *writer, struct heap_model *model, uint32_t id,
                      bool is_everything)
{
    struct site untouched;
    const struct site *site = site_table_look(&model->sites, id, &untouched);
    write_if_changed(writer, model, id,
                     site == &untouched ? &untouched : site_table_at(&model->sites, id),
                     is_everything);
}

static void write_sites(struct record_writer *writer, struct heap_model *model, bool is_everything)
{
    if (is_everything)
        for (uint32_t id = 0; id < model->sites.count; id++)
            write_any(writer, model, id, true);
    else
        for (uint32_t id = 0; id_set_next(&model->sites.changed, &id); id++)
            write_any(writer, model, id, false);
}

static void write_totals(struct record_writer *writer, const struct heap_model *model)
{
    struct recording_totals record;
    heap_model_totals(model, &record);
    record.process_id = writer->process_id;
    record.estimates = list_estimates(writer, model, &model->estimates.total);
    writer->write(writer->context, RECORDING_totals, &record);
}

static void write_threads(struct record_writer *writer, struct heap_model *model,
                          bool is_everything)
{
    for (size_t i = 0; i < model->threads.count; i++) {
        struct heap_thread *thread = &model->threads.items[i];
        if (!thread->is_changed && !is_everything)
            continue;
        thread->is_changed = false;
        struct recording_thread record = {
            .process_id = writer->process_id,
            .id = i,
            .tid = thread->tid,
            .name = thread->name,
            .start_ns = thread->start_ns,
            .end_ns = thread->end_ns,
            .allocations = thread->allocations,
            .allocated_bytes = thread->allocated_bytes,
            .frees = thread->frees,
            .freed_bytes = thread->freed_bytes,
        };
        writer->write(writer->context, RECORDING_thread, &record);
    }
}

static void write_block(void *context, uint64_t block_index, uint64_t bucket_ns,
                        uint64_t delta_count, const uint8_t *bytes, size_t byte_count)
{
    struct record_writer *writer = context;
    struct recording_timeline record = {
        .process_id = writer->process_id,
        .block_index = block_index,
        .bucket_ns = bucket_ns,
        .delta_count = delta_count,
        .deltas = {.bytes = bytes, .count = byte_count},
    };
    writer->write(writer->context, RECORDING_timeline, &record);
}

static void write_sample(void *context, const struct sample *sample)
{
    struct record_writer *writer = context;
    struct recording_sample record = {
        .process_id = writer->process_id,
        .time_ns = sample->time_ns,
        .heap_bytes = sample->heap_bytes,
        .heap_peak_bytes = sample->heap_peak_bytes,
        .mapped_bytes = sample->mapped_bytes,
        .resident_bytes = sample->resident_bytes,
        .live_blocks = sample->live_blocks,
    };
    writer->write(writer->context, RECORDING_sample, &record);
}

static void write_mapping_sites(struct record_writer *writer, struct heap_model *model,
                                bool is_everything)
{
    for (size_t i = 0; i < model->mappings.site_count; i++) {
        struct mapping_site *site = &model->mappings.sites[i];
        if (!site->is_changed && !is_everything)
            continue;
        site->is_changed = false;
        struct recording_mapping_site record = {
            .process_id = writer->process_id,
            .id = i,
            .stack_node_id = site->stack,
            .function = site->function,
            .is_anonymous = site->is_anonymous,
            .count = site->count,
            .mapped_bytes = site->mapped_bytes,
            .live_count = site->live_count,
            .live_bytes = site->live_bytes,
        };
        writer->write(writer->context, RECORDING_mapping_site, &record);
    }
}

/* Misuse records add up: what was written before is not written again. */
static void write_misuses(struct record_writer *writer, struct heap_model *model,
                          bool is_everything)
{
    for (size_t i = 0; i < model->misuses.count; i++) {
        struct misuse *misuse = &model->misuses.items[i];
        uint64_t count = misuse->count - (is_everything ? 0 : misuse->written_count);
        if (count == 0)
            continue;
        misuse->written_count = misuse->count;
        struct recording_misuse record = {
            .process_id = writer->process_id,
            .kind = misuse->kind,
            .time_ns = misuse->time_ns,
            .address = misuse->address,
            .size = misuse->size,
            .function = misuse->function,
            .stack_node_id = misuse->stack,
            .allocation_function = misuse->allocation_function,
            .allocation_stack_node_id = misuse->allocation_stack,
            .count = count,
        };
        writer->write(writer->context, RECORDING_misuse, &record);
    }
}

bool heap_model_write_records(struct heap_model *model, uint64_t process_id, bool is_everything,
                              heap_model_write write, void *context)
{
    struct record_writer writer = {.process_id = process_id, .write = write, .context = context};
    bool is_journal_valid = is_everything || !model->timeline.was_widened;
    write_totals(&writer, model);
    write_sites(&writer, model, is_everything);
    write_threads(&writer, model, is_everything);
    if (is_journal_valid)
        timeline_write_blocks(&model->timeline, &model->sites, is_everything, write_block, &writer);
    samples_write_points(&model->samples, is_everything, write_sample, &writer);
    write_mapping_sites(&writer, model, is_everything);
    write_misuses(&writer, model, is_everything);
    free(writer.sizes.items);
    free(writer.lifetimes.items);
    free(writer.threads.items);
    return is_journal_valid;
}

bool heap_model_wants_compaction(const struct heap_model *model)
{
    return model->timeline.was_widened;
}

void heap_model_visit_sites(const struct heap_model *model, heap_model_visit_site visit,
                            void *context)
{
    for (uint32_t id = 0; id < model->sites.count; id++) {
        struct site untouched;
        const struct site *site = site_table_look(&model->sites, id, &untouched);
        visit(context,
              &(struct heap_site_sums){.id = id,
                                       .allocations = site->allocations,
                                       .allocated_bytes = site->allocated_bytes,
                                       .frees = site->frees,
                                       .freed_bytes = site->freed_bytes,
                                       .temporary_allocations = site->temporary_allocations,
                                       .peak_blocks = peak_site_blocks(&model->peak, site),
                                       .peak_bytes = peak_site_bytes(&model->peak, site)});
    }
}

void heap_model_visit_new_births(struct heap_model *model, heap_model_visit_birth visit,
                                 void *context)
{
    for (; model->visited_sites < model->sites.count; model->visited_sites++) {
        struct site untouched;
        const struct site *site = site_table_look(&model->sites, model->visited_sites, &untouched);
        visit(context, (struct stack_id){site->stack}, (enum function_kind)site->function);
    }
    for (; model->visited_mapping_sites < model->mappings.site_count;
         model->visited_mapping_sites++) {
        const struct mapping_site *site = &model->mappings.sites[model->visited_mapping_sites];
        visit(context, (struct stack_id){site->stack}, (enum function_kind)site->function);
    }
}
