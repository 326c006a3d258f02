/* Names of C++ types as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graph/type_spelling.h"

static void test_names_are_shortened(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"int", "int"},
        {"app::Session", "app::Session"},
        {"std::vector<int, std::allocator<int> >", "std::vector<int>"},
        {"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >",
         "std::string"},
        {"std::map<int, std::__cxx11::basic_string<char, std::char_traits<char>, "
         "std::allocator<char> >, std::less<int>, std::allocator<std::pair<int const, "
         "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > > > >",
         "std::map<int, std::string>"},
        {"std::unordered_map<long, app::Session, std::hash<long>, std::equal_to<long>, "
         "std::allocator<std::pair<long const, app::Session> > >",
         "std::unordered_map<long, app::Session>"},
        {"std::set<int, app::Order, std::allocator<int> >", "std::set<int, app::Order>"},
        {"std::pair<int const, char const*>", "std::pair<const int, char const*>"},
        {"std::unique_ptr<app::T, std::default_delete<app::T> >", "std::unique_ptr<app::T>"},
        {"app::Pool<std::vector<int, std::allocator<int> >, 3>", "app::Pool<std::vector<int>, 3>"},
        {"app::Call<int (*)(long, char)>", "app::Call<int (*)(long, char)>"},
        {"app::less<", "app::less<"},
        {"app::operator<<", "app::operator<<"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *shortened = type_spelling_shorten(names[i][0]);
        assert_string_equal(shortened, names[i][1]);
        free(shortened);
    }
}

static void test_arguments_are_found(void **state)
{
    (void)state;
    static const char name[] = "std::map<std::pair<int, long>, app::F<(char)44, int>, x>";
    static const char *const arguments[] = {"std::pair<int, long>", "app::F<(char)44, int>", "x"};
    for (size_t i = 0; i < 3; i++) {
        char *argument = type_spelling_argument(name, i);
        assert_string_equal(argument, arguments[i]);
        free(argument);
    }
    assert_null(type_spelling_argument(name, 3));
    assert_null(type_spelling_argument("app::T", 0));
    assert_null(type_spelling_argument("app::T<int", 0));
}

/* As deep as anybody may write them. */
static void test_hostile_names(void **state)
{
    (void)state;
    char name[8192];
    for (size_t i = 0; i + 1 < sizeof name; i++)
        name[i] = "T<"[i % 2];
    name[sizeof name - 1] = '\0';
    free(type_spelling_shorten(name));
    for (size_t i = 0; i + 1 < sizeof name; i++)
        name[i] = i < sizeof name / 2 ? "a<"[i % 2] : '>';
    free(type_spelling_shorten(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_shortened),
        cmocka_unit_test(test_arguments_are_found),
        cmocka_unit_test(test_hostile_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
