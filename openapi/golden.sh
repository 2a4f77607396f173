#!/usr/bin/env bash
# Writes the golden files anew: the examples from the story, then what is made from them.
set -euo pipefail
cd "$(dirname "$0")/.."
export SAMSYN_GOLDEN=write
cargo test -q -p samsyn-tests --test it story::
cargo test -q -p samsyn-tests --test it policy::
cargo test -q -p samsyn-tests --test it plans::
cargo test -q -p samsyn-tests --test it contract::the_golden_files_are_current
cargo test -q -p samsyn-tests --test it abuse_privacy::the_page_of_the_register_is_current
