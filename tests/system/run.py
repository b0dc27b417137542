#!/usr/bin/env python3
"""Runs system and interoperability tests one after the other, and counts.

    run.py [file...]        all of them without arguments
    SERVER=/path            the server to test; BUILD=folder: turnserver in that folder
    VERBOSE=1               shows every test, not only those that fail or are skipped"""
import glob
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FILE_LIMIT_S = 400


def files():
    if len(sys.argv) > 1:
        return sys.argv[1:]
    own = os.path.basename(__file__)
    found = glob.glob(HERE + "/*.py") + glob.glob(os.path.dirname(HERE) + "/interop/*.py")
    return sorted(path for path in found if os.path.basename(path) != own)


def run_file(path):
    environment = dict(os.environ, PYTHONPATH=HERE, PYTHONDONTWRITEBYTECODE="1")
    try:
        result = subprocess.run([sys.executable, path], env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=FILE_LIMIT_S, check=False)
        return result.stdout.decode(errors="replace"), result.returncode
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace") + "\n# out of time\n", 1


def planned(lines):
    plan = next((line for line in lines if line.startswith("1..")), "1..1")
    return int(plan[3:])


def count(lines, code):
    """(passed, failed, skipped); a test that was planned and not told has failed."""
    skipped = sum(line.startswith("ok") and "# SKIP" in line for line in lines)
    passed = sum(line.startswith("ok") for line in lines) - skipped
    failed = max(planned(lines) - passed - skipped, 1 if code else 0)
    return passed, failed, skipped


def shown(lines, passed_too):
    """All that is not a passed test, or the plan."""
    for line in lines:
        is_passed = line.startswith("ok") and "# SKIP" not in line
        if not line.startswith("1..") and (passed_too or not is_passed):
            yield line


def need_server():
    path = os.environ.get("SERVER") or os.path.join(os.environ.get("BUILD", "."), "turnserver")
    if not os.access(path, os.X_OK):
        sys.exit("%s: no such program: build it, or name one with SERVER= or BUILD=" % path)


def main():
    need_server()
    total, begin = [0, 0, 0], time.monotonic()
    for path in files():
        name = os.path.relpath(path, os.path.dirname(HERE))
        print("%-44s" % name, end="", flush=True)
        start = time.monotonic()
        output, code = run_file(path)
        lines = output.splitlines()
        counts = count(lines, code)
        total = [a + b for a, b in zip(total, counts)]
        print("%3d passed %3d failed %3d skipped  %5.1f s" % (*counts, time.monotonic() - start))
        for line in shown(lines, bool(os.environ.get("VERBOSE"))):
            print("    " + line, flush=True)
    print("%.0f s" % (time.monotonic() - begin))
    print("%d passed, %d failed, %d skipped" % tuple(total))
    sys.exit(1 if total[1] else 0)


if __name__ == "__main__":
    main()
