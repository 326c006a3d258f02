#!/usr/bin/env python3
"""Real programs, each alone and under `seep run`: the same output and status, the same descriptors
and variables, and nothing that hangs. real_programs.py [NAME...]; a table is printed at the end.

Runs only with SEEP_LONG_TESTS=1. A program that is not installed is skipped by name."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
# pylint: disable=wrong-import-position
from recorded import BUILD, IS_LONG, SCRATCH, SEEP, SOURCE, Checks, clean_environment, new_path

LIMIT_S = 900  # of a program that hangs
BROKEN = (7, 8, 9, None)  # by which the scripts below say that a program does not work here at all
checks = Checks()
programs = []


class Missing(Exception):
    """What is not installed."""


def need(*names):
    """The paths of commands, some of which stand where only root looks."""
    found = []
    for name in names:
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
        if path is None:
            raise Missing(f"{name} is not installed")
        found.append(path)
    return found


def program(function):
    """A program: gives a shell script that is run in an empty folder, and what to keep of what it
    prints (a function of the text; default: all of it)."""
    programs.append(function)
    return function


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


# Times and counts of what a suite ran are its own; what passed and what failed is compared.
def suite_lines(text):
    kept = re.findall(r"^(?:test_\w+ (?:failed|passed|skipped|crashed).*|(?:FAIL|ERROR): .*|"
                      r"Tests result: .*|All \d+ tests OK\.|\d+ tests? .*:)$", text, re.M)
    return "\n".join(re.sub(r" \([0-9.]+ (?:sec|min).*\)| in [0-9.]+ .*", "", line)
                     for line in kept)


def python_suite(test):
    def make(_):
        need("/usr/bin/python3")
        if not os.path.exists(f"/usr/lib/python3.11/test/{test}.py") and \
           not os.path.isdir(f"/usr/lib/python3.11/test/{test}"):
            raise Missing("libpython3.11-testsuite is not installed")
        return f"/usr/bin/python3 -m test {test} 2>&1", suite_lines
    make.__name__ = "python_" + test
    return make


for suite in ("test_json", "test_re", "test_threading", "test_subprocess", "test_os", "test_fork1",
              "test_signal", "test_multiprocessing_fork", "test_posix", "test_asyncio"):
    programs.append(python_suite(suite))


@program
def surroundings(_):
    """Descriptors and variables that a program and its children have."""
    need("bash")
    return ("ls -l /proc/self/fd | sed 's/.* \\([0-9]*\\) -> .*/\\1/' | sort -n; "
            "env | sed 's/=.*//' | grep -v '^LD_PRELOAD$' | sort; env -i /usr/bin/env | "
            "grep -v '^LD_PRELOAD='; trap; umask; ulimit -a"), None


@program
def pypy3(folder):
    need("pypy3")
    path = write(folder, "work.py", """
import json, hashlib, threading, subprocess, gc
rows = [{"id": i, "name": "x" * (i % 50), "more": list(range(i % 9))} for i in range(60000)]
text = json.dumps(rows)
print(hashlib.sha256(text.encode()).hexdigest(), len(json.loads(text)))
def work(n): rows[n]["sum"] = sum(hash(str(i)) & 1 for i in range(100000)) >= 0
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
gc.collect()
print(subprocess.check_output(["echo", "child"]))
""")
    return f"pypy3 {path}", None


@program
def node_workers(folder):
    need("node")
    path = write(folder, "work.js", """
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
if (isMainThread) {
  let results = [], n = 8;
  for (let i = 0; i < n; i++)
    new Worker(__filename, { workerData: i }).on('message', m => {
      results[i] = m;
      if (results.filter(x => x !== undefined).length === n) {
        console.log(results.join(' '));
        console.log(require('zlib').gzipSync(Buffer.alloc(1 << 20, 'seep')).length > 0);
        require('child_process').exec('echo child', (e, out) => { console.log(out.trim());
          process.exitCode = 12; });
      } });
} else {
  let sum = 0, map = new Map();
  for (let i = 0; i < 300000; i++) { map.set('k' + i % 5000, { i }); sum += i % (workerData + 2); }
  parentPort.postMessage(sum + map.size);
}
""")
    return f"node {path}", None


@program
def redis(folder):
    need("redis-server", "redis-benchmark", "redis-cli")
    return f"""
