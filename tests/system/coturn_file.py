#!/usr/bin/env python3
"""coturn's own example files, with every option in them uncommented, and files with mistakes in them: what
--check says. COTURN_FILE names an example file of a coturn that was built from source."""
import os
import re
import subprocess

from harness import tap
from harness.server import Folder, program, start_and_fail, write_file

FILES = [path for path in (os.environ.get("COTURN_FILE"), "/etc/turnserver.conf",
                           "/usr/share/doc/coturn/examples/etc/turnserver.conf") if path]

# Values in coturn's files that only stand for one, and files that are not there.
PLACEHOLDERS = {"cert", "pkey", "CA-file", "dh-file", "proc-user", "proc-group", "ne", "log-file", "pidfile", "userdb"}
# What coturn's file has as an alternative to something else, or alone makes no sense.
CONTRARY = {"no-auth"}


def check(text, *options):
    """--check of a file with this text: (exit code, what was said)."""
    path = write_file("check.conf", text)
    result = subprocess.run([program(), "--check", "-c", path, *options], cwd=Folder.get(), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=20, check=False)
    return result.returncode, result.stderr.decode().replace(path, "FILE").splitlines()


def options_of(path):
    """Every line with an option, uncommented: (name, line). The prose around them has blanks in it."""
    with open(path) as file:
        for line in file:
            match = re.match(r"#?([A-Za-z][A-Za-z0-9_-]*)((=.*)?)$", line.strip())
            if match:
                yield match[1], line.strip().lstrip("#")


def examples():
    found = [path for path in FILES if os.path.exists(path)]
    if not found:
        raise tap.Skip("there is no turnserver.conf of coturn here")
    return found


def test_every_line():
    """Each option of coturn's file is taken by itself, or warned of with a reason"""
    for path in examples():
        options = list(options_of(path))
        tap.expect(len(options) > 90, "%s has options: %d" % (path, len(options)))
        for name, line in options:
            if name in PLACEHOLDERS:
                continue
            code, said = check("realm=example.org\nuserdb=/tmp/x\n%s\n" % line)
            about = [text for text in said if text.startswith("FILE:3: ")]
            tap.expect(code == 0, "%s is taken: %s" % (line, said))
            tap.expect(not any("no such option" in text for text in said), "%s is known: %s" % (line, said))
            for text in about:
                tap.expect(len(text) > len("FILE:3: warning: ") + 20, "a reason: %s" % text)


def test_whole_file():
    """The whole file with every option at once: all contradictions are told, each with its line"""
    for path in examples():
        lines = ["%s" % line for name, line in options_of(path) if name not in PLACEHOLDERS | CONTRARY]
        lines = [line for line in lines if not re.match(r"(no-(udp|tcp|tls|dtls|stun)|stun-only)($|=)", line)]
        code, said = check("\n".join(lines) + "\n")
        errors = [text for text in said if ": error: " in text]
        tap.expect_equal((code, errors), (0, []), "errors of %s without its alternatives" % path)
        everything = [line for name, line in options_of(path) if name not in PLACEHOLDERS]
        code, said = check("\n".join(everything) + "\n")
        errors = [text for text in said if ": error: " in text]
        tap.expect_equal(code, 1, "exit code with all of them")
        for what in ("no-auth cannot go together", "no-stun and stun-only", "are all off"):
            tap.expect(any(what in text for text in errors), "%s: %s" % (what, errors))
        for text in errors:
            tap.expect(re.match(r"FILE:\d+: error: ", text), "with a line: %s" % text)


def test_values():
    """What is read is what coturn reads: names up to the first blank or =, values behind any run of them"""
    code, said = check("realm \t = \"a b\"\nuserdb=/tmp/x\nlistening-port  =\t=99999\nmin-port\t=x\nmax-port = \"y\"\n"
                       "#min-port=z\n  # max-port=z\nrelay-threads=2 #2\nuser-quota=1;\nnot-there=1\n")
    tap.expect_equal(code, 1, "exit code")
    for line, what in ((3, 'error: listening-port: "99999" is not a port'), (4, 'error: min-port: "x"'),
                       (5, 'error: max-port: "y"'), (8, "warning: relay-threads: what follows # is ignored"),
                       (9, "warning: user-quota: the ; at the end is ignored"),
                       (10, "warning: not-there: no such option")):
        tap.expect(any(text.startswith("FILE:%d: %s" % (line, what)) for text in said),
                   "line %d: %s in %s" % (line, what, said))


MISTAKES = (
    ("listening-port=65536", "is not a port"),
    ("listening-ip=turn.example.org", "without a port and not a name"),
    ("external-ip=203.0.113.5/fe80::1", "both of one family"),
    ("denied-peer-ip=10.0.0.9-10.0.0.1", "lower end first"),
    ("user=anna", "a colon and a password"),
    ("network-engine=fast", "sharded paired dedicated"),
    ("dh-file=/nowhere/dh.pem", "cannot be found"),
    ("proc-user=nobody-of-this-name", "there is no user"),
    ("max-bps=lots", "such as 65536, 64k or 1M"),
    ("pidfile=/nowhere/turn.pid", "make the folder, or name another"),
    ("log-file=/nowhere/turn.log", "make the folder, or name another"),
    ("acme-redirect=ftp://example.org/", "give http:// or https://"),
    ("rest-api-separator=::", "longer than 1 byte"),
    ("stale-nonce=soon", "such as 600, 10m or 1h"),
    ("fingerprint=perhaps", "say yes, no, on, off"),
    ("min-port=60000", "is above max-port 50000"),
)


