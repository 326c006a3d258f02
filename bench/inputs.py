"""Input files for the real programs: made here, the same on every machine."""

import json
import os
import random
import subprocess


def write_c_source(path, functions):
    """A C file that keeps an optimising compiler busy: loops, switches, calls, structures."""
    numbers = random.Random(1)
    lines = [
        "struct item { int key; double weight; struct item *next; };",
        "extern int tell(const char *, ...);",
    ]
    for number in range(functions):
        modulus = numbers.randint(3, 9)
        cases = "\n".join(
            f"        case {case}: total += values[i] * {numbers.randint(2, 99)} + total / {case + 1}; break;"
            for case in range(modulus)
        )
        lines.append(
            f"""
static double weigh_{number}(const struct item *first)
{{
    double sum = 0;
    for (const struct item *item = first; item; item = item->next)
        sum += item->key % {modulus} ? item->weight * {number}.5 : -item->weight;
    return sum;
}}

int work_{number}(const int *values, int count, struct item *first)
{{
    int total = {number};
    for (int i = 0; i < count; i++) {{
        switch ((values[i] ^ total) % {modulus}) {{
{cases}
        default: total -= values[i];
        }}
        if (total > {numbers.randint(1000, 100000)})
            tell("too much: %d", total{f" + work_{number - 1}(values, i, first)" if number else ""});
    }}
    return total + (int)weigh_{number}(first);
}}"""
        )
    write_text(path, "\n".join(lines) + "\n")


def write_sql_script(path, rows):
    write_text(
        path,
        f"""
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, city TEXT, born INTEGER);
CREATE TABLE visits (person INTEGER, place TEXT, day INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
  INSERT INTO people SELECT i, 'person number ' || i, 'city ' || (i * 7 % 113), 1900 + i % 100 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {3 * rows})
  INSERT INTO visits SELECT i * 31 % {rows}, 'place ' || (i % 997), i % 365 FROM n;
CREATE INDEX visits_of ON visits (person);
CREATE INDEX people_in ON people (city, born);
SELECT city, count(*), group_concat(substr(name, 15)) FROM people GROUP BY city ORDER BY 2 DESC;
SELECT p.city, count(*), min(v.day), upper(v.place) FROM people p JOIN visits v ON v.person = p.id
  GROUP BY p.city, v.place ORDER BY 2 DESC LIMIT 20;
UPDATE people SET name = replace(name, 'person', 'citizen') || printf('%08d', id);
SELECT sum(length(name)), max(upper(name)) FROM people WHERE name LIKE '%9%';
DELETE FROM visits WHERE person IN (SELECT id FROM people WHERE born % 3 = 0);
""",
    )


def write_json_file(path, objects):
    numbers = random.Random(2)
    words = [f"word{number}" for number in range(500)]
    entries = [
        {
            "id": number,
            "name": " ".join(numbers.choices(words, k=3)),
            "tags": numbers.choices(words, k=5),
            "place": {"x": numbers.random(), "y": numbers.random()},
            "active": number % 3 == 0,
        }
        for number in range(objects)
    ]
    write_text(path, json.dumps(entries, indent=1))


CHECKED_HEADERS = "fcntl.h locale.h malloc.h netdb.h poll.h pthread.h sys/epoll.h sys/ioctl.h sys/time.h utime.h"
CHECKED_FUNCTIONS = "alarm atexit bzero dup2 fork getcwd localtime_r memmove mkdir poll putenv select setenv strerror"


def write_configure(path, checks):
    """A configure script by Autoconf, in a folder of its own: a compiler, then headers and functions in turn."""
    headers, functions = CHECKED_HEADERS.split(), CHECKED_FUNCTIONS.split()
    lines = ["AC_INIT([measured], [1.0])", "AC_CONFIG_HEADERS([config.h])", "AC_PROG_CC", "AC_PROG_GREP"]
    for number in range(checks):
        turn = number // 2
        if number % 2 == 0:
            lines.append(f"AC_CHECK_HEADERS([{headers[turn % len(headers)]}])")
        else:
            lines.append(f"AC_CHECK_FUNCS([{functions[turn % len(functions)]}])")
    lines += ["AC_CONFIG_FILES([result])", "AC_OUTPUT"]
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    write_text(os.path.join(folder, "configure.ac"), "\n".join(lines) + "\n")
    write_text(os.path.join(folder, "result.in"), "@CC@ @GREP@\n")
    subprocess.run(["autoheader"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["autoconf"], cwd=folder, check=True, stderr=subprocess.DEVNULL)


def write_project(path, files):
    """A makefile, and beside it that many C files of which each is some work to compile."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    for number in range(files):
        write_c_source(os.path.join(folder, f"part_{number}.c"), 3 + number % 6)
    objects = " ".join(f"part_{number}.o" for number in range(files))
    write_text(
        path,
        f"CFLAGS = -O2\nlibparts.a: {objects}\n\t$(AR) cr $@ {objects}\nclean:\n\trm -f libparts.a {objects}\n",
    )


def write_text(path, text):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)
