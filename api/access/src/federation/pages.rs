//! The addresses that browsers visit: `/oauth2/authorize` redirects them to the provider; `/oauth2/callback` receives
//! them from the provider and redirects them to the frontend with a code.
//!
//! The browser is redirected to a frontend only when the redirect address stands in the settings, compared character by
//! character. An error before that is known is shown to the person at the browser. A later error is sent to the frontend
//! as RFC 6749 says.

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

/// The time that a person may take at the provider.
const ATTEMPT_MINUTES: i64 = 10;
/// The time that a frontend may take to redeem a code.
const CODE_SECONDS: i64 = 60;
/// The longest `state` of a frontend, in characters.
const STATE_LENGTH: usize = 512;

/// Redirects the browser to the provider.
#[get("/oauth2/authorize")]
pub async fn authorize(request: HttpRequest, federation: Data<Federation>, limits: Data<Limits>, db: Data<Db>) -> HttpResponse {
    begin_sign_in(&request, &federation, &limits, &db).await.unwrap_or_else(|problem| problem_response(&request, &problem))
}

/// Receives the browser from the provider and redirects it to the frontend.
#[get("/oauth2/callback")]
pub async fn callback(
    request: HttpRequest,
    federation: Data<Federation>,
    access: Data<Access>,
    limits: Data<Limits>,
    db: Data<Db>,
) -> HttpResponse {
    if let Err(problem) = count(&request, &limits) {
        return problem_response(&request, &problem);
    }
    let answer = complete_sign_in(&request, &federation, &access.settings.two_step_roles, &db)
        .await
        .unwrap_or_else(|problem| problem_response(&request, &problem));
    access.discard_epoch();
    answer
}

/// The parameters of the query. Unknown ones are ignored.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn from_request(request: &HttpRequest) -> Result<Self> {
        let wrong = |_| Problem::parameters(vec![]);
        web::Query::<Vec<(String, String)>>::from_query(request.query_string()).map(|query| Self(query.into_inner())).map_err(wrong)
    }

    /// Returns the value of a parameter that occurs exactly once and is not empty.
    fn single(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        let first = values.next().filter(|(_, value)| !value.is_empty())?;
        values.next().is_none().then_some(first.1.as_str())
    }
}

fn fault(name: &str, detail: Text) -> Fault {
    Fault::of_parameter(name, "wrong-form", detail)
}

/// A frontend's request, completely checked.
struct FrontendRequest<'a> {
    client: &'a LoginClient,
    redirect_uri: &'a str,
    provider: &'a Provider,
    challenge: &'a str,
    state: &'a str,
}

/// Checks a frontend's request: first the client and the redirect address, then all other parameters at once.
fn check_request<'a>(parameters: &'a Parameters, federation: &'a Federation) -> Result<FrontendRequest<'a>> {
    let client = federation.clients.iter().find(|client| parameters.single("client_id") == Some(&client.client_id));
    let client = client.ok_or_else(|| {
        Problem::parameters(vec![fault(
            "client_id",
            say!(
                "Den webbplats som du kom från är inte registrerad för inloggning (client_id). Kontakta den som driver den.",
                "The site that you came from is not registered for signing in (client_id). Contact who runs it."
            ),
        )])
    })?;
    let redirect_uri = parameters.single("redirect_uri").filter(|uri| client.redirect_uris.iter().any(|known| known == uri));
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
    if parameters.single("response_type") != Some("code") {
        faults.push(fault("response_type", say!("Ange response_type=code.", "Give response_type=code.")));
    }
    if parameters.single("code_challenge_method") != Some("S256") {
        faults.push(fault(
            "code_challenge_method",
            say!("Ange code_challenge_method=S256; plain godtas inte.", "Give code_challenge_method=S256; plain is not accepted."),
        ));
    }
    let challenge = parameters.single("code_challenge").filter(|challenge| challenge.len() == 43 && challenge.bytes().all(is_base64url));
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
    let state = parameters.single("state").filter(|state| state.len() <= STATE_LENGTH && state.bytes().all(visible));
    if state.is_none() {
        faults.push(fault(
            "state",
            say!(
                "Ange state: ett slumpat värde på högst {STATE_LENGTH} tecken, som ni jämför när svaret kommer.",
                "Give state: a random value of at most {STATE_LENGTH} characters, which you compare when the answer comes."
            ),
        ));
    }
    let provider = match (parameters.single("provider"), federation.providers.as_slice()) {
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
            Ok(FrontendRequest { client, redirect_uri, provider, challenge, state })
        }
        _ => Err(Problem::parameters(faults)),
    }
}

