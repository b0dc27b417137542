#!/bin/sh
# Builds the Debian package from a copy of the sources, and looks at what is in it. TAP; nothing is
# installed here: root installs it in a Debian that debootstrap makes, or in the one that CHROOT=folder names.
srcdir=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
. "$srcdir/tests/lint/tap.sh"
package=turnstone-server

missing=''
for program in dpkg-buildpackage dh lintian; do
	command -v $program > /dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
	skip 'the Debian package is built' "not installed:$missing"
	tap_end
	exit
fi

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/source"
cd "$srcdir" || exit 99
{
	tracked_files
	find debian -type f
} | sort -u | tar cf - -T - | tar xf - -C "$tmp/source"

cd "$tmp/source" || exit 99
if DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" dpkg-buildpackage -b -us -uc > "$tmp/log" 2>&1; then
	expect_nothing 'dpkg-buildpackage builds it' ''
else
	expect_nothing 'dpkg-buildpackage builds it' "$(tail -n 25 "$tmp/log")"
	tap_end
	exit 1
fi
deb=$(echo "$tmp"/${package}_*.deb)

expect_nothing 'lintian finds no error' "$(lintian --fail-on error --suppress-tags bad-distribution-in-changes-file \
	"$tmp"/turnstone_*.changes 2>&1 | grep '^E:')"
expect_nothing 'and no warning' "$(lintian "$deb" 2>&1 | grep '^W:')"

dpkg-deb -x "$deb" "$tmp/root"
for file in etc/turnserver.conf etc/logrotate.d/turnserver usr/bin/turnserver usr/bin/turnsignal usr/bin/turnadmin usr/bin/turnconsole \
	lib/systemd/system/turnserver.service lib/systemd/system/turnsignal.service lib/systemd/system/turnconsole.service usr/lib/sysusers.d/$package.conf \
	usr/lib/tmpfiles.d/$package.conf usr/share/man/man1/turnserver.1.gz usr/share/man/man1/turnsignal.1.gz usr/share/man/man1/turnconsole.1.gz \
	usr/share/man/man1/turnadmin.1.gz usr/share/man/man5/turnserver.conf.5.gz; do
	[ -e "$tmp/root/$file" ] || echo "/$file is missing"
done > "$tmp/missing"
expect_nothing 'it has programs, unit, user, rotation and manual' "$(cat "$tmp/missing")"

dpkg-deb -f "$deb" > "$tmp/control"
expect_nothing 'it takes the place of coturn' "$(
	grep -q '^Conflicts:.*coturn' "$tmp/control" || echo 'no Conflicts: coturn'
	grep -q '^Provides:.*turn-server' "$tmp/control" || echo 'no Provides: turn-server'
	grep -q '^Depends:.*libseccomp2' "$tmp/control" || echo 'built without seccomp')"
expect_nothing 'the configuration is a conffile that not everyone reads' "$(
	dpkg-deb --ctrl-tarfile "$deb" | tar xO ./conffiles | grep -qx /etc/turnserver.conf ||
		echo 'no conffile'
	[ "$(stat -c %a "$tmp/root/etc/turnserver.conf")" = 640 ] || echo 'its mode is not 0640')"
expect_nothing 'the server takes it, and asks for a realm alone' \
	"$("$tmp/root/usr/bin/turnserver" --check -c "$tmp/root/etc/turnserver.conf" 2>&1 |
		grep -v -e '^no errors, 1 warning\b' -e 'warning: realm is missing')"
for name in turnserver turnsignal turnconsole; do
	grep -q "^ExecStart=/usr/bin/$name " "$tmp/root/lib/systemd/system/$name.service" ||
		echo "another ExecStart of $name"
done > "$tmp/units"
expect_nothing 'the units start what is in the package' "$(cat "$tmp/units")"

name='it is installed, and removed, in a Debian'
if [ -z "${CHROOT:-}" ] && [ "$(id -u)" -eq 0 ] && command -v debootstrap > /dev/null; then
	made=$tmp/debian
	if debootstrap --variant=minbase "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$made" \
		> "$tmp/debootstrap" 2>&1; then
		CHROOT=$made
	else
		expect_nothing "$name" "$(tail -n 15 "$tmp/debootstrap")"
	fi
fi
if [ -n "${CHROOT:-}" ]; then
	cp "$deb" "$CHROOT/tmp/turnstone.deb"
	unshare --mount --pid --fork sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" sh -ec "$1"' "$CHROOT" '
		export DEBIAN_FRONTEND=noninteractive
		apt-get update
		apt-get purge -y turnstone-server || :
		apt-get install -y --no-install-recommends /tmp/turnstone.deb
		getent passwd turnserver
		[ "$(stat -c %U:%G:%a /etc/turnserver.conf)" = root:turnserver:640 ]
		/usr/bin/turnserver --check -c /etc/turnserver.conf
		/usr/bin/turnsignal --check -c /etc/turnserver.conf --signaling-plain-port=8080
		/usr/bin/turnconsole --check -c /etc/turnserver.conf --prometheus --prometheus-address=127.0.0.1
		apt-get remove -y turnstone-server
		[ ! -e /usr/bin/turnserver ] && [ -e /etc/turnserver.conf ]
		apt-get purge -y turnstone-server
		[ ! -e /etc/turnserver.conf ]' > "$tmp/chroot" 2>&1 < /dev/null
	status=$?
	expect_nothing "$name" "$([ $status -eq 0 ] || tail -n 15 "$tmp/chroot")"
elif [ -z "${made:-}" ]; then
	skip "$name" 'needs root and debootstrap, or CHROOT'
fi

tap_end
exit $tap_failed
