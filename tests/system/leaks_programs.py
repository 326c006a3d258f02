#!/usr/bin/env python3
"""No false leak in real programs: what seep, memcheck (without its call of __libc_freeres) and
LeakSanitizer (preloaded) say about programs as people run them, against tests/system/leaks.verdicts,
where each finding has been judged: what is called lost must have been judged true there, and be what
memcheck says where that can run the program.

A few in `make check`, all in `./test all`. leaks_programs.py --table [NAME...] prints the figures as
lines of that file, without the verdicts."""
import collections
import glob
import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import IS_LONG, SCRATCH, SEEP, SOURCE, Checks, clean_environment, new_path, run, seep

VERDICTS = os.path.join(SOURCE, "tests/system/leaks.verdicts")
KINDS = ("definite", "indirect", "possible")
MOST_S = 240  # of a script: a tool that cannot run a program may never end
SYSTEM_TOOLS = "/usr/sbin:/usr/lib/postgresql/15/bin"

# What to run, as a script in which $W stands before the program to be judged, and in whose folder
# $D it may write; then the executables that are judged (None: the one of the same name), whether
# memcheck can run it, whether `make check` looks at it, and what is to be done first, without any
# tool.
Program = collections.namedtuple("Program", "name script executables has_memcheck is_quick first",
                                 defaults=(None, True, False, "true"))

REDIS = """
$W redis-server --port 0 --unixsocket $D/s --save '' --daemonize no >$D/log 2>&1 & server=$!
until redis-cli -s $D/s ping >/dev/null 2>&1; do kill -0 $server || exit 9; sleep 0.1; done
redis-cli -s $D/s eval "for i=1,2000 do redis.call('set','k'..i,i) redis.call('rpush','l',i) end" 0
kill -TERM $server; wait $server"""

NGINX = """
echo 'daemon off; MASTER; pid '$D'/pid; error_log '$D'/e; events { worker_connections 64; } http {
access_log off; client_body_temp_path '$D'/b; proxy_temp_path '$D'/p; fastcgi_temp_path '$D'/f;
uwsgi_temp_path '$D'/u; scgi_temp_path '$D'/c; server { listen unix:'$D'/s; root '$D'; gzip on;
gzip_types *; } }' >$D/conf; echo seep >$D/index.html; chmod 755 $D
$W nginx -p $D -c $D/conf & server=$!
until [ -S $D/s ] && [ -s $D/pid ]; do kill -0 $server || exit 9; sleep 0.1; done
for i in 1 2 3; do curl -s --compressed --unix-socket $D/s http://x/index.html >/dev/null; done
kill -QUIT $server; wait $server"""

AS_POSTGRES = """
if [ $(id -u) = 0 ]; then as="setpriv --reuid=postgres --regid=postgres --clear-groups"
chown postgres $D; fi; """

C_SOURCE = "#include <stdio.h>\\nint main(void) { puts(\\\"x\\\"); return 0; }\\n"

