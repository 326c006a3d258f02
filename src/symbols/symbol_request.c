#define _GNU_SOURCE
#include "symbols/symbol_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

/* A file:
 *   struct head; per new module: struct module_head, path, build-id; frames; pairs
 * Messages: the number of descriptors in all, and some of them. The file's is the first. */
struct head {
    uint64_t known_modules, modules, frames, pairs;
    uint64_t is_gone_named, is_lasting;
};

struct module_head {
    uint64_t path_bytes, build_id_bytes;
    uint64_t has_fd;
};

enum {
    FDS_PER_MESSAGE = 200 /* the kernel takes 253 */
};

/* ---- sending ------------------------------------------------------------------------------ */

static void put(struct text *text, const void *bytes, size_t count)
{
    if (count != 0)
        text_add_bytes(text, bytes, count);
}

static void put_input(struct text *text, const struct symbol_batch_input *input, size_t known)
{
    const struct head head = {known,
                              input->module_count,
                              input->frame_count,
                              input->pair_count,
                              input->is_gone_named,
                              input->is_lasting};
    put(text, &head, sizeof head);
    for (size_t i = known; i < input->module_count; i++) {
        const struct symbolizer_module *module = &input->modules[i];
        const struct module_head one = {strlen(module->path), module->build_id_bytes,
                                        module->fd >= 0};
        put(text, &one, sizeof one);
        put(text, module->path, one.path_bytes);
        put(text, module->build_id, one.build_id_bytes);
    }
    put(text, input->frames, input->frame_count * sizeof *input->frames);
    put(text, input->pairs, input->pair_count * sizeof *input->pairs);
}

/* -1: there is no memory for it. */
static int make_file(const struct text *text)
{
    int fd = memfd_create("seep-symbols", MFD_CLOEXEC);
    const char *at = text_get(text);
    size_t left = text->count;
    while (fd >= 0 && left != 0) {
        ssize_t written = write(fd, at, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            close(fd);
            return -1;
        }
        at += written;
        left -= (size_t)written;
    }
    return fd;
}

static bool send_some(int socket, const int *fds, size_t count, uint64_t total)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(FDS_PER_MESSAGE * sizeof(int))];
    } control = {0};
    struct iovec content = {&total, sizeof total};
    struct msghdr message = {.msg_iov = &content,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(count * sizeof *fds)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof *fds);
    memcpy(CMSG_DATA(header), fds, count * sizeof *fds);
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof total;
}

bool symbol_request_send(int socket, const struct symbol_batch_input *input, size_t known_modules)
{
    struct text text = {0};
    size_t count = 0, news = input->module_count - known_modules;
    int *fds = memory_allocate((news + 1) * sizeof *fds);
    put_input(&text, input, known_modules);
    fds[count++] = make_file(&text);
    text_clear(&text);
    bool is_sent = fds[0] >= 0;
    for (size_t i = known_modules; i < input->module_count; i++)
        if (input->modules[i].fd >= 0)
            fds[count++] = input->modules[i].fd;
    for (size_t done = 0; is_sent && done < count; done += FDS_PER_MESSAGE) {
        size_t some = count - done < FDS_PER_MESSAGE ? count - done : FDS_PER_MESSAGE;
        is_sent = send_some(socket, fds + done, some, count);
    }
    if (fds[0] >= 0)
        close(fds[0]);
    free(fds);
    return is_sent;
}

/* ---- receiving ---------------------------------------------------------------------------- */

struct received_fds {
    int *items;
    size_t count, capacity;
};

