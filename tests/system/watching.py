"""Shared by tests of the viewer on programs that run: a target that is told byte by byte what to do,
and a viewer that obeys steps of a script which is written meanwhile."""
import os
import subprocess

from recorded import SCRATCH, TIMEOUT_S, Checks, clean_environment, start, target, wait_until

checks = Checks()


class Target:
    """The recorded program, told byte by byte what to do."""

    def __init__(self, process, pid=None):
        self.recorder = process
        self.tell(".")
        if pid is None:
            with open(f"/proc/{process.pid}/task/{process.pid}/children",
                      encoding="utf-8") as file:
                pid = int(file.read().split()[0])
        self.pid = pid

    def tell(self, what):
        for byte in what.encode():
            self.recorder.stdin.write(bytes([byte]))
            self.recorder.stdin.flush()
            checks.equal("it answers", bytes([byte]), self.recorder.stdout.read(1))


def start_target():
    _, process = start([target("levels")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return Target(process)


class Viewer:
    """Obeys steps of a script that is written while it runs."""

    count = 0

    def __init__(self, command, **options):
        Viewer.count += 1
        self.folder = os.path.join(SCRATCH, f"viewer-{Viewer.count}")
        os.mkdir(self.folder)
        script = os.path.join(self.folder, "script")
        os.mkfifo(script)
        environment = dict(clean_environment(), SEEP_SCRIPT=script, LINES="30", COLUMNS="120",
                           LC_ALL="C.UTF-8")
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            command, env=environment, stderr=subprocess.PIPE, **options)
        self.script = os.open(script, os.O_WRONLY)
        self.saved = 0

    def do(self, *steps):
        if steps:
            os.write(self.script, "".join(step + "\n" for step in steps).encode())

    def screen(self, *steps):
        self.saved += 1
        path = os.path.join(self.folder, f"screen-{self.saved}")
        # The second file is there when the first is whole.
        self.do(*steps, f":save-display {path}", f":save-display {path}.whole")
        wait_until(f"a screen after {steps}",
                   lambda: os.path.exists(path + ".whole") or self.process.poll() is not None)
        if not os.path.exists(path):
            checks.equal(f"{steps}", "a screen", self.process.stderr.read().decode())
            checks.finish()
        with open(path, encoding="utf-8") as file:
            return file.read()

    def screen_with(self, text, *steps):
        """After pictures enough that it says so."""
        found = ""

        def is_there():
            nonlocal found
            found = self.screen(*steps, ":refresh")
            return text in found
        wait_until(f"\"{text}\"", is_there)
        return found

    def end(self, *steps):
        self.do(*steps)
        os.close(self.script)
        _, errors = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, errors.decode()
