"""tests/targets/counted.c, which publishes how far it is: whoever kills it, or its recorder, knows
what must be in the recording."""
import mmap
import os
import struct

from recorded import matches, new_path, target

MOST_THREADS = 4
# Of each of the five calls of a cycle.
ALLOCATIONS = (1, 1, 1, 0, 0)
FREES = (0, 0, 1, 1, 1)
SITE_KEYS = ("allocations", "frees", "allocated_bytes")


def expect_of_calls(calls):
    """(allocations, frees, allocated bytes) after so many calls of a thread."""
    cycles, rest = divmod(calls, 5)
    rounds, last = divmod(cycles, 2000)
    size = last + 1
    allocated = 4 * (rounds * (2000 * 2001 // 2) + last * (last + 1) // 2)
    allocated += sum((size, size, 2 * size, 0, 0)[:rest])
    return (3 * cycles + sum(ALLOCATIONS[:rest]), 3 * cycles + sum(FREES[:rest]), allocated)


class Counted:
    def __init__(self, threads, calls=None, pause_us=0, program=target("counted")):
        self.threads = threads
        self.calls = calls
        self.path = new_path(".progress")
        with open(self.path, "w+b") as file:
            file.truncate(4096)
            self.shared = mmap.mmap(file.fileno(), 4096)
        self.command = [program, self.path, str(threads)]
        if calls is not None:
            self.command += [str(calls), str(pause_us)]

    @property
    def pid(self):
        """0 = it did not come to main() yet."""
        return struct.unpack_from("q", self.shared, 2048)[0]

    @property
    def output(self):
        return f"done {self.threads} {self.calls}\n".encode()

    def begun(self, thread):
        return struct.unpack_from("q", self.shared, 64 * thread)[0]

    def done(self, thread):
        return struct.unpack_from("q", self.shared, 64 * thread + 8)[0]

    def check_thread(self, checks, what, recording, thread, least_calls):
        """What is recorded of the thread is what it did up to some call, not before least_calls."""
        sites = [site for site in recording.process()["sites"]
                 if matches(f"work_{thread}", site["stack"])]
        got = tuple(sum(site[key] for site in sites) for key in SITE_KEYS)
        # Three of five calls allocate: the figure leaves few calls to try.
        low = max(least_calls, got[0] // 3 * 5 - 5)
        high = min(self.begun(thread), got[0] // 3 * 5 + 10)
        checks.true(f"{what}: thread {thread}",
                    any(got == expect_of_calls(count) for count in range(low, high + 1)),
                    f"{got} are not the figures of {least_calls} to {self.begun(thread)} calls, "
                    f"which are {expect_of_calls(least_calls)} to "
                    f"{expect_of_calls(self.begun(thread))}")

    def forget(self, *recordings):
        for path in (self.path, *(recording.path for recording in recordings)):
            if os.path.exists(path):
                os.unlink(path)
