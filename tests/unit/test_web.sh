#!/bin/sh
# Bundles test_web.js as the pages are, and runs it. Without esbuild, which a release archive does not need, it is skipped.
esbuild=$builddir/console-node/node_modules/.bin/esbuild
if [ ! -x "$esbuild" ] || ! command -v node > /dev/null; then
	echo '1..0 # SKIP the pages were not built here'
	exit
fi
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
"$esbuild" "$srcdir/tests/unit/test_web.js" --bundle --platform=node --format=esm --log-level=warning --outfile="$tmp/test.mjs" || exit 99
TZ=UTC node "$tmp/test.mjs"
