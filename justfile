# `just` lists the recipes; https://just.systems

_list:
    @just --list --unsorted

# Format, lint, test: what every commit passes. Under two minutes when warm.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo test

# The full gate, as CI runs it.
gate:
    .ci/run

# Licences, sources and known vulnerabilities of the dependencies.
deny:
    packaging/deny.sh

# Fuzz every parser for so many seconds each.
fuzz seconds="20":
    fuzz/run.sh {{seconds}}

# Write the outputs and the pictures that the documentation shows.
pictures:
    OSAWATCH_ACCEPT=1 cargo test --test tests docs
    docs/images/make.sh

# The macOS executables, on Linux or on a Mac.
mac:
    packaging/cross/build.sh

# The installer package and what belongs to a release, in dist/.
package:
    packaging/build.sh

# Both benchmarks.
bench:
    cargo bench
