"""Shared by the tests that build packages of Debian: their sources, and shell commands."""
import glob
import os
import subprocess
import time

from recorded import SCRATCH, clean_environment

LIMIT_S = 1800


def apt_environment(suite="stable"):
    """apt with lists and sources of its own, so that the machine's stay as they are."""
    folder = os.path.join(SCRATCH, "apt")
    os.makedirs(folder + "/lists/partial")
    os.makedirs(folder + "/cache/archives/partial")
    with open(folder + "/sources.list", "w", encoding="utf-8") as file:
        file.write(f"deb-src http://deb.debian.org/debian {suite} main\n")
    with open(folder + "/apt.conf", "w", encoding="utf-8") as file:
        file.write(f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
                   f'Dir::Etc::sourceparts "/dev/null";\nDir::State::lists "{folder}/lists";\n'
                   f'Dir::Cache "{folder}/cache";\nAPT::Sandbox::User "root";\n')
    return dict(clean_environment(), APT_CONFIG=folder + "/apt.conf")


def shell(command, folder, environment=None, prefix=()):
    """Status and seconds. A suite that asks for a terminal or hangs is cut."""
    began = time.monotonic()
    with open(os.path.join(SCRATCH, "log"), "ab") as log:
        status = subprocess.run([*prefix, "sh", "-c", command], cwd=folder, check=False,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                timeout=LIMIT_S, env=environment or clean_environment()).returncode
    return status, time.monotonic() - began


def unpack(package, environment):
    folder = os.path.join(SCRATCH, package)
    os.makedirs(folder)
    shell(f"apt-get source -qq {package}", folder, environment)
    found = [path for path in glob.glob(folder + "/*") if os.path.isdir(path)]
    return found[0] if found else None
