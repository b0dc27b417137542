#!/usr/bin/env python3
"""Prometheus' own tool: the alerts of examples/prometheus fire when they should and then alone, and what
turnadmin prints for Prometheus, and what the dashboard asks of it, is what Prometheus reads."""
import json
import os
import subprocess

from harness import tap
from harness.client import Peer
from harness.server import Server, write_file

EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "prometheus")


def promtool(*words, text=""):
    """What it says; fails when it finds a problem."""
    program = tap.need_program("promtool", "--no-install-recommends prometheus")
    result = subprocess.run([program, *words], input=text.encode(), cwd=EXAMPLES, timeout=60, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = result.stdout.decode()
    tap.expect(result.returncode == 0, "promtool %s: %s" % (" ".join(words), said))
    return said


def alerts():
    with open(os.path.join(EXAMPLES, "alerts.yml")) as file:
        return [line.split()[-1] for line in file if "- alert:" in line]


def test_rules():
    """The rules are rules"""
    tap.expect("%d rules found" % len(alerts()) in promtool("check", "rules", "alerts.yml"), "all of them")


def test_alerts():
    """Each alert fires on what it is for, and none on a server that is well"""
    with open(os.path.join(EXAMPLES, "alerts_test.yml")) as file:
        tests = file.read()
    for name in alerts():
        tap.expect("{alertname: %s, eval_time" % name in tests, name + " is to be quiet once")
        tap.expect("- alertname: %s\n" % name in tests, name + " is to fire once")
    promtool("test", "rules", "alerts_test.yml")


def queries(part):
    """Whatever a dashboard asks for, at any depth."""
    if isinstance(part, dict):
        own = [part["expr"]] if "expr" in part else []
        return own + [one for value in part.values() for one in queries(value)]
    return [one for value in part for one in queries(value)] if isinstance(part, list) else []


def test_dashboard():
    """Each query of examples/grafana is one that Prometheus understands"""
    with open(os.path.join(EXAMPLES, "..", "grafana", "turnstone.json")) as file:
        found = [query.replace("$__rate_interval", "5m") for query in queries(json.load(file))]
    tap.expect(len(found) > 30, "%d queries" % len(found))
    rules = [{"record": "query:%d" % i, "expr": query} for i, query in enumerate(found)]
    path = write_file("queries.json", json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    tap.expect("%d rules found" % len(found) in promtool("check", "rules", path), "all of them")


def test_metrics():
    """The text of a server that has relayed is read without a complaint, with threads and without"""
    with Server("--relay-threads=2", "--allow-loopback-peers", tls=True) as server, Peer() as peer, \
            server.client() as client:
        client.allocate()
        client.bind_channel(0x4000, peer.address)
        client.send_channel(0x4000, b"data")
        tap.expect(peer.receive()[0], "data at the peer")
        for words in ((), ("--by-thread",)):
            code, text, problem = server.admin("metrics", "--format", "prometheus", *words)
            tap.expect_equal((code, problem), (0, ""), "turnadmin metrics")
            tap.expect("turnstone_allocations{" in text and "turnstone_build_info{" in text, text)
            tap.expect_equal(promtool("check", "metrics", text=text), "", "what it complains of")


if __name__ == "__main__":
    tap.main()
