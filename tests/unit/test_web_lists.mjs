// What the console's pages reckon, without a browser: paging and order of lists, refusals and their fields, addresses of relays, candidates, the
// rotation of a secret, charts, passwords. TAP on standard output.

import assert from "node:assert/strict";

const WEB = new URL("../../src/admin/web/", import.meta.url);
const { createPager, sortRows } = await import(new URL("pager.js", WEB));
const { memberOf } = await import(new URL("member.js", WEB));
const { chosenPair, describeCandidate, distinctErrors, explanationKey, median, parseUri, relayUris } = await import(new URL("ice.js", WEB));
const { quietFor, share, usesSince } = await import(new URL("rotation_math.js", WEB));
const { niceTop, pathOf } = await import(new URL("live_path.js", WEB));
const { makePassword } = await import(new URL("password.js", WEB));

let count = 0, failures = 0;

function test(name, run) {
    count++;
    try {
        run();
        console.log(`ok ${count} - ${name}`);
    } catch (problem) {
        failures++;
        console.log(`not ok ${count} - ${name}`);
        console.log(String(problem.message).replace(/^/gm, "# "));
    }
}

// ---- lists --------------------------------------------------------------------------------------------

const filtered = () => createPager({ filters: { contains: "", realm: "" }, sort: "age", limit: 50 });

test("the first page is asked for without a place, and without what is empty", () => {
    assert.deepEqual(filtered().query(), { limit: 50, sort: "age" });
});

test("pages are walked by the places that the interface gave, there and back", () => {
    const pager = filtered();
    pager.arrived("second");
    assert.ok(pager.toNext());
    assert.equal(pager.query().after, "second");
    pager.arrived("third");
    assert.ok(pager.toNext());
    assert.equal(pager.page, 3);
    pager.arrived(null);
    assert.equal(pager.toNext(), false);
    assert.ok(pager.toPrevious());
    assert.equal(pager.query().after, "second");
    assert.ok(pager.toPrevious());
    assert.equal("after" in pager.query(), false);
    assert.equal(pager.toPrevious(), false);
});

test("the same page asked for again has the same place", () => {
    const pager = filtered();
    pager.arrived("second");
    pager.toNext();
    const before = pager.query();
    pager.arrived("third, moved");
    assert.deepEqual(pager.query(), before);
});

test("another filter, order or size begins at the first page", () => {
    for (const change of [(pager) => pager.setFilter("realm", " example.org "), (pager) => pager.setSort("rate"), (pager) => pager.setLimit(25), (pager) => pager.clear()]) {
        const pager = filtered();
        pager.arrived("second");
        pager.toNext();
        change(pager);
        assert.equal(pager.page, 1);
        assert.equal("after" in pager.query(), false);
        assert.equal(pager.hasNext, false);
    }
});

test("what surrounds a filter's text is left out, and clearing leads back to the filters of the start", () => {
    const pager = createPager({ filters: { contains: "", state: "live" } });
    pager.setFilter("contains", "  anna ");
    pager.setFilter("state", "");
    assert.deepEqual(pager.query(), { limit: 50, contains: "anna" });
    assert.ok(pager.isFiltered);
    pager.clear();
    assert.deepEqual(pager.query(), { limit: 50, state: "live" });
});

test("a list is whole where its first page is all of it", () => {
    const pager = filtered();
    pager.arrived(null);
    assert.ok(pager.isWhole);
    pager.arrived("second");
    assert.equal(pager.isWhole, false);
});

const names = (rows) => rows.map((row) => row.name);

test("texts are sorted as people do, numbers in them by their value", () => {
    const rows = ["anna10", "Anna2", "ärger", "zoe", "anna1"].map((name) => ({ name }));
    assert.deepEqual(names(sortRows(rows, (row) => row.name, false, "de")), ["anna1", "Anna2", "anna10", "ärger", "zoe"]);
    assert.deepEqual(names(sortRows(rows, (row) => row.name, true, "de")), ["zoe", "ärger", "anna10", "Anna2", "anna1"]);
});

test("what is missing comes last in both directions, equals keep their order, and the rows given stay as they were", () => {
    const rows = [{ name: "a", uses: null }, { name: "b", uses: 10 }, { name: "c", uses: 9 }, { name: "d", uses: 10 }];
    assert.deepEqual(names(sortRows(rows, (row) => row.uses, false, "en")), ["c", "b", "d", "a"]);
    assert.deepEqual(names(sortRows(rows, (row) => row.uses, true, "en")), ["b", "d", "c", "a"]);
    assert.deepEqual(names(rows), ["a", "b", "c", "d"]);
});

// ---- refusals -----------------------------------------------------------------------------------------

test("a refusal that begins with a field's name is about that field", () => {
    assert.deepEqual(memberOf(new Error("max-bps: give a number from 0 to 9"), ["realm", "max-bps"]), { name: "max-bps", text: "give a number from 0 to 9" });
    assert.deepEqual(memberOf(new Error("range: \"a: b\" is none"), ["range"]), { name: "range", text: "\"a: b\" is none" });
});

