//! Requests to identity providers: their discovery document, their keys, and the exchange of a code for claims.

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
    id_token::{self, Claims, Rejection},
    settings::{IdentityProvider, LoginClient, is_loopback, parse_safe_url},
};
use crate::kernel::percent;

/// The time for which the discovery document and the keys are cached.
const PUBLISHED_MINUTES: i64 = 60;
/// The least time between two requests for new keys because of an unknown one.
const REFETCH_SECONDS: i64 = 60;
/// The largest response body that is read.
const ANSWER_BYTES: usize = 256 * 1024;

/// The reason why a provider could not be used.
#[derive(Debug)]
pub(super) enum Failure {
    /// It did not answer, or with a server error.
    Unavailable(String),
    /// Its answer cannot be accepted.
    Wrong(String),
    /// Its answer belongs to another sign-in.
    Replayed,
}

/// Everything that signing in by an identity provider needs besides the database.
#[derive(Debug)]
pub struct Federation {
    pub(super) providers: Vec<Provider>,
    pub(super) clients: Vec<LoginClient>,
    pub(super) public_url: String,
}

/// A provider, with a cache of its discovery document and keys.
pub(super) struct Provider {
    pub settings: IdentityProvider,
    secret: String,
    http: Client,
    cache: Mutex<Cache>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Cache {
    discovery: Option<(Discovery, DateTime<Utc>)>,
    keys: Option<(Vec<Jwk>, DateTime<Utc>)>,
    /// The time when an unknown key last caused a request for new keys.
    refetched: Option<DateTime<Utc>>,
}

/// The discovery document of a provider (OpenID Connect Discovery).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Discovery {
    issuer: String,
    pub authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    /// Whether its authorization responses contain `iss` (RFC 9207).
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
    /// Prepares the clients for all providers. No provider is asked yet, so a provider that is down does not prevent the
    /// start.
    ///
    /// # Errors
    /// With a sentence, when a secret cannot be read or no TLS client can be built.
    pub fn new(providers: &[IdentityProvider], clients: &[LoginClient], public_url: &str) -> Result<Self, String> {
        let mut ready = Vec::new();
        for settings in providers {
            let http = Client::builder()
                // A redirect would lead to an address that the operator has not chosen.
                .redirect(Policy::none())
                .no_proxy()
                .connect_timeout(Duration::from_secs(5))
                .timeout(Duration::from_secs(10))
                .build()
                .map_err(|error| format!("identity_providers: nothing can be called over TLS: {error:?}"))?;
            let secret = settings.client_secret.read().map_err(|wrong| format!("identity_providers: client_secret: {wrong}"))?;
            ready.push(Provider { settings: settings.clone(), secret, http, cache: Mutex::default() });
        }
        Ok(Self { providers: ready, clients: clients.to_vec(), public_url: public_url.to_owned() })
    }

    /// Whether the settings name a frontend with this id.
    pub(crate) fn is_frontend(&self, client_id: &str) -> bool {
        self.clients.iter().any(|client| client.client_id == client_id)
    }

    /// The address to which providers send the browser back.
    pub(super) fn callback(&self) -> String {
        format!("{}/oauth2/callback", self.public_url)
    }
}

impl Provider {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the discovery document, from the cache or the network. Its issuer must be the one in the settings.
    pub(super) async fn discovery(&self, now: DateTime<Utc>) -> Result<Discovery, Failure> {
        if let Some((discovery, at)) = &self.cache().discovery
            && *at + TimeDelta::minutes(PUBLISHED_MINUTES) > now
        {
            return Ok(discovery.clone());
        }
        let address = format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let found: Discovery = fetch_json(self.http.get(address)).await?;
        if found.issuer != self.settings.issuer {
            return Err(Failure::Wrong(format!("discovery names the issuer {}, not the one in the settings", found.issuer)));
        }
        // Plain HTTP is only for trials on one machine, and then the whole provider runs on it.
        let loopback = Url::parse(&self.settings.issuer).is_ok_and(|issuer| is_loopback(&issuer));
        let addresses = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        for address in addresses.into_iter().chain(&found.userinfo_endpoint) {
            parse_safe_url(address, loopback).map_err(|why| Failure::Wrong(format!("discovery gives {address}, which {why}")))?;
        }
        self.cache().discovery = Some((found.clone(), now));
        Ok(found)
    }

