//! Tokens as attackers forge them, and tokens with the service's own key.

use std::{sync::LazyLock, thread};

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::TestApp;

/// A key that the service does not know.
static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().unwrap());

/// A part of a token, encoded.
pub fn part(value: &Value) -> String {
    BASE64.encode(value.to_string())
}

/// The claims of a token.
pub fn claims(token: &str) -> Value {
    serde_json::from_slice(&BASE64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// The public half of the attacker's key.
pub fn public_key() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(KEY.public_key().as_ref())})
}

/// A token signed with the attacker's key.
pub fn ed25519(header: &Value, claims: &Value) -> String {
    signed_with(&KEY, header, claims)
}

fn signed_with(key: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    let input = format!("{}.{}", part(header), part(claims));
    let signature = BASE64.encode(key.sign(input.as_bytes()).as_ref());
    format!("{input}.{signature}")
}

/// A token signed with a shared secret.
pub fn hmac(secret: &[u8], input: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", BASE64.encode(tag.as_ref()))
}

impl TestApp {
    /// An access token with these claims, signed with the service's own key, which nobody outside has.
    pub fn signed(&self, claims: &Value) -> String {
        self.signed_as("at+jwt", claims)
    }

    /// The same as another type of token.
    pub fn signed_as(&self, kind: &str, claims: &Value) -> String {
        self.signed_with_header(&json!({"typ": kind}), claims)
    }

    /// The same with more members in its header.
    pub fn signed_with_header(&self, more: &Value, claims: &Value) -> String {
        let rows = self.rows("SELECT id, private_key FROM signing_key");
        let (id, private): (String, Vec<u8>) = (rows[0].try_get("", "id").unwrap(), rows[0].try_get("", "private_key").unwrap());
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private).unwrap();
        let mut header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": id});
        for (name, value) in more.as_object().into_iter().flatten() {
            header[name] = value.clone();
        }
        signed_with(&key, &header, claims)
    }

    /// The rows that a statement reads from the database, past the service.
    pub fn rows(&self, sql: &str) -> Vec<sea_orm::QueryResult> {
        self.database(sql, true)
    }

    /// Changes the database, past the service.
    pub fn execute(&self, sql: &str) {
        self.database(sql, false);
    }

    fn database(&self, sql: &str, reads: bool) -> Vec<sea_orm::QueryResult> {
        let (url, sql) = (self.url.clone(), sql.to_owned());
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let db = sea_orm::Database::connect(sea_orm::ConnectOptions::new(url).max_connections(1).to_owned()).await.unwrap();
                let rows = if reads {
                    db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap()
                } else {
                    db.execute_unprepared(&sql).await.unwrap();
                    Vec::new()
                };
                db.close().await.unwrap();
                rows
            })
        })
        .join()
        .unwrap()
    }
}
