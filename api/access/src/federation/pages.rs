//! Where browsers go: `/oauth2/authorize` sends them to the provider, `/oauth2/callback` takes them back and sends them on
//! to the frontend with a code.
//!
//! A frontend is sent to only when its address stands in the settings, character by character. Whatever is wrong before that
//! is known is told here, to the person at the browser; what goes wrong later is told to the frontend as RFC 6749 says.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError, get,
    http::header,
    web::{self, Data},
};
use chrono::TimeDelta;
use reqwest::Url;
use serde_json::Value;

use super::{
    account, claims,
    id_token::Claims,
    provider::{Failure, Federation, Provider},
    redeem::challenge,
    settings::LoginClient,
    store,
    table::{attempt, code},
};
use crate::{
    Access, Limits,
    kernel::{
        Db, Fault, Problem, Result, Text, extract, fields, hash,
        request::{self, Call},
        say,
    },
    oauth::description_of,
    policy::Role,
};

/// How long somebody may take at the provider.
const ATTEMPT_MINUTES: i64 = 10;
/// How long a frontend may take to redeem a code.
const CODE_SECONDS: i64 = 60;
/// The longest `state` of a frontend.
const STATE_LENGTH: usize = 512;

/// Sends the browser to the provider.
#[get("/oauth2/authorize")]
pub async fn authorize(request: HttpRequest, federation: Data<Federation>, limits: Data<Limits>, db: Data<Db>) -> HttpResponse {
    leave(&request, &federation, &limits, &db).await.unwrap_or_else(|problem| told(&request, &problem))
}

/// Takes the browser back from the provider and sends it on to the frontend.
#[get("/oauth2/callback")]
pub async fn callback(
    request: HttpRequest,
    federation: Data<Federation>,
    access: Data<Access>,
    limits: Data<Limits>,
    db: Data<Db>,
) -> HttpResponse {
    if let Err(problem) = count(&request, &limits) {
        return told(&request, &problem);
    }
    let answer =
        come_back(&request, &federation, &access.settings.two_step_roles, &db).await.unwrap_or_else(|problem| told(&request, &problem));
    access.changed();
    answer
}

/// The query's parameters. Others than those asked for are ignored, whatever they say.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(request: &HttpRequest) -> Result<Self> {
        let wrong = |_| Problem::parameters(vec![]);
        web::Query::<Vec<(String, String)>>::from_query(request.query_string()).map(|query| Self(query.into_inner())).map_err(wrong)
    }

    /// A parameter that stands there once and says something.
    fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        let first = values.next().filter(|(_, value)| !value.is_empty())?;
        values.next().is_none().then_some(first.1.as_str())
    }
}

fn fault(name: &str, detail: Text) -> Fault {
    Fault::of_parameter(name, "wrong-form", detail)
}

/// A frontend's request, checked in full.
struct Asked<'a> {
    client: &'a LoginClient,
    redirect_uri: &'a str,
    provider: &'a Provider,
    challenge: &'a str,
    state: &'a str,
}

/// Checks a frontend's request: where it may be answered first, then all the rest at once.
fn asked<'a>(parameters: &'a Parameters, federation: &'a Federation) -> Result<Asked<'a>> {
    let client = federation.clients.iter().find(|client| parameters.one("client_id") == Some(&client.client_id));
    let client = client.ok_or_else(|| {
        Problem::parameters(vec![fault(
            "client_id",
            say!(
                "Den webbplats som du kom från är inte registrerad för inloggning (client_id). Kontakta den som driver den.",
                "The site that you came from is not registered for signing in (client_id). Contact who runs it."
            ),
        )])
    })?;
    let redirect_uri = parameters.one("redirect_uri").filter(|uri| client.redirect_uris.iter().any(|known| known == uri));
    let redirect_uri = redirect_uri.ok_or_else(|| {
        Problem::parameters(vec![fault(
            "redirect_uri",
            say!(
                "Den adress som inloggningen ska leda tillbaka till är inte registrerad (redirect_uri). Den måste stämma tecken för tecken.",
                "The address that signing in is to lead back to is not registered (redirect_uri). It must fit character by character."
            ),
        )])
    })?;
    let mut faults = Vec::new();
    if parameters.one("response_type") != Some("code") {
        faults.push(fault("response_type", say!("Ange response_type=code.", "Give response_type=code.")));
    }
    if parameters.one("code_challenge_method") != Some("S256") {
        faults.push(fault(
            "code_challenge_method",
            say!("Ange code_challenge_method=S256; plain godtas inte.", "Give code_challenge_method=S256; plain is not accepted."),
        ));
    }
    let challenge = parameters.one("code_challenge").filter(|challenge| challenge.len() == 43 && challenge.bytes().all(is_base64url));
    if challenge.is_none() {
        faults.push(fault(
            "code_challenge",
            say!(
                "Ange code_challenge: SHA-256 av er code_verifier i base64url, 43 tecken.",
                "Give code_challenge: the SHA-256 of your code_verifier in base64url, 43 characters."
            ),
        ));
    }
    let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let state = parameters.one("state").filter(|state| state.len() <= STATE_LENGTH && state.bytes().all(visible));
    if state.is_none() {
        faults.push(fault(
            "state",
            say!(
                "Ange state: ett slumpat värde på högst {STATE_LENGTH} tecken, som ni jämför när svaret kommer.",
                "Give state: a random value of at most {STATE_LENGTH} characters, which you compare when the answer comes."
            ),
        ));
    }
    let provider = match (parameters.one("provider"), federation.providers.as_slice()) {
        (None, [only]) => Some(only),
        (named, all) => all.iter().find(|provider| named == Some(&provider.settings.id)),
    };
    if provider.is_none() {
        faults.push(fault(
            "provider",
            say!(
                "Ange provider: id för en av inloggningstjänsterna i GET /samsyn/v1/identity-providers.",
                "Give provider: the id of one of the identity providers in GET /samsyn/v1/identity-providers."
            ),
        ));
    }
    match (provider, challenge, state) {
        (Some(provider), Some(challenge), Some(state)) if faults.is_empty() => {
            Ok(Asked { client, redirect_uri, provider, challenge, state })
        }
        _ => Err(Problem::parameters(faults)),
    }
}

