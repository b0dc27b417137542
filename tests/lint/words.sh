#!/bin/sh
# Functions that write or read without a bound are not called; nothing is left for later.
. "$srcdir/tests/lint/tap.sh"
cd "$srcdir" || exit 99

calls=$(grep -rnE '\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|alloca|strtok)[[:space:]]*\(' \
	src --include='*.[ch]' --include='*.def')
expect_nothing 'no unbounded function is called' "$calls"

later=$(grep -rnIwE 'TODO|FIXME|XXX' src tests man examples --exclude-dir=lint --exclude-dir=corpus)
expect_nothing 'nothing is marked as unfinished' "$later"

tap_end
