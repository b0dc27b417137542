#!/bin/sh
# What the console's pages reckon, without a browser.
if ! command -v node > /dev/null; then
	echo '1..0 # SKIP needs node: apt-get install nodejs'
	exit
fi
exec node "$srcdir/tests/unit/test_web_lists.mjs"
