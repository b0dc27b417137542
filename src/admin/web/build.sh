#!/bin/sh
# Makes the console's pages: index.html, app.js, app.css, and each of them compressed.
#
#   build.sh SOURCE NODE OUT
#
# SOURCE is this folder. A release archive has the pages in SOURCE/built, and needs nothing more; a git checkout needs npm, which puts
# esbuild and uPlot into NODE, outside of the source tree. Without either OUT stays as it is, what is missing is said, and the
# program is built all the same. OUT/.done tells make that it is done.
set -eu

source=$(cd "$1" && pwd)
node=$2
out=$3
pages='index.html app.js app.css'

# Whether the archive's pages are there, and nobody has changed what they were made from.
is_built() {
	[ -f "$source/built/app.js" ] || return 1
	[ -z "$(find "$source" -name built -prune -o -type f -newer "$source/built/app.js" ! -name '*.am' -print)" ]
}

# The lock file says what is fetched, to the byte; no script of a package is run.
fetch() {
	mkdir -p "$node"
	if [ -d "$node/node_modules/esbuild" ] && cmp -s "$source/package-lock.json" "$node/package-lock.json"; then
		return
	fi
	cp "$source/package.json" "$source/package-lock.json" "$node"
	chmod u+w "$node/package.json" "$node/package-lock.json"
	if ! (cd "$node" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then
		rm -f "$node/package-lock.json"
		return 1
	fi
}

bundle() {
	NODE_PATH=$node/node_modules "$node/node_modules/.bin/esbuild" "$source/app.js" --bundle --minify --charset=utf8 \
		--format=iife --target=es2022 --legal-comments=none --log-level=warning --outfile="$out/app.js"
	cp "$source/index.html" "$out/index.html"
}

mkdir -p "$out"
if is_built; then
	for page in $pages; do
		cp "$source/built/$page" "$out/$page"
	done
elif command -v npm > /dev/null && command -v node > /dev/null; then
	node=$(mkdir -p "$node" && cd "$node" && pwd)
	fetch
	bundle
else
	echo "turnconsole: its pages are not built, as this is no release archive and npm is missing: apt-get install npm" >&2
	exit 0
fi
for page in $pages; do
	chmod u+w "$out/$page"
	gzip -9 -n -c "$out/$page" > "$out/$page.gz"
done
touch "$out/.done"
