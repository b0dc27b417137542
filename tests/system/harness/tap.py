"""Tests of one file: its functions named test_*, told in TAP. Their first docstring line is their
description. Arguments of the file select tests by part of their name.

As root the file runs in a network namespace of its own, so that nothing else on the machine can
disturb it or be disturbed; the namespace goes when the file's last process does."""
import ctypes
import inspect
import os
import re
import signal
import subprocess
import sys
import time
import traceback

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    """Cannot be run here; the reason is its text."""


class Failure(AssertionError):
    """Something was not as expected."""


def expect(condition, what):
    if not condition:
        raise Failure(what)


def expect_equal(got, wanted, what):
    if got != wanted:
        raise Failure("%s: expected %r, got %r" % (what, wanted, got))


def expect_in(got, wanted, what):
    if got not in wanted:
        raise Failure("%s: expected one of %r, got %r" % (what, wanted, got))


def diagnose(text):
    for line in str(text).splitlines():
        print("# " + line, flush=True)


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def need_program(name, package):
    for folder in os.environ["PATH"].split(os.pathsep) + ["/usr/sbin", "/sbin"]:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    raise Skip("needs %s: apt-get install %s" % (name, package))


def wait_until(condition, what, seconds=10):
    """Asks condition often until it is true; fails when that takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("%s: not within %g s" % (what, seconds))
        time.sleep(0.02)


def limit_s(seconds):
    """Gives a test more time than the usual 60 seconds."""
    def mark(function):
        function.limit_s = seconds
        return function
    return mark


def beside(function):
    """A test that mostly waits: it runs in a process and a network of its own while those before it
    run, and is told in its place."""
    function.is_beside = True
    return function


def start_beside(function):
    return subprocess.Popen([sys.executable, sys.modules["__main__"].__file__],
                            env=dict(os.environ, TAP_ALONE=function.__name__),
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish_beside(number, process):
    """Tells what the process told, with the number that its test has here."""
    lines = process.communicate()[0].decode(errors="replace").splitlines()
    for line in lines:
        if not line.startswith("1.."):
            print(re.sub(r"^(not )?ok 1 ", r"\1ok %d " % number, line), flush=True)
    if not any(re.match("(not )?ok 1 ", line) for line in lines):
        print("not ok %d - ended with %d and told nothing" % (number, process.returncode))
    return process.returncode == 0


def private_network():
    if os.geteuid() != 0 or LIBC.unshare(CLONE_NEWNET) != 0:
        return
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def out_of_time(_signal, _frame):
    raise Failure("took longer than its time limit")


def where(error):
    """The line of the test file that an error came from."""
    main_file = sys.modules["__main__"].__file__
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == main_file]
    return "%s:%d" % (os.path.basename(main_file), lines[-1].lineno) if lines else "?"


def run_one(number, function):
    title = inspect.getdoc(function).splitlines()[0].rstrip(".")
    signal.alarm(getattr(function, "limit_s", 60))
    try:
        function()
        print("ok %d - %s" % (number, title), flush=True)
        return True
    except Skip as reason:
        print("ok %d - %s # SKIP %s" % (number, title, reason), flush=True)
        return True
    except Failure as error:
        print("not ok %d - %s" % (number, title), flush=True)
        diagnose("%s: %s" % (where(error), str(error)[:1500]))
    except Exception as error:  # pylint: disable=broad-except
        print("not ok %d - %s" % (number, title), flush=True)
        diagnose("%s: %s" % (where(error), "".join(traceback.format_exception(
            type(error), error, error.__traceback__))))
    finally:
        signal.alarm(0)
    return False


def chosen():
    alone = os.environ.get("TAP_ALONE")
    functions = [f for name, f in vars(sys.modules["__main__"]).items()
                 if name.startswith("test_") and inspect.isfunction(f)]
    if alone:
        return [f for f in functions if f.__name__ == alone]
    return [f for f in functions
            if len(sys.argv) < 2 or any(part in f.__name__ for part in sys.argv[1:])]


def main():
    functions = chosen()
    signal.signal(signal.SIGALRM, out_of_time)
    print("1..%d" % len(functions), flush=True)
    started = {f: start_beside(f) for f in functions
               if len(functions) > 1 and getattr(f, "is_beside", False)}
    private_network()
    passed = [finish_beside(number, started[f]) if f in started else run_one(number, f)
              for number, f in enumerate(functions, 1)]
    sys.exit(0 if all(passed) else 1)
