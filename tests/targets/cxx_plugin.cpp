/* A C++ plugin for hosts that have no C++ runtime of their own. */
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

void *volatile kept;
void *reserve;
volatile std::size_t huge = SIZE_MAX / 4;

struct alignas(128) Wide {
    char bytes[128];
};

void allocate_plain()
{
    delete new int(5);
    delete[] new char[100];
    kept = ::operator new(24);
}

void allocate_aligned()
{
    delete new Wide;
    delete[] new (std::nothrow) Wide[2];
}

void allocate_nothing()
{
    ::operator delete(::operator new(0));
    ::operator delete(::operator new(0, std::nothrow), std::nothrow);
    ::operator delete(nullptr);
}

bool fail_and_catch()
{
    try {
        kept = ::operator new(huge);
    } catch (const std::bad_alloc &) {
        return ::operator new(huge, std::nothrow) == nullptr;
    }
    return false;
}

void throw_and_catch()
{
    try {
        throw std::runtime_error("one that allocates its text, which is long enough for that");
    } catch (const std::exception &) {
    }
}

void give_back()
{
    std::free(reserve);
    std::set_new_handler(nullptr);
}

/* The handler runs once, and then there is none: bad_alloc comes. */
bool fail_by_handler()
{
    reserve = std::malloc(77);
    std::set_new_handler(give_back);
    try {
        kept = ::operator new(huge);
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

void use_containers()
{
    std::vector<int> vector(1000);
    std::string string(100, 'x');
}

} // namespace

extern "C" int cxx_plugin_run()
{
    allocate_plain();
    allocate_aligned();
    allocate_nothing();
    if (!fail_and_catch())
        return 1;
    throw_and_catch();
    if (!fail_by_handler())
        return 2;
    use_containers();
    return 0;
}
