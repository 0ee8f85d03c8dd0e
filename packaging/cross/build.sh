#!/usr/bin/env bash
# build.sh [TARGET...]: the macOS executables, on Linux or on a Mac, for macOS 13 and later. Each is left, signed ad hoc,
# in target/TARGET/release; both together make target/universal2-apple-darwin/release/osawatch, the one to hand out. Beside
# each is osawatch.symbols, with which symbols.py names the functions in what a panic leaves.
# On Linux, zig links them against text stubs: no Apple SDK is needed. On a Mac, Apple's linker does.
# OSAWATCH_CACHE, a folder, keeps the Linux tools between runs; without it they go to target/cross.
set -euo pipefail
# Without links, as rustc is told it.
cd -P "$(dirname "$0")/../.."
ziglang=0.17.1
zigbuild=0.24.0
# A grant of Full Disk Access to an ad-hoc signature is for this name and this build.
identifier=io.osawatch.agent
arm=aarch64-apple-darwin
intel=x86_64-apple-darwin
universal=target/universal2-apple-darwin/release/osawatch
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("$arm" "$intel")
export MACOSX_DEPLOYMENT_TARGET=13.0
# What is signed below is what was built here, whatever the environment says.
export CARGO_TARGET_DIR=$PWD/target
# The same bytes wherever checkout and crates lie; again.sh compares. The messages of a panic name files.
flags=("--remap-path-prefix=$PWD=/osawatch" "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo")

rustup target add "${targets[@]}"
if [ "$(uname -s)" = Darwin ]; then
    build() { cargo build --release --bin osawatch "$@"; }
    sign() { codesign --force --sign - --identifier "$identifier" "$1"; }
    join() { lipo -create -output "$1" "$2" "$3"; }
else
    tools=${OSAWATCH_CACHE:-$PWD/target/cross}/zig-$ziglang-$zigbuild
    if [ ! -x "$tools/bin/cargo-zigbuild" ]; then
        python3 -m venv "$tools"
        "$tools/bin/pip" install --quiet "ziglang==$ziglang" "cargo-zigbuild==$zigbuild"
    fi
    stubs=$PWD/target/cross/stubs
    packaging/cross/make-stubs.sh "$stubs"
    export PATH="$tools/bin:$PATH" SDKROOT=$stubs
    flags+=("-L$stubs/usr/lib")
    build() { cargo zigbuild --release --bin osawatch "$@"; }
    sign() { python3 packaging/cross/macho.py sign "$identifier" "$1"; }
    join() { python3 packaging/cross/macho.py universal "$1" "$2" "$3"; }
fi
# Between the flags stands a character that no path holds.
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
# As rustc strips, but not before the symbols are kept.
export CARGO_PROFILE_RELEASE_STRIP=none
sysroot=$(rustc --print sysroot)
objcopy=$sysroot/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-objcopy
# It needs the compiler's LLVM, and looks for it in a folder where not every toolchain has it.
remove_symbols() { LD_LIBRARY_PATH=$sysroot/lib DYLD_LIBRARY_PATH=$sysroot/lib "$objcopy" --strip-all "$1" "$2"; }
# Together, as each is linked on one processor.
build "${targets[@]/#/--target=}"
for target in "${targets[@]}"; do
    executable=target/$target/release/osawatch
    packaging/cross/symbols.py of "$executable" >"$executable.symbols"
    # Another file: cargo has a link to this one, and gives it back when nothing has changed.
    remove_symbols "$executable" "$executable.stripped"
    mv "$executable.stripped" "$executable"
    sign "$executable"
done
if [ ${#targets[@]} = 2 ]; then
    mkdir -p "$(dirname "$universal")"
    join "$universal" "target/$arm/release/osawatch" "target/$intel/release/osawatch"
    cat target/{"$arm","$intel"}/release/osawatch.symbols >"$universal.symbols"
fi
