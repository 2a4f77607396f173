#!/usr/bin/env bash
# Lints the OpenAPI description, after a test of the linter itself: a good document has no finding,
# and in the bad ones every rule reports its fault.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# The installed copy is kept for as long as the lock file is not newer. No package needs its install scripts.
if [[ ! -x node_modules/.bin/spectral || package-lock.json -nt node_modules/.package-lock.json ]]; then
  npm ci --ignore-scripts --no-audit --no-fund
fi

spectral() { node_modules/.bin/spectral lint --ruleset rules.spectral.yaml --fail-severity=hint "$@"; }
fail() { echo "lint: $*" >&2; exit 1; }

# 1. What is permitted passes.
spectral lint-selftest/good.json || fail "the rules refuse lint-selftest/good.json, which is right."

# 2. What is not permitted is seen. expected.txt names every rule of ours, and some of spectral:oas.
found=$(mktemp)
trap 'rm -f "$found"' EXIT
status=0
spectral --format=json --quiet lint-selftest/bad*.json >"$found" || status=$?
[[ $status -eq 1 ]] || fail "the bad documents ended with exit code $status instead of 1."

mapfile -t expected < <(grep -v -e '^#' -e '^$' lint-selftest/expected.txt)
mapfile -t rules < <(grep -oE '^  [A-Z]{3}\.[0-9]{2}:' rules.spectral.yaml | tr -d ' :')
for id in "${rules[@]}"; do
  grep -Fxq "$id" lint-selftest/expected.txt || fail "the rule $id is not in lint-selftest/expected.txt."
done
blind=()
for id in "${expected[@]}"; do
  grep -Fq "\"code\": \"$id\"" "$found" || blind+=("$id")
done
[[ ${#blind[@]} -eq 0 ]] || fail "these rules no longer see their fault in lint-selftest/bad*.json: ${blind[*]}"
echo "lint: ${#expected[@]} rules see their faults."

# 3. The description itself.
[[ -f samsyn.json ]] || fail "openapi/samsyn.json does not exist; generate it first."
spectral samsyn.json
