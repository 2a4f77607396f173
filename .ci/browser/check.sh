#!/usr/bin/env bash
# What a page in a real browser can and cannot do with the service at another origin.
# Usage: check.sh PROGRAM, the built samsyn. Needs Node; installs Chromium when it is missing.
set -euo pipefail
program=$(realpath "${1:?usage: check.sh PROGRAM}")
cd "$(dirname "${BASH_SOURCE[0]}")"

if [[ ! -d node_modules/playwright-core || package-lock.json -nt node_modules/.package-lock.json ]]; then
  npm ci --ignore-scripts --no-audit --no-fund
fi
find_browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
if ! browser=$(find_browser); then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium
  browser=$(find_browser)
fi
exec node check.mjs "$program" "$browser"
