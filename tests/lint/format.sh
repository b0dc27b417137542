#!/bin/sh
# The layout of every C file is the one that .clang-format gives it.
. "$srcdir/tests/lint/tap.sh"
cd "$srcdir" || exit 99

name='clang-format would change nothing'
case $(clang-format --version 2> /dev/null) in
*' 14.'*)
	problems=$(tracked_files | grep '\.[ch]$' | while read -r file; do
		[ -f "$file" ] && clang-format --dry-run -Werror "$file" 2>&1 | grep -m 1 'error:'
	done)
	expect_nothing "$name" "$problems"
	;;
'') skip "$name" 'clang-format is not installed' ;;
*) skip "$name" 'another version than 14 has other ideas' ;;
esac

tap_end
