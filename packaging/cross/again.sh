#!/usr/bin/env bash
# again.sh [TARGET...]: builds the executables that build.sh has left in target a second time, from scratch: in another
# folder, for another home and with the crates under another path. Both have the same bytes, or the two are named.
set -euo pipefail
cd "$(dirname "$0")/../.."
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(aarch64-apple-darwin x86_64-apple-darwin)
for target in "${targets[@]}"; do
    [ -f "target/$target/release/osawatch" ] || { echo "again.sh: run packaging/cross/build.sh $target first" >&2; exit 1; }
done
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
mkdir "$again/another checkout" "$again/home" "$again/crates"
# Tools, what they keep, and downloaded crates are the same ones.
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
export OSAWATCH_CACHE=${OSAWATCH_CACHE:-$PWD/target/cross} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
crates=${CARGO_HOME:-$HOME/.cargo}
for name in registry git config.toml; do
    [ ! -e "$crates/$name" ] || ln -s "$crates/$name" "$again/crates/$name"
done
git ls-files -z | tar --null -T - -cf - | tar -C "$again/another checkout" -xf -
HOME=$again/home CARGO_HOME=$again/crates "$again/another checkout/packaging/cross/build.sh" "${targets[@]}"
differ=0
for target in "${targets[@]}"; do
    other=target/$target/release/osawatch.again
    mv "$again/another checkout/target/$target/release/osawatch" "$other"
    # cmp says where; the other one is kept for a look.
    if cmp "target/$target/release/osawatch" "$other"; then rm "$other"; else differ=1; fi
done
[ "$differ" = 0 ] || { echo 'again.sh: two builds of the same files differ' >&2; exit 1; }
echo "again.sh: the same bytes: ${targets[*]}"
