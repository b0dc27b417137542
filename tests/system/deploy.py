#!/usr/bin/env python3
"""What examples/ has for operators is what their tools take: unit, user, log rotation, sysctl, Dockerfile."""
import os
import re
import subprocess
import tempfile

from harness import tap
from harness.server import is_sanitized, program

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNITS = ("turnserver", "turnsignal", "turnconsole")
# What nobody but root could do.
OF_ROOT = {"setgid", "setgroups", "setresgid", "setresuid", "setuid", "setgid32", "setgroups32", "setresgid32", "setresuid32",
           "setuid32", "capset"}
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
    """The other units deny what turnserver's does, and the pinning of threads beside"""
    relay, signaling = sandbox("turnserver"), sandbox("turnsignal")
    tap.expect_equal((relay - signaling, signaling - relay),
                     ({"SystemCallFilter=sched_setaffinity sched_getaffinity setrlimit prlimit64"},
                      {"SystemCallFilter=setrlimit prlimit64"}), "what differs")
    tap.expect_equal(sandbox("turnconsole"), signaling, "that of turnconsole")
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
    begins = source.index(begin)
    return set(re.findall(r'"([a-z0-9_]+)"', source[begins:source.index(end, begins)]))


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
    keeper = calls_in("src/process/privileges.c", "parent_calls[] = {", "};") - OF_ROOT
    tap.expect({"clone", "wait4"} <= keeper, "those of a parent")
    for name, wanted in (("turnserver", common | own | keeper | {"execve"}), ("turnsignal", common), ("turnconsole", common)):
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
    # What the package is built with, and what debian/control says: the image has both servers.
    built_with = re.search(r"^Build-Depends:((?:.|\n )*)", read("debian/control"), re.M).group(1)
    for package in re.findall(r"lib[a-z0-9.-]+-dev", built_with):
        tap.expect(package in stages[1], "%s in the stage that builds" % package)
    tap.expect("--enable-signaling=yes --enable-console=yes --enable-seccomp=yes" in stages[1], "nothing is left out")
    tap.expect_equal(re.findall("^ENTRYPOINT (.*)$", stages[2], re.M), ['["/usr/bin/turnserver"]'],
                     "what runs when nothing else is said")


def packages_of(path):
    """The packages of the libraries that a program itself names."""
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", path)[1])
    found = dict(re.findall(r"^\s*(\S+) => (/\S+)", run("ldd", path)[1], re.M))
    for library in needed:
        if library in found:
            code, text = run("dpkg-query", "-S", "*" + os.path.realpath(found[library]))
            if code == 0:
                yield text.split(":")[0]


def test_libraries_in_image():
    """Each library that the programs of this build are linked with is in the image"""
    for tool in ("readelf", "ldd", "dpkg-query"):
        tap.need_program(tool, "binutils")
    if is_sanitized() or "VERSION_CODENAME=bookworm" not in read("/etc/os-release"):
        raise tap.Skip("another build, or another Debian than the image's")
    installed = read("examples/docker/Dockerfile").split("\nFROM ")[2].split()
    folder = os.path.dirname(program())
    wanted = set()
    for name in ("turnserver", "turnsignal", "turnconsole", "turnadmin"):
        if os.access(os.path.join(folder, name), os.X_OK):
            wanted |= set(packages_of(os.path.join(folder, name)))
    tap.expect(len(wanted) > 5, "libraries: %r" % wanted)
    tap.expect_equal(sorted(wanted - {"libc6"} - set(installed)), [], "not in the image")


def compose():
    """compose.yaml with its variables in their places."""
    try:
        import yaml
    except ImportError:
        raise tap.Skip("needs python3-yaml") from None
    values = {"TURN_HOST": "turn.example.org", "EXTERNAL_IP": "198.51.100.10"}
    text = re.sub(r"\$\{([A-Z_]+)(?::\?[^}]*)?\}", lambda found: values[found.group(1)],
                  read("examples/docker/compose.yaml"))
    return yaml.safe_load(text)


def test_compose():
    """The servers take the environments that compose.yaml gives them; what they serve is published"""
    file = compose()
    relay, signaling, redis = (file["services"][name] for name in ("relay", "signaling", "redis"))
    with tempfile.TemporaryDirectory() as folder:
        for service, default, port in ((relay, "turnserver", "3478"), (signaling, "turnsignal", "8080")):
            name = os.path.basename(service.get("entrypoint", ["/usr/bin/" + default])[0])
            built = os.path.join(os.path.dirname(program()), name)
            if not os.access(built, os.X_OK):
                raise tap.Skip("%s was not built" % name)
            for secret in service["secrets"]:
                tap.expect(secret in file["secrets"], "the secret " + secret)
                with open(os.path.join(folder, secret), "w") as one:
                    one.write("of the test, and long enough\n")
            environment = {key: value.replace("/run/secrets", folder)
                           for key, value in service["environment"].items()}
            tap.expect_equal(run(built, "-n", "--check", env=environment),
                             (0, "no errors, 0 warnings\n"), name)
            tap.expect(any(":%s/" % port in one for one in service["ports"]), "port %s is published" % port)
    image = read("examples/docker/Dockerfile").split("\nFROM ")[2]
    low, high = (re.search("TURNSTONE_%s_PORT=([0-9]+)" % which, image).group(1) for which in ("MIN", "MAX"))
    tap.expect("%s-%s:%s-%s/udp" % (low, high, low, high) in relay["ports"], "the relay's ports are published")
    tap.expect_equal((relay["build"]["dockerfile"], relay["image"]), ("examples/docker/Dockerfile", signaling["image"]),
                     "one image")
    tap.expect_equal(signaling["healthcheck"]["test"][:3], ["CMD", "/usr/bin/turnadmin", "signal"], "its health")
    tap.expect("ports" not in redis and file["networks"][redis["networks"][0]]["internal"],
               "nobody from outside reaches the store")


if __name__ == "__main__":
    tap.main()