redis-server --port 0 --unixsocket {folder}/s --save '' --daemonize no >log 2>&1 &
server=$!
until redis-cli -s {folder}/s ping >/dev/null 2>&1; do kill -0 $server || exit 9; sleep 0.1; done
redis-benchmark -s {folder}/s -n 30000 -c 20 -q -t set,get,lpush,lpop,hset,zadd >bench || exit 8
redis-cli -s {folder}/s eval "for i=1,20000 do redis.call('set','k'..i,i) end return 1" 0
redis-cli -s {folder}/s bgsave
until redis-cli -s {folder}/s info persistence | grep -q rdb_bgsave_in_progress:0; do sleep 0.1; done
redis-cli -s {folder}/s info persistence | grep rdb_last_bgsave_status
redis-cli -s {folder}/s dbsize; redis-cli -s {folder}/s shutdown nosave; wait $server; echo $?""", None


@program
def nginx(folder):
    need("nginx", "curl")
    write(folder, "index.html", "seep " * 1000)
    os.chmod(folder, 0o755)
    write(folder, "nginx.conf", f"""
daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/c;
  server {{ listen unix:{folder}/s; root {folder}; gzip on; gzip_types *; }} }}
{'user root;' if os.geteuid() == 0 else ''}
""")
    return f"""
