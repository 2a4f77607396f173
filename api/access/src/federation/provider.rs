//! Identity providers as they are asked over the network: what they publish, their keys, and what a code is worth.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use reqwest::{Client, RequestBuilder, Url, redirect::Policy};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    id_token::{self, Claims, Disbelief},
    settings::{IdentityProvider, LoginClient, is_loopback, safe},
};

/// How long what a provider publishes is believed.
const PUBLISHED_MINUTES: i64 = 60;
/// How often an unknown key may make us look for new ones.
const REFETCH_SECONDS: i64 = 60;
/// The largest answer that is read.
const ANSWER_BYTES: usize = 256 * 1024;

/// Why a provider was of no use.
#[derive(Debug)]
pub(super) enum Failure {
    /// It did not answer.
    Away(String),
    /// It answered what cannot be accepted.
    Wrong(String),
    /// The answer belongs to another sign-in.
    Replayed,
}

/// Everything that signing in by an identity provider needs beside the database.
#[derive(Debug)]
pub struct Federation {
    pub(super) providers: Vec<Provider>,
    pub(super) clients: Vec<LoginClient>,
    pub(super) public_url: String,
}

/// A provider with what it is known to publish.
pub(super) struct Provider {
    pub settings: IdentityProvider,
    secret: String,
    http: Client,
    known: Mutex<Known>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Known {
    discovery: Option<(Discovery, DateTime<Utc>)>,
    keys: Option<(Vec<Jwk>, DateTime<Utc>)>,
    /// When an unknown key last made us look.
    refetched: Option<DateTime<Utc>>,
}

/// What a provider says of itself (OpenID Connect Discovery).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Discovery {
    issuer: String,
    pub authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    /// Whether its answers name it (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: Option<String>,
    id_token: String,
}

impl Federation {
    /// Gets ready; no provider is asked yet, so one that is away stops nobody from starting.
    ///
    /// # Errors
    /// When a secret cannot be read or nothing can be called over TLS, with a sentence.
    pub fn new(providers: &[IdentityProvider], clients: &[LoginClient], public_url: &str) -> Result<Self, String> {
        let mut ready = Vec::new();
        for settings in providers {
            let http = Client::builder()
                // An address that a provider sends us on to is not one that the operator chose.
                .redirect(Policy::none())
                .no_proxy()
                .connect_timeout(Duration::from_secs(5))
                .timeout(Duration::from_secs(10))
                .build()
                .map_err(|error| format!("identity_providers: nothing can be called over TLS: {error:?}"))?;
            let secret = settings.client_secret.read().map_err(|wrong| format!("identity_providers: client_secret: {wrong}"))?;
            ready.push(Provider { settings: settings.clone(), secret, http, known: Mutex::default() });
        }
        Ok(Self { providers: ready, clients: clients.to_vec(), public_url: public_url.to_owned() })
    }

    /// Whether the settings name a frontend so.
    pub(crate) fn is_frontend(&self, client_id: &str) -> bool {
        self.clients.iter().any(|client| client.client_id == client_id)
    }

    /// Where providers send the browser back.
    pub(super) fn callback(&self) -> String {
        format!("{}/oauth2/callback", self.public_url)
    }
}

impl Provider {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the provider publishes of itself; it must be the issuer that the operator named.
    pub(super) async fn discovery(&self, now: DateTime<Utc>) -> Result<Discovery, Failure> {
        if let Some((discovery, at)) = &self.known().discovery
            && *at + TimeDelta::minutes(PUBLISHED_MINUTES) > now
        {
            return Ok(discovery.clone());
        }
        let address = format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let found: Discovery = answer(self.http.get(address)).await?;
        if found.issuer != self.settings.issuer {
            return Err(Failure::Wrong(format!("discovery names the issuer {}, not the one in the settings", found.issuer)));
        }
        // Plain HTTP is for trying things out on one machine, and then all of the provider is there.
        let loopback = Url::parse(&self.settings.issuer).is_ok_and(|issuer| is_loopback(&issuer));
        let addresses = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        for address in addresses.into_iter().chain(&found.userinfo_endpoint) {
            safe(address, loopback).map_err(|why| Failure::Wrong(format!("discovery gives {address}, which {why}")))?;
        }
        self.known().discovery = Some((found.clone(), now));
        Ok(found)
    }

