//! Access tokens: short-lived and signed with Ed25519. A verified token is cached until it expires or anybody's rights
//! change.

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
    caller::Caller,
    caller_cache::CallerCache,
    passwords::Hashing,
    personal_tokens,
    policy::Role,
    sessions::{SignInMethod, table::signing_key},
    standing::{self, Credential},
};
use crate::kernel::{Db, Problem, Result, clock, hash, measures, problem::Kind, request::Call, secrecy::Marks};

/// The time for which this instance may not notice a change of rights made by another instance.
const EPOCH_AGE: Duration = Duration::from_millis(500);

/// The largest length of a token, in bytes. Our own tokens are far shorter.
const MAX_TOKEN: usize = 4096;

/// Settings for tokens and sessions.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// Roles that count only after a sign-in in two steps.
    pub two_step_roles: Vec<Role>,
    /// Origins of pages that may use the cookie, besides that of the service.
    pub origins: Vec<String>,
    /// The public address of the service, which is both issuer and audience of the tokens.
    pub issuer: String,
    /// The lifetime of an access token.
    pub access: TimeDelta,
    /// The time for which a session lasts without being renewed.
    pub session: TimeDelta,
    /// The longest lifetime of a session.
    pub longest: TimeDelta,
}

/// The claims of an access token (RFC 9068).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: Uuid,
    /// The client that the token was issued to: a service account, a frontend, or `samsyn` for the API's own sign-in.
    pub client_id: String,
    pub sid: Uuid,
    pub jti: Uuid,
    pub iat: i64,
    pub exp: i64,
    #[serde(default, skip_serializing)]
    pub nbf: Option<i64>,
    /// The time when the user signed in, in seconds since 1970.
    pub auth_time: i64,
    /// The authentication methods (RFC 8176): `pwd`, `otp`, and `mfa` for both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The `acr` value of the identity provider: how strongly the person was identified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The permissions that the token carries, if it is narrower than its user's roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// A key for signing and verifying tokens.
struct Key {
    id: String,
    public: String,
    decoding: DecodingKey,
    encoding: EncodingKey,
    signs_from: DateTime<Utc>,
}

/// A cache entry for a verified token.
#[derive(Clone)]
struct CachedToken {
    caller: Arc<Caller>,
    expires: i64,
    epoch: i64,
    day: chrono::NaiveDate,
}

/// Issues and verifies tokens, and caches the callers.
pub struct Access {
    pub(super) settings: TokenSettings,
    keys: RwLock<Arc<Vec<Key>>>,
    cache: moka::sync::Cache<[u8; 32], CachedToken>,
    epoch: AtomicI64,
    read_at: Mutex<Option<Instant>>,
    /// Limits the number of passwords that are hashed at a time.
    pub hashing: Hashing,
    nobody: Arc<Caller>,
    /// The secrecy marks in force, with the access epoch in which they were read.
    pub(super) marks: RwLock<Option<(i64, Arc<Marks>)>>,
    /// The cache of users in whose name work is done later.
    pub(super) caller_cache: CallerCache,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Access {
    /// Tells how much the caches of tokens and callers hold.
    pub fn note_caches(&self, caches: &measures::Caches) {
        caches.note("tokens", &self.cache);
        caches.note("callers", &self.caller_cache.0);
    }

    /// Loads the signing keys. Makes one at the first start.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn load(settings: TokenSettings, db: &Db) -> Result<Self> {
        if signing_key::Entity::find().one(db.reader()).await?.is_none() {
            // Another instance may make a key at the same moment. Both are then valid for all instances.
            make_key(db.clock.now(), db).await?;
        }
        let access = Self {
            settings,
            keys: RwLock::default(),
            cache: moka::sync::Cache::new(10_000),
            epoch: AtomicI64::default(),
            read_at: Mutex::default(),
            hashing: Hashing::for_this_machine(),
            nobody: Arc::default(),
            marks: RwLock::default(),
            caller_cache: CallerCache::default(),
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

    /// Returns the roles that a way of signing in is too weak for.
    pub(super) fn withheld(&self, method: SignInMethod) -> Vec<Role> {
        if method == SignInMethod::Password { self.settings.two_step_roles.clone() } else { Vec::new() }
    }

    fn keys(&self) -> Arc<Vec<Key>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the public keys as a JSON Web Key Set (RFC 7517), including a key that will sign later.
    #[must_use]
    pub fn key_set(&self) -> Value {
        let keys: Vec<_> = self
            .keys()
            .iter()
            .map(|key| json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.id, "x": key.public}))
            .collect();
        json!({ "keys": keys })
    }

