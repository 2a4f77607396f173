//! The refresh token in a browser: a cookie that scripts cannot read and that other sites cannot use.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};

use crate::{
    TokenSettings,
    kernel::{Problem, Result, fields, problem::Kind, say},
};

/// The name of the cookie. The prefix `__Host-` binds it to this host and to TLS; browsers accept localhost without TLS.
pub const COOKIE: &str = "__Host-samsyn-refresh";

/// What a browser adds to a request by itself: the cookie, the origin, and whether another site made the request.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    cookie: Option<String>,
    origin: Option<String>,
    cross_site: bool,
}

impl FromRequest for Browser {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let cookie = fields::cookie(headers, COOKIE).map(ToOwned::to_owned);
        let cross_site = request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site");
        ready(Ok(Self { cookie, origin: fields::text(headers, header::ORIGIN).map(ToOwned::to_owned), cross_site }))
    }
}

impl Browser {
    /// Returns the refresh token of the cookie.
    ///
    /// # Errors
    /// When the request may come from a page of another site (403).
    pub fn refresh_token(&self, settings: &TokenSettings) -> Result<Option<String>> {
        let Some(cookie) = &self.cookie else { return Ok(None) };
        self.require_same_site(settings)?;
        Ok(Some(cookie.clone()))
    }

    /// Whether the request carries the cookie.
    #[must_use]
    pub const fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }

    /// Checks that the request comes from a page of this service or of an allowed origin.
    ///
    /// # Errors
    /// When it names no allowed origin (403).
    pub fn require_same_site(&self, settings: &TokenSettings) -> Result<()> {
        let allowed = |origin: &String| *origin == origin_of(&settings.issuer) || settings.origins.contains(origin);
        if !self.cross_site && self.origin.as_ref().is_some_and(allowed) {
            return Ok(());
        }
        Err(Problem::new(Kind::Forbidden).detail(say!(
            "Anropet med kakan kom inte från en sida som får använda den. Webbläsare ska anropa från tjänstens egen adress eller en som står i inställningen cors_origins; andra klienter skickar refreshToken i anropet.",
            "The call with the cookie did not come from a page that may use it. Browsers call from the service's own address or one in the setting cors_origins; other clients send refreshToken in the body."
        )))
    }
}

fn origin_of(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

/// Returns the value of `Set-Cookie` that stores the cookie.
#[must_use]
pub fn set_header(token: &str, settings: &TokenSettings) -> String {
    let seconds = settings.session.num_seconds();
    format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict")
}

/// Returns the value of `Set-Cookie` that removes the cookie.
#[must_use]
pub fn removal_header() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict")
}