def test_many_mistakes():
    """A file with many mistakes gets a line for each, with its number and the mend, and nothing is opened"""
    lines = ["realm=example.org", "max-port=50000", "control-socket=%s/none/control" % Folder.get()]
    text = "\n".join(lines + [mistake for mistake, _mend in MISTAKES]) + "\n"
    code, said = check(text)
    tap.expect_equal(code, 1, "exit code")
    for number, (mistake, mend) in enumerate(MISTAKES, len(lines) + 1):
        about = [line for line in said if line.startswith("FILE:%d: error: " % number)]
        tap.expect(len(about) == 1 and mend in about[0], "one line for %s: %s" % (mistake, about or said))
    errors = [line for line in said if ": error: " in line]
    tap.expect_equal(len(errors), len(MISTAKES) + 1, "errors: %s" % errors)
    tap.expect(any("FILE:3: error: control-socket" in line for line in errors), "that of the control socket")
    tap.expect(not os.path.exists(Folder.get() + "/none"), "nothing is made")


def test_nothing_opened():
    """--check of what is right says so, on ports that are in use as well"""
    store = os.path.join(Folder.get(), "checked-turndb")
    code, said = check("realm=example.org\nuser=a:b\nuserdb=%s\nlog-file=%s/checked.log\npidfile=%s/checked.pid\n"
                       % (store, Folder.get(), Folder.get()))
    tap.expect_equal((code, said), (0, []), "a file without a mistake")
    for path in (store, Folder.get() + "/checked.log", Folder.get() + "/checked.pid"):
        tap.expect(not os.path.exists(path), "%s is not made" % path)


def make_pair(name):
    """A certificate with its key: their paths."""
    cert, key = (os.path.join(Folder.get(), name + end) for end in (".crt", ".key"))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=turn.example", "-keyout", key, "-out", cert)
    return cert, key


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stderr=subprocess.DEVNULL)


def make_expired(key):
    """A certificate for this key whose time is over."""
    folder = os.path.join(Folder.get(), "ca")
    os.makedirs(folder, exist_ok=True)
    for name, text in (("index", ""), ("serial", "01\n"), (
            "conf", "[ca]\ndefault_ca=one\n[one]\ndatabase=%s/index\nnew_certs_dir=%s\nserial=%s/serial\n"
            "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n" % ((folder,) * 3))):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    openssl("req", "-new", "-key", key, "-subj", "/CN=turn.example", "-out", folder + "/csr")
    openssl("ca", "-batch", "-config", folder + "/conf", "-selfsign", "-keyfile", key, "-in", folder + "/csr", "-out",
            folder + "/crt", "-startdate", "200101000000Z", "-enddate", "200201000000Z", "-notext")
    return folder + "/crt"


def test_certificates():
    """--check looks into certificates and keys: each problem has the line of its option and says what mends it"""
    cert, key = make_pair("one")
    other, text = make_pair("other")[1], write_file("no.pem", "no certificate\n")
    locked = os.path.join(Folder.get(), "locked.key")
    openssl("pkey", "-in", key, "-aes128", "-passout", "pass:open", "-out", locked)
    for lines, code, said in (
            (("cert=" + cert, "pkey=" + key), 0, []),
            (("cert=" + cert, "pkey=" + other), 1, ["3: error: pkey %s: not the key of cert %s" % (other, cert)]),
            (("cert=" + text, "pkey=" + key), 1, ["2: error: cert %s: no PEM certificate in it" % text]),
            (("cert=" + text, "pkey=" + text), 1, ["2: error: cert", "3: error: pkey %s: no PEM private key" % text]),
            (("cert=" + cert, "pkey=" + locked), 1, ["3: error: pkey %s: the key is encrypted" % locked]),
            (("cert=" + cert, "pkey=" + locked, "pkey-pwd=open"), 0, []),
            (("cert=" + cert, "pkey=" + locked, "pkey-pwd=shut"), 1, ["3: error: pkey %s: the password" % locked]),
            (("cert=" + make_expired(key), "pkey=" + key), 0, ["2: warning: cert %s/ca/crt: has expired on 2020-02-01"
                                                               % Folder.get()]),
            (("cert=" + cert, "pkey=" + key, "cipher-list=NONE-SUCH", "CA-file=" + text, "dh-file=" + text,
              "ec-curve-name=flat"), 1, ["4: error: cipher-list", "5: error: CA-file", "6: error: dh-file",
                                         "7: error: ec-curve-name"]),
            (("cert=/nowhere/crt", "pkey=" + key, "min-port=x"), 1, ["4: error: min-port", "2: error: cert: /nowhere"]),
    ):
        found, problems = check("no-auth\n" + "\n".join(lines) + "\n")
        problems = [line for line in problems if "open relay" not in line]
        tap.expect_equal((found, len(problems)), (code, len(said)), "exit code and lines of %s: %s" % (lines, problems))
        for line, start in zip(problems, said):
            tap.expect(line.startswith("FILE:" + start), "%s in %s" % (start, line))


def test_start_refuses_the_same():
    """Without --check the same file ends the start with the same lines"""
    path = write_file("refused.conf", "realm=example.org\nlistening-port=x\nuser=anna\n")
    code, said = start_and_fail("-c", path)
    tap.expect_equal(code, 1, "exit code")
    for line in (2, 3):
        tap.expect("%s:%d: error: " % (path, line) in said, "line %d: %s" % (line, said))


if __name__ == "__main__":
    tap.main()
