#define _GNU_SOURCE
#include "symbols/type_service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

/* A question is a struct question and the bytes of its text; an answer the number of its bytes, and
 * these: numbers of 8 bytes, and texts behind their lengths, as the question's kind has them. The
 * first answer comes unasked: is there DWARF at all? */
enum question_kind {
    QUESTION_VARIABLE,
    QUESTION_THREAD_VARIABLE,
    QUESTION_TYPE,
    QUESTION_DESCRIBE,
    QUESTION_LOCALS
};

struct question {
    uint64_t kind;
    uint64_t number;
    uint64_t text_bytes;
};

enum {
    MAX_ANSWER_BYTES = 64 << 20,
    MAX_TEXT_BYTES = 1 << 20,
    PROCESSOR_SECONDS = 120
};

/* Address space of the child; files are mapped into it. */
#define MOST_MEMORY ((rlim_t)16 << 30)

struct type_service {
    const struct symbolizer_module *module;
    const struct symbolizer_options *options;
    pid_t pid;
    int fd;
    bool is_started, has_types, has_failed;
    struct text answer;
    size_t at; /* read so far of the answer */
};

struct type_service *type_service_open(const struct symbolizer_module *module,
                                       const struct symbolizer_options *options)
{
    struct type_service *service = memory_allocate_zeroed(1, sizeof *service);

    service->module = module;
    service->options = options;
    service->fd = -1;
    return service;
}

