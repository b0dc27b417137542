#!/bin/sh
# The metrics: the manual has each, and the examples for Grafana and Prometheus name none that is not there.
. "$srcdir/tests/lint/tap.sh"
cd "$builddir" || exit 99
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
dashboard=$srcdir/examples/grafana/turnstone.json
alerts=$srcdir/examples/prometheus/alerts.yml
signaling_alerts=$srcdir/examples/prometheus/signaling_alerts.yml

src/config/generate metrics > "$tmp/metrics" || exit 99
awk '{print $2}' "$tmp/metrics" | sort -u > "$tmp/samples"

expect_nothing 'no two metrics have one name' "$(awk '{print $2}' "$tmp/metrics" | sort | uniq -d)"
sed 's/\\f[BRI]//g; s/\\-/-/g' man/turnserver.1 > "$tmp/manual"
expect_nothing 'every metric is in turnserver(1)' "$(awk '{print $1}' "$tmp/metrics" | sort -u |
	while read -r name; do
		grep -qE "^$name[{,]" "$tmp/manual" || echo "$name"
	done)"
# A unit is the end of a name: OpenMetrics wants it so.
expect_nothing 'names are lower case, and begin as they should' "$(awk '{print $1}' "$tmp/metrics" |
	grep -vE '^(turnstone|process|turn|stun)_[a-z0-9_]+$')"

# unknown FILE: words in it that look like a sample and are none.
unknown() {
	grep -oE '\b(turnstone|process|turn|stun)_[a-z0-9_]+' "$1" | sort -u | comm -23 - "$tmp/samples"
}
# A dashboard is a JSON text, and what it queries is there.
expect_nothing 'the dashboard is JSON' "$(${PYTHON3:-python3} -m json.tool "$dashboard" 2>&1 > /dev/null)"
expect_nothing 'the dashboard names no metric that there is not' "$(unknown "$dashboard")"
expect_nothing 'the alerts name no metric that there is not' "$(unknown "$alerts")"
expect_nothing 'the dashboard names some' \
	"$(grep -q turnstone_allocation_setup_seconds_bucket "$dashboard" || echo none)"
# Labels: those that they filter by or sum up by are the metric's, or what Prometheus adds.
labels=$(cut -d' ' -f4- "$tmp/metrics" | tr ' ' '\n' | sort -u)
expect_nothing 'they sum up by labels that there are' "$(
	grep -ohE '\bby \([a-z_, ]+\)' "$dashboard" "$alerts" | sed 's/by (//; s/)//' | tr -d ' ' |
		tr ',' '\n' | sort -u | grep -vxE "instance|le|$(echo $labels | tr ' ' '|')"
)"
# And by values that there are: the ends of counters' names.
expect_nothing 'they choose by values that there are' "$(
	grep -ohE '\b(reason|code|method|result|limit)=~?\\?"[^"\\]+' "$dashboard" "$alerts" |
		sed 's/.*"//' | tr '|' '\n' | sort -u | while read -r value; do
		grep -qE "\([a-z0-9_]+_$value," "$srcdir/src/base/counters.def" || echo "$value"
	done
)"
expect_nothing 'each alert says what to do' "$(awk '
	/- alert:/ { if (name != "" && !said) print name; name = $3; said = 0 }
	/description:/ { said = 1 }
	END { if (!said) print name }' "$alerts" "$signaling_alerts")"
# Those of turnsignal are named where they are described.
expect_nothing 'the alerts of turnsignal name no metric that there is not' "$(
	grep -oE '\bturnstone_signaling_[a-z0-9_]+' "$signaling_alerts" | sed 's/_total$//' | sort -u |
		while read -r name; do
			grep -q "\"$name\"" "$srcdir/src/signaling/program_metrics.c" || echo "$name"
		done
)"

# What only grows is never taken back, not even for a moment: who reads in between would see it fall.
cd "$srcdir" || exit 99
expect_nothing 'only levels go down' "$(grep -rnE '(counter_sub|\(uint64_t\)-1)' src --include='*.[ch]' |
	grep COUNT_ | grep -vE 'COUNT_[a-z0-9_]+_now\b')"

tap_end
