/* What is allocated and freed outside main: by constructors, destructors, exit handlers and the
 * destructors of threads' own objects.
 *
 * Known answers
 *   run
 *     status 0
 *     site allocate<early_constructor/malloc allocations=1 frees=1 allocated_bytes=11
 *     site Global::Global/operator-new[] allocations=1 frees=1 allocated_bytes=13
 *     site allocate<Global::~Global/malloc allocations=1 frees=0 live_bytes=17
 *     site allocate<at_exit_first/malloc allocations=1 frees=1 allocated_bytes=19
 *     site allocate<at_exit_last/malloc allocations=1 frees=0 live_bytes=23
 *     site allocate<late_destructor/malloc allocations=1 frees=0 live_bytes=29
 *     site allocate<key_destructor/malloc allocations=4 frees=4 allocated_bytes=4*31
 *     site Local::Local/operator-new[] allocations=5 frees=5 allocated_bytes=5*37
 *     site allocate<Local::~Local/malloc allocations=5 frees=0 live_bytes=5*41
 *     site allocate<work/malloc allocations=4 frees=4 allocated_bytes=4*43
 *   run 7
 *     status 7
 *     site allocate<at_exit_last/malloc allocations=1 live_bytes=23
 *     site allocate<late_destructor/malloc allocations=1 live_bytes=29
 *   run quick
 *     status 3
 *     site allocate<at_quick_exit_handler/malloc allocations=1 live_bytes=47
 *     site allocate<at_exit_first/malloc allocations=0
 *     site allocate<late_destructor/malloc allocations=0
 */
#include <cstdlib>
#include <cstring>

#include <pthread.h>

namespace {

void *volatile kept;
void *early;
pthread_key_t key;

void *allocate(std::size_t size)
{
    return std::malloc(size);
}

__attribute__((constructor(101))) void early_constructor()
{
    early = allocate(11);
}

__attribute__((destructor(101))) void late_destructor()
{
    std::free(early);
    kept = allocate(29);
}

struct Global {
    char *bytes;
    Global() : bytes(new char[13])
    {
    }
    ~Global()
    {
        delete[] bytes;
        kept = allocate(17);
    }
} global;

struct Local {
    char *bytes;
    Local() : bytes(new char[37])
    {
    }
    ~Local()
    {
        delete[] bytes;
        kept = allocate(41);
    }
};

thread_local Local local;

void at_exit_first()
{
    std::free(allocate(19));
}

void at_exit_last()
{
    kept = allocate(23);
}

void at_quick_exit_handler()
{
    kept = allocate(47);
}

/* Runs twice a thread: the first time it leaves a value behind. */
void key_destructor(void *value)
{
    static __thread int calls;
    std::free(value);
    if (calls++ == 0)
        pthread_setspecific(key, allocate(31));
}

void *work(void *)
{
    pthread_setspecific(key, allocate(43));
    local.bytes[0] = 1;
    return nullptr;
}

} // namespace

int main(int count, char **arguments)
{
    if (count > 1 && std::strcmp(arguments[1], "quick") == 0) {
        std::atexit(at_exit_first);
        std::at_quick_exit(at_quick_exit_handler);
        std::quick_exit(3);
    }
    std::atexit(at_exit_last); /* the first to come is the last to run */
    std::atexit(at_exit_first);
    pthread_key_create(&key, key_destructor);
    pthread_t threads[4];
    for (pthread_t &thread : threads)
        pthread_create(&thread, nullptr, work, nullptr);
    for (pthread_t &thread : threads)
        pthread_join(thread, nullptr);
    local.bytes[0] = 1;
    return count > 1 ? std::atoi(arguments[1]) : 0;
}