/// Counts a request against the limits. It is done here, and not by the middleware for other addresses outside the API,
/// so that the person gets a refusal as a page.
fn count(request: &HttpRequest, limits: &Limits) -> Result<()> {
    request::meta(request).map_or(Ok(()), |meta| limits.count(&Ok(Arc::default()), &meta))
}

async fn begin_sign_in(request: &HttpRequest, federation: &Federation, limits: &Limits, db: &Db) -> Result<HttpResponse> {
    count(request, limits)?;
    let parameters = Parameters::from_request(request)?;
    let asked = check_request(&parameters, federation)?;
    let settings = &asked.provider.settings;
    let now = db.clock.now();
    let discovery = match asked.provider.discovery(now).await {
        Ok(discovery) => discovery,
        Err(failure) => {
            let refusal = Refusal::from_failure(&failure, &settings.id, &settings.name);
            return Ok(redirect_to_frontend(federation, asked.redirect_uri, asked.state, &Err(refusal)));
        }
    };
    let (state, nonce, verifier) = (hash::secret(), hash::secret(), hash::secret());
    // A browser that signs in in two windows at once keeps one secret for both.
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
    db.transaction(&anonymous_call(request, &settings.name), async |w| store::insert_attempt(attempt.clone(), w).await).await?;
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
    // `Lax`, because the browser comes back from another site.
    let cookie = format!("{name}={browser}; Path=/; HttpOnly{secure}; SameSite=Lax; Max-Age={}", ATTEMPT_MINUTES * 60);
    Ok(redirect_to(address.as_str()).insert_header((header::SET_COOKIE, cookie)).finish())
}

/// Returns the name of the cookie that binds a sign-in to its browser, and its `Secure` attribute. Browsers accept the
/// `__Host-` prefix and `Secure` only over TLS, so a trial installation without TLS goes without both.
fn cookie_name(federation: &Federation) -> (&'static str, &'static str) {
    if federation.public_url.starts_with("https://") { ("__Host-samsyn-login", "; Secure") } else { ("samsyn-login", "") }
}

