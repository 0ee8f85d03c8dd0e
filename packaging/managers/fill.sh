#!/usr/bin/env bash
# fill.sh OWNER/NAME [DIST]: Homebrew's formula and cask, Munki's pkginfo and AutoPkg's recipe for the release that build.sh
# left in DIST (dist) and that is published on GitHub; they are written to DIST/managers.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 64; }
case $1 in
    */*/* | /* | */ | *[!A-Za-z0-9._/-]*) echo "fill.sh: $1 is no OWNER/NAME" >&2; exit 64 ;;
    */*) repository=$1 ;;
    *) echo "fill.sh: $1 is no OWNER/NAME" >&2; exit 64 ;;
esac
dist=${2:-$(dirname "$0")/../../dist}
here=$(dirname "$0")
packages=("$dist"/osawatch-*-macos-universal.pkg)
package=${packages[0]}
[ -f "$package" ] || { echo "fill.sh: no package in $dist: run packaging/build.sh" >&2; exit 1; }
version=$(basename "$package" -macos-universal.pkg)
version=${version#osawatch-}
# One of the two is on every system.
sum() { { sha256sum "$1" 2>/dev/null || shasum -a 256 "$1"; } | cut -d' ' -f1; }
mkdir -p "$dist/managers"
for file in "$here"/*.rb "$here"/*.plist "$here"/*.recipe; do
    sed "s|@VERSION@|$version|g
        s|@PKG_SHA256@|$(sum "$package")|
        s|@ZIP_SHA256@|$(sum "${package%.pkg}.zip")|
        s|@PKG_KILOBYTES@|$(($(wc -c <"$package") / 1024 + 1))|
        s|@URL@|https://github.com/$repository/releases/download/v$version|
        s|@HOMEPAGE@|https://github.com/$repository|
        s|@REPOSITORY@|$repository|" "$file" >"$dist/managers/$(basename "$file")"
done
