#!/usr/bin/env bash
# The main job with curl alone: a coordinator takes a case from actors to a decided priority, and a reader of another
# municipality sees nothing of it. Needs the program, curl and sed; makes its own folder and removes it.
#
#   docs/walkthrough.sh [path to samsyn]          on SQLite
#   SAMSYN_DATABASE_URL=postgres://… docs/walkthrough.sh    on an empty PostgreSQL database
set -euo pipefail
cd "$(dirname "$0")/.."
samsyn=${1:-target/release/samsyn}
folder=$(mktemp -d)
export SAMSYN_DATABASE_URL=${SAMSYN_DATABASE_URL:-sqlite:$folder/samsyn.db}
export SAMSYN_LISTEN=${SAMSYN_LISTEN:-127.0.0.1:18080} SAMSYN_LOG=warn
url=http://$SAMSYN_LISTEN/samsyn/v1
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT

step() { printf '\n== %s\n' "$*"; }

# field NAME: the first member of that name in the last answer.
field() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "$folder/answer" | head -n 1; }

# first NAME: the first member of that name, when several stand in one line.
first() { grep -o "\"$1\":\"[^\"]*\"" "$folder/answer" | head -n 1 | cut -d '"' -f 4; }

# call STATUS METHOD PATH [BODY]: calls as $token, expects a status, keeps the answer.
call() {
  local wanted=$1 method=$2 path=$3 body=${4:-} status
  local arguments=(-sS -o "$folder/answer" -D "$folder/headers" -w '%{http_code}' -X "$method" -H "Accept-Language: sv")
  [ -z "${token:-}" ] || arguments+=(-H "Authorization: Bearer $token")
  [ -z "${match:-}" ] || arguments+=(-H "If-Match: $match")
  [ -z "$body" ] || arguments+=(-H "Content-Type: ${type:-application/json}" --data-binary "$body")
  status=$(curl "${arguments[@]}" "$url$path")
  if [ "$status" != "$wanted" ]; then
    printf '%s %s answered %s, not %s:\n' "$method" "$path" "$status" "$wanted" >&2
    cat "$folder/answer" >&2
    exit 1
  fi
  printf '%s %s %s\n' "$status" "$method" "$path"
}

# sign_in EMAIL: sets $token.
sign_in() {
  token=
  call 201 POST /sessions "{\"email\":\"$1\",\"password\":\"$password\"}"
  token=$(first accessToken)
}

# area CODE: the area's id.
area() { curl -sS "$url/areas?code=$1" | sed 's/.*"items":\[{"id":"\([^"]*\)".*/\1/'; }
actor() { curl -sS "$url/actors?identifier=$1" | sed 's/.*"items":\[{"id":"\([^"]*\)".*/\1/'; }

password='fyra blå cyklar vid ån'
step 'A database, users at the console, and the service'
printf '%s' "$password" | "$samsyn" user create --email samordnare@example.se --name 'Kim Samordnare' --role coordinator --scope area:01 --password-stdin
"$samsyn" serve &
server=$!
for _ in $(seq 100); do curl -sf "http://$SAMSYN_LISTEN/health/ready" >/dev/null && break; read -rt 0.2 <> <(:) || true; done

sign_in samordnare@example.se
kim=$token
botkyrka=$(area 0127); municipality=$(actor municipality_code:0127); region=$(actor county_code:01); elsewhere=$(actor municipality_code:0114)
printf '%s' "$password" | "$samsyn" user create --email lasare@example.se --name 'Alex Läsare' --role reader --scope "actor:$elsewhere" --password-stdin

step 'An association and a foundation in Botkyrka, and what each may decide'
call 201 POST /actors "{\"kind\":\"association\",\"name\":\"Fittja Grannar\",\"seatAreaId\":\"$botkyrka\",\"identifiers\":[{\"scheme\":\"SE-ON\",\"value\":\"802001-0008\"}]}"
association=$(first id)
call 201 POST /actors "{\"kind\":\"foundation\",\"name\":\"Stiftelsen Norra Botkyrka\",\"seatAreaId\":\"$botkyrka\"}"
foundation=$(first id)
for pair in "$municipality housing statutory" "$association civil_society voluntary" "$foundation labour_market agreed"; do
  read -r who domain basis <<<"$pair"
  call 201 POST /mandates "{\"actorId\":\"$who\",\"policyDomain\":\"$domain\",\"areaId\":\"$botkyrka\",\"powers\":[\"decide\",\"implement\"],\"basis\":\"$basis\"}"
