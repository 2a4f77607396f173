#!/usr/bin/env bash
# Signs in to Samsyn with a real identity provider, as a frontend and a browser would, and fails with words if anything
# differs. Needs Node. Usage: check.sh PROGRAM
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")"
# The installed copy is kept for as long as the lock file is not newer. No package needs its install scripts.
if [[ ! -d node_modules/oidc-provider || package-lock.json -nt node_modules/.package-lock.json ]]; then
  npm ci --ignore-scripts --no-audit --no-fund
fi

work=$(mktemp -d)
started=()
# shellcheck disable=SC2317
finish() {
  local status=$?
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
  wait
  if [ "$status" != 0 ]; then
    printf '\nThe provider said:\n'; tail -n 20 "$work/provider.log" 2>/dev/null
    printf '\nSamsyn said:\n'; tail -n 20 "$work/samsyn.log" 2>/dev/null
  fi
  rm -rf "$work"
}
trap finish EXIT

# Waits until a command succeeds, for half a minute.
until_works() { for _ in $(seq 150); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.2; done; echo "nothing came of: $*"; return 1; }

port=$(node -e 'const s = require("node:net").createServer(); s.listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });')
samsyn="http://127.0.0.1:$port"
node provider.mjs "$samsyn/oauth2/callback" >"$work/issuer" 2>"$work/provider.log" &
started+=($!)
until_works test -s "$work/issuer"

cat >"$work/samsyn.toml" <<TOML
listen = "127.0.0.1:$port"
database_url = "sqlite:$work/samsyn.db"

[[identity_providers]]
id = "provet"
name = "Provet"
issuer = "$(cat "$work/issuer")"
client_id = "samsyn"
client_secret = "file:$work/secret"
scopes = "openid email profile groups"
creates_users = true
grants = [{ claim = "groups", value = "samordnare", role = "coordinator", scope = "area:0127" }]

[[login_clients]]
client_id = "webben"
name = "Webben"
redirect_uris = ["https://webben.example.se/in"]
TOML
printf '%s' 'a secret & more +%' >"$work/secret"
"$program" --config "$work/samsyn.toml" serve 2>"$work/samsyn.log" &
started+=($!)
until_works node -e "fetch('$samsyn/health/ready').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"
node browser.mjs "$samsyn" https://webben.example.se/in
