#!/usr/bin/env bash
# coverage.sh: which lines of src/source/macos the scenarios run, and those that none does; fails when less than 98 % are
# run. On x86_64 Linux.
# The instrumented executable is linked by LLVM's linker, whose output the coverage runtime understands; its symbols are
# looked up when it is loaded, so the libraries it names may be empty.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/target/coverage
target=x86_64-apple-darwin
rustup target add "$target"
rustup component add llvm-tools
bin=$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin

mkdir -p "$out/lib"
packaging/cross/make-stubs.sh "$out/stubs"
for library in System c m; do
    printf '%s\n' '--- !tapi-tbd' 'tbd-version: 4' 'targets: [ x86_64-macos ]' \
        "install-name: '/usr/lib/libSystem.B.dylib'" '...' >"$out/lib/lib$library.tbd"
done
flags="-Cinstrument-coverage -Clinker=rust-lld -Clinker-flavor=ld64.lld -Clink-arg=-undefined -Clink-arg=dynamic_lookup"
flags+=" -L$out/lib -L$out/stubs/usr/lib -Clink-arg=-F$out/stubs/System/Library/Frameworks"
SDKROOT=$out/stubs RUSTFLAGS=$flags CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_TARGET_DIR=$out cargo build --release --bin osawatch --target "$target"
cargo build --release -p macsim

executable=$out/$target/release/osawatch
rm -rf "$out/profiles"
LLVM_PROFILE_FILE=$out/profiles/%p.profraw OSAWATCH_MACSIM=$PWD/target/release/macsim OSAWATCH_X86_64=$executable \
    cargo test --quiet --test tests -- --ignored every_scenario in_the_simulated_mac >"$out/scenarios" 2>&1 || true
"$bin/llvm-profdata" merge -sparse "$out"/profiles/*.profraw -o "$out/merged.profdata"
for file in src/source/macos/*.rs; do
    printf '%s\n' "$file"
    "$bin/llvm-cov" show "$executable" -instr-profile="$out/merged.profdata" --sources "$file" |
        grep -E '^ +[0-9]+\| +0\|' || true
done
# Of the columns of the report the eighth and the ninth are the lines and those of them that were not run.
"$bin/llvm-cov" report "$executable" -instr-profile="$out/merged.profdata" --sources src/source/macos | awk -v least=98 '
    NF > 9 && $1 ~ /[.]rs$/ {
        printf "%-16s %4d lines, %3d of them not run, %s\n", $1, $8, $9, $10
        lines += $8; missed += $9
    }
    END {
        share = lines ? 100 * (lines - missed) / lines : 0
        printf "%d of %d lines are run: %.1f %%, at least %d %% are asked for\n", lines - missed, lines, share, least
        exit share < least
    }'
