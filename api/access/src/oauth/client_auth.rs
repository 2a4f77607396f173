//! Authentication of OAuth clients: by a JWT that the client has signed with its own key (RFC 7523), or by a secret.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk},
};
use sea_orm::{EntityTrait, ExprTrait, IntoActiveModel, entity::prelude::*, sea_query::Expr};
use serde::Deserialize;
use serde_json::Value;

use super::{Form, OauthFault};
use crate::{
    Access, Limits,
    kernel::{Db, Problem, hash, language::Text, request::Call, say},
    limits::Guarded,
    service_accounts::{self, Client, ClientAuthMethod},
    tokens::demands_an_extension,
    users::UserId,
};

/// The algorithms that a client may sign with.
pub const ALGORITHMS: [&str; 4] = ["EdDSA", "ES256", "PS256", "RS256"];
const STATEMENT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The longest accepted time until a statement (client assertion) expires.
const LONGEST: TimeDelta = TimeDelta::minutes(10);
/// The largest accepted difference between the client's clock and ours, in seconds.
const LEEWAY: i64 = 60;

mod used {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "used_assertion")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub expires_at: ChronoDateTimeUtc,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

#[derive(Deserialize)]
struct Statement {
    iss: String,
    sub: String,
    jti: String,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
}

/// Returns the algorithms that a key can sign with; empty when the key cannot be used.
fn algorithms(key: &Jwk) -> Vec<Algorithm> {
    let bytes = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_or(0, |bytes| bytes.len());
    match &key.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 && bytes(&pair.x) == 32 => vec![Algorithm::EdDSA],
        AlgorithmParameters::EllipticCurve(curve)
            if curve.curve == EllipticCurve::P256 && bytes(&curve.x) == 32 && bytes(&curve.y) == 32 =>
        {
            vec![Algorithm::ES256]
        }
        AlgorithmParameters::RSA(rsa) if bytes(&rsa.n) >= 256 => vec![Algorithm::RS256, Algorithm::PS256],
        _ => Vec::new(),
    }
}

/// Returns the reason why a key cannot be used to check statements; `None` when it can.
#[must_use]
pub fn key_fault(key: &Value) -> Option<Text> {
    if ["d", "k", "p", "q"].iter().any(|part| key.get(part).is_some()) {
        return Some(say!(
            "Nyckeln innehåller sin hemliga del. Byt ut nyckeln, för den är nu röjd, och skicka bara den publika delen.",
            "The key contains its private part. Replace it, for it is now exposed, and send the public part only."
        ));
    }
    let jwk: Option<Jwk> = serde_json::from_value(key.clone()).ok();
    let fit = jwk.is_some_and(|jwk| !algorithms(&jwk).is_empty() && DecodingKey::from_jwk(&jwk).is_ok());
    (!fit).then(|| {
        say!(
            "Nyckeln går inte att använda. Den ska vara EC (P-256), OKP (Ed25519) eller RSA med minst 2048 bitar, som JSON Web Key.",
            "The key cannot be used. It must be EC (P-256), OKP (Ed25519) or RSA of at least 2048 bits, as a JSON Web Key."
        )
    })
}

/// Returns the service account that makes the call.
///
/// # Errors
/// When the client is unknown or not authenticated (`invalid_client`), or there were too many failed tries.
pub async fn authenticate_client(form: &Form, call: &Call, access: &Access, limits: &Limits, db: &Db) -> Result<Client, OauthFault> {
    let statement = form.get("client_assertion");
    if statement.is_some() && form.get("client_secret").is_some() {
        return Err(OauthFault::new("invalid_request", "Use one way for the client to show that it is itself, not two."));
    }
    let named = match (statement, form.get("client_id")) {
        (_, Some(id)) => id.to_owned(),
        (Some(statement), None) => subject(statement).ok_or_else(OauthFault::invalid_client)?,
        (None, None) => return Err(OauthFault::invalid_client()),
    };
    // Counted separately, so that wrong secrets do not lock out a client that signs with its key.
    let what = if statement.is_some() { Guarded::ClientStatement } else { Guarded::ClientSecret };
    let _try = limits.admit_try(what, &named, &call.author.address, db).await?;
    let Some(client) = authenticated(form, &named, access, db).await? else {
        limits.count_failed_try(what, &named, &call.author.address, db).await?;
        return Err(OauthFault::invalid_client());
    };
    limits.note_success(client.account.id, &call.author.address, db).await?;
    Ok(client)
}