done

step 'Their people: the first of each are let in by who runs the installation'
for pair in "kommun $municipality" "region $region" "forening $association"; do
  read -r name who <<<"$pair"
  printf '%s' "$password" | "$samsyn" user create --email "$name@example.se" --name "Robin $name" --role actor_admin --scope "actor:$who" --password-stdin
done

step 'A forum with them and the region; each accepts'
call 201 POST /forums "{\"kind\":\"council\",\"level\":\"local\",\"name\":\"Samverkansrådet i norra Botkyrka\",\"areas\":[\"$botkyrka\"]}"
forum=$(first id)
declare -A member
for row in "kommun $municipality chair dialogue partnership" "region $region member information dialogue" "forening $association member consultation partnership"; do
  read -r name who function now wish <<<"$row"
  call 201 POST "/forums/$forum/members" "{\"actorId\":\"$who\",\"function\":\"$function\",\"currentLevel\":\"$now\",\"desiredLevel\":\"$wish\"}"
  member[$name]=$(first id)
done
for name in kommun region forening; do
  sign_in "$name@example.se"
  call 200 POST "/forums/$forum/members/${member[$name]}/accept"
done
token=$kim

step 'Real statistics from a CSV, tried first'
call 201 POST /indicators '{"code":"wage_income","nameSv":"Löneinkomst, medelvärde för samtliga","nameEn":"Wage income, mean of all","statisticalArea":"socioeconomic","valueKind":"mean","unit":"SEK thousand","polarity":"higher"}'
indicator=$(first id)
type=text/csv call 201 POST '/observation-imports?indicator=wage_income&source=SCB&licence=CC0&dryRun=true' @docs/data/botkyrka-loneinkomst.csv
type=text/csv call 201 POST '/observation-imports?indicator=wage_income&source=SCB&licence=CC0' @docs/data/botkyrka-loneinkomst.csv
grep -q '"rowsCreated":80' "$folder/answer"

step 'A shared assessment: a finding with a frozen statistical answer, a cause, two endorsements of which one dissents'
call 201 POST /assessments "{\"title\":\"Inkomstskillnader mellan Botkyrkas stadsdelar\",\"forumId\":\"$forum\",\"areaId\":\"$botkyrka\"}"
assessment=$(first id)
call 201 POST "/assessments/$assessment/findings" '{"kind":"difference","statement":"Löneinkomsten i Fittja är två femtedelar av den i Tullinge villastad."}'
finding=$(first id)
call 201 POST "/assessments/$assessment/findings/$finding/evidence" "{\"kind\":\"statistic\",\"query\":{\"indicatorId\":\"$indicator\",\"areaIds\":[\"$(area 0127R005)\",\"$(area 0127R015)\"],\"periods\":[\"2023\"]}}"
grep -o '"hash":"[0-9a-f]*"' "$folder/answer"
call 201 POST "/assessments/$assessment/causes" "{\"statement\":\"Bostadsbeståndet är ensidigt.\",\"level\":\"local\",\"structural\":true,\"findings\":[\"$finding\"]}"
cause=$(first id)
call 200 POST "/assessments/$assessment/review"
sign_in kommun@example.se
call 201 PUT "/assessments/$assessment/endorsements/$municipality" '{"position":"endorse"}'
sign_in forening@example.se
call 422 PUT "/assessments/$assessment/endorsements/$association" '{"position":"dissent"}'
call 201 PUT "/assessments/$assessment/endorsements/$association" '{"position":"dissent","reason":"Bilden säger för lite om de boendes egna krafter."}'
sign_in kommun@example.se
call 200 POST "/assessments/$assessment/agree"
token=$kim

