#!/usr/bin/env python3
"""What examples/ has for operators is what their tools take: unit, user, log rotation, sysctl, Dockerfile."""
import os
import re
import subprocess
import tempfile

from harness import tap
from harness.server import program

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNITS = ("turnserver", "turnsignal")
WORST_EXPOSURE = 1.6  # of 10, as systemd-analyze security counts


def read(*path):
    with open(os.path.join(TOP, *path)) as file:
        return file.read()


def run(*command, **how):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                            **how)
    return result.returncode, result.stdout.decode(errors="replace")


def read_unit(name):
    return read("examples/systemd", name + ".service")


def unit_of(name, folder):
    """The unit with the program of this build, which has to be there for systemd to be content."""
    path = os.path.join(folder, name + ".service")
    built = os.path.join(os.path.dirname(program()), name)
    if not os.access(built, os.X_OK):
        raise tap.Skip("%s was not built" % name)
    with open(path, "w") as file:
        file.write(read_unit(name).replace("/usr/local/bin/" + name, built))
    return path


def test_unit():
    """systemd-analyze verify has nothing to say about the units"""
    analyze = tap.need_program("systemd-analyze", "systemd")
    for name in UNITS:
        with tempfile.TemporaryDirectory() as folder:
            code, text = run(analyze, "verify", "--man=no", unit_of(name, folder))
            tap.expect((code, text) == (0, ""), text)


def test_exposure():
    """systemd-analyze security finds them as exposed as we say, and no more"""
    analyze = tap.need_program("systemd-analyze", "systemd")
    for name in UNITS:
        with tempfile.TemporaryDirectory() as folder:
            code, text = run(analyze, "security", "--offline=true", "--threshold=%d" % (
                10 * WORST_EXPOSURE), unit_of(name, folder))
            tap.diagnose(text.strip().splitlines()[-1].encode("ascii", "ignore").decode())
            tap.expect_equal(code, 0, "exposure of %s within %g" % (name, WORST_EXPOSURE))


def sandbox(name):
    """What a unit denies its program: the lines of its last paragraph but one, without comments."""
    text = read_unit(name)
    lines = text[text.index("\nDevicePolicy="):text.index("\n[Install]")].splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_same_sandbox():
    """turnsignal's unit denies what turnserver's does, and the pinning of threads beside"""
    relay, signaling = sandbox("turnserver"), sandbox("turnsignal")
    tap.expect_equal((relay - signaling, signaling - relay),
                     ({"SystemCallFilter=sched_setaffinity sched_getaffinity setrlimit prlimit64"},
                      {"SystemCallFilter=setrlimit prlimit64"}), "what differs")
    tap.expect(len(signaling) > 25, "directives")


def expand(analyze, names):
    """System calls of names, of which those with @ are systemd's groups."""
    calls = set()
    for name in names:
        if not name.startswith("@"):
            calls.add(name)
            continue
        code, text = run(analyze, "syscall-filter", name)
        tap.expect_equal(code, 0, "systemd knows " + name)
        calls |= expand(analyze, [line.strip() for line in text.splitlines()[1:]
                                  if line.strip() and not line.strip().startswith("#")])
    return calls


def allowed_by_unit(analyze, name):
    calls = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", read_unit(name), re.M):
        if line.startswith("~"):
            calls -= expand(analyze, line[1:].split())
        else:
            calls |= expand(analyze, line.split())
    return calls


def calls_in(path, begin, end):
    source = read(path)
    return set(re.findall(r'"([a-z0-9_]+)"', source[source.index(begin):source.index(end)]))


def test_system_calls():
    """The units let the servers make each call that their own fences do, and raise those fences"""
    analyze = tap.need_program("systemd-analyze", "systemd")
    common = calls_in("src/process/fence_calls.c", "allowed[] = {", "static enum err add_names")
    common |= {"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
    tap.expect(len(common) > 100, "a list of calls")
    own = calls_in("src/relay/relay_needs.c", "calls[] = {", "};")
    tap.expect("sched_setaffinity" in own, "the relay's own")
    not_needed = {"epoll_pwait2", "futex_waitv",  # newer than the lists of systemd 252
                  "fchown", "fchown32"}  # by root alone, which the unit's user is not
    for name, wanted in (("turnserver", common | own), ("turnsignal", common)):
        tap.expect_equal(sorted(wanted - allowed_by_unit(analyze, name) - not_needed), [],
                         "what the unit of %s refuses" % name)


def test_user():
    """systemd-sysusers reads who the server is to be"""
    sysusers = tap.need_program("systemd-sysusers", "systemd")
    code, text = run(sysusers, "--dry-run", os.path.join(TOP, "examples/systemd/turnserver.sysusers"))
    tap.expect_equal((code, "turnserver.sysusers:" in text), (0, False), text)


def test_rotation():
    """logrotate reads its file, and moves a log that the server then opens anew"""
    logrotate = tap.need_program("logrotate", "logrotate")
    with tempfile.TemporaryDirectory() as folder:
        log, hup = folder + "/turnserver.log", folder + "/told"
        with open(log, "w") as file:
            file.write("a line\n")
        text = read("examples/logrotate/turnserver").replace("/var/log/turnserver", folder)
        text = text.replace("create 0640 turnserver turnserver", "create 0640 root root")
        text = text.replace("\tsu turnserver turnserver\n", "")
        text, count = re.subn(r"systemctl kill .*", "touch " + hup, text)
        tap.expect_equal(count, 1, "the command that tells the server")
        with open(folder + "/conf", "w") as file:
            file.write(text)
        code, said = run(logrotate, "--force", "--state", folder + "/state", folder + "/conf")
        tap.expect_equal((code, said), (0, ""), "logrotate")
        tap.expect(os.path.exists(log + ".1") and os.path.exists(hup), "moved, and told")


def test_settings():
    """Each setting of the kernel that is advised is one that there is"""
    found = re.findall(r"^#?([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+) = (.*)$",
                       read("examples/sysctl/60-turnserver.conf"), re.M)
    tap.expect(len(found) >= 7, "settings")
    for name, _ in found:
        # Those of conntrack are there while it is loaded, the backlog in the first network alone.
        may_lack = name.startswith("net.netfilter.") or name == "net.core.netdev_max_backlog"
        tap.expect(os.path.exists("/proc/sys/" + name.replace(".", "/")) or may_lack, name)
    low, high = dict(found)["net.ipv4.ip_local_port_range"].split()
    tap.expect(int(low) < int(high) < 49152, "own ports lie below the relay's")


def test_dockerfile():
    """The Dockerfile installs what the build needs, exposes what it relays from, and asks for health"""
    text = read("examples/docker/Dockerfile")
    stages = text.split("\nFROM ")
    tap.expect_equal(len(stages), 3, "words, a stage that builds and one that runs")
    # What configure needs, and what README says.
    advised = re.search(r"apt-get install (gcc make (?:.|\n)*?)\n   autoreconf", read("README.md"))
    for package in advised.group(1).replace("\\", "").split():
        tap.expect(package in stages[1], "%s in the stage that builds" % package)
    low, high = (re.search("TURNSTONE_%s_PORT=([0-9]+)" % which, stages[2]).group(1)
                 for which in ("MIN", "MAX"))
    tap.expect("%s-%s/udp" % (low, high) in stages[2], "its ports are exposed")
    tap.expect("%s-%s:%s-%s/udp" % (low, high, low, high) in stages[0], "and published in the words")
    tap.expect("\nUSER turnserver" in stages[2] and "\nHEALTHCHECK " in stages[2], "user, health")


if __name__ == "__main__":
    tap.main()
