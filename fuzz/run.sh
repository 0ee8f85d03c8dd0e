#!/usr/bin/env bash
# run.sh [SECONDS [TARGET...]]: fuzzes each parser for so long (default 20), from fuzz/seeds and what earlier runs found.
# OSAWATCH_FUZZ_FLAGS are further options of libFuzzer, such as -runs=10000000.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-20}
[ $# -eq 0 ] || shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || { targets=(targets/*.rs) && targets=("${targets[@]#targets/}") && targets=("${targets[@]%.rs}"); }
read -ra flags <<<"${OSAWATCH_FUZZ_FLAGS:-}"

host=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_WRAPPER=$PWD/rustc.sh cargo build --quiet --release --target "$host" --bins

fuzz() {
    local target=$1 log=artifacts/$1/log
    mkdir -p "corpus/$target" "artifacts/$target"
    if "target/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="artifacts/$target/" "${flags[@]}" "corpus/$target" "seeds/$target" >"$log" 2>&1; then
        echo "$target: $(sed -n 's/^INFO: Seed: /seed /p' "$log"), $(sed -n 's/^stat::number_of_executed_units: //p' "$log") inputs"
    else
        tail -n 40 "$log"
        echo "$target: FAILED; the input is in fuzz/artifacts/$target"
        return 1
    fi
}

# As many at once as there are processors.
failed=0 running=0
for target in "${targets[@]}"; do
    if [ "$running" -ge "$(getconf _NPROCESSORS_ONLN)" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    fuzz "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
exit "$failed"