/// Returns the client with this id if the form authenticates it.
async fn authenticated(form: &Form, named: &str, access: &Access, db: &Db) -> Result<Option<Client>, OauthFault> {
    let statement = form.get("client_assertion");
    // Only the canonical spelling of the id is accepted. Otherwise tries at each spelling would be counted separately.
    let id = named.parse::<Uuid>().ok().filter(|id| id.to_string() == named).map(UserId::from);
    let Some(id) = id else { return Ok(None) };
    let Some(client) = service_accounts::client(id, db.reader()).await? else { return Ok(None) };
    let shown = match (client.auth_method, statement, form.get("client_secret")) {
        (ClientAuthMethod::ClientSecretPost, None, Some(secret)) => service_accounts::has_secret(id, secret, db).await?,
        (ClientAuthMethod::PrivateKeyJwt, Some(statement), None) if form.get("client_assertion_type") == Some(STATEMENT) => {
            verify_statement(&client, statement, access, db).await?
        }
        _ => false,
    };
    Ok(shown.then_some(client))
}

/// Returns the subject of a statement, without verifying it.
fn subject(statement: &str) -> Option<String> {
    let unverified = jsonwebtoken::dangerous::insecure_decode::<Statement>(statement).ok()?;
    Some(unverified.claims.sub)
}

/// Whether a statement is signed by the client, made for this service, valid now, and not used before. Marks it as used.
async fn verify_statement(client: &Client, statement: &str, access: &Access, db: &Db) -> Result<bool, OauthFault> {
    let Ok(header) = jsonwebtoken::decode_header(statement) else { return Ok(false) };
    if demands_an_extension(statement) {
        return Ok(false);
    }
    let id = client.account.id.to_string();
    let issuer = &access.settings.issuer;
    let mut rules = Validation::new(header.alg);
    rules.set_audience(&[issuer.clone(), format!("{issuer}/oauth2/token")]);
    rules.set_issuer(&[&id]);
    rules.validate_exp = false;
    let keys = client.jwks["keys"].as_array().into_iter().flatten();
    let keys = keys.filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
    let mut fitting = keys.filter(|key| algorithms(key).contains(&header.alg) && (header.kid.is_none() || header.kid == key.common.key_id));
    let claims = fitting.find_map(|key| {
        let key = DecodingKey::from_jwk(&key).ok()?;
        jsonwebtoken::decode::<Statement>(statement, &key, &rules).ok().map(|decoded| decoded.claims)
    });
    let Some(claims) = claims else { return Ok(false) };
    let now = db.clock.now();
    let early = claims.nbf.is_some_and(|from| from > now.timestamp() + LEEWAY);
    let late = claims.exp <= now.timestamp() - LEEWAY || claims.exp > (now + LONGEST).timestamp() + LEEWAY;
    if claims.iss != id || claims.sub != id || claims.jti.is_empty() || claims.jti.len() > 255 || early || late {
        return Ok(false);
    }
    let ends = chrono::DateTime::from_timestamp(claims.exp + LEEWAY, 0).unwrap_or(now);
    let row = used::Model { digest: hash::sha256_hex(format!("{id} {}", claims.jti).as_bytes()), expires_at: ends };
    used::Entity::delete_many().filter(Expr::col(used::Column::ExpiresAt).lt(now)).exec(db.writer()).await.map_err(Problem::from)?;
    let on_conflict = sea_orm::sea_query::OnConflict::column(used::Column::Digest).do_nothing().to_owned();
    let first = used::Entity::insert(row.into_active_model()).on_conflict(on_conflict).exec_without_returning(db.writer()).await;
    match first {
        Ok(rows) => Ok(rows == 1),
        Err(sea_orm::DbErr::RecordNotInserted) => Ok(false),
        Err(error) => Err(Problem::from(error).into()),
    }
}
