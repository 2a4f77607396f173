#!/bin/sh
# Checks for so many seconds, on each database, that followers of the feed miss nothing, double nothing and reorder nothing
# while writers dawdle, instances are killed and PostgreSQL is restarted. SAMSYN_CHECKER_SEED=… throws the same dice again.
set -eu
cd "$(dirname "$0")/.."
SAMSYN_CHECKER_SECONDS="${1:?how many seconds}" exec cargo test --release -p samsyn-tests --test it feed_checker::long -- \
    --ignored --nocapture --test-threads=1
