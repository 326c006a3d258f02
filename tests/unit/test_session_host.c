/* The session's memory as its owner makes it, and slots that go back and forth between two sides.
 */
#define _GNU_SOURCE
#include "record/session_host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/ring.h"
#include "wire/wire_format.h"

static uint64_t now;
static const struct tick_clock session_clock = {
    .epoch_ticks = 1000, .ticks_per_second = 1000000000, .frozen_ticks = &now};

static struct session_host *make_host(const struct session_settings *settings)
{
    struct error error;
    struct session_host *host = session_host_create(settings, &session_clock, &error);
    if (host == NULL)
        fail_msg("%s", error.message);
    return host;
}

static void test_header_and_folder(void **state)
{
    (void)state;
    const char *const only[] = {"cc*", "/usr/bin/ld"}, *const skip[] = {"sh"};
    struct session_settings settings = {
        "/somewhere/libseep-preload.so", 77, SESSION_ORACLE, only, 2, skip, 1, NULL, 0, 7000, 0, 0};
    struct session_host *host = make_host(&settings);
    const struct session_header *header = session_host_header(host);
    assert_true(header->magic == SESSION_MAGIC);
    assert_int_equal(header->version, SESSION_VERSION);
    assert_int_equal(header->clock, SESSION_CLOCK_MONOTONIC);
    assert_int_equal(header->epoch_ticks, 1000);
    assert_int_equal(header->stack_depth, 77);
    assert_int_equal(header->flags, SESSION_ORACLE);
    assert_int_equal(header->recorder_pid, getpid());
    assert_int_equal(header->state, SESSION_RUNNING);
    assert_memory_equal(header->filters, "+cc*\0+/usr/bin/ld\0-sh\0", 23);
    assert_string_equal(header->library_path, session_host_library_path(host));

    char *path = strdup(session_host_library_path(host)), target[64] = "";
    assert_true(readlink(path, target, sizeof target - 1) > 0);
    assert_string_equal(target, "/somewhere/libseep-preload.so");
    *strrchr(path, '/') = '\0';
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    /* Nobody else can list it; root's children may have become other users, and know its name. */
    assert_int_equal(status.st_mode & 0777, geteuid() == 0 ? 0711 : 0700);
    session_host_destroy(host);
    assert_int_equal(stat(path, &status), -1);
    free(path);
}

static void test_too_many_filters(void **state)
{
    (void)state;
    char glob[1100];
    memset(glob, 'x', sizeof glob - 1);
    glob[sizeof glob - 1] = '\0';
    const char *const only[] = {glob, glob, glob, glob};
    struct session_settings settings = {.preload_path = "/p", .only = only, .only_count = 4};
    struct error error;
    assert_null(session_host_create(&settings, &session_clock, &error));
    assert_non_null(strstr(error.message, "--only"));
    settings.only_count = 3;
    session_host_destroy(make_host(&settings));
}

static void test_heartbeat(void **state)
{
    (void)state;
    struct session_settings settings = {.preload_path = "/p"};
    struct session_host *host = make_host(&settings);
    assert_int_equal(session_host_header(host)->heartbeat_ticks, 1000);
    now = 500;
    session_host_beat(host, &session_clock);
    assert_int_equal(session_host_header(host)->heartbeat_ticks, 1500);
    now = 0;
    session_host_destroy(host);
}