load() {{ for i in 1 2 3 4; do for j in 1 2 3 4 5 6 7 8 9 10; do
  curl -s --compressed --unix-socket {folder}/s http://x/index.html | wc -c; done & done | sort | uniq -c; }}
nginx -p {folder} -c {folder}/nginx.conf & server=$!
until [ -S {folder}/s ] && [ -s {folder}/pid ]; do kill -0 $server || exit 9; sleep 0.1; done
load; kill -HUP $server; load; kill -HUP $server; load; kill -QUIT $server; wait $server; echo $?""", None


@program
def postgresql(folder):
    folders = sorted(os.listdir("/usr/lib/postgresql")) if os.path.isdir("/usr/lib/postgresql") else []
    if not folders:
        raise Missing("postgresql is not installed")
    binaries = f"/usr/lib/postgresql/{folders[-1]}/bin"
    for name in ("initdb", "pgbench", "postgres", "psql"):
        need(f"{binaries}/{name}")
    as_user = ""
    if os.geteuid() == 0:
        need("setpriv")
        as_user = "setpriv --reuid=postgres --regid=postgres --clear-groups "
        shutil.chown(folder, "postgres")
    # It refuses root: the script is run again as its user.
    path = write(folder, "work.sh", f"""PATH={binaries}:$PATH; D={folder}/d
initdb -D $D -A trust -U u >init.log 2>&1 || {{ tail init.log; exit 9; }}
postgres -D $D -k {folder} -c listen_addresses= >server.log 2>&1 & server=$!
until psql -h {folder} -U u -c 'select 1' postgres >/dev/null 2>&1; do
  kill -0 $server || exit 8; sleep 0.2; done
pgbench -h {folder} -U u -i -s 1 postgres >bench.log 2>&1 || exit 7
pgbench -h {folder} -U u -c 4 -j 2 -t 100 postgres | grep 'actually processed'
psql -h {folder} -U u -At -c 'select count(*) from pgbench_history' postgres
kill -INT $server; wait $server; echo $?""")
    return f"{as_user}sh {path}", None


@program
def git(folder):
    need("git")
    return f"""
export HOME={folder} GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z
git init -q -b main a && cd a && git config user.name n && git config user.email e@x
for i in 1 2 3 4 5 6 7 8; do seq $((i * 3000)) >f$i; git add . && git commit -qm "c$i"; done
cd .. && git clone -q --no-local a b && cd b && git gc -q --aggressive && git fsck --no-progress
git log --stat | sha256sum; git rev-parse HEAD""", None


@program
def configure_and_make(_):
    """Autotools, compilers and make at work: this very project."""
    need("cc", "make")
    if not os.path.exists(os.path.join(SOURCE, "configure")):
        raise Missing("there is no configure script here")
    return (f"{SOURCE}/configure --quiet >log 2>&1 || {{ tail log; exit 9; }}\n"
            "make -s -j2 libseep-preload.so >log 2>&1 || { tail log; exit 8; }\n"
            "nm -D --defined-only libseep-preload.so | sed 's/^[0-9a-f]* //' | sha256sum"), None


@program
def perl(_):
    need("perl")
    return ("perl -MPOSIX -e 'my %h; $h{$_ % 5000} .= \"x$_\" for 1..300000; my $n = 0; "
            "$n += length for values %h; print \"$n\\n\"; my $p = fork; if (!$p) { exit 3 } "
            "waitpid $p, 0; print $? >> 8, \"\\n\"; print `echo child`; exit 5'"), None


@program
def ruby(_):
    need("ruby")
    return ("ruby -e 'h = Hash.new(0); 300000.times { |i| h[(i % 5000).to_s] += i }; puts h.values.sum; "
            "puts 8.times.map { |n| Thread.new { (0..20000).map(&:to_s).join.size } }.map(&:value).sum; "
            "GC.start; pid = fork { exit 3 }; Process.wait pid; puts $?.exitstatus; puts `echo child`; "
            "exit 6'"), None


@program
def java(folder):
    need("java", "javac")
    write(folder, "Work.java", """
import java.util.*; import java.util.stream.*;
public class Work { public static void main(String[] a) throws Exception {
  System.out.println(IntStream.range(0, 300000).parallel().mapToObj(Integer::toString)
    .mapToLong(String::length).sum());
  Process p = new ProcessBuilder("echo", "child").inheritIO().start(); p.waitFor();
  System.exit(4); } }
""")
    return f"cd {folder} && java -version 2>&1 && javac Work.java && java -Xmx256m Work", None


@program
def gdb(_):
    need("gdb")
    return ("gdb -nx -batch -ex 'break exit' -ex run -ex 'info breakpoints' -ex continue "
            "--args /bin/echo hello 2>/dev/null | grep -E '^hello|exited|already hit' | "
            "sed 's,process [0-9]*,process N,'"), None


@program
def strace(_):
    need("strace")
    return "strace -f -o trace sh -c 'echo one; /bin/echo two; exit 3'; echo $?; grep -c exit_group trace", None


@program
def cxx_exceptions_and_coroutines(folder):
    need("g++")
    path = write(folder, "work.cpp", """
#include <coroutine>
#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
struct Generator {
    struct promise_type {
        int value = 0;
        Generator get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(int v) { value = v; return {}; }
        void return_void() {}
        void unhandled_exception() { throw; }
    };
    std::coroutine_handle<promise_type> handle;
    ~Generator() { if (handle) handle.destroy(); }
    Generator(std::coroutine_handle<promise_type> h) : handle(h) {}
    Generator(Generator &&other) : handle(other.handle) { other.handle = nullptr; }
};
static Generator count(int limit) {
    std::string kept(100, 'x');
    for (int i = 0; i < limit; i++) {
        if (i == 90) throw std::runtime_error(kept + std::to_string(i));
        co_yield i;
    }
}
static int deep(int n) {
    std::vector<int> v(n + 1, 1);
    if (n == 0) throw std::bad_alloc();
    try { return deep(n - 1) + v[0]; } catch (std::logic_error &) { return 0; }
}
static long work() {
    long sum = 0;
    for (int round = 0; round < 300; round++) {
        auto g = count(round % 100);
        try { while (g.handle.resume(), !g.handle.done()) sum += g.handle.promise().value; }
        catch (std::exception &e) { sum += (long)std::string(e.what()).size(); }
        try { deep(50); } catch (std::bad_alloc &) { sum++; }
    }
    return sum;
}
int main() {
    std::vector<long> results(4);
    std::vector<std::thread> threads;
    for (auto &r : results) threads.emplace_back([&r] { r = work(); });
    for (auto &t : threads) t.join();
    for (long r : results) std::printf("%ld\\n", r);
    try { (void)new char[(size_t)-1 / 4]; } catch (std::bad_alloc &) { std::puts("bad_alloc"); }
    return 11;
}
""")
    return f"g++ -std=c++20 -O1 -pthread -w {path} -o work && ./work", None


def run_script(script, folder, recording=None):
    """Status (None: it hung), output, seconds."""
    command = ["sh", "-c", script]
    if recording is not None:
        command = [SEEP, "run", "-q", "-o", recording, "--", *command]
    environment = clean_environment()
    environment.update(HOME=folder, TMPDIR=SCRATCH)
    begin = time.monotonic()
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          start_new_session=True) as process:
        try:
            output, errors = process.communicate(timeout=LIMIT_S)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its own session: nothing but what we started
            output, errors = process.communicate()
            status = None
    return status, output.decode(errors="replace"), errors.decode(errors="replace"), \
        time.monotonic() - begin


def figures_of(path):
    # The figures alone: the sites of a suite that forks are hundreds of megabytes of JSON.
    read = subprocess.run([SEEP, "report", "--json", "--limit", "1", path], capture_output=True, check=False,
                          env=clean_environment())
    if read.returncode != 0:
        return None, None, read.stderr.decode()
    quality = json.loads(read.stdout)["quality"]
    return quality["events"], quality["lost_events"], ""


def try_program(make):
    name = make.__name__
    results = []
    recording = new_path()
    for path in (None, recording):
        # The same folder both times: its name is in what programs print.
        folder = os.path.join(SCRATCH, name)
        os.mkdir(folder)
        os.chmod(SCRATCH, 0o755)
        try:
            script, keep = make(folder)
            results.append(run_script(script, folder, path))
        except Missing as reason:
            return (name, "", "", "", "", f"skipped: {reason}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    (status, output, _, plain_s), (own_status, own_output, errors, recorded_s) = results
    keep = keep or (lambda text: text)
    if status in BROKEN or not keep(output):
        return (name, f"{plain_s:.1f}", "", "", "",
                f"skipped: alone it ends with {status}: {output[-60:]!r}")
    events, lost, trouble = figures_of(recording)
    failures = checks.failures
    checks.true(f"{name}: it ends", own_status is not None, f"not within {LIMIT_S} s")
    checks.equal(f"{name}: status", status, own_status)
    checks.true(f"{name}: output", keep(output) == keep(own_output),
                f"alone:\n{keep(output)[-3000:]}\nrecorded:\n{keep(own_output)[-3000:]}\n"
                f"{errors[-1000:]}")
    checks.true(f"{name}: seep report", trouble == "", trouble)
    if os.path.exists(recording):
        os.unlink(recording)
    verdict = "same" if checks.failures == failures else "DIFFERS"
    return (name, f"{plain_s:.1f}", f"{recorded_s:.1f}", str(events), str(lost),
            f"{verdict}, status {own_status}")


def try_static_go():
    """It cannot be recorded: that is said before it starts, and --best-effort runs it."""
    name = "go_static"
    folder = os.path.join(SCRATCH, name)
    os.mkdir(folder)
    try:
        need("go")
    except Missing as reason:
        return (name, "", "", "", "", f"skipped: {reason}")
    write(folder, "main.go", 'package main\nimport "fmt"\nfunc main() { fmt.Println("go") }\n')
    environment = clean_environment()
    environment.update(HOME=folder, CGO_ENABLED="0", GOFLAGS="-mod=mod", GOPROXY="off")
    built = subprocess.run(["go", "build", "-o", "work", "main.go"], cwd=folder, env=environment,
                           capture_output=True, check=False)
    if built.returncode != 0:
        return (name, "", "", "", "", f"skipped: go build: {built.stderr.decode()[:60]!r}")
    refused = subprocess.run([SEEP, "run", "-q", "-o", new_path(), "--", folder + "/work"],
                             env=clean_environment(), capture_output=True, check=False)
    failures = checks.failures
    checks.equal(f"{name}: status", 125, refused.returncode)
    checks.true(f"{name}: the reason", b"static" in refused.stderr, refused.stderr)
    checks.equal(f"{name}: it did not run", b"", refused.stdout)
    ran = subprocess.run([SEEP, "run", "-q", "--best-effort", "-o", new_path(), "--",
                          folder + "/work"], env=clean_environment(), capture_output=True, check=False)
    checks.equal(f"{name}: best effort", (0, b"go\n"), (ran.returncode, ran.stdout))
    verdict = "refused clearly" if checks.failures == failures else "DIFFERS"
    return (name, "", "", "", "", verdict)


def main():
    if not IS_LONG:
        print("SKIP: a long test: SEEP_LONG_TESTS is not set")
        raise SystemExit(77)
    with open(os.path.join(BUILD, "Makefile"), encoding="utf-8") as file:
        if re.search(r"^SANITIZER_FLAGS = .*-fsanitize", file.read(), re.M):
            print("SKIP: they are recorded by the seep that was built without sanitizers")
            raise SystemExit(77)
    wanted = sys.argv[1:]
    rows = [("program", "plain s", "recorded s", "events", "lost", "verdict")]
    for make in programs:
        if not wanted or make.__name__ in wanted:
            rows.append(try_program(make))
            print(*rows[-1], flush=True)
    if not wanted or "go_static" in wanted:
        rows.append(try_static_go())
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    checks.finish()


main()
