#include "config.h"

#include "snapshot/target_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "snapshot/target_server.h"
#include "wire/pagemap_scan.h"

enum {
    PAGE_BYTES = 4096,
    TOUCHED_MAX = 512,    /* stretches that are remembered */
    PAGEMAP_WORDS = 8192, /* pages looked at in one read */
};

/* Of a word of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst). */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)

struct target_process {
    pid_t pid;
    int memory_fd;  /* -1 unless process_vm_readv was refused */
    int pagemap_fd; /* -1 until it was asked for */
    bool has_vm_read;
    bool has_pagemap_scan;
    bool has_pagemap;
    struct target_server *server; /* it reads itself; NULL = it can be read */
    /* Stretches within [known_start, known_end), of which everything is known. */
    uint64_t known_start, known_end;
    struct pagemap_region touched[TOUCHED_MAX];
    size_t touched_count;
};

static int open_part(uint32_t pid, const char *part)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/%s", pid, part);
    return open(path, O_RDONLY | O_CLOEXEC);
}

struct target_process *target_process_open(uint32_t pid, struct error *error)
{
    struct target_process *process = memory_allocate_zeroed(1, sizeof *process);
    process->pid = (pid_t)pid;
    process->memory_fd = process->pagemap_fd = -1;
    process->has_vm_read = true;
    process->has_pagemap = process->has_pagemap_scan = true;
    char byte;
    struct iovec here = {&byte, 1};
    struct iovec there = {(void *)1, 1};
    if (process_vm_readv(process->pid, &here, 1, &there, 1, 0) < 0 && errno != EFAULT) {
        int number = errno;
        process->has_vm_read = false;
        process->memory_fd = open_part(pid, "mem");
        if (process->memory_fd < 0) {
            error_set_errno(error, number, "cannot read the memory of process %u", pid);
            target_process_close(process);
            return NULL;
        }
    }
    return process;
}

struct target_process *target_process_serve(struct target_server *server)
{
    struct target_process *process = memory_allocate_zeroed(1, sizeof *process);
    process->memory_fd = process->pagemap_fd = -1;
    process->server = server;
    process->has_pagemap_scan = true;
    return process;
}

void target_process_close(struct target_process *process)
{
    if (!process)
        return;
    if (process->memory_fd >= 0)
        close(process->memory_fd);
    if (process->pagemap_fd >= 0)
        close(process->pagemap_fd);
    free(process);
}

static ssize_t read_some(const struct target_process *process, uint64_t address, void *bytes,
                         size_t count)
{
    if (process->server != NULL) {
        struct target_stretch stretch = {address, count < EXCHANGE_BYTES ? count : EXCHANGE_BYTES};
        return (ssize_t)target_server_read(process->server, &stretch, 1, bytes);
    }
    if (process->has_vm_read) {
        struct iovec here = {bytes, count};
        struct iovec there = {(void *)(uintptr_t)address, count};
        return process_vm_readv(process->pid, &here, 1, &there, 1, 0);
    }
    return pread(process->memory_fd, bytes, count, (off_t)address);
}

