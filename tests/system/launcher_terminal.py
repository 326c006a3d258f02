#!/usr/bin/env python3
"""What the launcher does on a terminal: ^C, ^Z and fg, and how a core dump is not made twice; alone,
and as a part of `seep run`.

A process that leads the terminal's session plays the shell: it gives the terminal to its job, tells
when the job stopped, continues it when asked, and reports how it ended.
"""
import os
import pty
import resource
import select
import signal
import sys
import tempfile

HELPER = os.path.join(os.getcwd(), "tests/helpers/launch")
SEEP = os.path.join(os.getcwd(), "seep")
TIMEOUT_S = 60  # of a test that hangs; nothing waits this long otherwise


def play_shell(command):
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(command[0], command)
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.tcsetpgrp(0, os.getpgrp())
            print("shell: stopped by", os.WSTOPSIG(status), flush=True)
            sys.stdin.readline()
            os.tcsetpgrp(0, job)
            os.killpg(job, signal.SIGCONT)
        else:
            print("shell: ended with", os.waitstatus_to_exitcode(status), flush=True)
            os._exit(0)


class Terminal:
    def __init__(self, launch, script):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            play_shell(launch + ["sh", "-c", script])

    def expect(self, text):
        while text not in self.seen:
            readable, _, _ = select.select([self.fd], [], [], TIMEOUT_S)
            try:
                self.seen += os.read(self.fd, 4096).decode() if readable else ""
            except OSError:
                readable = []
            if not readable:
                sys.exit(f'FAIL: waited for "{text}", saw:\n{self.seen}')
        self.seen = self.seen.split(text, 1)[1]

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def check_interrupt(launch):
    """^C reaches the command once and never ends the launcher, whatever the command makes of it.

    A shell that is just about to read runs its trap only when it has read something: hence the empty
    line."""
    terminal = Terminal(
        launch,
        'n=0; trap "n=\\$((n+1)); echo interrupt \\$n" INT; echo ready; '
        'while [ -z "$x" ]; do read x; done; echo got $x; exit $((40 + n))')
    terminal.expect("ready")
    terminal.type("\x03")
    terminal.type("\n")
    terminal.expect("interrupt 1")
    terminal.type("go\n")
    terminal.expect("got go")
    terminal.expect("shell: ended with 41")
    terminal.close()


def check_stop(launch):
    """^Z stops the command, then the launcher by the same signal; fg continues both."""
    terminal = Terminal(launch, "echo ready; read x; echo got $x; exit 6")
    terminal.expect("ready")
    terminal.type("\x1a")
    terminal.expect(f"shell: stopped by {int(signal.SIGTSTP)}")
    terminal.type("fg\n")
    terminal.type("word\n")
    terminal.expect("got word")
    terminal.expect("shell: ended with 6")
    terminal.close()


def check_stop_ignored(launch):
    """A command that does not stop keeps the launcher awake."""
    terminal = Terminal(launch, 'trap "" TSTP; echo ready; read x; echo got $x; exit 8')
    terminal.expect("ready")
    terminal.type("\x1a")
    terminal.type("word\n")
    terminal.expect("got word")
    terminal.expect("shell: ended with 8")
    terminal.close()


def check_core_dump(launch):
    """The command may dump core; the launcher dies of the same signal without a dump."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    process = os.fork()
    if process == 0:
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        os.execv(launch[0], launch + ["sh", "-c", "ulimit -c 0; kill -ABRT $$"])
    _, status = os.waitpid(process, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGABRT:
        sys.exit(f"FAIL: ended with wait status {status}, not by SIGABRT")
    if os.WCOREDUMP(status):
        sys.exit("FAIL: the launcher dumped core too")


if not os.access(HELPER, os.X_OK):
    sys.exit(77)
try:
    for end in pty.openpty():
        os.close(end)
except OSError as error:
    print("there are no pseudo-terminals here:", error)
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    recording = os.path.join(folder, "run.seep")
    for program in ([HELPER], [SEEP, "run", "--no-config", "-q", "-o", recording]):
        check_interrupt(program)
        check_stop(program)
        check_stop_ignored(program)
        check_core_dump(program)
