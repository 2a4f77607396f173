//! The demo: the service with an example case, in a folder of its own.

use std::{fs, path::Path};

use sea_orm::{ConnectionTrait, Statement};

use super::{
    Outcome,
    demo_case::{self, DOMAIN, PEOPLE},
    serve,
};
use crate::{
    app::App,
    config::Config,
    kernel::{Db, clock::Clock, db, hash, id::Ids, table::is_postgres},
};

/// Defaults of the demo. Every other source of settings overrides them.
pub(super) const DEFAULTS: &[(&str, &str)] =
    &[("database_url", "sqlite:samsyn-data/demo.db"), ("log", "samsyn=warn"), ("log_format", "text")];

/// Loads the example case if it is not loaded, prints how to sign in, and serves.
pub(super) fn run(mut config: Config, fresh: bool) -> Outcome {
    serve::log(&config)?;
    // The example case uses the areas, actors and codelists of the pack.
    config.reference_pack = true;
    super::block_on(async move {
        let place = db::sqlite_file(&config.database_url);
        match &place {
            Some(file) => eprintln!("The demo's database is {}.", file.display()),
            None => eprintln!("The demo's database is on PostgreSQL."),
        }
        if fresh {
            Box::pin(start_over(&config)).await?;
        }
        eprintln!("[1/3] Bringing the database up to date and loading areas, actors, codelists and indicators …");
        let app = App::build(config.clone(), Clock::System, Ids::Random).await?;
        let db = app.db();
        let password = if let Some(password) = read_note(db, "demo").await? {
            eprintln!("[2/3] The example case is there already.");
            password
        } else {
            require_demo_database(db).await?;
            eprintln!("[2/3] Loading the example case …");
            let password = hash::secret()[..20].to_owned();
            demo_case::load(&password, db).await?;
            password
        };
        eprintln!("[3/3] Starting to serve …");
        let url = config.public_url.clone();
        serve::serve(&app, |_| print_instructions(&url, &password)).await
    })
}

fn print_instructions(url: &str, password: &str) {
    println!("\nSamsyn runs at {url}/\nThe API is documented at {url}/docs/\n\nSign in as one of these, all with the password {password}");
    for (name, what) in PEOPLE {
        println!("  {name:<14} {name}@{DOMAIN:<18} {what}");
    }
    println!("\nThree lines to try:");
    println!("  curl '{url}/samsyn/v1/actors?municipality=0127&fields=name,kind'");
    println!(
        "  TOKEN=$(curl -s {url}/samsyn/v1/sessions -H 'Content-Type: application/json' -d '{{\"email\":\"samordnare@{DOMAIN}\",\"password\":\"{password}\"}}' | sed 's/.*\"accessToken\":\"\\([^\"]*\\)\".*/\\1/')"
    );
    println!("  curl {url}/samsyn/v1/decisions -H \"Authorization: Bearer $TOKEN\"\n\nStop with Ctrl-C. `demo --fresh` starts over.");
}

/// Removes the demo's database. Refuses a database that is not the demo's.
async fn start_over(config: &Config) -> Outcome {
    if let Some(file) = db::sqlite_file(&config.database_url) {
        if file.exists() {
            let db = super::open(config, true).await?;
            require_demo_database(&db).await?;
            db.close().await;
            for ending in ["", "-wal", "-shm"] {
                let mut name = file.clone().into_os_string();
                name.push(ending);
                if Path::new(&name).exists() {
                    fs::remove_file(&name)?;
                }
            }
        }
        return Ok(());
    }
    let db = super::open(config, true).await?;
    require_demo_database(&db).await?;
    db.reader().execute_unprepared("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await?;
    db.close().await;
    Ok(())
}

/// Refuses a database that has users and is not the demo's.
async fn require_demo_database(db: &Db) -> Outcome {
    let demo = read_note(db, "demo").await?.is_some();
    let users = db.reader().query_one_raw(Statement::from_string(db.backend(), "SELECT 1 FROM user_account LIMIT 1")).await?.is_some();
    if users && !demo {
        return Err("this database is in use and not the demo's; name another with --database-url".into());
    }
    Ok(())
}

/// A value of the table `installation`, by its name.
async fn read_note(db: &Db, name: &str) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let parameter = if is_postgres(db.backend()) { "$1" } else { "?" };
    let sql = format!("SELECT value FROM installation WHERE name = {parameter}");
    let row = db.reader().query_one_raw(Statement::from_sql_and_values(db.backend(), sql, [name.into()])).await?;
    Ok(row.map(|row| row.try_get("", "value")).transpose()?)
}
