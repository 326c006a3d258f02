#include "config.h"

#include "symbols/demangle.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void assert_demangled(const char *name, const char *expected)
{
    char *demangled = demangle_name(name);

    assert_string_equal(demangled, expected);
    free(demangled);
}

static void assert_unchanged(const char *name)
{
    assert_demangled(name, name);
}

static void test_cxx_names(void **state)
{
    (void)state;
    assert_demangled("_ZN3foo3barEi", "foo::bar(int)");
    assert_demangled("_ZNSt6vectorIiSaIiEE9push_backERKi",
                     "std::vector<int, std::allocator<int> >::push_back(int const&)");
    assert_demangled("_ZN12_GLOBAL__N_13fooEv", "(anonymous namespace)::foo()");
    assert_demangled("_ZN1AC4Ev", "A::A()");
    assert_demangled("_Znwm", "operator new(unsigned long)");
    assert_demangled("_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const");
}

static void test_clones_stay_visible(void **state)
{
    (void)state;
    assert_demangled("_ZN12_GLOBAL__N_13fooEv.cold", "(anonymous namespace)::foo() [clone .cold]");
    assert_demangled("_Z3fooi.constprop.0", "foo(int) [clone .constprop.0]");
    assert_unchanged("parse.part.0");
}

static void test_rust_names(void **state)
{
    (void)state;
    assert_demangled("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad");
    assert_demangled("_ZN5alloc3vec16Vec$LT$T$C$A$GT$4push17h0123456789abcdefE",
                     "alloc::vec::Vec<T,A>::push");
    assert_demangled("_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
                     "3bar17h930b740aa94f1d3aE",
                     "<Test + 'static as foo::Bar<Test>>::bar");
    assert_demangled("_RNvCs1234_7mycrate3foo", "mycrate::foo");
    assert_demangled("_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "cc::spawn::{closure#0}::{closure#0}");
}

static void test_other_names_are_copied(void **state)
{
    (void)state;
    assert_unchanged("");
    assert_unchanged("_");
    assert_unchanged("main");
    assert_unchanged("_Z");
    assert_unchanged("_ZN");
    assert_unchanged("_R");
    assert_unchanged("_Zebra");
    assert_unchanged("_start");
}

static char *repeated_name(const char *start, char middle, size_t count, const char *end)
{
    size_t start_bytes = strlen(start);
    char *name = memory_allocate(start_bytes + count + strlen(end) + 1);

    memcpy(name, start, start_bytes);
    memset(name + start_bytes, middle, count);
    strcpy(name + start_bytes + count, end);
    return name;
}

/* 20,000 characters are more than libiberty takes by itself. */
static void test_long_names(void **state)
{
    char *name = repeated_name("_Z20000", 'a', 20000, "i");
    char *expected = repeated_name("", 'a', 20000, "(int)");

    (void)state;
    assert_demangled(name, expected);
    free(name);
    free(expected);
}

/* libiberty prints no more than 1024 levels; sixty times as many must not exhaust the stack. */
static void test_deep_names(void **state)
{
    char *deep = repeated_name("_Z1f", 'P', 500, "i");
    char *expected = repeated_name("f(int", '*', 500, ")");
    char *too_deep = repeated_name("_Z1f", 'P', 60000, "i");
    char *rust = repeated_name("_RIC1x", 'R', 60000, "lE");
    char *expected_rust = repeated_name("x::<", '&', 60000, "i32>");

    (void)state;
    assert_demangled(deep, expected);
    assert_unchanged(too_deep);
    assert_demangled(rust, expected_rust);
    free(deep);
    free(expected);
    free(too_deep);
    free(rust);
    free(expected_rust);
}

static void test_names_that_are_too_long(void **state)
{
    char *name = repeated_name("_Z66000", 'a', 66000, "i");

    (void)state;
    assert_unchanged(name);
    free(name);
}

/* f(A<int, int>, A<first, first>, A<second, second>, ...): each argument is twice as long as the
 * one before, 2^36 in the end. */
static void test_exploding_names(void **state)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char name[1024] = "_Z1f1AIiiE";
    size_t count = strlen(name);

    (void)state;
    for (const char *digit = digits; *digit != '\0'; digit++)
        count += (size_t)snprintf(name + count, sizeof name - count, "S_IS%c_S%c_E", *digit,
                                  *digit);
    assert_unchanged(name);
    name[strlen("_Z1f1AIiiE") + 2 * strlen("S_IS0_S0_E")] = '\0';
    assert_demangled(name,
                     "f(A<int, int>, A<A<int, int>, A<int, int> >, A<A<A<int, int>, A<int, int> "
                     ">, A<A<int, int>, A<int, int> > >)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cxx_names),
        cmocka_unit_test(test_clones_stay_visible),
        cmocka_unit_test(test_rust_names),
        cmocka_unit_test(test_other_names_are_copied),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_deep_names),
        cmocka_unit_test(test_names_that_are_too_long),
        cmocka_unit_test(test_exploding_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
