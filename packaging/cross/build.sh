#!/usr/bin/env bash
# build.sh [TARGET...]: the macOS executables, on Linux or on a Mac. Each is left in target/TARGET/release.
# On Linux, zig links them against text stubs: no Apple SDK is needed. On a Mac, Apple's linker does.
# OSAWATCH_CACHE, a folder, keeps the Linux tools between runs; without it they go to target/cross.
set -euo pipefail
cd "$(dirname "$0")/../.."
ziglang=0.17.1
zigbuild=0.24.0
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(aarch64-apple-darwin x86_64-apple-darwin)

rustup target add "${targets[@]}"
if [ "$(uname -s)" = Darwin ]; then
    for target in "${targets[@]}"; do cargo build --release --bin osawatch --target "$target"; done
    exit
fi
tools=${OSAWATCH_CACHE:-$PWD/target/cross}/zig-$ziglang-$zigbuild
if [ ! -x "$tools/bin/cargo-zigbuild" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet "ziglang==$ziglang" "cargo-zigbuild==$zigbuild"
fi
stubs=$PWD/target/cross/stubs
packaging/cross/make-stubs.sh "$stubs"
export PATH="$tools/bin:$PATH" SDKROOT=$stubs RUSTFLAGS="-L$stubs/usr/lib"
for target in "${targets[@]}"; do cargo zigbuild --release --bin osawatch --target "$target"; done
