/* Calls that a program should not make: misuse CASE. What glibc notices ends the program, with its
 * own words; the others go on. misuse.py knows what must be said of each.
 *
 *   double_free      a small block, behind others that fill glibc's cache: it does not notice
 *   double_noticed   at once: it aborts
 *   foreign          the middle of a block: it aborts
 *   foreign_static   what no allocator gave: it aborts
 *   array_free       new[] and free
 *   new_free         new and free
 *   malloc_delete    malloc and delete
 *   array_delete     new[] and delete
 *   delete_array     new and delete[]
 *   wrong_size       delete with another size than the block's
 *   realloc_new      realloc of what new gave
 *   many             array_free a thousand times, from two places
 */
#include <cstdlib>
#include <cstring>
#include <new>
#include <unistd.h>

namespace {

void *volatile shown; /* so that nothing is optimised away */

void release(void *block)
{
    free(block);
}

void *allocate(size_t bytes)
{
    return shown = malloc(bytes);
}

void case_double_free()
{
    void *fillers[7], *first = allocate(40), *second = allocate(40);
    for (void *&filler : fillers)
        filler = allocate(40);
    for (void *filler : fillers)
        release(filler);
    free(first);
    free(second);
    release(first);
}

void case_double_noticed()
{
    void *block = allocate(40);
    free(block);
    release(block);
}

void case_foreign()
{
    release(static_cast<char *>(allocate(100)) + 16);
}

void case_foreign_static()
{
    alignas(16) static char block[64];
    shown = block;
    release(shown);
}

void case_array_free()
{
    shown = new char[33];
    release(shown);
}

void case_new_free()
{
    shown = new long(1);
    release(shown);
}

void case_malloc_delete()
{
    operator delete(allocate(50));
}

void case_array_delete()
{
    shown = new char[34];
    operator delete(shown);
}

void case_delete_array()
{
    shown = new long(2);
    operator delete[](shown);
}

void case_wrong_size()
{
    operator delete(shown = operator new(64), size_t(48));
}

void case_realloc_new()
{
    shown = realloc(shown = new long(3), 400);
    release(shown);
}

void case_many()
{
    for (int i = 0; i < 500; i++) {
        case_array_free();
        shown = new char[35];
        release(shown);
    }
}

struct {
    const char *name;
    void (*run)();
} const cases[] = {
    {"double_free", case_double_free},
    {"double_noticed", case_double_noticed},
    {"foreign", case_foreign},
    {"foreign_static", case_foreign_static},
    {"array_free", case_array_free},
    {"new_free", case_new_free},
    {"malloc_delete", case_malloc_delete},
    {"array_delete", case_array_delete},
    {"delete_array", case_delete_array},
    {"wrong_size", case_wrong_size},
    {"realloc_new", case_realloc_new},
    {"many", case_many},
};

} // namespace

int main(int count, char **arguments)
{
    for (const auto &one : cases)
        if (count > 1 && strcmp(one.name, arguments[1]) == 0) {
            one.run();
            _exit(0); /* the heap may be broken */
        }
    return 2;
}