    /// Returns the provider's keys. With `anew` (after an unknown key) it fetches them again, at most once a minute;
    /// `None` when it was done less than a minute ago.
    async fn keys(&self, discovery: &Discovery, anew: bool, now: DateTime<Utc>) -> Result<Option<Vec<Jwk>>, Failure> {
        {
            let mut cache = self.cache();
            if anew {
                if cache.refetched.is_some_and(|at| at + TimeDelta::seconds(REFETCH_SECONDS) > now) {
                    return Ok(None);
                }
                cache.refetched = Some(now);
            } else if let Some((keys, at)) = &cache.keys
                && *at + TimeDelta::minutes(PUBLISHED_MINUTES) > now
            {
                return Ok(Some(keys.clone()));
            }
        }
        let set: KeySet = fetch_json(self.http.get(&discovery.jwks_uri)).await?;
        // Keys of unknown kinds are skipped: a provider may publish them for other purposes.
        let keys: Vec<Jwk> = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        self.cache().keys = Some((keys.clone(), now));
        Ok(Some(keys))
    }

    /// Redeems the code that the browser brought back, and returns the claims about the person who signed in.
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
            request = request.basic_auth(percent::encode(&self.settings.client_id), Some(percent::encode(&self.secret)));
        }
        let tokens: Tokens = fetch_json(request.form(&form)).await?;
        let mut claims = self.verified_claims(&tokens.id_token, &discovery, now).await?;
        let believed = id_token::check(&claims, &self.settings.issuer, &self.settings.client_id, nonce, now);
        believed.map_err(Failure::from)?;
        self.add_userinfo(&mut claims, &discovery, tokens.access_token.as_deref()).await?;
        Ok(claims)
    }

    async fn verified_claims(&self, token: &str, discovery: &Discovery, now: DateTime<Utc>) -> Result<Claims, Failure> {
        let keys = self.keys(discovery, false, now).await?.unwrap_or_default();
        match id_token::verify(token, &keys) {
            Err(Rejection::UnknownKey) => match self.keys(discovery, true, now).await? {
                Some(keys) => Ok(id_token::verify(token, &keys)?),
                None => Err(Rejection::UnknownKey.into()),
            },
            outcome => Ok(outcome?),
        }
    }

    /// Asks the userinfo endpoint for the address and the name, if the token leaves one of them out.
    async fn add_userinfo(&self, claims: &mut Claims, discovery: &Discovery, access_token: Option<&str>) -> Result<(), Failure> {
        let (Some(endpoint), Some(token)) = (&discovery.userinfo_endpoint, access_token) else { return Ok(()) };
        if claims.contains_key("email") && claims.contains_key("name") {
            return Ok(());
        }
        let said: Claims = fetch_json(self.http.get(endpoint).bearer_auth(token)).await?;
        if said.get("sub") != claims.get("sub") {
            return Err(Failure::Wrong("userinfo is about somebody else".to_owned()));
        }
        if !claims.contains_key("email") {
            // `email_verified` must come from the same source as the address.
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

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::UnknownKey => Self::Wrong("the ID token is signed by a key that the provider does not publish".to_owned()),
            Rejection::Replayed => Self::Replayed,
            Rejection::Wrong(why) => Self::Wrong(format!("the ID token is not believed: {why}")),
        }
    }
}

/// Sends a request and returns the JSON of the response, up to [`ANSWER_BYTES`]. The content is never shown to callers.
async fn fetch_json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Failure> {
    let away = |error: reqwest::Error| Failure::Unavailable(error.to_string());
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
        return Err(Failure::Unavailable(format!("{address} answers {status}")));
    }
    if !status.is_success() {
        // Error codes of RFC 6749 are short; anything longer is not written to the log.
        let error = serde_json::from_slice::<Value>(&body).ok().and_then(|body| Some(body.get("error")?.as_str()?.to_owned()));
        let error: String = error.unwrap_or_default().chars().take(64).collect();
        return Err(Failure::Wrong(format!("{address} answers {status} {error:?}")));
    }
    serde_json::from_slice(&body).map_err(|error| Failure::Wrong(format!("{address} answers what cannot be read: {error}")))
}
