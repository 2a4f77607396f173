//! The few pages for people, and the standard addresses for machines.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{Method, header},
    web::{Data, Path},
};
use serde_json::json;

use crate::{
    access::{Access, audit::Probes, oauth},
    config::Config,
    kernel::{Db, Problem, Result, contract::ROOT, problem::Kind, request},
    openapi::Documents,
};

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Text as HTML. Words between backticks become code.
fn prose(text: &str) -> String {
    let mut html = String::new();
    for (at, part) in escape(text).split('`').enumerate() {
        if at % 2 == 1 {
            html.extend(["<code>", part, "</code>"]);
        } else {
            html.push_str(part);
        }
    }
    html
}

pub(super) fn page(language: &str, title: &str, main: &str) -> HttpResponse {
    let html = format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} – Samsyn</title><link rel=\"stylesheet\" href=\"/style.css\"></head>\n<body><main>\n{main}\n</main></body>\n</html>\n"
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ))
        .body(html)
}

#[get("/style.css")]
pub async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").insert_header((header::CACHE_CONTROL, "public, max-age=86400")).body(
        "body{font:1.125rem/1.6 system-ui,sans-serif;color:#1a1a1a;background:#fff;margin:0}main{max-width:42rem;margin:0 auto;padding:2rem 1rem}\
         h1{line-height:1.2}a{color:#00508c}a:focus{outline:3px solid #00508c;outline-offset:2px}code{background:#f0f0f0;padding:0 .2em}\
         section{margin-top:2.5rem}.wide{overflow-x:auto}.wide:focus{outline:3px solid #00508c}table{border-collapse:collapse;font-size:1rem}\
         caption{text-align:left;padding:.5rem 0}th,td{border:1px solid #767676;padding:.4rem .6rem;text-align:left;vertical-align:top}@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}a{color:#8fc7ff}code{background:#333}}\n",
    )
}

/// The start page for people: an introduction, and links.
#[get("/")]
pub async fn home() -> HttpResponse {
    page(
        "sv",
        "Välkommen",
        "<h1>Samsyn</h1>\n<p>Här samlar kommuner, regioner och civilsamhälle sitt gemensamma arbete mot segregation: vilka vi är, vad siffrorna säger, vad vi är överens om, vad vi prioriterar och vad det ledde till.</p>\n\
         <ul><li><a href=\"/docs/\">Dokumentation av API:et</a></li><li><a href=\"/openapi.json\">OpenAPI 3.1 (JSON)</a>, <a href=\"/openapi.yaml\">YAML</a> och <a href=\"/openapi-3.0.json\">3.0.3</a></li>\
         <li><a href=\"/samsyn/v1/api-info\">Om API:et</a></li><li><a href=\"/problems\">Felmeddelanden och vad man gör åt dem</a></li><li><a href=\"/docs/permissions\">Vem får göra vad?</a></li></ul>\n\
         <section lang=\"en\"><h2>In English</h2>\n<p>Municipalities, regions and civil society join their work against segregation here: who we are, what the numbers say, what we agree on, what we choose first and what came of it. Start with the <a href=\"/docs/\">API documentation</a>, or see <a href=\"/docs/permissions\">who may do what</a>.</p></section>",
    )
}

/// The list of all kinds of problem.
#[get("/problems")]
pub async fn problems() -> HttpResponse {
    let items: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| {
            let title = kind.title();
            format!(
                "<li>{}: <a href=\"/problems/{}\">{}</a> (<span lang=\"en\">{}</span>)</li>\n",
                kind.status(),
                kind.slug(),
                escape(&title.sv),
                escape(&title.en)
            )
        })
        .collect();
    page(
        "sv",
        "Felmeddelanden",
        &format!(
            "<h1>Felmeddelanden</h1>\n<p>Varje fel har en kod som inte ändras, en mening om vad som hände och en sida som säger vad man gör åt det.</p>\n<ul>\n{}</ul>",
            items.concat()
        ),
    )
}

