//! Access tokens: short-lived, signed with Ed25519, checked once and then remembered until they expire or until who may
//! do what changes.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    absent::Absent,
    caller::Caller,
    passwords::Hashing,
    personal_tokens,
    policy::Role,
    sessions::{SignInMethod, table::signing_key},
    standing::{self, Credential},
};
use crate::kernel::{Db, Problem, Result, clock, hash, problem::Kind, request::Call, secrecy::Marks};

/// How long another instance's change of access may go unnoticed.
const EPOCH_AGE: Duration = Duration::from_millis(500);

/// No token of ours comes near this length.
const MAX_TOKEN: usize = 4096;

/// How tokens and sessions are made.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// Roles that count only after a sign-in in two steps.
    pub two_step_roles: Vec<Role>,
    /// Origins of pages that may use the cookie, besides the service's own.
    pub origins: Vec<String>,
    /// Who issues and accepts tokens: the service's public address.
    pub issuer: String,
    /// How long an access token lasts.
    pub access: TimeDelta,
    /// How long a session lasts without being renewed.
    pub session: TimeDelta,
    /// How long it lasts at the most.
    pub longest: TimeDelta,
}

/// What an access token says (RFC 9068).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: Uuid,
    /// The client that it was issued to: a service account, a frontend, or `samsyn` for the API's own sign-in.
    pub client_id: String,
    pub sid: Uuid,
    pub jti: Uuid,
    pub iat: i64,
    pub exp: i64,
    #[serde(default, skip_serializing)]
    pub nbf: Option<i64>,
    /// When the user signed in.
    pub auth_time: i64,
    /// How (RFC 8176): `pwd`, `otp`, and `mfa` for both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// How sure the identity provider was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The permissions that the token carries, where it is narrower than its user's roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// A key that tokens are signed and checked with.
struct Key {
    id: String,
    public: String,
    decoding: DecodingKey,
    encoding: EncodingKey,
    signs_from: DateTime<Utc>,
}

/// A verified token with what holds for its user.
#[derive(Clone)]
struct Known {
    caller: Arc<Caller>,
    expires: i64,
    epoch: i64,
    day: chrono::NaiveDate,
}

/// Makes and checks tokens, and remembers who callers are.
pub struct Access {
    pub(super) settings: TokenSettings,
    keys: RwLock<Arc<Vec<Key>>>,
    known: moka::sync::Cache<[u8; 32], Known>,
    epoch: AtomicI64,
    read_at: Mutex<Option<Instant>>,
    /// How many passwords are hashed at once.
    pub hashing: Hashing,
    nobody: Arc<Caller>,
    /// What is under secrecy, as it was in an epoch.
    pub(super) marks: RwLock<Option<(i64, Arc<Marks>)>>,
    /// How those stand in whose name something is done later.
    pub(super) absent: Absent,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Access {
    /// Loads the keys, making one at the first start.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(settings: TokenSettings, db: &Db) -> Result<Self> {
        if signing_key::Entity::find().one(db.reader()).await?.is_none() {
            // Another instance may make one at the same moment; all know both.
            make_key(db.clock.now(), db).await?;
        }
        let access = Self {
            settings,
            keys: RwLock::default(),
            known: moka::sync::Cache::new(10_000),
            epoch: AtomicI64::default(),
            read_at: Mutex::default(),
            hashing: Hashing::for_this_machine(),
            nobody: Arc::default(),
            marks: RwLock::default(),
            absent: Absent::default(),
        };
        access.read_keys(db).await?;
        Ok(access)
    }

    async fn read_keys(&self, db: &Db) -> Result<()> {
        let rows = signing_key::Entity::find().all(db.reader()).await?;
        let mut read = Vec::new();
        for row in rows {
            read.push(Key {
                decoding: DecodingKey::from_ed_components(&row.public_key).map_err(|error| Problem::internal(&error))?,
                encoding: EncodingKey::from_ed_der(&row.private_key),
                signs_from: row.signs_from.unwrap_or(row.created_at),
                id: row.id,
                public: row.public_key,
            });
        }
        read.sort_by(|a, b| (a.signs_from, &a.id).cmp(&(b.signs_from, &b.id)));
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
        Ok(())
    }

    /// The roles that a way of signing in is too weak for.
    pub(super) fn withheld(&self, method: SignInMethod) -> Vec<Role> {
        if method == SignInMethod::Password { self.settings.two_step_roles.clone() } else { Vec::new() }
    }

