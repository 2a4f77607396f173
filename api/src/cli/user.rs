use std::io::Read;

use clap::Subcommand;
use sea_orm::ActiveEnum;
use uuid::Uuid;

use super::{Outcome, open};
use crate::{
    access::{
        grants::{self, NewGrant, Scope, ScopeKind},
        passwords,
        policy::Role,
        users::{self, NewUser},
    },
    config::Config,
    geography::areas::store as areas,
    kernel::{Db, request::Call, text},
};

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Register a user with a role. The first administrator is made in this way.
    Create {
        /// The e-mail address that the user signs in with.
        #[arg(long)]
        email: String,
        /// The user's name.
        #[arg(long)]
        name: String,
        /// admin, coordinator, `actor_admin`, contributor, reader, analyst, evaluator or service.
        #[arg(long)]
        role: String,
        /// The scope of the role: everywhere, area:CODE, actor:ID or forum:ID.
        #[arg(long, default_value = "everywhere")]
        scope: String,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
}

pub(super) async fn run(command: UserCommand, config: Config) -> Outcome {
    let UserCommand::Create { email, name, role, scope, password_stdin } = command;
    let role = Role::try_from_value(&role).map_err(|_| format!("--role: {role} is no role; see `samsyn user create --help`"))?;
    let password = if password_stdin {
        let mut password = String::new();
        std::io::stdin().read_to_string(&mut password)?;
        Some(text::composed(password.trim_end_matches(['\r', '\n'])))
    } else {
        None
    };
    let db = open(&config, config.migrate_on_start).await?;
    if config.reference_pack {
        crate::guidance::packs::load(&db).await?;
    }
    let scope = read_scope(&scope, &db).await?;
    let user = create(&NewUser { email, name, language: None, password }, role, scope, &db).await?;
    db.close().await;
    println!("{user}");
    Ok(())
}

/// Registers a user, and grants a role.
pub(super) async fn create(new: &NewUser, role: Role, scope: Scope, db: &Db) -> Result<users::UserId, Box<dyn std::error::Error>> {
    let hash = match &new.password {
        Some(password) => {
            passwords::check(password, "/password", &[&new.email, &new.name])?;
            Some(passwords::hash(password.clone(), &passwords::Hashing::new(1)).await?)
        }
        None => None,
    };
    let user = db
        .transaction(&Call::of_console("create_user"), async |w| {
            let user = users::insert(new, hash.clone(), w).await?;
            grants::insert(&NewGrant { user_id: user.id, role, scope: scope.clone(), valid_from: None, valid_to: None }, w).await?;
            Ok(user.id)
        })
        .await?;
    Ok(user)
}

async fn read_scope(text: &str, db: &Db) -> Result<Scope, Box<dyn std::error::Error>> {
    let wrong = || format!("--scope: {text} is none of everywhere, area:CODE, actor:ID and forum:ID");
    let (kind, id) = match text.split_once(':') {
        None if text == "everywhere" => (ScopeKind::Everywhere, None),
        Some(("area", code)) => {
            let found = areas::by_codes(&[code.to_owned()], db.reader()).await?;
            let area = found.get(code).ok_or_else(|| format!("--scope: there is no area with the code {code}"))?;
            (ScopeKind::Area, Some(area.id.uuid()))
        }
        Some(("actor", id)) => (ScopeKind::Actor, Some(id.parse::<Uuid>().map_err(|_| wrong())?)),
        Some(("forum", id)) => (ScopeKind::Forum, Some(id.parse::<Uuid>().map_err(|_| wrong())?)),
        _ => return Err(wrong().into()),
    };
    Ok(Scope { kind, id })
}
