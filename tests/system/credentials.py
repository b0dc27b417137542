#!/usr/bin/env python3
"""The clients in examples/credentials: each must print what the TURN REST interface asks for."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import tempfile
import time

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "credentials")
SECRET = "a secret with spaces, 0123456789 and \u00e9"
LIFETIME_S = 1234


def made_in_c(folder):
    program = os.path.join(folder, "credentials")
    subprocess.run([os.environ.get("CC") or "cc", "-Wall", "-Wextra", "-Werror", "-o", program,
                    os.path.join(EXAMPLES, "credentials.c"), "-lcrypto"], check=True)
    return [program]


def commands(folder):
    yield "python", "python3", lambda: ["python3", os.path.join(EXAMPLES, "credentials.py")]
    yield "javascript", "node", lambda: ["node", os.path.join(EXAMPLES, "credentials.mjs")]
    yield "c", os.environ.get("CC", "cc").split()[0], lambda: made_in_c(folder)


def problem_of(command):
    """Gives what is wrong with the credential that command makes, or None."""
    before = int(time.time())
    made = json.loads(subprocess.run([*command, "alice", str(LIFETIME_S)], input=f"{SECRET}\n".encode(),
                                     stdout=subprocess.PIPE, check=True, timeout=60).stdout)
    expiry, _, name = made["username"].partition(":")
    mac = hmac.new(SECRET.encode(), made["username"].encode(), hashlib.sha1).digest()
    if name != "alice" or made["ttl"] != LIFETIME_S:
        return f"name or lifetime is wrong: {made}"
    if not before + LIFETIME_S <= int(expiry) <= time.time() + LIFETIME_S:
        return f"it ends at {expiry}"
    if base64.b64decode(made["credential"], validate=True) != mac:
        return "the password is not the HMAC of the user name"
    return None


def refuses_no_secret(command):
    result = subprocess.run([*command, "alice"], input=b"\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            check=False, timeout=60)
    return result.returncode != 0 and result.stdout == b""


def main():
    number, failed = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for name, needed, make in commands(folder):
            if shutil.which(needed) is None:
                for what in ("credential", "no secret"):
                    number += 1
                    print(f"ok {number} - {name}: {what} # SKIP {needed} is not installed")
                continue
            command = make()
            problem = problem_of(command)
            results = (("makes a credential that the secret proves", problem is None, problem),
                       ("makes none without a secret", refuses_no_secret(command), None))
            for what, is_right, why in results:
                number += 1
                failed += not is_right
                print(f"{'ok' if is_right else 'not ok'} {number} - {name}: {what}")
                if why:
                    print(f"# {why}")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