static size_t process_read(void *context, uint64_t address, void *bytes, size_t count)
{
    const struct target_process *process = context;
    size_t done = 0;
    while (done < count) {
        ssize_t got = read_some(process, address + done, (char *)bytes + done, count - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

static size_t process_read_several(void *context, const struct target_stretch *stretches,
                                   size_t count, void *bytes)
{
    const struct target_process *process = context;
    struct iovec there[TARGET_STRETCHES_MAX], here = {bytes, 0};
    if (process->server != NULL)
        return target_server_read(process->server, stretches, count, bytes);
    if (!process->has_vm_read || count > TARGET_STRETCHES_MAX)
        return 0;
    for (size_t i = 0; i < count; i++) {
        there[i] = (struct iovec){(void *)(uintptr_t)stretches[i].address, stretches[i].count};
        here.iov_len += stretches[i].count;
    }
    ssize_t got = process_vm_readv(process->pid, &here, 1, there, count, 0);
    return got > 0 ? (size_t)got : 0;
}

/* Learns the touched stretches from `start` on, as far as the table has room. */
static bool scan_pagemap(struct target_process *process, uint64_t start, uint64_t end)
{
    if (process->server != NULL) {
        process->known_start = process->known_end = start;
        return target_server_find_pages(process->server, start, end, process->touched, TOUCHED_MAX,
                                        &process->touched_count, &process->known_end);
    }
    struct pagemap_scan scan = {
        .size = sizeof scan,
        .start = start,
        .end = end,
        .regions = (uintptr_t)process->touched,
        .region_count = TOUCHED_MAX,
        .category_anyof_mask = PAGEMAP_SCAN_TOUCHED,
        .return_mask = PAGEMAP_SCAN_TOUCHED,
    };
    int count = ioctl(process->pagemap_fd, PAGEMAP_SCAN_REQUEST, &scan);
    if (count < 0 || scan.walk_end <= start)
        return false;
    process->touched_count = (size_t)count;
    process->known_start = start;
    process->known_end = scan.walk_end < end ? scan.walk_end : end;
    return true;
}

static bool read_pagemap(struct target_process *process, uint64_t start, uint64_t end)
{
    static const size_t word_bytes = sizeof(uint64_t);
    uint64_t *words = memory_allocate(PAGEMAP_WORDS * word_bytes);
    uint64_t wanted = (end - start) / PAGE_BYTES;
    if (wanted > PAGEMAP_WORDS)
        wanted = PAGEMAP_WORDS;
    ssize_t got = pread(process->pagemap_fd, words, wanted * word_bytes,
                        (off_t)(start / PAGE_BYTES * word_bytes));
    process->touched_count = 0;
    size_t page = 0;
    for (; got > 0 && page < (size_t)got / word_bytes; page++) {
        if (!(words[page] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)))
            continue;
        uint64_t at = start + page * PAGE_BYTES;
        struct pagemap_region *last = &process->touched[process->touched_count];
        if (process->touched_count > 0 && last[-1].end == at) {
            last[-1].end += PAGE_BYTES;
        } else if (process->touched_count < TOUCHED_MAX) {
            *last = (struct pagemap_region){.start = at, .end = at + PAGE_BYTES};
            process->touched_count++;
        } else {
            break;
        }
    }
    free(words);
    process->known_start = start;
    process->known_end = start + page * PAGE_BYTES;
    return page > 0;
}

/* Small processes have nothing that is worth it. */
static void open_pagemap(struct target_process *process)
{
    if (process->server != NULL)
        return;
    if (process->pagemap_fd < 0 && process->has_pagemap)
        process->pagemap_fd = open_part((uint32_t)process->pid, "pagemap");
    if (process->pagemap_fd < 0)
        process->has_pagemap = process->has_pagemap_scan = false;
}

static bool learn_touched(struct target_process *process, uint64_t start, uint64_t end)
{
    open_pagemap(process);
    if (process->has_pagemap_scan && scan_pagemap(process, start, end))
        return true;
    process->has_pagemap_scan = false;
    if (process->has_pagemap && read_pagemap(process, start, end))
        return true;
    process->has_pagemap = false;
    return false;
}

static bool process_find_touched(void *context, uint64_t start, uint64_t end,
                                 uint64_t *touched_start, uint64_t *touched_end)
{
    struct target_process *process = context;
    uint64_t at = start / PAGE_BYTES * PAGE_BYTES;
    uint64_t stop = (end + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    while (at < stop) {
        bool is_known = at >= process->known_start && at < process->known_end;
        if (!is_known && !learn_touched(process, at, stop)) {
            *touched_start = at > start ? at : start; /* not known: all of it counts */
            *touched_end = end;
            return true;
        }
        for (size_t i = 0; i < process->touched_count; i++) {
            const struct pagemap_region *region = &process->touched[i];
            if (region->end <= at)
                continue;
            if (region->start >= stop)
                return false;
            *touched_start = region->start > start ? region->start : start;
            *touched_end = region->end < end ? region->end : end;
            return true;
        }
        at = process->known_end;
    }
    return false;
}

struct target_memory target_process_memory(struct target_process *process)
{
    return (struct target_memory){.read = process_read,
                                  .find_touched = process_find_touched,
                                  .read_several = process_read_several,
                                  .is_shareable = process->server == NULL,
                                  .context = process};
}

static const struct target_image_piece *find_piece(const struct target_image *image,
                                                   uint64_t address)
{
    for (size_t i = 0; i < image->count; i++)
        if (address - image->pieces[i].address < image->pieces[i].count)
            return &image->pieces[i];
    return NULL;
}

static size_t image_read(void *context, uint64_t address, void *bytes, size_t count)
{
    const struct target_image *image = context;
    size_t done = 0;
    while (done < count) {
        const struct target_image_piece *piece = find_piece(image, address + done);
        if (!piece)
            break;
        uint64_t offset = address + done - piece->address;
        size_t part = piece->count - offset;
        if (part > count - done)
            part = count - done;
        memcpy((char *)bytes + done, (const char *)piece->bytes + offset, part);
        done += part;
    }
    return done;
}

struct target_memory target_image_memory(const struct target_image *image)
{
    return (struct target_memory){
        .read = image_read, .is_shareable = true, .context = (void *)(uintptr_t)image};
}

bool target_memory_read(const struct target_memory *memory, uint64_t address, void *bytes,
                        size_t count)
{
    return memory->read(memory->context, address, bytes, count) == count;
}

bool target_memory_read_word(const struct target_memory *memory, uint64_t address, uint64_t *word)
{
    return target_memory_read(memory, address, word, sizeof *word);
}

size_t target_memory_page_part(uint64_t address, size_t count)
{
    size_t part = PAGE_BYTES - (address & (PAGE_BYTES - 1));
    return part < count ? part : count;
}
