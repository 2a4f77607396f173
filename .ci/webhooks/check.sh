#!/usr/bin/env bash
# What a partner's receiver gets, verified with the official library of Standard Webhooks.
# Usage: check.sh PROGRAM, the built samsyn. Needs Node.
set -euo pipefail
program=$(realpath "${1:?usage: check.sh PROGRAM}")
cd "$(dirname "${BASH_SOURCE[0]}")"

if [[ ! -d node_modules/standardwebhooks || package-lock.json -nt node_modules/.package-lock.json ]]; then
  npm ci --ignore-scripts --no-audit --no-fund
fi
exec node check.mjs "$program"
