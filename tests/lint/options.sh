#!/bin/sh
# The table of options, and all that should say the same: help, manual, sample file, table of coturn's
# options, and the code that acts on them.
. "$srcdir/tests/lint/tap.sh"
cd "$builddir" || exit 99
generate=src/config/generate
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

"$generate" names > "$tmp/names" || exit 99
"$generate" help > "$tmp/help"

differs() {
	"$generate" "$1" | diff -u "$srcdir/examples/$2" - | head -20
}
expect_nothing 'examples/turnserver.conf is up to date (make update-examples)' \
	"$(differs sample turnserver.conf)"
expect_nothing 'examples/coturn-options.md is up to date (make update-examples)' \
	"$(differs coturn coturn-options.md)"

# missing TEXT PREFIX: long names that a text lacks.
missing() {
	sed 's/\\f[BRI]//g; s/\\-/-/g' "$1" > "$tmp/text"
	awk '$1 == "option" {print $3}' "$tmp/names" | while read -r name; do
		grep -qE -- "(^|[ ,])$2$name([]=[, ]|\$)" "$tmp/text" || echo "$name"
	done
}
expect_nothing 'every option is in --help' "$(missing "$tmp/help" --)"
expect_nothing 'every option is in turnserver(1)' "$(missing man/turnserver.1 --)"
expect_nothing 'every option is in turnserver.conf(5)' "$(missing man/turnserver.conf.5 '')"

expect_nothing 'no name or letter is there twice' "$({
	awk '{print $3}' "$tmp/names"
	awk '$4 != "-" {print "-" $4}' "$tmp/names"
} | sort | uniq -d)"

awk '{print $3}' "$tmp/names" | sort > "$tmp/known"
expect_nothing 'every option of coturn is known' \
	"$(grep -v '^#' "$srcdir/tests/lint/coturn-options.txt" | sort | comm -23 - "$tmp/known")"

name='every option has an effect'
if ls "$srcdir"/src/relay/*.c > /dev/null 2>&1; then
	expect_nothing "$name" "$(awk '$1 == "option" && $5 == "used" {print $2}' "$tmp/names" |
		while read -r member; do
			grep -rqE --include='*.c' --exclude-dir=config -- "(->|\.)$member\b" \
				"$srcdir/src" || echo "$member is read by nothing outside src/config"
		done)"
else
	skip "$name" 'there is no relay yet'
fi

tap_end
