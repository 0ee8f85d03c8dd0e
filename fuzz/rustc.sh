#!/usr/bin/env bash
# rustc.sh RUSTC ARGUMENT...: how run.sh has cargo start the compiler. It instruments the parsers of this project alone:
# the libraries below them are fuzzed where they are made, and instrumented they take most of the time.
# libFuzzer's instrumentation is a stable option of rustc, so no nightly compiler is needed; there is no unsafe code in
# the parsers, so no sanitizer either.
set -euo pipefail
case " $* " in
*' --crate-name osawatch '*)
    set -- "$@" -Cpasses=sancov-module -Ccodegen-units=1
    for option in level=4 inline-8bit-counters pc-table trace-compares; do
        set -- "$@" "-Cllvm-args=-sanitizer-coverage-$option"
    done
    ;;
esac
exec "$@"
