#!/bin/sh
# Makes the console's pages: index.html, app.css, app.js and the parts of it that are loaded when they are needed, and each of them
# compressed.
#
#   build.sh SOURCE NODE OUT
#
# SOURCE is this folder. A release archive has the pages in SOURCE/built, and needs nothing more; a git checkout needs npm, which puts
# esbuild and uPlot into NODE, outside of the source tree. Where neither is to be had, what is missing is said and the program is
# built all the same. OUT/.done tells make that the pages are there.
set -eu

source=$(cd "$1" && pwd)
node=$2
out=$3

# Whether the archive's pages are there, and nobody has changed what they were made from.
is_built() {
	[ -f "$source/built/app.js" ] || return 1
	[ -z "$(find "$source" -name built -prune -o -type f -newer "$source/built/app.js" ! -name '*.am' -print)" ]
}

# The lock file says what is fetched, to the byte; no script of a package is run.
fetch() {
	mkdir -p "$node"
	if cmp -s "$source/package-lock.json" "$node/.fetched"; then
		return
	fi
	cp "$source/package.json" "$source/package-lock.json" "$node"
	chmod u+w "$node/package.json" "$node/package-lock.json"
	rm -f "$node/.fetched"
	(cd "$node" && npm ci --include=dev --include=optional --ignore-scripts --no-audit --no-fund --loglevel=error) || return 1
	cp "$source/package-lock.json" "$node/.fetched"
}

# The program serves the interface without pages, too, and says so.
go_without() {
	echo "turnconsole: its pages are not built: this is no release archive, and $1" >&2
	exit 0
}

esbuild() {
	NODE_PATH=$node/node_modules "$node/node_modules/.bin/esbuild" --bundle --minify --charset=utf8 --target=es2022,chrome123,firefox120,safari17.5 \
		--legal-comments=none --log-level=warning "$@"
}

bundle() {
	esbuild "$source/app.js" --format=esm --splitting --chunk-names='[name]-[hash]' --outdir="$out"
	esbuild "$source/app.css" --outfile="$out/app.css"
	cp "$source/index.html" "$out/index.html"
}

mkdir -p "$out"
rm -f "$out"/* "$out/.done"
if is_built; then
	cp "$source"/built/* "$out"
elif command -v npm > /dev/null && command -v node > /dev/null; then
	node=$(mkdir -p "$node" && cd "$node" && pwd)
	fetch || go_without 'npm could not fetch esbuild and uPlot'
	bundle
else
	[ -f "$source/built/app.js" ] || go_without 'npm is missing: apt-get install npm'
	cp "$source"/built/* "$out"
fi
chmod u+w "$out"/*
for page in "$out"/*; do
	gzip -9 -n -c "$page" > "$page.gz"
done
touch "$out/.done"
