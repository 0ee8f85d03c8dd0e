#!/bin/bash
# Checks rules and runs their examples, as the GitHub Action does.
# Variables: OSAWATCH (program), RULES, MIN_SCORE, BASELINE (words are separate paths), JUNIT.
set -euo pipefail
osawatch=${OSAWATCH:-${RUNNER_TEMP:-/tmp}/osawatch/bin/osawatch}
read -ra rules <<<"${RULES:-}"
read -ra baseline <<<"${BASELINE:-}"
# The author of a rule chooses words of the output: none of them is a command to the workflow that prints it.
if [[ ${GITHUB_ACTIONS:-} == true ]]; then
    token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    echo "::stop-commands::$token"
    trap 'echo "::$token::"' EXIT
fi
if ((${#rules[@]})); then
    "$osawatch" rules check "${rules[@]}"
fi
options=(--coverage --min-score "${MIN_SCORE:-0}" --junit "${JUNIT:-osawatch-rules.xml}")
for recording in ${baseline[@]+"${baseline[@]}"}; do
    options+=(--baseline "$recording")
done
"$osawatch" rules test ${rules[@]+"${rules[@]}"} "${options[@]}"
