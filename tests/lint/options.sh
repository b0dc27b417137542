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
	"$(grep -v '^[#-]' "$srcdir/tests/lint/coturn-options.txt" | sort | comm -23 - "$tmp/known")"

# A letter of coturn means what it means there; those of options that are ours alone have no name there.
expect_nothing 'every letter of coturn is that of its option' \
	"$(grep '^-' "$srcdir/tests/lint/coturn-options.txt" | while read -r letter name; do
		awk -v letter="${letter#-}" -v name="$name" '
			$4 == letter && (name == "-" || $3 == name) {found = 1}
			END {exit !found}' "$tmp/names" || echo "$letter $name"
	done)"

expect_nothing 'every option of coturn is in examples/coturn-options.md' \
	"$(grep -vE '^([#-]|help$)' "$srcdir/tests/lint/coturn-options.txt" | while read -r name; do
		grep -q "^| \`$name\` " "$srcdir/examples/coturn-options.md" || echo "$name"
	done)"

# The environment: a variable for each option, and one for a file with each secret, in the manual.
sed 's/\\f[BRI]//g; s/\\-/-/g' man/turnserver.conf.5 > "$tmp/settings"
expect_nothing 'every variable is in turnserver.conf(5)' \
	"$(awk '$1 == "option" {print toupper($2), $6}' "$tmp/names" | while read -r variable secret; do
		grep -qE "^Environment: TURNSTONE_$variable(\.|, or )" "$tmp/settings" ||
			echo "TURNSTONE_$variable"
		[ "$secret" != secret ] || grep -q "TURNSTONE_${variable}_FILE " "$tmp/settings" ||
			echo "TURNSTONE_${variable}_FILE"
	done)"

# What holds a password or a secret must not be shown, by whatever option it comes.
expect_nothing 'what holds a secret is marked as one' \
	"$(awk '$1 == "option" && $2 ~ /(secret|password|pwd|^user|redis_userdb|redis_statsdb)$/ && $6 != "secret" &&
		$2 !~ /^(use_auth_secret)$/ {print $2}' "$tmp/names")"

expect_nothing 'every other name of coturn is in turnserver.conf(5)' \
	"$(awk '$1 != "option" {print $3}' "$tmp/names" | while read -r name; do
		grep -qE -- "(^|[ ,])$name([]=[, ]|\$)" "$tmp/settings" || echo "$name"
	done)"

# Where a value has a default, it is in --help, in brackets, and in the manual.
expect_nothing 'every default is in the manual' \
	"$(awk '$1 == "option" && $7 != "" {print $3, $7}' "$tmp/names" | while read -r name default; do
		awk -v name="$name" -v wanted="Default: $default." '
			$0 ~ "^" name "(=|\\[=|$)" {on = 1}
			/^Environment: / {on = 0}
			on && $0 == wanted {found = 1}
			END {exit !found}' "$tmp/settings" || echo "$name: $default"
	done)"

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

# A program's own rows, and nothing of another's, in all that is made for it.
for program in turnsignal turnconsole; do
	"$generate" names $program | awk '$1 == "option" {print $3}' | sort > "$tmp/$program"
	awk '$1 == "option" {print $3}' "$tmp/names" | sort | comm -23 - "$tmp/$program" > "$tmp/of_others"
	{
		"$generate" help $program
		"$generate" sample $program | sed -n 's/^#\([a-zA-Z0-9_-]*\)=.*/--\1=/p'
		echo @OPTIONS@ | "$generate" commands $program | sed 's/\\f[BRI]//g; s/\\-/-/g'
		echo @OPTIONS@ | "$generate" settings $program |
			sed 's/\\f[BRI]//g; s/\\-/-/g; s/^\([a-zA-Z0-9_-]*\)/--\1/'
	} > "$tmp/made"
	expect_nothing "what is made for $program has each of its options" "$(
		[ "$(wc -l < "$tmp/$program")" -gt 5 ] || echo 'it has few options'
		while read -r name; do
			[ "$(grep -cE -- "(^|[ ,])--$name([]=[, ]|\$)" "$tmp/made")" -ge 3 ] || echo "$name"
		done < "$tmp/$program")"
	expect_nothing 'and none that turnserver alone reads' "$(
		[ "$(wc -l < "$tmp/of_others")" -gt 50 ] || echo 'there are few others'
		while read -r name; do
			grep -E -- "(^|[ ,])--$name([]=[, ]|\$)" "$tmp/made"
		done < "$tmp/of_others")"
	expect_nothing "every option of $program has an effect" "$("$generate" names $program |
		awk '$1 == "option" && $5 == "used" {print $2}' | while read -r member; do
		grep -rqE --include='*.c' --exclude-dir=config -- "(->|\.)$member\b" "$srcdir/src" ||
			echo "$member is read by nothing outside src/config"
	done)"
done

# is_in_manual PROGRAM: each of its options is in its manual.
is_in_manual() {
	sed 's/\\f[BRI]//g; s/\\-/-/g' "man/$1.1" > "$tmp/manual"
	while read -r name; do
		grep -qE -- "(^|[ ,])--$name([]=[, ]|\$)" "$tmp/manual" || echo "$name"
	done < "$tmp/$1"
}
if [ -f man/turnconsole.1 ]; then
	expect_nothing 'every option of turnconsole is in turnconsole(1)' "$(is_in_manual turnconsole)"
fi
if has_signaling; then
	expect_nothing 'every option of turnsignal is in turnsignal(1)' "$(is_in_manual turnsignal)"
	expect_nothing 'every counter of turnsignal is in turnsignal(1)' "$(
		sed -n -e 's/^HUB_COUNTER(\([a-z_]*\),.*/\1/p' -e 's/^NET_COUNTER(\([a-z_]*\),.*/net_\1/p' \
			"$srcdir"/src/signaling/*_counters.def |
			sed 's/_now$//' | while read -r name; do
			grep -q "^turnstone_signaling_$name:" man/turnsignal.1 || echo "$name"
		done)"
fi

tap_end