test("any other refusal is about none", () => {
    for (const text of ["the store does not answer", "turnserver: it is away", "ttl: too long", "", undefined])
        assert.equal(memberOf({ message: text }, ["range", "realm"]), null);
});

// ---- the relay, tried ---------------------------------------------------------------------------------

test("addresses of relays (RFC 7065)", () => {
    assert.deepEqual(parseUri("turn:relay.example.org"), { host: "relay.example.org", port: 3478, transport: "udp", isSecure: false });
    assert.deepEqual(parseUri("turns:relay.example.org"), { host: "relay.example.org", port: 5349, transport: "tcp", isSecure: true });
    assert.deepEqual(parseUri("turn:[2001:db8::1]:80?transport=tcp"), { host: "[2001:db8::1]", port: 80, transport: "tcp", isSecure: false });
    for (const none of ["stun:relay.example.org", "http://relay", "turn:", "turn:a:b"])
        assert.equal(parseUri(none), null, none);
    assert.deepEqual(relayUris(["stun:a", "turn:b", "TURNS:c", "x"]), ["turn:b", "TURNS:c"]);
});

test("a candidate is told by address, IPv6 in brackets, from events and from getStats", () => {
    assert.deepEqual(describeCandidate({ address: "2001:db8::1", port: 50000, type: "relay", relayProtocol: "tls", url: "turns:a" }),
        { address: "[2001:db8::1]:50000", type: "relay", relayProtocol: "tls", url: "turns:a" });
    assert.deepEqual(describeCandidate({ ip: "192.0.2.1", port: 1, type: "local-candidate", candidateType: "relay" }),
        { address: "192.0.2.1:1", type: "relay", relayProtocol: null, url: null });
});

test("the chosen pair is the one that the transport names, or that is marked", () => {
    const rows = [
        { id: "P1", type: "candidate-pair", localCandidateId: "L", remoteCandidateId: "R", selected: true },
        { id: "P2", type: "candidate-pair", localCandidateId: "R", remoteCandidateId: "L" },
        { id: "L", type: "local-candidate" }, { id: "R", type: "remote-candidate" },
    ];
    const report = (more) => new Map([...rows, ...more].map((row) => [row.id, row]));
    assert.equal(chosenPair(report([{ id: "T", type: "transport", selectedCandidatePairId: "P2" }])).pair.id, "P2");
    assert.equal(chosenPair(report([])).pair.id, "P1");
    assert.equal(chosenPair(report([])).remote.id, "R");
    assert.equal(chosenPair(new Map()), null);
});

test("the same error is told once, and each code has its words or those for others", () => {
    const errors = [{ code: 701, text: "x" }, { code: 701, text: "x" }, { code: 401, text: "" }];
    assert.deepEqual(distinctErrors(errors).map(({ code }) => code), [701, 401]);
    assert.equal(explanationKey(401), "ice.error_401");
    assert.equal(explanationKey(599), "ice.error_other");
});

test("the median of what came back", () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([10, 9, 100, 2]), 10);
    assert.equal(median([]), null);
});

// ---- the rotation of a secret -------------------------------------------------------------------------

test("uses count from the first look; a relay that was started anew counts from zero", () => {
    assert.equal(usesSince({ mark: "a", uses: 12 }, { a: 10 }), 2);
    assert.equal(usesSince({ mark: "a", uses: 3 }, { a: 10 }), 3);
    assert.equal(usesSince({ mark: "b", uses: 7 }, { a: 10 }), 0);
    assert.equal(usesSince({ mark: "a", uses: null }, { a: 0 }), 0);
});

test("quiet is counted from the last use, or from when somebody began to look", () => {
    assert.equal(quietFor({ last_used: 100 }, 50, 130), 30);
    assert.equal(quietFor({ last_used: 20 }, 50, 130), 80);
    assert.equal(quietFor({ last_used: null }, 50, 130), 80);
    assert.equal(quietFor({ last_used: 140 }, 50, 130), 0);
    assert.equal(share(1, 4), 0.25);
    assert.equal(share(0, 0), 0);
});

// ---- charts and passwords -----------------------------------------------------------------------------

test("a scale is 1, 2 or 5 times a power of ten, and holds the largest value", () => {
    assert.deepEqual([0, 0.03, 1, 1.1, 4, 60, 99, 1001].map(niceTop), [1, 0.05, 1, 2, 5, 100, 100, 2000]);
});

test("a line ends at the right edge, a gap is no line, and what stands alone is a dot", () => {
    assert.equal(pathOf([0, 10], 4, 10), "M200.0 100.0h0L300.0 4.0");
    assert.equal(pathOf([0, null, 10], 4, 10), "M100.0 100.0h0M300.0 4.0h0");
    assert.equal(pathOf([], 4, 10), "");
});

test("passwords are long, of letters that are not mixed up, and never the same", () => {
    const made = Array.from({ length: 200 }, makePassword);
    assert.equal(new Set(made).size, 200);
    for (const text of made)
        assert.match(text, /^[a-km-np-zA-HJ-NP-Z2-9]{24}$/);
});

console.log(`1..${count}`);
process.exitCode = failures > 0 ? 1 : 0;