/* Returns how many there are in all; 0 = no more come. */
static uint64_t receive_some(int socket, struct received_fds *fds)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(FDS_PER_MESSAGE * sizeof(int))];
    } control = {0};
    uint64_t total = 0;
    struct iovec content = {&total, sizeof total};
    struct msghdr message = {.msg_iov = &content,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got;
    do
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    const struct cmsghdr *header = got == (ssize_t)sizeof total ? CMSG_FIRSTHDR(&message) : NULL;
    if (header == NULL || header->cmsg_type != SCM_RIGHTS ||
        (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return 0;
    size_t some = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    fds->items = memory_grow(fds->items, &fds->capacity, fds->count + some, sizeof *fds->items);
    memcpy(fds->items + fds->count, CMSG_DATA(header), some * sizeof(int));
    fds->count += some;
    return total;
}

static bool receive_all(int socket, struct received_fds *fds)
{
    uint64_t total;
    do
        total = receive_some(socket, fds);
    while (total > fds->count);
    return total != 0 && total == fds->count;
}

struct reading {
    const char *at;
    size_t left;
};

static bool take(struct reading *reading, void *bytes, size_t count)
{
    if (reading->left < count)
        return false;
    if (count != 0)
        memcpy(bytes, reading->at, count);
    reading->at += count;
    reading->left -= count;
    return true;
}

/* Caller owns; NULL = that is not all there. */
static void *take_copy(struct reading *reading, uint64_t count, size_t item_bytes)
{
    if (count > reading->left / item_bytes)
        return NULL;
    void *copy = memory_allocate_zeroed(1, count * item_bytes + 1); /* ends a text, too */
    take(reading, copy, count * item_bytes);
    return copy;
}

static bool take_module(struct reading *reading, struct received_fds *fds, size_t *next_fd,
                        struct symbolizer_module *module)
{
    struct module_head head;
    if (!take(reading, &head, sizeof head))
        return false;
    module->path = take_copy(reading, head.path_bytes, 1);
    module->build_id = take_copy(reading, head.build_id_bytes, 1);
    module->build_id_bytes = head.build_id_bytes;
    module->fd = -1;
    if (head.has_fd != 0 && *next_fd < fds->count)
        module->fd = fds->items[(*next_fd)++];
    return module->path != NULL && module->build_id != NULL;
}

static bool take_input(struct reading *reading, struct received_fds *fds,
                       struct symbol_batch_input *input)
{
    struct head head;
    size_t next_fd = 1;
    if (!take(reading, &head, sizeof head) || head.known_modules != input->module_count ||
        head.modules < head.known_modules ||
        head.modules - head.known_modules > reading->left / sizeof(struct module_head))
        return false;
    struct symbolizer_module *modules = memory_allocate((head.modules + 1) * sizeof *modules);
    if (input->module_count != 0)
        memcpy(modules, input->modules, input->module_count * sizeof *modules);
    bool is_whole = true;
    for (size_t i = head.known_modules; is_whole && i < head.modules; i++)
        is_whole = take_module(reading, fds, &next_fd, &modules[i]);
    free((void *)input->frames);
    free((void *)input->pairs);
    free((void *)input->modules);
    input->modules = modules;
    input->module_count = head.modules;
    input->frames = is_whole ? take_copy(reading, head.frames, sizeof *input->frames) : NULL;
    input->frame_count = head.frames;
    input->pairs = input->frames != NULL ? take_copy(reading, head.pairs, sizeof *input->pairs)
                                         : NULL;
    input->pair_count = head.pairs;
    input->is_gone_named = head.is_gone_named != 0;
    input->is_lasting = head.is_lasting != 0;
    return input->pairs != NULL;
}

static bool read_file(int fd, struct received_fds *fds, struct symbol_batch_input *input)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_size <= 0)
        return false;
    size_t bytes = (size_t)status.st_size;
    void *content = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (content == MAP_FAILED)
        return false;
    struct reading reading = {content, bytes};
    bool is_whole = take_input(&reading, fds, input);
    munmap(content, bytes);
    return is_whole;
}

bool symbol_request_receive(int socket, struct symbol_batch_input *input)
{
    struct received_fds fds = {0};
    bool is_read = receive_all(socket, &fds) && read_file(fds.items[0], &fds, input);
    if (fds.count != 0)
        close(fds.items[0]);
    free(fds.items);
    return is_read;
}
