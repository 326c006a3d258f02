/* C++ operator new and delete in every overload, alone: cxx CASE. libstdc++ allocates on its own
 * account (a pool for exceptions), so only what the case's own functions allocate is compared.
 *
 * Known answers
 *   run plain
 *     site case_plain<main/operator-new allocations=2 frees=1 allocated_bytes=40+4 live_bytes=4
 *     site ..main sites=2
 *   run array
 *     site case_array<main/operator-new[] allocations=2 frees=1 allocated_bytes=110 live_bytes=10
 *   run nothrow
 *     site case_nothrow/operator-new allocations=1 frees=1 allocated_bytes=4
 *     site case_nothrow/operator-new[] allocations=1 frees=1 allocated_bytes=12
 *     site ..main sites=2
 *   run aligned
 *     site case_aligned/operator-new(align_val_t) allocations=2 frees=2 allocated_bytes=64+128
 *     site case_aligned/operator-new[](align_val_t) allocations=2 frees=2 allocated_bytes=256+320
 *     site ..main allocations=4 live_blocks=0
 *   run explicit
 *     site case_explicit/operator-new allocations=3 frees=3 allocated_bytes=10+20+30
 *     site case_explicit/operator-new[] allocations=3 frees=3 allocated_bytes=11+21+31
 *     site ..main allocations=6
 *   run zero
 *     site case_zero/operator-new allocations=1 frees=1 allocated_bytes=0
 *     site case_zero/operator-new[] allocations=1 frees=1 allocated_bytes=0
 *   run own_class
 *     site Pooled::operator-new</malloc allocations=0
 *     site ..case_own_class/malloc allocations=1 frees=1 allocated_bytes=48
 *     site ..case_own_class sites=1
 *   run placement
 *     site ..case_placement sites=0
 *   run handler
 *     site reserve_some/malloc allocations=1 frees=1 allocated_bytes=50331648
 *     site ..case_handler/operator-new allocations=1 frees=1 allocated_bytes=41943040
 *     site ..case_handler allocations=4 live_blocks=0
 *   run bad_alloc
 *     totals failed_allocations=10
 *     site case_bad_alloc/operator-new allocations=1000 frees=0 live_bytes=1000*16
 *     site ..case_bad_alloc/malloc allocations=$exceptions frees=$exceptions live_blocks=0
 *   run bad_alloc_nothrow
 *     site case_bad_alloc_nothrow/operator-new allocations=1 live_bytes=8
 *     totals failed_allocations=2
 *   run bad_length
 *     site case_bad_length/operator-new allocations=1 live_bytes=8
 *   run throwing_constructor
 *     site case_throwing_constructor/operator-new allocations=10 frees=10 live_blocks=0
 *   run mismatched
 *     site ..case_mismatched allocations=4 frees=4
 *     misuse mismatch free count=1
 *     misuse mismatch operator-delete count=1
 *     misuse mismatch operator-delete[] count=1
 *     misuse wrong_size operator-delete count=1
 *   run containers
 *     site ..case_containers/operator-new allocations=$nodes+1 frees=$nodes+1 live_blocks=0
 *
 *   program cxx_static
 *   run plain
 *     site ..case_plain allocations=2 frees=1 allocated_bytes=40+4 live_bytes=4
 *   run handler
 *     site reserve_some allocations=1 frees=1
 *     site ..case_handler allocations=4 frees=4
 *   run bad_alloc
 *     site ..case_bad_alloc allocations=1000+$exceptions frees=$exceptions live_bytes=1000*16
 *   run throwing_constructor
 *     site ..case_throwing_constructor allocations=20 frees=20
 *   run containers
 *     site ..case_containers allocations=$nodes+1 frees=$nodes+1
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <set>
#include <vector>

#include <sys/resource.h>
#include "tell.h"

namespace {

void *volatile kept;
volatile std::size_t huge = SIZE_MAX / 4;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

struct alignas(64) Line {
    char bytes[64];
};

struct alignas(128) Wide {
    char bytes[128];
};

void case_plain()
{
    struct Forty {
        char bytes[40];
    };
    Forty *first = new Forty;
    kept = new int(7);
    delete first;
}

void case_array()
{
    char *first = new char[100];
    kept = new char[10];
    delete[] first;
}

void case_nothrow()
{
    int *one = new (std::nothrow) int;
    int *many = new (std::nothrow) int[3];
    delete one;
    delete[] many;
}

void case_aligned()
{
    Line *one = new Line;
    Wide *silent = new (std::nothrow) Wide;
    Line *many = new Line[4];
    Line *silent_many = new (std::nothrow) Line[5];
    for (void *each : {(void *)one, (void *)many, (void *)silent_many})
        require((reinterpret_cast<std::uintptr_t>(each) & 63) == 0);
    require((reinterpret_cast<std::uintptr_t>(silent) & 127) == 0);
    delete one;
    delete silent;
    delete[] many;
    delete[] silent_many;
}

void case_explicit()
{
    ::operator delete(::operator new(10));
    ::operator delete (::operator new(20), std::size_t{20});
    ::operator delete(::operator new(30), std::nothrow);
    ::operator delete[](::operator new[](11));
    ::operator delete[](::operator new[](21), std::size_t{21});
    ::operator delete[](::operator new[](31), std::nothrow);
}

void case_zero()
{
    void *one = ::operator new(0), *other = ::operator new[](0);
    require(one != nullptr && other != nullptr && one != other);
    ::operator delete(one);
    ::operator delete[](other);
}

struct Pooled {
    char bytes[48];
    static void *operator new(std::size_t size)
    {
        return std::malloc(size);
    }
    static void operator delete(void *block)
    {
        std::free(block);
    }
};

void case_own_class()
{
    delete new Pooled;
}

void case_placement()
{
    alignas(long) char place[sizeof(long)];
    require(*new (place) long(5) == 5);
}

/* The address space ends little above what is used: an allocation fits only when the reserve is
 * given back. */
