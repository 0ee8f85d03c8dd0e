#!/usr/bin/env bash
# Builds rcodesign, which signs with a certificate where there is no Mac; it takes about nine minutes of one processor.
# OSAWATCH_CACHE, a folder, keeps it between runs; without it, it goes to target/tools.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^rcodesign_version=//p' packaging/bundle/sign.sh)
tools=${OSAWATCH_CACHE:-$PWD/target/tools}/rcodesign-$version
if [ ! -x "$tools/bin/rcodesign" ]; then
    CARGO_TARGET_DIR=$tools/build cargo install --quiet --locked --no-default-features "apple-codesign@$version" --root "$tools"
    rm -rf "$tools/build"
fi
"$tools/bin/rcodesign" --version
