#!/usr/bin/env python3
"""Runs system and interoperability tests, several files at a time, and counts. They wait more than they
compute, and each has networks, ports and folders of its own. A file with a line "ALONE = why" measures
what others would disturb: such files come after all the rest, one by one.

    run.py [-j JOBS] [--only beside|alone] [file...]    all of them without arguments
    JOBS=4                  as -j. Without either: as root twice the CPUs, else one file at a time, for then
                            they share the machine's network
    SERVER=/path            the server to test; BUILD=folder: turnserver in that folder
    VERBOSE=1               shows every test, not only those that fail or are skipped"""
import argparse
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FILE_LIMIT_S = 600
END_S = 10
ALONE = re.compile(r"^ALONE = ", re.MULTILINE)
RUNNING = set()


def main():
    options = read_options()
    need_server()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_all)
    alone = [path for path in options.files if is_alone(path)]
    beside = [path for path in options.files if path not in alone]
    total, begin = [0, 0, 0], time.monotonic()
    for part, paths, jobs in (("beside", beside, options.jobs), ("alone", alone, 1)):
        if options.only in (None, part):
            total = [a + b for a, b in zip(total, run_files(paths, jobs))]
    print("%.0f s" % (time.monotonic() - begin))
    print("%d passed, %d failed, %d skipped" % tuple(total))
    sys.exit(1 if total[1] or not sum(total) else 0)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = 2 * len(os.sched_getaffinity(0)) if os.geteuid() == 0 else 1
    parser.add_argument("-j", dest="jobs", type=int, default=int(os.environ.get("JOBS") or usual))
    parser.add_argument("--only", choices=("beside", "alone"))
    parser.add_argument("files", nargs="*", default=all_files())
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error("-j wants one or more")
    return options


def all_files():
    own = os.path.basename(__file__)
    found = glob.glob(HERE + "/*.py") + glob.glob(os.path.dirname(HERE) + "/interop/*.py")
    return sorted(path for path in found if os.path.basename(path) != own)


def need_server():
    path = os.environ.get("SERVER") or os.path.join(os.environ.get("BUILD", "."), "turnserver")
    if not os.access(path, os.X_OK):
        sys.exit("%s: no such program: build it, or name one with SERVER= or BUILD=" % path)


def is_alone(path):
    with open(path) as file:
        return bool(ALONE.search(file.read()))


def run_files(paths, jobs):
    """Runs them, and tells of each in the order of paths, whichever ends first; what they count up to."""
    total = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for path, (output, code, seconds) in zip(paths, pool.map(run_file, paths)):
            lines = output.splitlines()
            counts = count(lines, code)
            total = [a + b for a, b in zip(total, counts)]
            tell(path, lines, counts, seconds)
    return total


def run_file(path):
    """What it wrote, its exit code and its seconds. In a session of its own all that it started, and
    has left, ends with it."""
    begin = time.monotonic()
    environment = dict(os.environ, PYTHONPATH=HERE, PYTHONDONTWRITEBYTECODE="1")
    process = subprocess.Popen([sys.executable, path], env=environment, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    RUNNING.add(process)
    try:
        output, late = process.communicate(timeout=FILE_LIMIT_S)[0], ""
    except subprocess.TimeoutExpired:
        kill_session(process)
        output, late = process.communicate()[0], "\n# out of time\n"
    RUNNING.discard(process)
    kill_session(process)
    return output.decode(errors="replace") + late, process.returncode, time.monotonic() - begin


def kill_session(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop_all(number, _frame):
    """Interrupted tests stop their servers and remove their namespaces and folders."""
    for process in list(RUNNING):
        process.send_signal(signal.SIGINT)
    for process in list(RUNNING):
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            kill_session(process)
    os._exit(128 + number)  # the pool would begin with the next file


def count(lines, code):
    """(passed, failed, skipped); a test that was planned and not told has failed."""
    skipped = sum(line.startswith("ok") and "# SKIP" in line for line in lines)
    passed = sum(line.startswith("ok") for line in lines) - skipped
    failed = max(planned(lines) - passed - skipped, 1 if code else 0)
    return passed, failed, skipped


def planned(lines):
    plan = next((line for line in lines if line.startswith("1..")), "1..1")
    return int(plan[3:])


def tell(path, lines, counts, seconds):
    name = os.path.relpath(path, os.path.dirname(HERE))
    print("%-44s%3d passed %3d failed %3d skipped  %5.1f s" % (name, *counts, seconds))
    for line in shown(lines, bool(os.environ.get("VERBOSE"))):
        print("    " + line)
    sys.stdout.flush()


def shown(lines, passed_too):
    """All that is not a passed test, or the plan."""
    for line in lines:
        is_passed = line.startswith("ok") and "# SKIP" not in line
        if not line.startswith("1..") and (passed_too or not is_passed):
            yield line


if __name__ == "__main__":
    main()
