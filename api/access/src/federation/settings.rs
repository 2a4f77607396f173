//! The operator's settings for identity providers and frontends, and their checks before the service starts.

use std::fmt;

use reqwest::Url;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{kernel::placeholder::is_placeholder, policy::Role};

/// An organisation's identity provider.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProvider {
    /// The id in addresses and in grants: lower-case letters, digits and hyphens.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// The provider's issuer identifier, exactly as the provider writes it.
    pub issuer: String,
    /// The id that the provider knows Samsyn by.
    pub client_id: String,
    /// The secret, or `file:` and the path of the file that holds it; empty for a public client.
    #[serde(default)]
    pub client_secret: Secret,
    /// The scopes to ask the provider for, separated by blanks.
    #[serde(default = "default_scopes")]
    pub scopes: String,
    /// Domains of e-mail addresses. A person with a verified address of such a domain signs in to the account that has
    /// the address.
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// Whether an unknown person gets an account.
    #[serde(default)]
    pub creates_users: bool,
    /// The grants that the provider's claims give.
    #[serde(default)]
    pub grants: Vec<ClaimGrant>,
    /// The `acr` values that are required for roles to count.
    #[serde(default)]
    pub required_acr: Vec<RequiredAcr>,
}

fn default_scopes() -> String {
    "openid email profile".to_owned()
}

/// A grant for each person whose claim has this value, or is a list that contains it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimGrant {
    /// The claim's name.
    pub claim: String,
    /// The value.
    pub value: String,
    /// The role that is granted.
    pub role: Role,
    /// Where the grant holds, written as at the console: everywhere, area:CODE, actor:ID or forum:ID.
    pub scope: WrittenScope,
}

/// A role that counts only after signing in strongly enough.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredAcr {
    /// The role.
    pub role: Role,
    /// The values of `acr` that are strong enough.
    pub acr: Vec<String>,
}

/// A frontend that signs people in. It has no secret; it proves itself by PKCE and by the address that codes are sent to.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LoginClient {
    /// The `client_id` that it sends.
    pub client_id: String,
    /// The name that people see.
    pub name: String,
    /// The addresses that codes may be sent to, compared character by character.
    pub redirect_uris: Vec<String>,
}

/// A secret, which is never printed.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Secret {
    /// The secret itself, read from its file when it names one.
    pub(super) fn read(&self) -> Result<String, String> {
        let Some(file) = self.0.strip_prefix("file:") else { return not_a_placeholder(self.0.clone()) };
        let text = std::fs::read_to_string(file).map_err(|error| format!("the file {file} cannot be read: {error}"))?;
        match text.trim() {
            "" => Err(format!("the file {file} is empty")),
            text => not_a_placeholder(text.to_owned()),
        }
    }
}

/// Refuses placeholders from guides, and values that anybody would try.
fn not_a_placeholder(secret: String) -> Result<String, String> {
    if is_placeholder(&secret) {
        return Err("it is a placeholder; give the secret that the provider made, or file:/path of a file with it".to_owned());
    }
    Ok(secret)
}

/// The scope of a grant in the settings, with an area by its code.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum WrittenScope {
    /// The whole installation.
    Everywhere,
    /// An area by its code, and all below it.
    Area(String),
    /// An actor.
    Actor(Uuid),
    /// A forum.
    Forum(Uuid),
}

impl TryFrom<String> for WrittenScope {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text} is none of everywhere, area:CODE, actor:ID and forum:ID");
        let id = |id: &str| id.parse::<Uuid>().map_err(|_| wrong());
        match text.split_once(':') {
            None if text == "everywhere" => Ok(Self::Everywhere),
            Some(("area", code)) if !code.is_empty() => Ok(Self::Area(code.to_owned())),
            Some(("actor", actor)) => Ok(Self::Actor(id(actor)?)),
            Some(("forum", forum)) => Ok(Self::Forum(id(forum)?)),
            _ => Err(wrong()),
        }
    }
}