/* As preload/event_writer.c wakes it. */
static void wake_as_producer(struct session_header *header)
{
    uint32_t asleep = 1;
    if (atomic_compare_exchange_strong(&header->recorder_sleeps, &asleep, 2))
        syscall(SYS_futex, &header->recorder_sleeps, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void test_sleeping_and_waking(void **state)
{
    (void)state;
    struct session_settings settings = {.preload_path = "/p"};
    struct session_host *host = make_host(&settings);
    struct session_header *header = session_host_header(host);
    struct pollfd wake = {session_host_wake_fd(host), POLLIN, 0};
    wake_as_producer(header); /* awake: nobody is told */
    assert_int_equal(poll(&wake, 1, 0), 0);
    for (int i = 0; i < 200; i++) {
        session_host_sleep(host);
        wake_as_producer(header);
        assert_int_equal(poll(&wake, 1, 30000), 1);
        session_host_wake(host);
        assert_int_equal(poll(&wake, 1, 0), 0);
        assert_int_equal(atomic_load(&header->recorder_sleeps), 0);
    }
    session_host_destroy(host);
}

static void *answer_nap(void *context)
{
    struct session_header *header = context;
    uint32_t naps = 1;
    while (!atomic_compare_exchange_strong(&header->recorder_naps, &naps, 0))
        naps = 1;
    syscall(SYS_futex, &header->recorder_naps, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    return NULL;
}

/* A nap ends when somebody waits for an answer, else in its own time. */
static void test_napping(void **state)
{
    (void)state;
    enum {
        NEVER_US = 2000000000
    };
    struct session_settings settings = {.preload_path = "/p"};
    struct session_host *host = make_host(&settings);
    struct session_header *header = session_host_header(host);
    pthread_t target;
    assert_int_equal(pthread_create(&target, NULL, answer_nap, header), 0);
    session_host_nap(host, NEVER_US);
    pthread_join(target, NULL);
    session_host_nap(host, 1);
    assert_int_equal(atomic_load(&header->recorder_naps), 0);
    session_host_destroy(host);
}

/* The kernel marks the lock when the recorder dies, however it dies. */
static void test_death_is_seen(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct session_settings settings = {.preload_path = "/p"};
        struct session_host *host = session_host_create(&settings, &session_clock, NULL);
        char path[64] = "";
        for (int fd = 3; fd < 64 && host != NULL; fd++) {
            char name[64], target[64] = "";
            snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
            if (readlink(name, target, sizeof target - 1) > 0 && strstr(target, "seep-session"))
                snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
        }
        if (write(ends[1], path, sizeof path) != sizeof path)
            _exit(1);
        pause();
    }
    char path[64];
    assert_int_equal(read(ends[0], path, sizeof path), sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    struct session_header *header = mmap(NULL, SESSION_RINGS_OFFSET, PROT_READ | PROT_WRITE,
                                         MAP_SHARED, fd, 0);
    assert_true(header != MAP_FAILED);
    assert_int_equal(atomic_load(&header->recorder_lock), child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(atomic_load(&header->recorder_lock) & FUTEX_OWNER_DIED, FUTEX_OWNER_DIED);
    char *folder = strdup(header->library_path);
    munmap(header, SESSION_RINGS_OFFSET);
    close(fd), close(ends[0]), close(ends[1]);

    /* Whoever ends a session next cleans up after it. */
    *strrchr(folder, '/') = '\0';
    assert_int_equal(access(folder, F_OK), 0);
    struct session_settings settings = {.preload_path = "/p"};
    session_host_destroy(make_host(&settings));
    assert_int_equal(access(folder, F_OK), -1);
    free(folder);
}

/* ---- slots ------------------------------------------------------------------------------ */

enum {
    ROUNDS = 3000,
    WORDS = 40,
    WORD_DISTANCE = 1000 /* so they stand in many pages */
};

static struct ring_control *control_of(struct session_host *host, uint32_t slot)
{
    return (void *)((char *)session_host_header(host) + session_ring_offset(slot));
}

static uint64_t *data_of(struct ring_control *control)
{
    return (uint64_t *)((char *)control + SESSION_RING_CONTROL_BYTES);
}

/* Claims the slot whenever it is free, as preload/thread_state.c does, fills it, and says so in
 * tid. Returns how often it was not as new. */
static void *claim_again_and_again(void *context)
{
    struct ring_control *control = context;
    uintptr_t dirty = 0;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        uint32_t free_state = SESSION_SLOT_FREE;
        while (
            !atomic_compare_exchange_strong(&control->state, &free_state, SESSION_SLOT_CLAIMED)) {
            free_state = SESSION_SLOT_FREE;
            sched_yield();
        }
        dirty += atomic_load(&control->head) != 0 || atomic_load(&control->tail) != 0 ||
                 atomic_load(&control->lost_events) != 0 || control->process_slot != 0;
        control->process_slot = round;
        for (uint32_t i = 0; i < WORDS; i++) {
            dirty += data_of(control)[i * WORD_DISTANCE] != 0;
            data_of(control)[i * WORD_DISTANCE] = round + i;
        }
        atomic_store(&control->lost_events, round);
        atomic_store(&control->head, 8 * round);
        atomic_store(&control->tail, 8 * round);
        atomic_store(&control->tid, round);
    }
    return (void *)dirty;
}

/* A ring that was handed back stays whose it became: nothing that the new owner wrote is wiped. */
static void test_rings_change_hands(void **state)
{
    (void)state;
    struct session_settings settings = {.preload_path = "/p"};
    struct session_host *host = make_host(&settings);
    struct ring_control *control = control_of(host, 9);
    pthread_t claimer;
    assert_int_equal(pthread_create(&claimer, NULL, claim_again_and_again, control), 0);
    uint32_t wiped = 0;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        while (atomic_load(&control->tid) != round)
            sched_yield();
        wiped += atomic_load(&control->state) != SESSION_SLOT_CLAIMED;
        wiped += control->process_slot != round || atomic_load(&control->head) != 8 * round;
        for (uint32_t i = 0; i < WORDS; i++)
            wiped += data_of(control)[i * WORD_DISTANCE] != round + i;
        session_host_free_ring(host, 9);
    }
    void *dirty;
    pthread_join(claimer, &dirty);
    assert_int_equal((uintptr_t)dirty, 0);
    assert_int_equal(wiped, 0);
    assert_int_equal(atomic_load(&control->state), SESSION_SLOT_FREE);
    session_host_destroy(host);
}

static void test_freed_rings_take_no_memory(void **state)
{
    (void)state;
    struct session_settings settings = {.preload_path = "/p"};
    struct session_host *host = make_host(&settings);
    struct ring_control *control = control_of(host, SESSION_RING_SLOTS - 1);
    memset(data_of(control), 1, SESSION_RING_MAX_BYTES);
    unsigned char pages[SESSION_RING_MAX_BYTES / 4096];
    assert_int_equal(mincore(data_of(control), SESSION_RING_MAX_BYTES, pages), 0);
    assert_int_equal(pages[0] & 1, 1);
    session_host_free_ring(host, SESSION_RING_SLOTS - 1);
    assert_int_equal(
        atomic_load(&session_host_header(host)->free_rings[SESSION_RING_SLOTS / 64 - 1]),
        UINT64_C(1) << 63);
    assert_int_equal(mincore(data_of(control), SESSION_RING_MAX_BYTES, pages), 0);
    for (size_t i = 0; i < sizeof pages; i++)
        assert_int_equal(pages[i] & 1, 0);
    session_host_destroy(host);
}

static void test_process_slots_are_handed_back_without_pid(void **state)
{
    (void)state;
    struct session_settings settings = {.preload_path = "/p"};
    struct session_host *host = make_host(&settings);
    struct session_process *shared = session_process_at(session_host_header(host), 4000);
    shared->pid = 123;
    atomic_store(&shared->state, SESSION_SLOT_CLAIMED);
    session_host_free_process(host, 4000);
    assert_int_equal(atomic_load(&shared->state), SESSION_SLOT_FREE);
    assert_int_equal(shared->pid, 0); /* else the next claim would pass for the dead one's */
    session_host_destroy(host);
}

/* One of no process that can be seen, with or without somebody behind its door. */
static int make_folder_of_the_dead(const char *base, const char *nonce, char *path, size_t bytes,
                                   bool has_door)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    snprintf(path, bytes, "%s/seep-%d-5-%s", base, (int)pid, nonce);
    assert_int_equal(mkdir(path, 0700), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!has_door)
        return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/" SESSION_DOOR_NAME, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void test_only_folders_of_the_dead_go(void **state)
{
    (void)state;
    char base[] = "/tmp/seep-host-XXXXXX", alive[64], dead[64], young[64];
    assert_non_null(mkdtemp(base));
    assert_int_equal(chmod(base, 0755), 0);
    const char *before = getenv("XDG_RUNTIME_DIR");
    char *kept = before != NULL ? strdup(before) : NULL;
    setenv("XDG_RUNTIME_DIR", base, 1);

    int door = make_folder_of_the_dead(base, "1", alive, sizeof alive, true);
    close(make_folder_of_the_dead(base, "2", dead, sizeof dead, true));
    make_folder_of_the_dead(base, "3", young, sizeof young, false);
    struct session_settings settings = {.preload_path = "/p"};
    session_host_destroy(make_host(&settings));
    assert_int_equal(access(alive, F_OK), 0); /* of another pid namespace */
    assert_int_equal(access(dead, F_OK), -1);
    assert_int_equal(access(young, F_OK), 0);
    close(door);
    const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, young, long_ago, 0), 0);
    session_host_destroy(make_host(&settings));
    assert_int_equal(rmdir(base), 0);

    if (kept != NULL)
        setenv("XDG_RUNTIME_DIR", kept, 1);
    else
        unsetenv("XDG_RUNTIME_DIR");
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_and_folder),
        cmocka_unit_test(test_too_many_filters),
        cmocka_unit_test(test_heartbeat),
        cmocka_unit_test(test_sleeping_and_waking),
        cmocka_unit_test(test_napping),
        cmocka_unit_test(test_death_is_seen),
        cmocka_unit_test(test_rings_change_hands),
        cmocka_unit_test(test_freed_rings_take_no_memory),
        cmocka_unit_test(test_process_slots_are_handed_back_without_pid),
        cmocka_unit_test(test_only_folders_of_the_dead_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