step 'Three interventions that address the cause'
interventions=()
for row in "$municipality underlying_cause strategic_document Blandade upplåtelseformer" "$municipality underlying_cause guideline Uthyrningskriterier" "$association consequence target_group_measure Läxhjälp"; do
  read -r owner addresses instrument title <<<"$row"
  call 201 POST /interventions "{\"title\":\"$title\",\"ownerActorId\":\"$owner\",\"forumId\":\"$forum\",\"status\":\"planned\",\"horizon\":\"long\",\"addresses\":\"$addresses\",\"instrument\":\"$instrument\",\"causes\":[\"$cause\"],\"visibility\":\"forum\"}"
  interventions+=("$(first id)")
done

step 'A round with weighted criteria; the three actors vote; closing computes the ranking and the agreement'
call 201 POST /rounds "{\"forumId\":\"$forum\",\"question\":\"Vilka insatser ska gå först?\",\"horizon\":\"short\",\"candidates\":[\"${interventions[0]}\",\"${interventions[1]}\",\"${interventions[2]}\"],\"criteria\":[{\"key\":\"effect\",\"name\":\"Effekt\",\"weight\":3,\"scale\":5},{\"key\":\"feasibility\",\"name\":\"Genomförbarhet\",\"weight\":2,\"scale\":5}]}"
round=$(first id)
call 200 POST "/rounds/$round/open"
for row in "kommun $municipality 5 3 4 5 2 4" "region $region 4 2 4 4 3 4" "forening $association 3 2 3 4 4 5"; do
  read -r name who a b c d e f <<<"$row"
  scores=
  set -- "$a" "$b" "$c" "$d" "$e" "$f"
  for candidate in "${interventions[@]}"; do
    scores="$scores{\"interventionId\":\"$candidate\",\"criterion\":\"effect\",\"score\":$1},{\"interventionId\":\"$candidate\",\"criterion\":\"feasibility\",\"score\":$2},"
    shift 2
  done
  sign_in "$name@example.se"
  call 201 PUT "/rounds/$round/ballots/$who" "{\"scores\":[${scores%,}]}"
done
token=$kim
call 200 POST "/rounds/$round/close"
grep -o '"kendallsW":[0-9.]*' "$folder/answer"

step 'The decision departs from the ranking, with its reason'
call 422 POST /decisions "{\"roundId\":\"$round\",\"chosen\":[\"${interventions[0]}\"],\"decidedOn\":\"2026-11-20\"}"
grep -o '"detail":"[^"]*"' "$folder/answer" | tail -n 1
call 201 POST /decisions "{\"roundId\":\"$round\",\"chosen\":[\"${interventions[0]}\"],\"decidedOn\":\"2026-11-20\",\"reason\":\"Rådet börjar med orsaken.\"}"
decision=$(first id)

step 'Publishing freezes a revision with a digest'
sign_in kommun@example.se
call 200 POST "/assessments/$assessment/publish"
call 200 GET "/assessments/$assessment/revisions"
grep -o '"hash":"[0-9a-f]*"' "$folder/answer" | tail -n 1
token=$kim

step 'The thread from the decision back to the observations'
call 200 GET "/trace/decision/$decision"
grep -o '"kind":"[a-z]*"' "$folder/answer" | sort | uniq -c
grep -q '"kind":"observation"' "$folder/answer"

step 'A reader of another municipality sees what is public, and not one byte of what is the forum'"'"'s'
sign_in lasare@example.se
call 200 GET '/actors?q=fittja'
grep -q 'Fittja Grannar' "$folder/answer"
for path in "/forums/$forum" "/assessments/$assessment" "/interventions/${interventions[0]}" "/rounds/$round" "/decisions/$decision" "/trace/decision/$decision"; do
  call 404 GET "$path"
done
for path in '/forums?q=samverkan&include=total' '/assessments?q=inkomst&include=total' '/interventions?include=total' '/rounds?include=total' '/decisions?include=total'; do
  call 200 GET "$path"
  grep -q '{"items":\[\],"nextCursor":null,"total":0,' "$folder/answer"
done

step 'Done.'
