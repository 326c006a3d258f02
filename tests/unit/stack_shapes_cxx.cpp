#include "tests/unit/stack_shapes.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#define LEVEL __attribute__((noinline))

namespace {

volatile int sink;

/* A destructor that runs while an exception passes: the stack then has the unwinder's own frames.
 */
struct check_at_end {
    stack_check check;
    explicit check_at_end(stack_check given) : check(given)
    {
    }
    ~check_at_end()
    {
        check();
        sink = sink + 1;
    }
};

LEVEL void thrower(stack_check check, int depth)
{
    check_at_end at_end(check);

    if (depth == 0)
        throw std::runtime_error(std::string(100, 'x'));
    thrower(check, depth - 1);
    sink = sink + 1;
}

LEVEL void exceptions(stack_check check)
{
    try {
        thrower(check, 4);
    } catch (const std::exception &error) {
        check();
        sink = sink + error.what()[0];
    }
    check();
}

LEVEL void rethrow(stack_check check)
{
    try {
        try {
            thrower(check, 1);
        } catch (...) {
            check();
            throw;
        }
    } catch (const std::runtime_error &) {
        check();
    }
}

template <typename T> struct chain {
    LEVEL static void run(stack_check check, const T &value)
    {
        chain<std::vector<T>>::run(check, std::vector<T>(3, value));
        sink = sink + 1;
    }
};

template <typename T> struct chain<std::vector<std::vector<T>>> {
    LEVEL static void run(stack_check check, const std::vector<std::vector<T>> &value)
    {
        check();
        sink = sink + static_cast<int>(value.size());
    }
};

LEVEL void templates(stack_check check)
{
    chain<std::string>::run(check, "abc");
    chain<double>::run(check, 1.5);
}

LEVEL void algorithms(stack_check check)
{
    std::vector<int> numbers{5, 2, 4, 1, 3};
    std::map<std::string, std::function<void()>> table;

    std::sort(numbers.begin(), numbers.end(), [&](int left, int right) {
        check();
        return left < right;
    });
    table["a"] = [&] { std::for_each(numbers.begin(), numbers.end(), [&](int) { check(); }); };
    table["a"]();
}

struct base {
    virtual ~base() = default;
    virtual void call(stack_check check) = 0;
};

struct other_base {
    virtual ~other_base() = default;
    virtual void other_call(stack_check check) = 0;
};

/* Called through other_base: by way of a thunk. */
struct derived : base, other_base {
    int number = 0;
    LEVEL void call(stack_check check) override
    {
        check();
        number++;
    }
    LEVEL void other_call(stack_check check) override
    {
        call(check);
        number++;
    }
};

LEVEL void virtual_calls(stack_check check)
{
    std::unique_ptr<base> object(new derived);

    object->call(check);
    dynamic_cast<other_base &>(*object).other_call(check);
}

} // namespace

extern "C" const struct stack_shape STACK_SHAPES_TABLE[] = {
    /* libgcc's last instructions before a landing pad (its eh_return) have no true unwind table. */
    {"exceptions", exceptions, false},
    {"rethrow", rethrow, false},
   
    {"templates", templates, true},         {"algorithms", algorithms, true},
    {"virtual_calls", virtual_calls, true}, {nullptr, nullptr, false},
};
