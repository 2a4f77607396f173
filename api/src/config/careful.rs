//! What is refused or warned of because it is unsafe, though it could be used: passwords of guides, mail in the clear.

use super::{Config, ConfigError};
use crate::kernel::placeholder::Login;

impl Config {
    /// How the servers that are called with a password are reached, by setting.
    fn logins(&self) -> impl Iterator<Item = (&'static str, Login)> {
        let addresses = [("database_url", &self.database_url, "postgres"), ("mail_url", &self.mail_url, "smtp")];
        let named = addresses.into_iter().filter(|(_, address, scheme)| address.starts_with(scheme));
        named.filter_map(|(name, address, _)| Some((name, Login::of(address)?)))
    }

    /// Refuses passwords that anybody would try, where others than this machine can try them.
    pub(super) fn check_passwords(&self, of_postgres: Option<&str>) -> Result<(), ConfigError> {
        for (setting, login) in self.logins().filter(|(_, login)| !login.is_near()) {
            let elsewhere = of_postgres.filter(|_| setting == "database_url");
            if login.is_open(elsewhere) {
                let setting = if login.is_open(None) { setting } else { "PGPASSWORD" };
                let sentence = "the password is a placeholder or the user's own name, which anybody would try; \
                    let the server have a random one, such as `openssl rand -hex 24` makes, and give that";
                return Err(ConfigError { setting: setting.to_owned(), sentence: sentence.to_owned() });
            }
        }
        Ok(())
    }

    /// Whether mail is handed to another machine without TLS. What is encrypted only if the server offers it is not safe
    /// either, for whoever is between can take the offer away.
    fn mail_goes_in_clear(&self) -> bool {
        let required = self.mail_url.split_once('?').is_some_and(|(_, query)| query.split('&').any(|pair| pair == "tls=required"));
        self.mail_url.starts_with("smtp://") && !required && Login::of(&self.mail_url).is_none_or(|login| !login.is_near())
    }

    /// What can be used and is still unwise: the setting, and a sentence.
    #[must_use]
    pub fn warnings(&self) -> Vec<ConfigError> {
        let warning = |setting: &str, sentence: &str| ConfigError { setting: setting.to_owned(), sentence: sentence.to_owned() };
        let near = self.logins().filter(|(_, login)| login.is_near() && login.is_open(None));
        let mut warnings: Vec<_> = near
            .map(|(setting, _)| {
                warning(setting, "the password is a placeholder, which holds only as long as nobody else is on this machine")
            })
            .collect();
        if self.mail_goes_in_clear() {
            let allowed = if self.mail_in_clear { "mail_in_clear lets it" } else { "`samsyn serve` refuses it" };
            let sentence = format!(
                "letters with links that open accounts go to another machine without TLS; {allowed}. Write smtps://… or add ?tls=required"
            );
            warnings.push(warning("mail_url", &sentence));
        }
        warnings
    }

    /// Whether the service may run so.
    ///
    /// # Errors
    /// With the setting that forbids it, and what to do.
    pub fn may_serve(&self) -> Result<(), ConfigError> {
        if self.mail_goes_in_clear() && !self.mail_in_clear {
            let sentence = "letters with links that open accounts would go to another machine without TLS. Write smtps://… or add \
                ?tls=required; where nobody else can read that network, set mail_in_clear = true";
            return Err(ConfigError { setting: "mail_url".to_owned(), sentence: sentence.to_owned() });
        }
        Ok(())
    }
}
