#!/bin/sh
# turnadmin's tables of verbs and options, and its manual page.
. "$srcdir/tests/lint/tap.sh"
cd "$builddir" || exit 99
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

./turnadmin --help > "$tmp/help" || exit 99
# Verbs are in the third paragraph; a line that goes on with a summary begins further right.
awk -v RS= 'NR == 3' "$tmp/help" | sed -n 's/^  \([a-z][a-z-]*\( [a-z][a-z-]*\)\{0,2\}\)\(  .*\)\{0,1\}$/\1/p' > "$tmp/verbs"
grep -oE -- '--[a-z][a-zA-Z0-9_-]*' "$tmp/help" | sort -u > "$tmp/options"
sed 's/\\f[BRI]//g; s/\\-/-/g; s/[",]/ /g' "$srcdir/man/turnadmin.1" > "$tmp/manual"

name='there are verbs and options'
expect_nothing "$name" "$(for list in verbs options; do
	[ "$(wc -l < "$tmp/$list")" -gt 20 ] || echo "--help shows few $list: $(cat "$tmp/$list")"
done)"

expect_nothing 'every verb is in turnadmin(1)' "$(while read -r verb; do
	awk '/^\.SH VERBS/ {on = 1} /^\.SH OPTIONS/ {on = 0} on' "$tmp/manual" |
		grep -qE "^\.B[IR]? +$verb( |\$)" || echo "$verb"
done < "$tmp/verbs")"

expect_nothing 'every option is in turnadmin(1)' "$(while read -r option; do
	grep -qE -- "(^|[ =])$option([ =]|\$)" "$tmp/manual" || echo "$option"
done < "$tmp/options")"

expect_nothing 'every verb of the synopsis is known' "$(
	awk '/^\.SH SYNOPSIS/ {on = 1} /^\.SH DESCRIPTION/ {on = 0} on && $2 == "turnadmin" {print $3}' \
		"$tmp/manual" | sort -u | while read -r noun; do
		grep -qE "^$noun( |\$)" "$tmp/verbs" || echo "$noun"
	done)"

tap_end