    /// Returns the ids of the keys, each with the time from which the key signs.
    #[must_use]
    pub fn key_times(&self) -> Vec<(String, DateTime<Utc>)> {
        self.keys().iter().map(|key| (key.id.clone(), key.signs_from)).collect()
    }

    /// Makes a new key that signs from a time on, and returns its id. Also removes keys whose tokens have all expired.
    ///
    /// # Errors
    /// When the database cannot be read or written.
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

    /// Returns the caller for the value of an `Authorization` header; an anonymous caller when there is none.
    ///
    /// # Errors
    /// When the header holds no valid token (401), or the database cannot be read.
    pub async fn caller(&self, authorization: Option<&str>, db: &Db) -> Result<Arc<Caller>> {
        let Some(authorization) = authorization else { return Ok(Arc::clone(&self.nobody)) };
        let token = authorization
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(invalid_token)?;
        if token.len() > MAX_TOKEN {
            return Err(invalid_token());
        }
        let now = db.clock.now();
        let epoch = self.epoch(db).await?;
        let digest: [u8; 32] = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes())
            .as_ref()
            .try_into()
            .map_err(|_| Problem::internal(&"digest length"))?;
        if let Some(known) = self.cache.get(&digest)
            && known.expires > now.timestamp()
            && known.epoch == epoch
            && known.day == clock::day(now)
        {
            return Ok(known.caller);
        }
        let (credential, expires) = if token.starts_with(personal_tokens::PREFIX) {
            if !personal_tokens::is_well_formed(token) {
                return Err(invalid_token());
            }
            // Looked up again every ten minutes, so that the time of last use stays up to date.
            (Credential::Token(hash::hex(&digest)), now.timestamp() + 600)
        } else {
            let claims = self.verify(token, now, db).await?;
            (Credential::Session { user: claims.sub, session: claims.sid }, claims.exp)
        };
        let (caller, until) =
            standing::caller_for_credential(credential, clock::day(now), now, db.reader()).await?.ok_or_else(invalid_token)?;
        if let Some(token) = caller.token {
            personal_tokens::note_use(token, now, db).await?;
        }
        let caller = Arc::new(caller);
        let expires = expires.min(until.timestamp());
        self.cache.insert(digest, CachedToken { caller: Arc::clone(&caller), expires, epoch, day: clock::day(now) });
        Ok(caller)
    }

    /// Verifies the signature and the claims of an access token, and that it has not expired.
    pub(super) async fn verify(&self, token: &str, now: DateTime<Utc>, db: &Db) -> Result<Claims> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid_token())?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some("at+jwt") || demands_an_extension(token) {
            return Err(invalid_token());
        }
        let id = header.kid.ok_or_else(invalid_token)?;
        if !self.keys().iter().any(|key| key.id == id) {
            self.read_keys(db).await?;
        }
        let keys = self.keys();
        let key = keys.iter().find(|key| key.id == id).ok_or_else(invalid_token)?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[&self.settings.issuer]);
        rules.set_audience(&[&self.settings.issuer]);
        // The times are checked below, by the injected clock.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules).map_err(|_| invalid_token())?.claims;
        let now = now.timestamp();
        if claims.exp <= now || claims.nbf.is_some_and(|from| from > now) { Err(invalid_token()) } else { Ok(claims) }
    }

    /// Returns the access epoch. It is read from the database when the cached value is older than [`EPOCH_AGE`].
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

    /// Discards the cached access epoch, so that changes made by this instance take effect from the next call on.
    pub fn discard_epoch(&self) {
        *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Whether the header of a token demands an extension (`crit`, RFC 7515 section 4.1.11) or another encoding of the
/// payload (`b64`, RFC 7797). Neither is supported.
pub(super) fn demands_an_extension(token: &str) -> bool {
    let header = token.split('.').next().and_then(|header| BASE64_URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|header| serde_json::from_slice::<serde_json::Map<String, Value>>(&header).ok());
    header.is_none_or(|header| header.contains_key("crit") || header.contains_key("b64"))
}

fn invalid_token() -> Problem {
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