/// The page of one kind of problem: what happened, and what to do.
#[get("/problems/{slug}")]
pub async fn problem(slug: Path<String>) -> Result<HttpResponse> {
    let kind = Kind::ALL.iter().find(|kind| kind.slug() == *slug).ok_or_else(Problem::not_found)?;
    let (title, help) = (kind.title(), kind.help());
    let main = format!(
        "<h1>{}</h1>\n<p>HTTP {}, kod <code>{}</code></p>\n<p>{}</p>\n<section lang=\"en\"><h2>{}</h2>\n<p>{}</p></section>\n<p><a href=\"/problems\">Alla felmeddelanden</a></p>",
        escape(&title.sv),
        kind.status(),
        kind.slug(),
        prose(&help.sv),
        escape(&title.en),
        prose(&help.en)
    );
    Ok(page("sv", &escape(&title.sv), &main))
}

fn document(media_type: &'static str, bytes: &bytes::Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type(media_type).insert_header((header::CACHE_CONTROL, "public, max-age=60")).body(bytes.clone())
}

#[get("/openapi.json")]
pub async fn openapi_json(documents: Data<Documents>) -> HttpResponse {
    document("application/json", &documents.forms().json)
}

#[get("/openapi-3.0.json")]
pub async fn openapi_older(documents: Data<Documents>) -> HttpResponse {
    document("application/json", &documents.forms().older)
}

#[get("/openapi.yaml")]
pub async fn openapi_yaml(documents: Data<Documents>) -> HttpResponse {
    document("application/yaml", &documents.forms().yaml)
}

#[get("/docs")]
pub async fn docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}

/// The public keys that tokens are verified with (RFC 7517).
#[get("/.well-known/jwks.json")]
pub async fn jwks(access: Data<Access>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=300")).json(access.key_set())
}

/// The catalogue of the APIs of this service (RFC 9727).
#[get("/.well-known/api-catalog")]
pub async fn catalog(config: Data<Config>) -> HttpResponse {
    let url = &config.public_url;
    let catalog = json!({"linkset": [{
        "anchor": format!("{url}/samsyn/v1"),
        "service-desc": [
            {"href": format!("{url}/openapi.json"), "type": "application/json"},
            {"href": format!("{url}/openapi.yaml"), "type": "application/yaml"}
        ],
        "service-doc": [{"href": format!("{url}/docs/"), "type": "text/html"}],
        "status": [{"href": format!("{url}/health/ready"), "type": "application/json"}]
    }]});
    HttpResponse::Ok()
        .content_type("application/linkset+json; profile=\"https://www.rfc-editor.org/info/rfc9727\"")
        .body(catalog.to_string())
}

/// The contact for reports of weaknesses (RFC 9116).
#[get("/.well-known/security.txt")]
pub async fn security(config: Data<Config>, db: Data<crate::kernel::Db>) -> HttpResponse {
    let expires = (db.clock.now() + chrono::TimeDelta::days(180)).format("%Y-%m-%dT00:00:00Z");
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(format!(
        "Contact: {}\nExpires: {expires}\nPreferred-Languages: sv, en\nCanonical: {}/.well-known/security.txt\n",
        config.security_contact, config.public_url
    ))
}

/// The answer to a request that no route serves: the address is unknown (404), or does not support the method (405).
///
/// # Errors
/// Always, except for `OPTIONS` of an address that exists.
pub async fn unserved(request: HttpRequest) -> Result<HttpResponse> {
    let methods = if oauth::POSTS.contains(&request.path()) {
        vec![Method::OPTIONS, Method::POST]
    } else {
        crate::kernel::extract::contract(&request)?.methods(request.path())
    };
    // Below the root of the API, the middleware there notes it.
    let outside = request::meta(&request).filter(|_| !request.path().starts_with(ROOT));
    let status = if methods.is_empty() { 404 } else { 405 };
    if let (Some(meta), Some(probes), Some(db)) = (outside, request.app_data::<Data<Probes>>(), request.app_data::<Data<Db>>())
        && request.method() != Method::OPTIONS
    {
        probes.note_unknown(&meta, status, db).await;
    }
    if methods.is_empty() && request.method() == Method::CONNECT {
        // The address of CONNECT names another host, and this is no proxy.
        return Err(Problem::new(Kind::MethodNotAllowed).header("Allow", "GET, HEAD, OPTIONS"));
    }
    if methods.is_empty() {
        return Err(Problem::not_found());
    }
    if request.method() == Method::OPTIONS && request::meta(&request).is_some() {
        let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, allow)).finish());
    }
    Err(Problem::method_not_allowed(&methods))
}
