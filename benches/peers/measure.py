"""What does a command cost, with everything it started? Used by the scripts beside it.

A command is run below a small process of its own (this file, run as a script), for two reasons:

- Linux hands a process the peak memory of the one it was forked from: a script that has loaded a hundred megabytes would
  report them as the peak of every command it starts.
- That process declares itself the reaper of orphans. A JVM whose launcher has ended is handed to it and waited for, so
  that `RUSAGE_CHILDREN` has the CPU seconds of the whole tree, JVM and all, exactly as the kernel counted them.

The peak is the larger of two figures: the sum of the resident memory of all processes in the tree, sampled ten times a
second (pages that several processes share count several times), and the kernel's own peak of the largest process.
"""

import ctypes
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import threading
import time

import psutil

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_EVERY_S = 0.1
# How long processes may stay after the command has ended, before they are told to go.
GRACE_S = 20


class Failed(Exception):
    """A command that ended with another exit code than 0; the text is what it printed."""


def measure(command, stdout=None):
    """Runs a command; gives `wall_s`, `cpu_s` and `peak_mib`, and what it printed as `stdout`.

    With a path as `stdout` the command prints into that file instead.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-measure-") as folder:
        report = pathlib.Path(folder) / "report.json"
        printed = pathlib.Path(stdout or f"{folder}/stdout")
        wrapped = [str(part) for part in [sys.executable, __file__, report, *command]]
        with printed.open("wb") as output:
            done = subprocess.run(wrapped, stdout=output, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise Failed(f"{command[0]}: exit code {done.returncode}\n{done.stderr.decode()}")
        return json.loads(report.read_text()) | ({} if stdout else {"stdout": printed.read_text()})


def resident_mib():
    """The resident memory of all processes below this one."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            pass
    return total / 2**20


def run(report, command):
    """Runs the command below this process and writes what it cost."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ended = threading.Event()
    sampled = [0.0]

    def sample():
        while not ended.wait(SAMPLE_EVERY_S):
            sampled[0] = max(sampled[0], resident_mib())

    sampler = threading.Thread(target=sample)
    started = time.perf_counter()
    process = subprocess.Popen(command)
    sampler.start()
    code = process.wait()
    wall = time.perf_counter() - started
    reap_rest()
    ended.set()
    sampler.join()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mib": max(sampled[0], usage.ru_maxrss / 1024),
    }
    pathlib.Path(report).write_text(json.dumps(figures))
    return code


def reap_rest():
    """Waits for processes that outlived the command; after the grace they are ended."""
    deadline = time.monotonic() + GRACE_S
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if time.monotonic() > deadline:
                for process in psutil.Process().children(recursive=True):
                    process.terminate()
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))
