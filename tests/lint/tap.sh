# What the lints share: numbered results in the Test Anything Protocol. Sourced.
tap_count=0
tap_failed=0

# expect_nothing NAME PROBLEMS: passes when there are no problems, and shows them otherwise.
expect_nothing() {
	tap_count=$((tap_count + 1))
	if [ -z "$2" ]; then
		echo "ok $tap_count - $1"
	else
		tap_failed=1
		echo "not ok $tap_count - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

# skip NAME REASON
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# Whether the build that the working folder is of has turnsignal.
has_signaling() {
	grep -q '^[a-z_0-9]* = .*libsignaling_core\.a' Makefile
}

tap_end() {
	echo "1..$tap_count"
}

# Every file of the tree that belongs to the program, one a line, from the top.
tracked_files() {
	if [ -e "$srcdir/.git" ] && command -v git > /dev/null; then
		git -C "$srcdir" ls-files
	else
		(cd "$srcdir" && find src tests man examples -type f)
	fi
}