/// Counts a call, here and not with all others outside of the API, so that a refusal is a page for the person who comes.
fn count(request: &HttpRequest, limits: &Limits) -> Result<()> {
    request::meta(request).map_or(Ok(()), |meta| limits.count(&Ok(Arc::default()), &meta))
}

async fn leave(request: &HttpRequest, federation: &Federation, limits: &Limits, db: &Db) -> Result<HttpResponse> {
    count(request, limits)?;
    let parameters = Parameters::of(request)?;
    let asked = asked(&parameters, federation)?;
    let settings = &asked.provider.settings;
    let now = db.clock.now();
    let discovery = match asked.provider.discovery(now).await {
        Ok(discovery) => discovery,
        Err(failure) => {
            let refusal = Refusal::of(&failure, &settings.id, &settings.name);
            return Ok(back(federation, asked.redirect_uri, asked.state, &Err(refusal)));
        }
    };
    let (state, nonce, verifier) = (hash::secret(), hash::secret(), hash::secret());
    // A browser that signs in in two windows keeps one secret for both.
    let is_ours = |value: &String| value.len() == 43 && value.bytes().all(is_base64url);
    let browser = cookie(request, federation).filter(is_ours).unwrap_or_else(hash::secret);
    let attempt = attempt::Model {
        state_digest: hash::sha256_hex(state.as_bytes()),
        browser_digest: hash::sha256_hex(browser.as_bytes()),
        provider: settings.id.clone(),
        nonce: nonce.clone(),
        verifier: verifier.clone(),
        client_id: asked.client.client_id.clone(),
        redirect_uri: asked.redirect_uri.to_owned(),
        client_challenge: asked.challenge.to_owned(),
        client_state: asked.state.to_owned(),
        created_at: now,
        expires_at: now + TimeDelta::minutes(ATTEMPT_MINUTES),
        spent_at: None,
    };
    db.transaction(&call(request, &settings.name), async |w| store::begin(attempt.clone(), w).await).await?;
    let mut address = Url::parse(&discovery.authorization_endpoint).map_err(|error| Problem::internal(&error))?;
    address
        .query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &settings.client_id)
        .append_pair("redirect_uri", &federation.callback())
        .append_pair("scope", &settings.scopes)
        .append_pair("state", &state)
        .append_pair("nonce", &nonce)
        .append_pair("code_challenge", &challenge(&verifier))
        .append_pair("code_challenge_method", "S256");
    let (name, secure) = cookie_name(federation);
    // Lax, because the browser comes back from another site.
    let cookie = format!("{name}={browser}; Path=/; HttpOnly{secure}; SameSite=Lax; Max-Age={}", ATTEMPT_MINUTES * 60);
    Ok(sent(address.as_str()).insert_header((header::SET_COOKIE, cookie)).finish())
}

/// The cookie that binds a sign-in to its browser, with how it is kept. Browsers take the `__Host-` prefix and `Secure` only
/// over TLS, so trying things out on one machine goes without.
fn cookie_name(federation: &Federation) -> (&'static str, &'static str) {
    if federation.public_url.starts_with("https://") { ("__Host-samsyn-login", "; Secure") } else { ("samsyn-login", "") }
}

