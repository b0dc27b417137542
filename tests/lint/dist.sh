#!/bin/sh
# Every tracked file of src, tests, man, examples and debian is in the distribution.
. "$srcdir/tests/lint/tap.sh"
cd "$builddir" || exit 99

name='every tracked file is distributed'
if [ ! -e "$srcdir/.git" ]; then
	skip "$name" 'this is a distribution, not a work tree'
	tap_end
	exit
fi

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
${MAKE:-make} -s --no-print-directory --eval 'lint-print-dist: ; @printf "%s\n" $(DISTFILES)' \
	lint-print-dist 2> "$tmp/errors" | sed "s#^$srcdir/##; s#^\.\./##" | sort -u > "$tmp/dist"
if [ ! -s "$tmp/dist" ]; then
	expect_nothing "$name" "$(cat "$tmp/errors"; echo 'make told no list of files')"
	tap_end
	exit
fi

# A folder in the list stands for what is in it.
problems=$(git -C "$srcdir" ls-files src tests man examples debian | awk -v list="$tmp/dist" '
	BEGIN {
		while ((getline name < list) > 0)
			has[name] = 1
	}
	{
		for (path = $0; path != ""; ) {
			if (path in has)
				next
			if (!sub(/\/[^\/]*$/, "", path))
				break
		}
		if ($0 !~ /\/module\.am$/ && $0 !~ /\.am$/)
			print $0
	}
')
expect_nothing "$name" "$problems"

tap_end