static void stop(struct type_service *service)
{
    if (service->fd >= 0)
        close(service->fd);
    service->fd = -1;
    if (service->pid > 0) {
        kill(service->pid, SIGKILL);
        while (waitpid(service->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    service->pid = 0;
    service->has_types = false;
}

void type_service_close(struct type_service *service)
{
    if (!service)
        return;
    stop(service);
    text_clear(&service->answer);
    free(service);
}

bool type_service_has_failed(const struct type_service *service)
{
    return service->has_failed;
}

/* ---- both sides ---- */

static bool send_all(int fd, const void *bytes, size_t count)
{
    const char *at = bytes;

    while (count > 0) {
        ssize_t sent = send(fd, at, count, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        count -= (size_t)sent;
    }
    return true;
}

static bool receive_all(int fd, void *bytes, size_t count)
{
    char *at = bytes;

    while (count > 0) {
        ssize_t got = recv(fd, at, count, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        count -= (size_t)got;
    }
    return true;
}

/* ---- the child ---- */

static void put(struct text *answer, uint64_t number)
{
    text_add_bytes(answer, (const char *)&number, sizeof number);
}

static void put_text(struct text *answer, const char *text)
{
    size_t bytes = strlen(text);

    if (bytes > MAX_TEXT_BYTES)
        bytes = 0;
    put(answer, bytes);
    text_add_bytes(answer, text, bytes);
}

static void answer_variable(struct type_reader *reader, const struct question *question,
                            struct text *answer)
{
    struct type_variable variable;
    bool is_found = type_reader_find_variable(
        reader, question->number, question->kind == QUESTION_THREAD_VARIABLE, &variable);

    put(answer, is_found);
    if (!is_found)
        return;
    put_text(answer, variable.name);
    put(answer, variable.start);
    put(answer, variable.type);
    free(variable.name);
}

static void answer_description(struct type_reader *reader, const struct question *question,
                               struct text *answer)
{
    struct type_facts facts;

    type_reader_describe(reader, (uint32_t)question->number, &facts);
    put(answer, facts.kind);
    put_text(answer, facts.name);
    put(answer, facts.bytes);
    put(answer, facts.target);
    put(answer, facts.count);
    put(answer, facts.member_count);
    for (size_t i = 0; i < facts.member_count; i++) {
        put_text(answer, facts.members[i].name);
        put(answer, facts.members[i].target);
        put(answer, facts.members[i].offset);
        put(answer, facts.members[i].is_base);
    }
    put(answer, facts.parameter_count);
    for (size_t i = 0; i < facts.parameter_count; i++)
        put(answer, facts.parameters[i]);
    type_facts_clear(&facts);
}

static void answer_locals(struct type_reader *reader, const struct question *question,
                          struct text *answer)
{
    struct type_locals locals;

    type_reader_find_locals(reader, question->number, &locals);
    put(answer, locals.count);
    for (size_t i = 0; i < locals.count; i++) {
        put_text(answer, locals.items[i].name);
        put(answer, (uint64_t)locals.items[i].offset);
        put(answer, locals.items[i].type);
        put(answer, locals.items[i].bytes);
    }
    type_locals_clear(&locals);
}

static void answer_question(struct type_reader *reader, const struct question *question,
                            const char *text, struct text *answer)
{
    switch ((enum question_kind)question->kind) {
    case QUESTION_VARIABLE:
    case QUESTION_THREAD_VARIABLE:
        answer_variable(reader, question, answer);
        break;
    case QUESTION_TYPE:
        put(answer, type_reader_find_type(reader, text));
        break;
    case QUESTION_DESCRIBE:
        answer_description(reader, question, answer);
        break;
    case QUESTION_LOCALS:
        answer_locals(reader, question, answer);
        break;
    }
}

static bool send_answer(int fd, const struct text *answer)
{
    uint64_t bytes = answer->count;

    return send_all(fd, &bytes, sizeof bytes) && send_all(fd, text_get(answer), answer->count);
}

static void serve(const struct type_service *service, int fd)
{
    struct type_reader *reader = type_reader_open(service->module, service->options);
    struct text answer = {0};
    struct question question;

    put(&answer, reader != NULL);
    while (send_answer(fd, &answer) && reader && receive_all(fd, &question, sizeof question)) {
        char *text = memory_allocate_zeroed(question.text_bytes + 1, 1);

        answer.count = 0;
        if (receive_all(fd, text, question.text_bytes))
            answer_question(reader, &question, text, &answer);
        free(text);
    }
    _exit(0);
}

static void become_child(const struct type_service *service, int fd)
{
    static const struct rlimit no_core = {0, 0};
    static const struct rlimit seconds = {PROCESSOR_SECONDS, PROCESSOR_SECONDS};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "seep-types");
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_CPU, &seconds);
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes */
    static const struct rlimit memory = {MOST_MEMORY, MOST_MEMORY};
    setrlimit(RLIMIT_AS, &memory);
#endif
    /* What it would say of running out of memory is nobody's concern. */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    serve(service, fd);
}

/* ---- the parent ---- */

static bool give_up(struct type_service *service)
{
    service->has_failed = true;
    stop(service);
    return false;
}

static bool receive_answer(struct type_service *service)
{
    uint64_t bytes;

    service->answer.count = service->at = 0;
    if (!receive_all(service->fd, &bytes, sizeof bytes) || bytes > MAX_ANSWER_BYTES)
        return give_up(service);
    service->answer.bytes = memory_grow(service->answer.bytes, &service->answer.capacity,
                                        (size_t)bytes + 1, 1);
    service->answer.bytes[bytes] = '\0';
    service->answer.count = (size_t)bytes;
    return receive_all(service->fd, service->answer.bytes, (size_t)bytes) || give_up(service);
}

/* Past its end an answer is made of zeros. */
static uint64_t take(struct type_service *service)
{
    uint64_t number = 0;

    if (service->answer.count - service->at < sizeof number) {
        service->at = service->answer.count;
        return 0;
    }
    memcpy(&number, service->answer.bytes + service->at, sizeof number);
    service->at += sizeof number;
    return number;
}

static char *take_text(struct type_service *service)
{
    uint64_t bytes = take(service);
    char *text;

    if (bytes > service->answer.count - service->at)
        bytes = 0;
    text = memory_print_text("%.*s", (int)bytes, service->answer.bytes + service->at);
    service->at += bytes;
    return text;
}

/* How many things of so many bytes at least follow. */
static size_t take_count(struct type_service *service, size_t least_bytes)
{
    uint64_t count = take(service), most = (service->answer.count - service->at) / least_bytes;

    return count < most ? (size_t)count : (size_t)most;
}

static void start(struct type_service *service)
{
    int ends[2];

    service->is_started = true;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        service->has_failed = true;
        return;
    }
    service->pid = fork();
    if (service->pid == 0) {
        close(ends[0]);
        become_child(service, ends[1]);
    }
    close(ends[1]);
    service->fd = ends[0];
    if (service->pid < 0) {
        give_up(service);
        return;
    }
    service->has_types = receive_answer(service) && take(service) != 0;
    if (!service->has_types)
        stop(service);
}

static bool ask(struct type_service *service, enum question_kind kind, uint64_t number,
                const char *text)
{
    const struct question question = {.kind = kind, .number = number, .text_bytes = strlen(text)};

    if (!service->is_started)
        start(service);
    if (!service->has_types || question.text_bytes > MAX_TEXT_BYTES)
        return false;
    return ((send_all(service->fd, &question, sizeof question) &&
             send_all(service->fd, text, question.text_bytes)) ||
            give_up(service)) &&
           receive_answer(service);
}

bool type_service_find_variable(struct type_service *service, uint64_t address,
                                bool is_thread_local, struct type_variable *variable)
{
    if (!ask(service, is_thread_local ? QUESTION_THREAD_VARIABLE : QUESTION_VARIABLE, address,
             "") ||
        take(service) == 0)
        return false;
    variable->name = take_text(service);
    variable->start = take(service);
    variable->type = (uint32_t)take(service);
    return true;
}

uint32_t type_service_find_type(struct type_service *service, const char *name)
{
    return ask(service, QUESTION_TYPE, 0, name) ? (uint32_t)take(service) : 0;
}

void type_service_describe(struct type_service *service, uint32_t type, struct type_facts *facts)
{
    enum {
        LEAST_MEMBER_BYTES = 32,
        LEAST_PARAMETER_BYTES = 8
    };

    *facts = (struct type_facts){0};
    if (!ask(service, QUESTION_DESCRIBE, type, "")) {
        facts->name = memory_duplicate_text("");
        return;
    }
    uint64_t kind = take(service);
    facts->kind = kind < TYPE_KIND_COUNT ? (enum type_kind)kind : TYPE_UNKNOWN;
    facts->name = take_text(service);
    facts->bytes = take(service);
    facts->target = (uint32_t)take(service);
    facts->count = take(service);
    facts->member_count = take_count(service, LEAST_MEMBER_BYTES);
    facts->members = memory_allocate_zeroed(facts->member_count, sizeof *facts->members);
    for (size_t i = 0; i < facts->member_count; i++) {
        facts->members[i].name = take_text(service);
        facts->members[i].target = (uint32_t)take(service);
        facts->members[i].offset = take(service);
        facts->members[i].is_base = take(service) != 0;
    }
    facts->parameter_count = take_count(service, LEAST_PARAMETER_BYTES);
    facts->parameters = memory_allocate_zeroed(facts->parameter_count, sizeof *facts->parameters);
    for (size_t i = 0; i < facts->parameter_count; i++)
        facts->parameters[i] = (uint32_t)take(service);
}

void type_service_find_locals(struct type_service *service, uint64_t address,
                              struct type_locals *locals)
{
    enum {
        LEAST_LOCAL_BYTES = 32
    };

    *locals = (struct type_locals){0};
    if (!ask(service, QUESTION_LOCALS, address, ""))
        return;
    locals->count = locals->capacity = take_count(service, LEAST_LOCAL_BYTES);
    locals->items = memory_allocate_zeroed(locals->count, sizeof *locals->items);
    for (size_t i = 0; i < locals->count; i++) {
        locals->items[i].name = take_text(service);
        locals->items[i].offset = (int64_t)take(service);
        locals->items[i].type = (uint32_t)take(service);
        locals->items[i].bytes = take(service);
    }
}
