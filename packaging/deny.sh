#!/usr/bin/env bash
# Licences, bans, sources and known vulnerabilities of the dependencies, as deny.toml says.
# OSAWATCH_CACHE, a folder, keeps cargo-deny between runs; without it, it goes to target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
tools=${OSAWATCH_CACHE:-$PWD/target/tools}/cargo-deny-$version
if [ ! -x "$tools/bin/cargo-deny" ]; then
    # A lint runs once in a while: building it quickly matters more than its speed.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_TARGET_DIR=$tools/build \
        cargo install --quiet --locked "cargo-deny@$version" --root "$tools"
    rm -rf "$tools/build"
fi
"$tools/bin/cargo-deny" --all-features --log-level error check licenses bans sources
if git ls-remote --exit-code https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then
    "$tools/bin/cargo-deny" --log-level error check advisories
else
    echo 'SKIPPED: the advisory database cannot be reached; licences, bans and sources were checked'
fi