impl From<WrittenScope> for String {
    fn from(scope: WrittenScope) -> Self {
        match scope {
            WrittenScope::Everywhere => "everywhere".to_owned(),
            WrittenScope::Area(code) => format!("area:{code}"),
            WrittenScope::Actor(id) => format!("actor:{id}"),
            WrittenScope::Forum(id) => format!("forum:{id}"),
        }
    }
}

/// Whether an address is on this machine, where nobody can listen in.
pub(super) fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Parses an address that secrets may be sent to: over TLS, or plain HTTP on this machine when `loopback` is true.
pub(super) fn parse_safe_url(text: &str, loopback: bool) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is no web address with its scheme and host")?;
    if url.scheme() != "https" && !(loopback && url.scheme() == "http" && is_loopback(&url)) {
        return Err("must begin with https:// (http:// works for localhost and 127.0.0.1 only)");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user name or password in it");
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment (#)");
    }
    if text.contains('*') || text.contains('\\') || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err("must be one whole address, without wildcards (*), blanks or backslashes");
    }
    Ok(url)
}

/// Checks the settings as a whole.
///
/// # Errors
/// With the name of the first setting that cannot be used, and a sentence.
pub fn check(providers: &[IdentityProvider], clients: &[LoginClient], public_url: &str) -> Result<(), (String, String)> {
    for (at, provider) in providers.iter().enumerate() {
        let same = providers[..at].iter().any(|other| other.id == provider.id || other.issuer == provider.issuer);
        check_provider(provider, same).map_err(|(name, sentence)| (format!("identity_providers[{at}].{name}"), sentence))?;
    }
    for (at, client) in clients.iter().enumerate() {
        let same = clients[..at].iter().any(|other| other.client_id == client.client_id);
        check_client(client, same).map_err(|(name, sentence)| (format!("login_clients[{at}].{name}"), sentence))?;
    }
    if !providers.is_empty() {
        parse_safe_url(public_url, true)
            .map_err(|wrong| ("public_url".to_owned(), format!("{public_url} {wrong} when there are identity_providers")))?;
    }
    Ok(())
}

