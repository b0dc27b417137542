#!/usr/bin/env python3
"""200,000 allocations made and released: what the server keeps of them is nothing."""
from harness import tap
from harness.server import Server
from threads import run_load

ALONE = "it takes both CPUs for as long as it runs"

FIRST, ALL, CLIENTS = 10000, 200000, 200


@tap.limit_s(300)
def test_churn():
    """Memory after 200,000 allocations is within a tenth of that after the first 10,000"""
    with Server("--relay-threads=2", "--allow-loopback-peers") as server:
        total = 20000 if server.sanitized else ALL
        run_load(server, "--mode", "churn", "--clients", str(CLIENTS), "--total", str(FIRST))
        first, files = server.rss_kb(), server.open_files()
        result = run_load(server, "--mode", "churn", "--clients", str(CLIENTS),
                          "--total", str(total - FIRST), seconds=280)
        last = server.rss_kb()
        tap.diagnose("%d allocations/s, %.0f us of CPU each, %d kB then %d kB" % (
            result["setup_per_s"], result["setup_cpu_us"], first, last))
        if not server.sanitized:  # sanitizers keep what was freed for a while
            tap.expect(last <= first * 1.1, "RSS grew from %d kB to %d kB" % (first, last))
        tap.wait_until(lambda: server.open_files() <= files + 4, "sockets closed")
        server.serves()


if __name__ == "__main__":
    tap.main()
