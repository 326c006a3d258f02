/* A server of four parts, for SECONDS (default 60), RATE requests a second (default 100):
 *
 *   g_sessions   a map in which each request leaves an entry of 1,024 bytes: leaks, still reachable
 *   g_cache      a map of at most 500 entries of 4,096 bytes: full after 5 s at 100 requests
 *   churn        each request keeps a text of 1 to 64 KiB for a while, in a ring of 32
 *   g_index      an array with a number a request, doubled when full
 *
 * Known answer: exactly one site grows, by RATE * 60 * sizeof(node) bytes a minute, held by
 * g_sessions; a node of g_sessions is told on the standard output. */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <unordered_map>

struct session {
    char bytes[1024 - 4 * sizeof(void *) - sizeof(uint64_t)]; /* 1,024 with the map's node */
};

struct entry {
    char bytes[4096];
};

static std::map<uint64_t, session> g_sessions;
static std::unordered_map<uint64_t, entry> g_cache;
static char *g_ring[32];
static uint64_t *g_index;
static size_t g_index_count, g_index_capacity;
static uint64_t g_random = 1;

static uint64_t next_random()
{
    g_random = g_random * 6364136223846793005u + 1442695040888963407u;
    return g_random >> 33;
}

__attribute__((noinline)) static void open_session(uint64_t request)
{
    memset(g_sessions[request].bytes, 1, sizeof(session));
}

__attribute__((noinline)) static void fill_cache(uint64_t request)
{
    memset(g_cache[request % 500].bytes, 2, sizeof(entry));
}

__attribute__((noinline)) static void answer(uint64_t request)
{
    char **slot = &g_ring[request % 32];

    free(*slot);
    *slot = static_cast<char *>(malloc(1024 + next_random() % 64512));
    (*slot)[0] = 3;
}

__attribute__((noinline)) static void note(uint64_t request)
{
    if (g_index_count == g_index_capacity) {
        g_index_capacity = g_index_capacity ? 2 * g_index_capacity : 16;
        g_index = static_cast<uint64_t *>(realloc(g_index, g_index_capacity * sizeof *g_index));
    }
    g_index[g_index_count++] = request;
}

int main(int count, char **arguments)
{
    uint64_t seconds = count > 1 ? strtoull(arguments[1], nullptr, 10) : 60;
    uint64_t rate = count > 2 ? strtoull(arguments[2], nullptr, 10) : 100;
    timespec next;

    printf("node %zu\n", sizeof(std::pair<const uint64_t, session>) + 4 * sizeof(void *));
    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (uint64_t request = 0; request < seconds * rate; request++) {
        open_session(request);
        fill_cache(request);
        answer(request);
        note(request);
        next.tv_nsec += 1000000000 / static_cast<long>(rate);
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
    }
    return 0;
}