/// What the browser's cookie holds.
fn cookie(request: &HttpRequest, federation: &Federation) -> Option<String> {
    let (name, _) = cookie_name(federation);
    fields::cookie(request.headers(), name).map(ToOwned::to_owned)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Why the frontend gets no code.
struct Refusal {
    error: &'static str,
    description: Text,
}

impl Refusal {
    fn of(failure: &Failure, provider: &str, name: &str) -> Self {
        match failure {
            Failure::Away(why) => {
                tracing::warn!(provider, why, "the identity provider does not answer");
                let description =
                    say!("{name} svarar inte just nu. Försök igen om en stund.", "{name} does not answer now. Try again in a while.");
                Self { error: "temporarily_unavailable", description }
            }
            Failure::Wrong(why) => {
                tracing::error!(provider, why, "the identity provider's answer is not accepted");
                Self::unusable(name)
            }
            Failure::Replayed => Self::unusable(name),
        }
    }

    fn unusable(name: &str) -> Self {
        let description = say!(
            "Svaret från {name} gick inte att använda. Försök igen; kvarstår felet, kontakta driften av Samsyn.",
            "The answer from {name} could not be used. Try again; if it remains, contact the operator of Samsyn."
        );
        Self { error: "server_error", description }
    }
}

async fn come_back(request: &HttpRequest, federation: &Federation, two_steps: &[Role], db: &Db) -> Result<HttpResponse> {
    let parameters = Parameters::of(request)?;
    let browser = cookie(request, federation).ok_or_else(foreign)?;
    let digest = |secret: &str| hash::sha256_hex(secret.as_bytes());
    let state = digest(parameters.one("state").ok_or_else(foreign)?);
    let browser = digest(&browser);
    let found = db.transaction(&call(request, "samsyn"), async |w| store::come_back(&state, &browser, w).await).await?;
    let attempt = found.ok_or_else(foreign)?;
    let provider = federation.providers.iter().find(|provider| provider.settings.id == attempt.provider).ok_or_else(foreign)?;
    // Another provider's answer would be sent to this one (RFC 9207).
    if parameters.one("iss").is_some_and(|issuer| issuer != provider.settings.issuer) {
        return Err(foreign());
    }
    let outcome = match signed_in(&parameters, provider, &attempt, federation, db).await {
        Ok(claims) => settled(&claims, provider, &attempt, two_steps, request, db).await?,
        // An answer that was made for another sign-in is told here, as an unknown state is.
        Err(Ended::Failed(Failure::Replayed)) => return Err(foreign()),
        Err(Ended::Failed(failure)) => Err(Refusal::of(&failure, &provider.settings.id, &provider.settings.name)),
        Err(Ended::Refused(refusal)) => Err(refusal),
    };
    Ok(back(federation, &attempt.redirect_uri, &attempt.client_state, &outcome))
}

/// How a sign-in ends that does not succeed.
enum Ended {
    Failed(Failure),
    Refused(Refusal),
}

/// What the provider says of who has signed in.
async fn signed_in(
    parameters: &Parameters,
    provider: &Provider,
    attempt: &attempt::Model,
    federation: &Federation,
    db: &Db,
) -> std::result::Result<Claims, Ended> {
    let settings = &provider.settings;
    let now = db.clock.now();
    if let Some(error) = parameters.one("error") {
        let shown: String = error.chars().take(64).collect();
        tracing::warn!(provider = settings.id, error = shown, "the identity provider refused");
        let name = &settings.name;
        return Err(Ended::Refused(match error {
            "access_denied" => Refusal {
                error: "access_denied",
                description: say!("Inloggningen avbröts hos {name}.", "Signing in was broken off at {name}."),
            },
            "temporarily_unavailable" => Refusal::of(&Failure::Away(error.to_owned()), &settings.id, name),
            _ => Refusal::unusable(name),
        }));
    }
    let discovery = provider.discovery(now).await.map_err(Ended::Failed)?;
    if discovery.authorization_response_iss_parameter_supported && parameters.one("iss").is_none() {
        return Err(Ended::Failed(Failure::Replayed));
    }
    let Some(code) = parameters.one("code") else {
        return Err(Ended::Failed(Failure::Wrong("it answers with neither a code nor an error".to_owned())));
    };
    provider.redeem(code, &attempt.verifier, &attempt.nonce, &federation.callback(), now).await.map_err(Ended::Failed)
}

/// Finds or makes the account and a code for the frontend.
async fn settled(
    claims: &Claims,
    provider: &Provider,
    attempt: &attempt::Model,
    two_steps: &[Role],
    request: &HttpRequest,
    db: &Db,
) -> Result<std::result::Result<String, Refusal>> {
    let acr = claims.get("acr").and_then(Value::as_str).filter(|acr| claims::may_be_kept(acr));
    let contract = extract::contract(request)?;
    let secret = hash::secret();
    let outcome = db
        .transaction(&call(request, &provider.settings.name), async |w| {
            let user = match account::settle(&provider.settings, claims, &contract, w).await? {
                Ok(user) => user,
                Err(why) => return Ok(Err(why)),
            };
            let row = code::Model {
                digest: hash::sha256_hex(secret.as_bytes()),
                user_id: user,
                client_id: attempt.client_id.clone(),
                redirect_uri: attempt.redirect_uri.clone(),
                challenge: attempt.client_challenge.clone(),
                issuer: provider.settings.issuer.clone(),
                acr: acr.map(ToOwned::to_owned),
                withheld: account::withheld(&provider.settings, two_steps, acr).into(),
                created_at: w.now,
                expires_at: w.now + TimeDelta::seconds(CODE_SECONDS),
                spent_at: None,
                session_id: None,
            };
            store::keep_code(row, w).await?;
            Ok(Ok(()))
        })
        .await?;
    Ok(outcome.map(|()| secret).map_err(|description| Refusal { error: "access_denied", description }))
}

/// The answer belongs to no sign-in that this browser has under way.
fn foreign() -> Problem {
    Problem::parameters(vec![Fault::of_parameter(
        "state",
        "not-found",
        say!(
            "Inloggningen gick inte att slutföra: den hör inte till den här webbläsaren, har redan använts eller tog mer än {ATTEMPT_MINUTES} minuter. Gå tillbaka och logga in på nytt.",
            "Signing in could not be completed: it does not belong to this browser, has been used already or took more than {ATTEMPT_MINUTES} minutes. Go back and sign in again."
        ),
    )])
}

fn sent(address: &str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Found();
    response.insert_header((header::LOCATION, address)).insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

/// Sends the browser to the frontend, with a code or with an error as RFC 6749 has it: in English, for the standard has room
/// for ASCII alone. Beside it stands the sentence in Swedish, whole.
fn back(federation: &Federation, redirect_uri: &str, state: &str, outcome: &std::result::Result<String, Refusal>) -> HttpResponse {
    let Ok(mut address) = Url::parse(redirect_uri) else {
        return Problem::internal(&format_args!("{redirect_uri} was checked at start and is no address")).error_response();
    };
    match outcome {
        Ok(code) => {
            address.query_pairs_mut().append_pair("code", code);
        }
        Err(Refusal { error, description }) => {
            address
                .query_pairs_mut()
                .append_pair("error", error)
                .append_pair("error_description", &description_of(&description.en))
                .append_pair("error_description_sv", &description.sv);
        }
    }
    address.query_pairs_mut().append_pair("state", state).append_pair("iss", &federation.public_url);
    sent(address.as_str()).finish()
}

/// A call of somebody who is not known yet; what changes is told to be the provider's doing.
fn call(request: &HttpRequest, by: &str) -> Call {
    let mut call = request::meta(request).map(|meta| Call::of_nobody(&meta)).unwrap_or_default();
    by.clone_into(&mut call.author.user_name);
    call
}

/// A problem for the person at the browser, as a page when the browser asks for one.
fn told(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    if !fields::names_media_type(&fields::items(request.headers(), header::ACCEPT).collect::<Vec<_>>(), "text/html") {
        return problem.error_response();
    }
    let (title, help) = (problem.kind.title(), problem.kind.help());
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let paragraphs = |of: fn(&Text) -> &str| -> String {
        let details: Vec<_> = problem.faults.iter().map(|fault| of(&fault.detail)).collect();
        let details = if details.is_empty() { vec![of(&help)] } else { details };
        details.into_iter().flat_map(|detail| ["<p>".to_owned(), escape(detail), "</p>\n".to_owned()]).collect()
    };
    let html = format!(
        "<!doctype html>\n<html lang=\"sv\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Inloggningen kunde inte slutföras – Samsyn</title><link rel=\"stylesheet\" href=\"/style.css\"></head>\n<body><main>\n\
         <h1>Inloggningen kunde inte slutföras</h1>\n<p>{}</p>\n{}<section lang=\"en\"><h2>Signing in could not be completed</h2>\n<p>{}</p>\n{}</section>\n\
         </main></body>\n</html>\n",
        escape(&title.sv),
        paragraphs(|text| &text.sv),
        escape(&title.en),
        paragraphs(|text| &text.en),
    );
    HttpResponse::build(problem.status_code())
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ))
        .body(html)
}
