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
use sea_orm::{ActiveValue::Set, EntityTrait, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{caller::Caller, sessions::table::signing_key, standing};
use crate::kernel::{Db, Problem, Result, hash, problem::Kind, secrecy::Marks};

/// How long another instance's change of access may go unnoticed.
const EPOCH_AGE: Duration = Duration::from_millis(500);

/// How tokens and sessions are made.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// Who issues and accepts tokens: the service's public address.
    pub issuer: String,
    /// How long an access token lasts.
    pub access: TimeDelta,
    /// How long a session lasts without being renewed.
    pub session: TimeDelta,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    sid: Uuid,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

struct SigningKey {
    id: String,
    encoding: EncodingKey,
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
    signing: SigningKey,
    verifying: RwLock<Vec<(String, String, Arc<DecodingKey>)>>,
    known: moka::sync::Cache<[u8; 32], Known>,
    epoch: AtomicI64,
    read_at: Mutex<Option<Instant>>,
    /// As many passwords are hashed at once as there are processors; others wait.
    pub(super) hashing: Arc<Semaphore>,
    nobody: Arc<Caller>,
    /// What is under secrecy, as it was in an epoch.
    pub(super) marks: RwLock<Option<(i64, Arc<Marks>)>>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Access {
    /// Loads the signing key, making one at the first start.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(settings: TokenSettings, db: &Db) -> Result<Self> {
        let signing = if let Some(key) = newest_key(db).await? {
            key
        } else {
            make_key(db).await?;
            // Another instance may have made one at the same moment; all use the newest.
            newest_key(db).await?.ok_or_else(|| Problem::internal(&"no signing key"))?
        };
        let access = Self {
            settings,
            signing: SigningKey { id: signing.id, encoding: EncodingKey::from_ed_der(&signing.private_key) },
            verifying: RwLock::default(),
            known: moka::sync::Cache::new(10_000),
            epoch: AtomicI64::default(),
            read_at: Mutex::default(),
            hashing: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from))),
            nobody: Arc::default(),
            marks: RwLock::default(),
        };
        access.read_keys(db).await?;
        Ok(access)
    }

    async fn read_keys(&self, db: &Db) -> Result<()> {
        let keys = signing_key::Entity::find().order_by_asc(signing_key::Column::CreatedAt).all(db.reader()).await?;
        let mut read = Vec::new();
        for key in keys {
            let decoding = DecodingKey::from_ed_components(&key.public_key).map_err(|error| Problem::internal(&error))?;
            read.push((key.id, key.public_key, Arc::new(decoding)));
        }
        *self.verifying.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// The public keys (RFC 7517).
    #[must_use]
    pub fn key_set(&self) -> Value {
        let keys = self.verifying.read().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<_> = keys
            .iter()
            .map(|(id, public, _)| json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": id, "x": public}))
            .collect();
        json!({ "keys": keys })
    }

    /// A new access token for a session.
    pub(super) fn issue(&self, user: Uuid, session: Uuid, token: Uuid, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>)> {
        let expires = now + self.settings.access;
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            aud: self.settings.issuer.clone(),
            sub: user,
            sid: session,
            jti: token,
            iat: now.timestamp(),
            exp: expires.timestamp(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.signing.id.clone());
        let token = jsonwebtoken::encode(&header, &claims, &self.signing.encoding).map_err(|error| Problem::internal(&error))?;
        Ok((token, expires))
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
        let now = db.clock.now();
        let epoch = self.epoch(db).await?;
        let digest: [u8; 32] = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes())
            .as_ref()
            .try_into()
            .map_err(|_| Problem::internal(&"digest length"))?;
        if let Some(known) = self.known.get(&digest)
            && known.expires > now.timestamp()
            && known.epoch == epoch
            && known.day == now.date_naive()
        {
            return Ok(known.caller);
        }
        let claims = self.verify(token, now, db).await?;
        let caller = standing::load(claims.sub, claims.sid, now.date_naive(), now, db.reader()).await?.ok_or_else(refused)?;
        let caller = Arc::new(caller);
        self.known.insert(digest, Known { caller: Arc::clone(&caller), expires: claims.exp, epoch, day: now.date_naive() });
        Ok(caller)
    }

    async fn verify(&self, token: &str, now: DateTime<Utc>, db: &Db) -> Result<Claims> {
        if token.len() > 4096 {
            return Err(refused());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some("at+jwt") {
            return Err(refused());
        }
        let id = header.kid.ok_or_else(refused)?;
        let key = if let Some(key) = self.key(&id) {
            key
        } else {
            self.read_keys(db).await?;
            self.key(&id).ok_or_else(refused)?
        };
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[&self.settings.issuer]);
        rules.set_audience(&[&self.settings.issuer]);
        // Time is judged below by the injected clock.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules).map_err(|_| refused())?.claims;
        if claims.exp <= now.timestamp() { Err(refused()) } else { Ok(claims) }
    }

    fn key(&self, id: &str) -> Option<Arc<DecodingKey>> {
        let keys = self.verifying.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().find(|(known, _, _)| known == id).map(|(_, _, key)| Arc::clone(key))
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
        self.epoch.store(epoch, Ordering::Release);
        *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
        Ok(epoch)
    }

    /// Forgets the number, so that this instance's own changes hold from the next call on.
    pub fn changed(&self) {
        *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn refused() -> Problem {
    Problem::new(Kind::Unauthenticated).header("WWW-Authenticate", "Bearer error=\"invalid_token\"")
}

async fn newest_key(db: &Db) -> Result<Option<signing_key::Model>> {
    Ok(signing_key::Entity::find()
        .order_by_desc(signing_key::Column::CreatedAt)
        .order_by_desc(signing_key::Column::Id)
        .one(db.reader())
        .await?)
}

async fn make_key(db: &Db) -> Result<()> {
    let pair = Ed25519KeyPair::generate().map_err(|_| Problem::internal(&"no key could be made"))?;
    let private = pair.to_pkcs8v1().map_err(|_| Problem::internal(&"no key could be made"))?;
    let public = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let row = signing_key::ActiveModel {
        id: Set(hash::sha256_hex(public.as_bytes())[..16].to_owned()),
        private_key: Set(private.as_ref().to_vec()),
        public_key: Set(public),
        created_at: Set(db.clock.now()),
    };
    signing_key::Entity::insert(row).exec_without_returning(db.writer()).await?;
    Ok(())
}
