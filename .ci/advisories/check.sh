#!/usr/bin/env bash
# Holds Cargo.lock against known weaknesses: the RustSec advisory database, of which a copy lies where SAMSYN_ADVISORY_DB
# says (a checkout of https://github.com/rustsec/advisory-db). Nothing is fetched here. That the check finds what it should
# is tried on a small database of its own each time, so it never passes because it looks at nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

node .ci/advisories/check.mjs --self-test
if [ -n "${SAMSYN_ADVISORY_DB:-}" ]; then
  node .ci/advisories/check.mjs Cargo.lock deny.toml "$SAMSYN_ADVISORY_DB"
else
  printf '%s\n' \
    '!!! NOT CHECKED: whether what the program is built from has known weaknesses.' \
    '!!! Get a copy with  git clone --depth 1 https://github.com/rustsec/advisory-db' \
    '!!! and run this again with SAMSYN_ADVISORY_DB=…/advisory-db' >&2
fi