void limit_memory(std::size_t more)
{
    unsigned long pages = 0;
    std::FILE *file = std::fopen("/proc/self/statm", "r");
    require(file != nullptr && std::fscanf(file, "%lu", &pages) == 1);
    std::fclose(file);
    rlimit limit;
    limit.rlim_cur = limit.rlim_max = pages * 4096 + more;
    require(setrlimit(RLIMIT_AS, &limit) == 0);
}

void *reserve;
int handled;

void reserve_some()
{
    reserve = std::malloc(48 << 20);
}

void give_back()
{
    handled++;
    std::free(reserve);
    std::set_new_handler(nullptr);
}

void case_handler()
{
    reserve_some();
    limit_memory(8 << 20);
    std::set_new_handler(give_back);
    void *block = ::operator new(40 << 20);
    require(handled == 1);
    ::operator delete(block);
}

void case_bad_alloc()
{
    int caught = 0;
    for (int i = 0; i < 1000; i++) {
        if (i % 100 == 50) {
            try {
                kept = ::operator new(huge);
            } catch (const std::bad_alloc &) {
                caught++;
            }
        }
        kept = ::operator new(16);
    }
    require(caught == 10);
    tell("exceptions", caught);
}

void case_bad_alloc_nothrow()
{
    require(::operator new(huge, std::nothrow) == nullptr);
    require(::operator new (huge, std::align_val_t{64}, std::nothrow) == nullptr);
    kept = ::operator new(8);
}

void case_bad_length()
{
    try {
        kept = new long[huge];
    } catch (const std::bad_array_new_length &) {
        kept = ::operator new(8);
    }
}

struct Throws {
    char bytes[24];
    Throws()
    {
        throw 5;
    }
};

void case_throwing_constructor()
{
    for (int i = 0; i < 10; i++) {
        try {
            kept = new Throws;
        } catch (int) {
        }
    }
}

void case_mismatched()
{
    std::free(new char[5]);
    ::operator delete(std::malloc(6));
    ::operator delete[](::operator new(7));
    ::operator delete (::operator new(8), std::size_t{9});
}

void case_containers()
{
    std::set<int> set;
    for (int i = 0; i < 100; i++)
        set.insert(i % 50);
    std::vector<int> vector(1000);
    require(vector.size() + set.size() == 1050);
    tell("nodes", (long)set.size());
}

const struct {
    const char *name;
    void (*run)();
} cases[] = {
    {"plain", case_plain},
    {"array", case_array},
    {"nothrow", case_nothrow},
    {"aligned", case_aligned},
    {"explicit", case_explicit},
    {"zero", case_zero},
    {"own_class", case_own_class},
    {"placement", case_placement},
    {"handler", case_handler},
    {"bad_alloc", case_bad_alloc},
    {"bad_alloc_nothrow", case_bad_alloc_nothrow},
    {"bad_length", case_bad_length},
    {"throwing_constructor", case_throwing_constructor},
    {"mismatched", case_mismatched},
    {"containers", case_containers},
};

} // namespace

int main(int count, char **arguments)
{
    for (const auto &each : cases)
        if (count > 1 && std::strcmp(each.name, arguments[1]) == 0) {
            each.run();
            return 0;
        }
    return 2;
}
