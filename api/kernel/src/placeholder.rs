//! Finds passwords that are no secret: placeholders from guides, and passwords that attackers try first.

use reqwest::Url;

use super::percent;

/// The words that such passwords are made of.
const WORDS: &[&str] = &[
    "admin",
    "bar",
    "baz",
    "byt",
    "change",
    "choose",
    "client",
    "database",
    "db",
    "default",
    "demo",
    "dev",
    "dummy",
    "empty",
    "enter",
    "example",
    "fixme",
    "foo",
    "hemlig",
    "hemlighet",
    "hemligt",
    "here",
    "hunter",
    "insert",
    "it",
    "key",
    "letmein",
    "long",
    "losenord",
    "lösenord",
    "mail",
    "me",
    "my",
    "none",
    "now",
    "null",
    "pa55word",
    "pass",
    "passwd",
    "password",
    "p4ssw0rd",
    "passw0rd",
    "placeholder",
    "please",
    "postgres",
    "postgresql",
    "put",
    "pw",
    "pwd",
    "qwerty",
    "random",
    "replace",
    "root",
    "s3cret",
    "sample",
    "samsyn",
    "secret",
    "secure",
    "smtp",
    "strong",
    "tbd",
    "test",
    "testing",
    "the",
    "this",
    "to",
    "todo",
    "token",
    "user",
    "username",
    "value",
    "with",
    "xxx",
    "your",
];

/// Whether a password is no secret: a placeholder from a guide, common words, a short row of digits, or one character repeated. An
/// empty text is not.
#[must_use]
pub fn is_placeholder(secret: &str) -> bool {
    if secret.is_empty() {
        return false;
    }
    let lower = secret.to_lowercase();
    let in_brackets = [('<', '>'), ('{', '}'), ('[', ']')].iter().any(|(open, close)| lower.starts_with(*open) && lower.ends_with(*close));
    let alike = lower.chars().all(|sign| lower.starts_with(sign));
    let counted = lower.len() < 16 && lower.chars().all(|sign| sign.is_ascii_digit());
    let letters: String = lower.chars().filter(|sign| sign.is_alphanumeric()).collect();
    let letters = letters.trim_end_matches(|sign: char| sign.is_ascii_digit());
    lower.starts_with("${") || in_brackets || alike || counted || (letters.is_empty() && lower.len() < 16) || is_made_of_words(letters)
}

/// Whether a text is a sequence of [`WORDS`] and nothing else.
fn is_made_of_words(text: &str) -> bool {
    // For each byte position: whether the text up to it is a sequence of words.
    let mut until = vec![false; text.len() + 1];
    until[0] = true;
    for place in 0..text.len() {
        if until[place] {
            for word in WORDS.iter().filter(|word| text.get(place..).is_some_and(|rest| rest.starts_with(**word))) {
                until[place + word.len()] = true;
            }
        }
    }
    !text.is_empty() && until[text.len()]
}

/// The parts of a server's address that concern signing in.
#[derive(Debug, Default)]
pub struct Login {
    user: String,
    passwords: Vec<String>,
    /// The host name, or the folder of the socket; empty for the server on this machine.
    host: String,
}

impl Login {
    /// Parses an address such as `postgres://USER:PASSWORD@HOST/NAME`; `None` when the text is no address.
    #[must_use]
    pub fn parse(address: &str) -> Option<Self> {
        let url = Url::parse(address).ok()?;
        let plain = |text: &str| String::from_utf8_lossy(&percent::decode(text)).into_owned();
        let mut login = Self {
            user: plain(url.username()),
            passwords: url.password().map(plain).into_iter().collect(),
            host: url.host_str().map(plain).unwrap_or_default(),
        };
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "user" => login.user = value.into_owned(),
                "password" => login.passwords.push(value.into_owned()),
                "host" | "hostaddr" => login.host = value.into_owned(),
                _ => {}
            }
        }
        Some(login)
    }

    /// Whether the server is on this machine, so that only programs on this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        host.is_empty()
            || host.starts_with('/')
            || host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether a password in the address, or the given one from another setting, is a placeholder or equals the user's name.
    #[must_use]
    pub fn has_weak_password(&self, other_password: Option<&str>) -> bool {
        let is_user_name = |password: &str| !password.is_empty() && password.eq_ignore_ascii_case(&self.user);
        let mut passwords = self.passwords.iter().map(String::as_str).chain(other_password);
        passwords.any(|password| is_placeholder(password) || is_user_name(password))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_guides_is_no_secret() {
        for placeholder in [
            "change-me",
            "changeme",
            "CHANGE_ME",
            "password",
            "Password123",
            "samsyn",
            "secret",
            "…",
            "***",
            "xxxx",
            "<secret>",
            "${SECRET}",
            "your-client-secret",
            "samsyn-password",
            "postgres",
            "123456",
            "lösenord",
            "replace this",
            "[password]",
            "admin1",
            "aaaaaaaa",
        ] {
            assert!(is_placeholder(placeholder), "{placeholder}");
        }
        for secret in ["", "q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC", "hemligtlosen", "fyra blå cyklar vid ån", "deadbeefcafe", "8841290056712234"]
        {
            assert!(!is_placeholder(secret), "{secret}");
        }
    }

    #[test]
    fn an_address_is_parsed_as_the_database_driver_parses_it() {
        let login = |address: &str| Login::parse(address).unwrap_or_default();
        assert!(login("postgres://samsyn:change%2Dme@db/samsyn").has_weak_password(None));
        assert!(login("postgres://kommun:kommun@db/samsyn").has_weak_password(None));
        assert!(login("postgres://samsyn@db/samsyn?password=secret").has_weak_password(None));
        assert!(login("postgres://samsyn@db/samsyn").has_weak_password(Some("change-me")));
        assert!(!login("postgres://samsyn@db/samsyn").has_weak_password(None));
        for near in ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", ""] {
            assert!(login(&format!("postgres://{near}/samsyn")).is_local(), "{near}");
        }
        assert!(login("postgres:///samsyn?host=/run/postgresql").is_local());
        assert!(!login("postgres://localhost/samsyn?host=db").is_local());
        assert!(!login("smtp://mail.example.se").is_local());
    }
}
