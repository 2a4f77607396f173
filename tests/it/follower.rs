//! The example for partners, `docs/follower.py`, keeps a correct copy whatever happens to it or to the service.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rstest::rstest;
use samsyn::{
    access::{Visibility, policy::Role},
    exchange::changes,
    kernel::{
        Id,
        events::{Change, ChangeOperation},
        request::Call,
    },
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    contract::file,
    feed_checker::literal,
    harness::{Client, Database, TestApp, child::with_db, id},
};

#[test]
fn the_example_is_short_and_needs_nothing_but_python() {
    let text = fs::read_to_string(file("docs/follower.py")).unwrap();
    assert!(text.lines().count() <= 60, "{} lines", text.lines().count());
    let own = ["http.client", "json", "os", "sqlite3", "sys", "time", "urllib.error", "urllib.parse", "urllib.request"];
    let imported: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("import ")).flat_map(|names| names.split(", ")).collect();
    assert!(imported.iter().all(|name| own.contains(name)) && !text.contains("\nfrom "), "{imported:?}");
    assert!(fs::read_to_string(file("docs/FOLLOWING.md")).unwrap().contains("(follower.py)"));
}

/// Returns whether Python is available, and prints a note when it is not.
fn python() -> bool {
    let there = Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !there {
        assert!(env::var_os("CI").is_none(), "python3 is required in CI");
        let _ = writeln!(std::io::stderr(), "\n*** docs/follower.py IS NOT TRIED: there is no python3 ***\n");
    }
    there
}

struct Mirror {
    app: TestApp,
    reader: Client,
    file: PathBuf,
}

impl Mirror {
    fn follower(&self, how: &str) -> Child {
        let token = self.reader.header("Authorization").unwrap().trim_start_matches("Bearer ").to_owned();
        let address = format!("http://{}", self.app.address);
        let mut python = Command::new("python3");
        let python = python.arg(file("docs/follower.py")).arg(how).arg(&self.file);
        python.env("SAMSYN_URL", address).env("SAMSYN_TOKEN", token).env("NO_PROXY", "*").spawn().unwrap()
    }

    fn catches_up(&self) {
        assert!(self.follower("--once").wait().unwrap().success());
    }

    fn rows(&self, sql: &'static str) -> Vec<(String, Option<String>)> {
        let url = format!("sqlite:{}", self.file.display());
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let db = sea_orm::Database::connect(url).await.unwrap();
                let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
                let rows = rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect();
                db.close().await.unwrap();
                rows
            })
        })
        .join()
        .unwrap()
    }

    #[track_caller]
    fn assert_complete(&self) {
        let mirrored: BTreeMap<_, Value> = self
            .rows("SELECT id, json FROM actor WHERE json IS NOT NULL")
            .into_iter()
            .map(|(id, json)| (id, serde_json::from_str(&json.unwrap()).unwrap()))
            .collect();
        let (mut there, mut next) = (BTreeMap::new(), String::new());
        loop {
            let page = self.reader.get(&format!("/actors?limit=200{next}")).is(200).json;
            there.extend(page["items"].as_array().unwrap().iter().map(|actor| (id(actor), actor.clone())));
            let Some(more) = page["nextCursor"].as_str() else { break };
            next = format!("&cursor={more}");
        }
        assert!(there.len() > 100, "the register has {} actors", there.len());
        let apart: Vec<_> = there.keys().chain(mirrored.keys()).filter(|id| there.get(*id) != mirrored.get(*id)).collect();
        assert!(apart.is_empty(), "the mirror is wrong about {apart:?}");
    }
}

fn write(who: &Client, name: &str, turns: usize) {
    for turn in 0..turns {
        let new = json!({"kind": "other", "name": format!("{name} {turn}")});
        let new = who.post("/actors", &new).is(201);
        let path = format!("/actors/{}", id(&new.json));
        let changed =
            who.patch(&path, &new.etag(), &json!({"focus": "ändrad", "visibility": if turn % 3 == 0 { "actor" } else { "public" }}));
        if turn % 4 == 1 {
            who.delete(&path, &changed.is(200).etag()).is(204);
        }
    }
}

/// Merges one actor into another.
fn merge(url: &str, database: Database, gone: &str, survivor: &str) {
    let (literal, ids) = (literal(gone, database), [gone, survivor].map(|id| serde_json::from_value::<Id<()>>(json!(id)).unwrap().uuid()));
    with_db(url, false, async move |db| {
        db.transaction(&Call::of_installation(), async |w| {
            let sql = format!("UPDATE actor SET deleted_at = updated_at, version = version + 1 WHERE id = {literal}");
            w.tx.execute_unprepared(&sql).await?;
            let mut change = Change::new("actor", ids[0], ChangeOperation::Merge, 2, Visibility::Public.of(None, Some(ids[0])));
            change.merged_into = Some(ids[1]);
            w.record(change);
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[rstest]
fn the_example_mirrors_the_register_through_kills_and_restores(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    if !python() {
        return;
    }
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let reader = app.user(Role::Reader, Some(("area", &app.area("0127"))));
    let file = Path::new(app.url.strip_prefix("sqlite:").unwrap_or("/dev/shm/x"))
        .with_file_name(format!("samsyn-test-{}-mirror-{database:?}.db", std::process::id()));
    let mirror = Mirror { app, reader, file };

    let before = ["Går upp", "Tar upp"].map(|name| id(&admin.post("/actors", &json!({"kind": "other", "name": name})).is(201).json));
    mirror.catches_up();
    mirror.assert_complete();
    write(&admin, "Under tiden", 8);
    merge(&mirror.app.url, database, &before[0], &before[1]);
    mirror.catches_up();
    mirror.assert_complete();
    let merged = mirror.rows("SELECT id, merged_into FROM actor WHERE merged_into IS NOT NULL");
    assert_eq!(merged, [(before[0].clone(), Some(before[1].clone()))]);

    // The follower is killed again and again at any point.
    thread::scope(|scope| {
        let admin = &admin;
        let writer = scope.spawn(move || write(admin, "Medan den dödas", 24));
        let mut pause = 60;
        while !writer.is_finished() || pause < 300 {
            let mut follower = mirror.follower("--follow");
            thread::sleep(Duration::from_millis(pause));
            follower.kill().unwrap();
            follower.wait().unwrap();
            pause += 60;
        }
        writer.join().unwrap();
    });
    mirror.catches_up();
    mirror.assert_complete();

    // A backup is restored: the follower's cursor is no longer known, and it begins again.
    with_db(&mirror.app.url, false, async |db| changes::begin_epoch(db).await.unwrap());
    write(&admin, "Efter återställningen", 4);
    mirror.catches_up();
    mirror.assert_complete();
    let _ = fs::remove_file(&mirror.file);
}
