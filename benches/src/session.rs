//! A user who is signed in: makes calls that are not measured, and has the token for those that are.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use serde_json::{Value, json};

use crate::{
    Outcome,
    client::{Connection, Request},
    measure::now,
    process::Server,
    seed::{EMAIL, PASSWORD},
    workloads::ROOT,
};

/// After so many seconds a token is renewed. It lives ten minutes.
const RENEWED_AFTER: u64 = 240;

pub struct Session {
    address: SocketAddr,
    token: Arc<str>,
    since: Instant,
}

impl Session {
    pub async fn open(server: &Server) -> Outcome<Self> {
        Ok(Self { address: server.address, token: sign_in(server.address).await?, since: now() })
    }

    /// A token that holds for some minutes more.
    pub async fn token(&mut self) -> Outcome<Arc<str>> {
        if self.since.elapsed().as_secs() > RENEWED_AFTER {
            self.token = sign_in(self.address).await?;
            self.since = now();
        }
        Ok(Arc::clone(&self.token))
    }

    pub async fn get(&mut self, path: &str) -> Outcome<Value> {
        let token = self.token().await?;
        ask(self.address, &Request::get(format!("{ROOT}{path}"), Some(&token))).await
    }

    pub async fn post(&mut self, path: &str, media_type: &'static str, body: String) -> Outcome<Value> {
        let token = self.token().await?;
        ask(self.address, &Request::post(format!("{ROOT}{path}"), Some(&token), media_type, body)).await
    }
}

/// The call that signs in.
pub fn credentials() -> Request {
    let body = json!({ "email": EMAIL, "password": PASSWORD }).to_string();
    Request::post(format!("{ROOT}/sessions"), None, "application/json", body)
}

async fn sign_in(address: SocketAddr) -> Outcome<Arc<str>> {
    let session = ask(address, &credentials()).await?;
    Ok(session["accessToken"].as_str().ok_or("the session has no access token")?.into())
}

/// Calls over a connection of its own, because the service closes one that has been idle.
async fn ask(address: SocketAddr, request: &Request) -> Outcome<Value> {
    let mut connection = Connection::open(address).await?;
    let mut bytes = Vec::new();
    request.write(&mut bytes);
    let answer = connection.call(&bytes).await?;
    if (200..300).contains(&answer.status) {
        Ok(serde_json::from_slice(answer.body)?)
    } else {
        Err(format!("{request} was answered with {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into())
    }
}
