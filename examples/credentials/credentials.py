#!/usr/bin/env python3
"""Makes a time-limited TURN credential, as a web service does for each of its users.

    credentials.py NAME [SECONDS] < secret

The shared secret is read from standard input, for an argument list can be read by everyone on the
machine. The server needs use-auth-secret and the same secret. No request to it is needed: the user
name says until when it holds, and the password is its HMAC under the secret.
"""

import base64
import hashlib
import hmac
import json
import sys
import time


def make_credential(secret, name, lifetime_s):
    username = f"{int(time.time()) + lifetime_s}:{name}"
    password = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return {"username": username, "credential": base64.b64encode(password).decode(), "ttl": lifetime_s}


def main():
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    lifetime_s = int(sys.argv[2]) if len(sys.argv) == 3 else 3600
    secret = sys.stdin.readline().strip()
    if not secret:
        sys.exit("credentials.py: standard input has no secret on its first line")
    print(json.dumps(make_credential(secret, sys.argv[1], lifetime_s)))


if __name__ == "__main__":
    main()