fn check_provider(provider: &IdentityProvider, same: bool) -> Result<(), (String, String)> {
    let wrong = |name: &str, sentence: String| Err((name.to_owned(), sentence));
    let slug = |text: &str| {
        (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !slug(&provider.id) {
        return wrong("id", format!("{} is not 1 to 64 lower-case letters, digits and hyphens", provider.id));
    }
    if same {
        return wrong("id", format!("{} has the id or the issuer of another provider; each may be there once", provider.id));
    }
    if provider.name.trim().is_empty() {
        return wrong("name", "give the name that people know the provider by".to_owned());
    }
    match parse_safe_url(&provider.issuer, true) {
        Err(why) => return wrong("issuer", format!("{} {why}", provider.issuer)),
        Ok(issuer) if issuer.query().is_some() => return wrong("issuer", format!("{} must not have parameters (?)", provider.issuer)),
        Ok(_) => {}
    }
    if provider.client_id.is_empty() {
        return wrong("client_id", "give the id that the provider knows Samsyn by".to_owned());
    }
    if let Err(sentence) = provider.client_secret.read() {
        return wrong("client_secret", sentence);
    }
    if !provider.scopes.split(' ').any(|scope| scope == "openid") {
        return wrong("scopes", format!("{} lacks openid, without which nobody is told who signed in", provider.scopes));
    }
    for (at, domain) in provider.email_domains.iter().enumerate() {
        if domain.is_empty() || domain.contains(['@', '*', ' ']) || !domain.contains('.') {
            return wrong(&format!("email_domains[{at}]"), format!("{domain} is no whole domain such as kommun.example.se"));
        }
    }
    for (at, grant) in provider.grants.iter().enumerate() {
        if grant.claim.is_empty() || grant.value.is_empty() {
            return wrong(&format!("grants[{at}]"), "give the claim and the value that it must have".to_owned());
        }
    }
    for (at, required) in provider.required_acr.iter().enumerate() {
        if required.acr.is_empty() {
            return wrong(&format!("required_acr[{at}].acr"), "give the values that suffice".to_owned());
        }
    }
    Ok(())
}

fn check_client(client: &LoginClient, same: bool) -> Result<(), (String, String)> {
    let wrong = |name: &str, sentence: String| Err((name.to_owned(), sentence));
    if client.client_id.is_empty() || client.client_id.len() > 200 || !client.client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return wrong("client_id", format!("{} is not 1 to 200 visible characters without å, ä and ö", client.client_id));
    }
    if same {
        return wrong("client_id", format!("{} stands there twice", client.client_id));
    }
    if client.redirect_uris.is_empty() {
        return wrong("redirect_uris", "give at least one address that codes may be sent to".to_owned());
    }
    for (at, uri) in client.redirect_uris.iter().enumerate() {
        if let Err(why) = parse_safe_url(uri, true) {
            return wrong(&format!("redirect_uris[{at}]"), format!("{uri} {why}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(provider: &str, client: &str) -> String {
        #[derive(Deserialize)]
        struct Both {
            #[serde(default)]
            identity_providers: Vec<IdentityProvider>,
            #[serde(default)]
            login_clients: Vec<LoginClient>,
        }
        let provider = format!("id = 'kommunen'\nname = 'Kommunen'\nissuer = 'https://idp.example.se'\nclient_id = 'samsyn'\n{provider}");
        let text = format!("[[identity_providers]]\n{provider}\n[[login_clients]]\nclient_id = 'web'\nname = 'Webben'\n{client}");
        // A line that names a setting again replaces the earlier line.
        let mut lines: Vec<&str> = Vec::new();
        for line in text.lines() {
            let name = line.split(" =").next().unwrap_or_default();
            match lines.iter_mut().rev().take_while(|known| !known.starts_with("[[")).find(|known| known.split(" =").next() == Some(name)) {
                Some(known) if line.contains('=') => *known = line,
                _ => lines.push(line),
            }
        }
        match toml::from_str::<Both>(&lines.join("\n")) {
            Err(error) => error.message().to_owned(),
            Ok(both) => match check(&both.identity_providers, &both.login_clients, "https://samsyn.example.se") {
                Ok(()) => String::new(),
                Err((setting, sentence)) => format!("{setting}: {sentence}"),
            },
        }
    }

    #[test]
    fn settings_that_cannot_be_used_are_named_with_a_sentence() {
        let client = "redirect_uris = ['https://web.example.se/in']";
        assert_eq!(fault_of("", client), "");
        assert_eq!(fault_of("issuer = 'http://localhost:9000'", client), "");
        assert!(
            fault_of("issuer = 'http://idp.example.se'", client)
                .starts_with("identity_providers[0].issuer: http://idp.example.se must begin")
        );
        assert!(fault_of("id = 'Kommunen i Å'", client).starts_with("identity_providers[0].id: "));
        assert!(
            fault_of("client_secret = 'file:/nowhere/at/all'", client).contains("client_secret: the file /nowhere/at/all cannot be read")
        );
        assert!(fault_of("scopes = 'email'", client).contains("lacks openid"));
        assert!(fault_of("email_domains = ['*']", client).contains("email_domains[0]"));
        let grant = |role: &str, scope: &str| format!("grants = [{{ claim = 'g', value = 'v', role = '{role}', scope = '{scope}' }}]");
        assert_eq!(fault_of(&grant("coordinator", "area:01"), client), "");
        assert!(fault_of(&grant("king", "everywhere"), client).contains("unknown variant `king`"));
        assert!(fault_of(&grant("coordinator", "area"), client).contains("area is none of everywhere"));
        for uri in ["https://web.example.se/*", "https://a@web.example.se", "http://web.example.se", "https://web.example.se/#in", "/in"] {
            assert!(fault_of("", &format!("redirect_uris = ['{uri}']")).starts_with("login_clients[0].redirect_uris[0]: "), "{uri}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret("hemligt".to_owned())), "…");
    }
}