/// Returns the value of the sign-in cookie.
fn cookie(request: &HttpRequest, federation: &Federation) -> Option<String> {
    let (name, _) = cookie_name(federation);
    fields::cookie(request.headers(), name).map(ToOwned::to_owned)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// An error that is sent to the frontend in place of a code.
struct Refusal {
    error: &'static str,
    description: Text,
}

impl Refusal {
    fn from_failure(failure: &Failure, provider: &str, name: &str) -> Self {
        match failure {
            Failure::Unavailable(why) => {
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

async fn complete_sign_in(request: &HttpRequest, federation: &Federation, two_steps: &[Role], db: &Db) -> Result<HttpResponse> {
    let parameters = Parameters::from_request(request)?;
    let browser = cookie(request, federation).ok_or_else(unknown_sign_in)?;
    let digest = |secret: &str| hash::sha256_hex(secret.as_bytes());
    let state = digest(parameters.single("state").ok_or_else(unknown_sign_in)?);
    let browser = digest(&browser);
    let found = db.transaction(&anonymous_call(request, "samsyn"), async |w| store::spend_attempt(&state, &browser, w).await).await?;
    let attempt = found.ok_or_else(unknown_sign_in)?;
    let provider = federation.providers.iter().find(|provider| provider.settings.id == attempt.provider).ok_or_else(unknown_sign_in)?;
    // Otherwise the answer of another provider would be redeemed at this one (RFC 9207).
    if parameters.single("iss").is_some_and(|issuer| issuer != provider.settings.issuer) {
        return Err(unknown_sign_in());
    }
    let outcome = match fetch_claims(&parameters, provider, &attempt, federation, db).await {
        Ok(claims) => issue_code(&claims, provider, &attempt, two_steps, request, db).await?,
        // An answer that was made for another sign-in is shown to the person here, as an unknown state is.
        Err(SignInFailure::Failed(Failure::Replayed)) => return Err(unknown_sign_in()),
        Err(SignInFailure::Failed(failure)) => Err(Refusal::from_failure(&failure, &provider.settings.id, &provider.settings.name)),
        Err(SignInFailure::Refused(refusal)) => Err(refusal),
    };
    Ok(redirect_to_frontend(federation, &attempt.redirect_uri, &attempt.client_state, &outcome))
}

/// The reasons for which a sign-in fails.
enum SignInFailure {
    Failed(Failure),
    Refused(Refusal),
}

/// Returns the provider's claims about the person who has signed in.
async fn fetch_claims(
    parameters: &Parameters,
    provider: &Provider,
    attempt: &attempt::Model,
    federation: &Federation,
    db: &Db,
) -> std::result::Result<Claims, SignInFailure> {
    let settings = &provider.settings;
    let now = db.clock.now();
    if let Some(error) = parameters.single("error") {
        let shown: String = error.chars().take(64).collect();
        tracing::warn!(provider = settings.id, error = shown, "the identity provider refused");
        let name = &settings.name;
        return Err(SignInFailure::Refused(match error {
            "access_denied" => Refusal {
                error: "access_denied",
                description: say!("Inloggningen avbröts hos {name}.", "Signing in was broken off at {name}."),
            },
            "temporarily_unavailable" => Refusal::from_failure(&Failure::Unavailable(error.to_owned()), &settings.id, name),
            _ => Refusal::unusable(name),
        }));
    }
    let discovery = provider.discovery(now).await.map_err(SignInFailure::Failed)?;
    if discovery.authorization_response_iss_parameter_supported && parameters.single("iss").is_none() {
        return Err(SignInFailure::Failed(Failure::Replayed));
    }
    let Some(code) = parameters.single("code") else {
        return Err(SignInFailure::Failed(Failure::Wrong("it answers with neither a code nor an error".to_owned())));
    };
    provider.redeem(code, &attempt.verifier, &attempt.nonce, &federation.callback(), now).await.map_err(SignInFailure::Failed)
}

/// Finds or creates the account, and returns a code for the frontend.
async fn issue_code(
    claims: &Claims,
    provider: &Provider,
    attempt: &attempt::Model,
    two_steps: &[Role],
    request: &HttpRequest,
    db: &Db,
) -> Result<std::result::Result<String, Refusal>> {
    let acr = claims.get("acr").and_then(Value::as_str).filter(|acr| claims::is_storable(acr));
    let contract = extract::contract(request)?;
    let secret = hash::secret();
    let outcome = db
        .transaction(&anonymous_call(request, &provider.settings.name), async |w| {
            let user = match account::find_or_create_account(&provider.settings, claims, &contract, w).await? {
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
                withheld: account::withheld_roles(&provider.settings, two_steps, acr).into(),
                created_at: w.now,
                expires_at: w.now + TimeDelta::seconds(CODE_SECONDS),
                spent_at: None,
                session_id: None,
            };
            store::insert_code(row, w).await?;
            Ok(Ok(()))
        })
        .await?;
    Ok(outcome.map(|()| secret).map_err(|description| Refusal { error: "access_denied", description }))
}

/// The problem for an answer that belongs to no sign-in under way in this browser.
fn unknown_sign_in() -> Problem {
    Problem::parameters(vec![Fault::of_parameter(
        "state",
        "not-found",
        say!(
            "Inloggningen gick inte att slutföra: den hör inte till den här webbläsaren, har redan använts eller tog mer än {ATTEMPT_MINUTES} minuter. Gå tillbaka och logga in på nytt.",
            "Signing in could not be completed: it does not belong to this browser, has been used already or took more than {ATTEMPT_MINUTES} minutes. Go back and sign in again."
        ),
    )])
}

fn redirect_to(address: &str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Found();
    response.insert_header((header::LOCATION, address)).insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

/// Redirects the browser to the frontend, with a code or with an error as RFC 6749 requires. The standard allows only
/// ASCII in `error_description`, so that text is in English; `error_description_sv` carries the Swedish text.
fn redirect_to_frontend(
    federation: &Federation,
    redirect_uri: &str,
    state: &str,
    outcome: &std::result::Result<String, Refusal>,
) -> HttpResponse {
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
    redirect_to(address.as_str()).finish()
}

/// Makes a call without a user. Changes made in it are attributed to `by`, the provider's name.
fn anonymous_call(request: &HttpRequest, by: &str) -> Call {
    let mut call = request::meta(request).map(|meta| Call::of_nobody(&meta)).unwrap_or_default();
    by.clone_into(&mut call.author.user_name);
    call
}

/// Answers with a problem, as a page when the browser asks for HTML.
fn problem_response(request: &HttpRequest, problem: &Problem) -> HttpResponse {
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