PROGRAMS = [
    Program("ls", "$W ls -la /usr/bin", is_quick=True),
    Program("sqlite3", "$W sqlite3 :memory: 'create table t (a, b); insert into t values (1, 2); "
            "select * from t;'", is_quick=True),
    Program("bash", "$W bash -c 'x=1; for i in 1 2 3; do x=$((x + i)); done; echo $x'"),
    Program("git log", f"$W git -C {SOURCE} log --oneline -20", ["git"]),
    Program("git repack", "cd $D/a; $W git repack -adq; $W git fsck --no-progress; $W git diff HEAD~1",
            ["git"], first="git init -q $D/a && cd $D/a && git config user.name n && git config "
            "user.email e; for i in 1 2 3; do seq ${i}000 >f$i; touch -d 2020-01-01 f$i; "
            "git add .; git commit -qm c$i; done"),
    Program("gcc -c", f"printf \"{C_SOURCE}\" >$D/a.c; $W gcc -O2 -c $D/a.c -o $D/a.o",
            ["gcc", "cc1", "as"]),
    Program("g++ link", f"printf \"{C_SOURCE}\" >$D/a.cc; $W g++ $D/a.cc -o $D/a",
            ["g++", "cc1plus", "as", "collect2", "ld"]),
    Program("perl -e", "$W perl -e '%h = map { $_ => 1 } 1 .. 1000; print join(\",\", sort keys %h)'",
            ["perl"]),
    Program("python3 -c", "$W /usr/bin/python3 -c 'import json; print(json.dumps(list(range(1000))))'",
            ["python3"]),
    Program("python3 sqlite", "$W /usr/bin/python3 -c 'import sqlite3, threading, ssl, ctypes; "
            "c = sqlite3.connect(\":memory:\"); c.execute(\"create table t (a)\"); "
            "t = threading.Thread(target=print); t.start(); t.join()'", ["python3"]),
    Program("redis-server TERM", REDIS, ["redis-server"]),
    Program("nginx alone QUIT", NGINX.replace("MASTER", "master_process off"), ["nginx"]),
    Program("nginx QUIT", NGINX.replace("MASTER", "worker_processes 1"), ["nginx"]),
    Program("node -e", "$W node -e 'console.log([1,2,3].map(x => x * x).join(\" \"))'", ["node"], False),
    Program("pypy3 -c", "$W pypy3 -c 'import json; print(json.dumps(list(range(1000))))'", ["pypy3"],
            False),
    Program("ruby -e", "$W ruby -e 'h = {}; 1000.times { |i| h[i.to_s] = i }; puts h.size'", ["ruby"]),
    Program("postgres --single", AS_POSTGRES + "echo 'select count(*) from pg_class;' | "
            "$as $W postgres --single -D $D/d postgres", ["postgres"],
            first=AS_POSTGRES + "$as initdb -D $D/d -A trust -U u"),
    Program("gdbus help", "$W gdbus help", ["gdbus"]),
    Program("gio info", "$W gio info /usr/bin", ["gio"]),
    Program("glib-compile-schemas", "cp /usr/share/glib-2.0/schemas/*.xml $D; "
            "$W glib-compile-schemas $D"),
    Program("vim", "$W vim -u NONE -es -c 'normal ihello' -c 'wq' $D/text", ["vim"]),
    Program("tclsh", "echo 'for {set i 0} {$i < 1000} {incr i} { set a($i) $i }; puts [array size a]' |"
            " $W tclsh", ["tclsh"]),
    Program("make -n", "printf 'all: a b\\n\\techo $@\\na b:\\n\\techo $@\\n' >$D/m; $W make -n -f $D/m",
            ["make"]),
    Program("grep -r", f"$W grep -r include {SOURCE}/src/base", ["grep"]),
    Program("sort", f"$W sort -k2 -r {SOURCE}/HACKING.md"),
    Program("openssl version", "$W openssl version", ["openssl"]),
    Program("curl --version", "$W curl --version", ["curl"]),
    Program("awk", "seq 1000 | $W awk '{ a[$1 % 10] += $1 } END { for (k in a) print k, a[k] }'",
            ["awk"]),
    Program("xz -c", f"$W xz -c {SOURCE}/HACKING.md", ["xz"]),
    Program("tar cf", f"cd {SOURCE} && $W tar cf /dev/null man", ["tar"]),
]

NOTHING = {kind: (0, 0) for kind in KINDS}

checks = Checks()


def environment(folder, wrapper, **more):
    words = clean_environment()
    words.update(PERL_HASH_SEED="0", PYTHONHASHSEED="0", D=folder, W=wrapper, HOME=folder,
                 PATH=f"{words['PATH']}:{SYSTEM_TOOLS}", **more)
    return words


def run_script(program, wrapper, before=(), **more):
    """What it prints does not matter, nor how it ends: some of these are ended by signals."""
    folder = os.path.join(SCRATCH, "work")
    os.mkdir(folder)
    os.chmod(SCRATCH, 0o777)
    try:
        run(["sh", "-c", program.first], cwd=folder, env=environment(folder, ""))
        return run([*before, "timeout", "-k", "5", str(MOST_S), "sh", "-c", program.script],
                   cwd=folder, env=environment(folder, wrapper, **more))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def add(found, name, kind, blocks, size):
    sums = found.setdefault(name, {kind: (0, 0) for kind in KINDS})
    sums[kind] = sums[kind][0] + blocks, sums[kind][1] + size


def of_seep(program):
    """{executable: {kind: (blocks, bytes)}}; a child that runs no image of its own is not scanned."""
    path = new_path()
    run_script(program, "", before=(SEEP, "run", "-q", "-o", path, "--"))
    report = json.loads(seep("leaks", "--json", "--limit=1", path).stdout)
    found = {}
    for process in report["processes"]:
        if process["scan"]["done"]:
            for kind in KINDS:
                add(found, os.path.basename(process["executable"]), kind,
                    process["summary"][kind]["blocks"], process["summary"][kind]["bytes"])
    return found


def number(text):
    return int(text.replace(",", ""))


def logs_of(pattern):
    for path in sorted(glob.glob(pattern), key=lambda path: (len(path), path)):
        with open(path, encoding="utf-8", errors="replace") as file:
            yield path, file.read()
        os.unlink(path)