    /// The provider's keys; a key that is not among those we have makes us look again, once a minute at most.
    async fn keys(&self, discovery: &Discovery, anew: bool, now: DateTime<Utc>) -> Result<Option<Vec<Jwk>>, Failure> {
        {
            let mut known = self.known();
            if anew {
                if known.refetched.is_some_and(|at| at + TimeDelta::seconds(REFETCH_SECONDS) > now) {
                    return Ok(None);
                }
                known.refetched = Some(now);
            } else if let Some((keys, at)) = &known.keys
                && *at + TimeDelta::minutes(PUBLISHED_MINUTES) > now
            {
                return Ok(Some(keys.clone()));
            }
        }
        let set: KeySet = answer(self.http.get(&discovery.jwks_uri)).await?;
        // Keys of kinds that we do not know are not ours to complain of.
        let keys: Vec<Jwk> = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        self.known().keys = Some((keys.clone(), now));
        Ok(Some(keys))
    }

    /// Who signed in, by the code that the browser brought back.
    pub(super) async fn redeem(
        &self,
        code: &str,
        verifier: &str,
        nonce: &str,
        callback: &str,
        now: DateTime<Utc>,
    ) -> Result<Claims, Failure> {
        let discovery = self.discovery(now).await?;
        let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", callback), ("code_verifier", verifier)];
        let mut request = self.http.post(&discovery.token_endpoint);
        if self.secret.is_empty() {
            form.push(("client_id", &self.settings.client_id));
        } else {
            request = request.basic_auth(form_encoded(&self.settings.client_id), Some(form_encoded(&self.secret)));
        }
        let tokens: Tokens = answer(request.form(&form)).await?;
        let mut claims = self.verified(&tokens.id_token, &discovery, now).await?;
        let believed = id_token::check(&claims, &self.settings.issuer, &self.settings.client_id, nonce, now);
        believed.map_err(Failure::from)?;
        self.complete(&mut claims, &discovery, tokens.access_token.as_deref()).await?;
        Ok(claims)
    }

    async fn verified(&self, token: &str, discovery: &Discovery, now: DateTime<Utc>) -> Result<Claims, Failure> {
        let keys = self.keys(discovery, false, now).await?.unwrap_or_default();
        match id_token::verify(token, &keys) {
            Err(Disbelief::UnknownKey) => match self.keys(discovery, true, now).await? {
                Some(keys) => Ok(id_token::verify(token, &keys)?),
                None => Err(Disbelief::UnknownKey.into()),
            },
            outcome => Ok(outcome?),
        }
    }

    /// Asks for the address and the name where the token leaves them out.
    async fn complete(&self, claims: &mut Claims, discovery: &Discovery, access_token: Option<&str>) -> Result<(), Failure> {
        let (Some(endpoint), Some(token)) = (&discovery.userinfo_endpoint, access_token) else { return Ok(()) };
        if claims.contains_key("email") && claims.contains_key("name") {
            return Ok(());
        }
        let said: Claims = answer(self.http.get(endpoint).bearer_auth(token)).await?;
        if said.get("sub") != claims.get("sub") {
            return Err(Failure::Wrong("userinfo is about somebody else".to_owned()));
        }
        if !claims.contains_key("email") {
            // Whether an address is verified is said by who says the address.
            claims.remove("email_verified");
            for name in ["email", "email_verified"] {
                claims.extend(said.get(name).map(|value| (name.to_owned(), value.clone())));
            }
        }
        if !claims.contains_key("name") {
            claims.extend(said.get("name").map(|value| ("name".to_owned(), value.clone())));
        }
        Ok(())
    }
}

impl From<Disbelief> for Failure {
    fn from(disbelief: Disbelief) -> Self {
        match disbelief {
            Disbelief::UnknownKey => Self::Wrong("the ID token is signed by a key that the provider does not publish".to_owned()),
            Disbelief::Replayed => Self::Replayed,
            Disbelief::Wrong(why) => Self::Wrong(format!("the ID token is not believed: {why}")),
        }
    }
}

/// A JSON answer of limited size. What it says is never shown to callers.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Failure> {
    let away = |error: reqwest::Error| Failure::Away(error.to_string());
    let mut response = request.header("Accept", "application/json").send().await.map_err(away)?;
    let (status, address) = (response.status(), response.url().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(away)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES {
            return Err(Failure::Wrong(format!("{address} answers more than {ANSWER_BYTES} bytes")));
        }
    }
    if status.is_server_error() {
        return Err(Failure::Away(format!("{address} answers {status}")));
    }
    if !status.is_success() {
        // Errors of RFC 6749 are short codes; anything longer is not for our log.
        let error = serde_json::from_slice::<Value>(&body).ok().and_then(|body| Some(body.get("error")?.as_str()?.to_owned()));
        let error: String = error.unwrap_or_default().chars().take(64).collect();
        return Err(Failure::Wrong(format!("{address} answers {status} {error:?}")));
    }
    serde_json::from_slice(&body).map_err(|error| Failure::Wrong(format!("{address} answers what cannot be read: {error}")))
}

/// As RFC 6749 wants a client's id and secret before they go into a Basic header.
fn form_encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
