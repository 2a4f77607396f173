#!/usr/bin/env python3
"""Mirrors Samsyn's register of actors into SQLite; FOLLOWING.md explains it.
SAMSYN_URL=https://samsyn.example.se SAMSYN_TOKEN=… python3 follower.py --once|--follow FILE"""
import http.client, json, os, sqlite3, sys, time, urllib.error, urllib.parse, urllib.request

def get(path, **query):
    """Status and JSON of an answer. Waits and tries again while the service is away or asks us to come back."""
    query = urllib.parse.urlencode({name: value for name, value in query.items() if value})
    headers = {"Authorization": f"Bearer {os.environ['SAMSYN_TOKEN']}", "Prefer": "handling=strict"}
    call = urllib.request.Request(f"{os.environ['SAMSYN_URL']}/samsyn/v1{path}?{query}", headers=headers)
    while True:
        try:
            with urllib.request.urlopen(call, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                return error.code, None
            if error.code not in (429, 500, 502, 503, 504):
                sys.exit(f"{error.code}: {error.read().decode()}")
            time.sleep(int(error.headers.get("Retry-After", 5)))
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(5)  # not reached, broken off or cut short

def store(db, cursor, actors, gone, anew=False):
    """What was read and where to go on, together or not at all: so each change counts exactly once."""
    with db:
        if anew:
            db.execute("DELETE FROM actor")
        db.executemany("INSERT OR REPLACE INTO actor VALUES (?, ?, ?, NULL)", [(a["id"], a["version"], json.dumps(a)) for a in actors])
        db.executemany("INSERT OR REPLACE INTO actor VALUES (?, ?, NULL, ?)", [(c["id"], c["version"], c["mergedInto"]) for c in gone])
        db.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", [cursor])

def snapshot(db):
    """All that there is now. What changes while we read comes after the first page's changeCursor."""
    actors, cursor, page = [], None, {"nextCursor": None}
    while not cursor or page["nextCursor"]:
        status, page = get("/actors", limit=200, cursor=page["nextCursor"])
        if status != 200:  # it took us more than a day
            return snapshot(db)
        actors, cursor = actors + page["items"], cursor or page["changeCursor"]
    store(db, cursor, actors, [], anew=True)  # until now the old copy stands

def follow(db, wait):
    """One piece of the feed; tells whether there is more at once."""
    place = db.execute("SELECT cursor FROM place").fetchone()
    status, piece = get("/changes", types="actor", limit=200, cursor=place[0], wait=wait) if place else (410, None)
    if status != 200:  # the first time, or our place is no longer known there
        snapshot(db)
        return True
    last = {change["id"]: change for change in piece["items"]}  # the last change of each says it all
    read = {id: get(f"/actors/{id}")[1] for id, change in last.items() if change["op"] == "upsert"}
    store(db, piece["nextCursor"], [a for a in read.values() if a], [c for c in last.values() if not read.get(c["id"])])
    return piece["hasMore"]

if len(sys.argv) != 3: sys.exit("follower.py --once|--follow FILE")
mirror = sqlite3.connect(sys.argv[2])
mirror.executescript("""CREATE TABLE IF NOT EXISTS actor (id TEXT PRIMARY KEY, version INTEGER, json TEXT, merged_into TEXT);
    CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY, cursor TEXT)""")
while follow(mirror, 0 if sys.argv[1] == "--once" else 25) or sys.argv[1] == "--follow":
    pass