    fn keys(&self) -> Arc<Vec<Key>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The public keys (RFC 7517), also of the one that will sign next.
    #[must_use]
    pub fn key_set(&self) -> Value {
        let keys: Vec<_> = self
            .keys()
            .iter()
            .map(|key| json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.id, "x": key.public}))
            .collect();
        json!({ "keys": keys })
    }

    /// The keys' ids, each with the time from which it signs.
    #[must_use]
    pub fn key_times(&self) -> Vec<(String, DateTime<Utc>)> {
        self.keys().iter().map(|key| (key.id.clone(), key.signs_from)).collect()
    }

    /// Makes a new key that signs from a time on, and forgets keys that nothing valid can be signed with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rotate(&self, signs_from: DateTime<Utc>, db: &Db) -> Result<String> {
        let id = make_key(signs_from, db).await?;
        self.read_keys(db).await?;
        let keys = self.keys();
        let present = keys.iter().rposition(|key| key.signs_from <= db.clock.now()).unwrap_or_default();
        let long_ago = db.clock.now() - self.settings.access - TimeDelta::hours(1);
        if keys.get(present).is_some_and(|key| key.signs_from < long_ago) {
            let ended = keys[..present].iter().map(|key| key.id.clone());
            signing_key::Entity::delete_many().filter(signing_key::Column::Id.is_in(ended)).exec(db.writer()).await?;
        }
        db.transaction(&Call::of_installation(), async |w| {
            w.access_changed();
            Ok(())
        })
        .await?;
        Ok(id)
    }

    /// Signs an access token.
    pub(super) fn sign(&self, claims: &Claims, now: DateTime<Utc>) -> Result<String> {
        let keys = self.keys();
        let key = keys.iter().rfind(|key| key.signs_from <= now).or(keys.first()).ok_or_else(|| Problem::internal(&"no signing key"))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(key.id.clone());
        jsonwebtoken::encode(&header, claims, &key.encoding).map_err(|error| Problem::internal(&error))
    }

    /// Who calls, by the `Authorization` header.
    ///
    /// # Errors
    /// When there is one but it is not a token of ours that holds now.
    pub async fn caller(&self, authorization: Option<&str>, db: &Db) -> Result<Arc<Caller>> {
        let Some(authorization) = authorization else { return Ok(Arc::clone(&self.nobody)) };
        let token = authorization
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(refused)?;
        if token.len() > MAX_TOKEN {
            return Err(refused());
        }
        let now = db.clock.now();
        let epoch = self.epoch(db).await?;
        let digest: [u8; 32] = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes())
            .as_ref()
            .try_into()
            .map_err(|_| Problem::internal(&"digest length"))?;
        if let Some(known) = self.known.get(&digest)
            && known.expires > now.timestamp()
            && known.epoch == epoch
            && known.day == clock::day(now)
        {
            return Ok(known.caller);
        }
        let (credential, expires) = if token.starts_with(personal_tokens::PREFIX) {
            if !personal_tokens::is_well_formed(token) {
                return Err(refused());
            }
            // Looked up again now and then, so that it is known when the token was last used.
            (Credential::Token(hash::hex(&digest)), now.timestamp() + 600)
        } else {
            let claims = self.verify(token, now, db).await?;
            (Credential::Session { user: claims.sub, session: claims.sid }, claims.exp)
        };
        let (caller, until) = standing::load(credential, clock::day(now), now, db.reader()).await?.ok_or_else(refused)?;
        if let Some(token) = caller.token {
            personal_tokens::used(token, now, db).await?;
        }
        let caller = Arc::new(caller);
        let expires = expires.min(until.timestamp());
        self.known.insert(digest, Known { caller: Arc::clone(&caller), expires, epoch, day: clock::day(now) });
        Ok(caller)
    }

    /// Checks an access token's signature and claims, and that it has not expired.
    pub(super) async fn verify(&self, token: &str, now: DateTime<Utc>, db: &Db) -> Result<Claims> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some("at+jwt") || demands_an_extension(token) {
            return Err(refused());
        }
        let id = header.kid.ok_or_else(refused)?;
        if !self.keys().iter().any(|key| key.id == id) {
            self.read_keys(db).await?;
        }
        let keys = self.keys();
        let key = keys.iter().find(|key| key.id == id).ok_or_else(refused)?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[&self.settings.issuer]);
        rules.set_audience(&[&self.settings.issuer]);
        // Time is judged below by the injected clock.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules).map_err(|_| refused())?.claims;
        let now = now.timestamp();
        if claims.exp <= now || claims.nbf.is_some_and(|from| from > now) { Err(refused()) } else { Ok(claims) }
    }

    /// The number of the present state of who may do what; read anew when it may be stale.
    pub(super) async fn epoch(&self, db: &Db) -> Result<i64> {
        let fresh = self.read_at.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at.elapsed() < EPOCH_AGE);
        if fresh {
            return Ok(self.epoch.load(Ordering::Acquire));
        }
        #[expect(clippy::disallowed_methods, reason = "the age of what was read is measured, not told")]
        let asked = Instant::now();
        let epoch = standing::epoch(db.reader()).await?;
        if self.epoch.swap(epoch, Ordering::AcqRel) != epoch {
            // The keys may have changed too.
            self.read_keys(db).await?;
        }
        *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
        Ok(epoch)
    }

    /// Forgets the number, so that this instance's own changes hold from the next call on.
    pub fn changed(&self) {
        *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Whether the header of a token demands an extension (`crit`, RFC 7515 section 4.1.11) or says that what is signed is written
/// otherwise (`b64`, RFC 7797). There is none that we know.
pub(super) fn demands_an_extension(token: &str) -> bool {
    let header = token.split('.').next().and_then(|header| BASE64_URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|header| serde_json::from_slice::<serde_json::Map<String, Value>>(&header).ok());
    header.is_none_or(|header| header.contains_key("crit") || header.contains_key("b64"))
}

fn refused() -> Problem {
    Problem::new(Kind::Unauthenticated).header("WWW-Authenticate", "Bearer error=\"invalid_token\"")
}

async fn make_key(signs_from: DateTime<Utc>, db: &Db) -> Result<String> {
    let pair = Ed25519KeyPair::generate().map_err(|_| Problem::internal(&"no key could be made"))?;
    let private = pair.to_pkcs8v1().map_err(|_| Problem::internal(&"no key could be made"))?;
    let public = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let id = hash::sha256_hex(public.as_bytes())[..16].to_owned();
    let row = signing_key::ActiveModel {
        id: Set(id.clone()),
        private_key: Set(private.as_ref().to_vec()),
        public_key: Set(public),
        created_at: Set(db.clock.now()),
        signs_from: Set(Some(signs_from)),
    };
    signing_key::Entity::insert(row).exec_without_returning(db.writer()).await?;
    Ok(id)
}