def of_memcheck(program):
    log = new_path(".log")
    run_script(program, "valgrind --trace-children=yes --leak-check=full --run-libc-freeres=no "
                        f"--smc-check=all-non-file --log-file={log}.%p")
    found, commands = {}, {}
    for path, text in logs_of(log + ".*"):
        command = re.search(r"Command: (.*)", text)
        parent = re.search(r"Parent PID: (\d+)", text)
        if not command:
            continue
        commands[path.rpartition(".")[2]] = command[1]
        if "HEAP SUMMARY" not in text or commands.get(parent[1]) == command[1]:
            continue  # ended by a signal; a child that runs no image of its own
        name = real_name(command[1].split()[0])
        for kind in KINDS:
            match = re.search(kind[:-1] + r"\w+ lost: ([0-9,]+) bytes in ([0-9,]+) blocks", text)
            add(found, name, kind, *((number(match[2]), number(match[1])) if match else (0, 0)))
    return found


def lsan_library():
    libraries = glob.glob("/usr/lib/gcc/*/*/liblsan.so")
    return libraries[0] if libraries else None


def of_lsan(program):
    log = new_path(".lsan")
    run_script(program, f"env LD_PRELOAD={lsan_library()}",
               LSAN_OPTIONS=f"log_path={log}:log_exe_name=1:exitcode=0")
    found = {}
    for path, text in logs_of(log + ".*"):
        name = os.path.basename(path)[len(os.path.basename(log)) + 1:].rpartition(".")[0]
        if "LeakSanitizer has encountered a fatal error" in text:
            found[name] = None
        if found.get(name, NOTHING) is None:
            continue
        for word, kind in (("Direct", "definite"), ("Indirect", "indirect")):
            for size, blocks in re.findall(word + r" leak of (\d+) byte\(s\) in (\d+) object", text):
                add(found, name, kind, int(blocks), int(size))
    return found


def real_name(name):
    path = shutil.which(name, path=os.environ["PATH"] + ":" + SYSTEM_TOOLS)
    return os.path.basename(os.path.realpath(path)) if path else name


def figures(program):
    """By each tool; None: it cannot run it, or is not installed."""
    return (of_seep(program),
            of_memcheck(program) if program.has_memcheck and shutil.which("valgrind") else None,
            of_lsan(program) if lsan_library() else None)


def text_of(sums, kind):
    return f"{sums[kind][0]}/{sums[kind][1]}"


def pick(found, name, absent=None):
    """The sums of an executable, whatever links lead to it."""
    names = {name, real_name(name), real_name("/usr/bin/" + name)}
    return next((found[key] for key in sorted(names) if key in found), absent) \
        if found is not None else None


def rows_of(program):
    """(name, seep's, memcheck's, LeakSanitizer's) of each executable that was judged."""
    ours, memcheck, lsan = figures(program)
    executables = program.executables or [program.name]
    for name in executables:
        label = program.name if len(executables) == 1 else f"{program.name}: {name}"
        if pick(ours, name):
            yield label, pick(ours, name), pick(memcheck, name), pick(lsan, name, NOTHING)


def pair(sums):
    return f"{text_of(sums, 'definite')} + {text_of(sums, 'indirect')}" if sums else "-"


def line_of(row):
    name, ours, memcheck, lsan = row
    return " | ".join([f"{name:22}", f"{pair(ours):24}", f"{text_of(ours, 'possible'):12}",
                       f"{pair(memcheck):24}",
                       f"{text_of(memcheck, 'possible') if memcheck else '-':12}",
                       f"{pair(lsan):20}"])


def read_verdicts():
    """{name: verdict}: the first and the last column."""
    with open(VERDICTS, encoding="utf-8") as file:
        rows = [line.split("|") for line in file if "|" in line and not line.startswith("#")]
    return {row[0].strip(): row[-1].strip() for row in rows}


def judge(row, verdicts):
    name, ours, memcheck, _ = row
    lost = ours["definite"], ours["indirect"]
    checks.true(f"{name}: has been judged", name in verdicts, lost)
    verdict = verdicts.get(name, "")
    if not verdict.startswith(("true", "taken as true")):
        checks.equal(f"{name}: lost", ((0, 0), (0, 0)), lost)
    if memcheck and "unlike memcheck" not in verdict:
        checks.equal(f"{name}: lost by memcheck", (memcheck["definite"], memcheck["indirect"]), lost)


def main():
    is_table = sys.argv[1:2] == ["--table"]
    wanted = sys.argv[2:]
    if not is_table and not shutil.which("valgrind"):
        print("SKIP: valgrind is not installed")
        raise SystemExit(77)
    verdicts = read_verdicts()
    for program in PROGRAMS:
        command = re.search(r"\$W (\S+)", program.script)[1]
        if is_table and wanted and program.name not in wanted or \
                not is_table and not IS_LONG and not program.is_quick or \
                not shutil.which(command, path=os.environ["PATH"] + ":" + SYSTEM_TOOLS):
            continue
        for row in rows_of(program):
            print(line_of(row), flush=True)
            if not is_table:
                judge(row, verdicts)
    if not is_table:
        checks.finish()


main()
