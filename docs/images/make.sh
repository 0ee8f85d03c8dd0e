#!/usr/bin/env bash
# Makes the pictures of README from what the program prints and writes; needs chromium.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

OSAWATCH_ACCEPT=1 cargo test --quiet --test tests docs::picture
cargo run --quiet -- replay --alerts "$folder/alerts.ndjson" examples/ordinary-hour.ndjson.gz
cargo run --quiet -- alerts --html "$folder/report.html" "$folder/alerts.ndjson"
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1000,900 \
    --user-data-dir="$folder/chromium" --screenshot="$folder/report.png" "file://$folder/report.html" 2>/dev/null
mv "$folder/report.png" docs/images/report.png
