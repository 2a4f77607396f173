//! The pages that the links in letters lead to, so that a new installation needs no frontend of its own. The secret
//! stands after the `#`, which browsers do not send to a server.

use actix_web::{HttpResponse, get, http::header, web::Path};

use crate::kernel::{Problem, Result};

const SCRIPT: &str = include_str!("account.js");

/// A page: its name in the address, the path that it sends the secret to, whether it asks for a password, and its texts
/// (title, text, button).
struct Purpose {
    name: &'static str,
    operation: &'static str,
    password: bool,
    sv: [&'static str; 3],
    en: [&'static str; 3],
}

const PURPOSES: [Purpose; 4] = [
    Purpose {
        name: "invitation",
        operation: "/samsyn/v1/account-activations",
        password: true,
        sv: ["Välkommen till Samsyn", "Välj ett lösenord med minst 12 tecken, gärna några ord som inte hör ihop.", "Öppna kontot"],
        en: [
            "Welcome to Samsyn",
            "Choose a password of at least 12 characters, preferably some words that do not belong together.",
            "Open the account",
        ],
    },
    Purpose {
        name: "acceptance",
        operation: "/samsyn/v1/account-activations",
        password: false,
        sv: [
            "En inbjudan i Samsyn",
            "Du har redan ett konto. Tar du emot inbjudan får du de behörigheter som ges dig, och de som bjuder in ser ditt namn och din e-postadress.",
            "Ta emot inbjudan",
        ],
        en: [
            "An invitation in Samsyn",
            "You have an account already. If you accept, you get the grants that are given to you, and those who invite see your name and e-mail address.",
            "Accept the invitation",
        ],
    },
    Purpose {
        name: "password",
        operation: "/samsyn/v1/password-resets/complete",
        password: true,
        sv: ["Nytt lösenord", "Välj ett lösenord med minst 12 tecken, gärna några ord som inte hör ihop.", "Byt lösenord"],
        en: [
            "A new password",
            "Choose a password of at least 12 characters, preferably some words that do not belong together.",
            "Change the password",
        ],
    },
    Purpose {
        name: "email",
        operation: "/samsyn/v1/email-changes/confirm",
        password: false,
        sv: ["Ny adress", "Bekräfta att du läser post till den här adressen.", "Bekräfta"],
        en: ["A new address", "Confirm that you read mail to this address.", "Confirm"],
    },
];

fn section(purpose: &Purpose, language: &str, words: &[&str; 3], done: &str, label: &str) -> String {
    let [title, text, button] = words;
    let field = if purpose.password {
        format!(
            "<p><label for=\"password-{language}\">{label}</label><br><input id=\"password-{language}\" type=\"password\" autocomplete=\"new-password\" minlength=\"12\" required></p>"
        )
    } else {
        String::new()
    };
    format!(
        "<section lang=\"{language}\"><h1>{title}</h1>\n<p>{text}</p>\n<form data-operation=\"{}\" data-language=\"{language}\" data-done=\"{done}\">{field}\
         <p><button>{button}</button></p><p role=\"status\" aria-live=\"polite\"></p></form></section>",
        purpose.operation
    )
}

/// Returns the page that a link leads to.
#[get("/account/{purpose}")]
pub async fn account(purpose: Path<String>) -> Result<HttpResponse> {
    let purpose = PURPOSES.iter().find(|known| known.name == *purpose).ok_or_else(Problem::not_found)?;
    let main = format!(
        "{}\n{}",
        section(purpose, "sv", &purpose.sv, "Klart. Nu kan du logga in.", "Nytt lösenord"),
        section(purpose, "en", &purpose.en, "Done. Now you can sign in.", "New password")
    );
    let title = purpose.sv[0];
    let html = format!(
        "<!doctype html>\n<html lang=\"sv\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} – Samsyn</title><link rel=\"stylesheet\" href=\"/style.css\"><script src=\"/account.js\" defer></script></head>\n\
         <body><main>\n{main}\n<noscript><p>Sidan behöver JavaScript. <span lang=\"en\">This page needs JavaScript.</span></p></noscript></main></body>\n</html>\n"
    );
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ))
        .body(html))
}

/// Returns the script of the pages.
#[get("/account.js")]
pub async fn script() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .body(SCRIPT)
}
