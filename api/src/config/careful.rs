//! Settings that are refused or warned about because they are unsafe: placeholder passwords, and mail without TLS.

use super::{Config, ConfigError};
use crate::kernel::placeholder::Login;

impl Config {
    /// The logins at servers that are called with a password, by setting.
    fn logins(&self) -> impl Iterator<Item = (&'static str, Login)> {
        let addresses = [("database_url", &self.database_url, "postgres"), ("mail_url", &self.mail_url, "smtp")];
        let named = addresses.into_iter().filter(|(_, address, scheme)| address.starts_with(scheme));
        named.filter_map(|(name, address, _)| Some((name, Login::parse(address)?)))
    }

    /// Refuses placeholder passwords for servers that other machines can reach.
    pub(super) fn check_passwords(&self, of_postgres: Option<&str>) -> Result<(), ConfigError> {
        for (setting, login) in self.logins().filter(|(_, login)| !login.is_local()) {
            let elsewhere = of_postgres.filter(|_| setting == "database_url");
            if login.has_weak_password(elsewhere) {
                let setting = if login.has_weak_password(None) { setting } else { "PGPASSWORD" };
                let sentence = "the password is a placeholder or the user's own name, which anybody would try; \
                    let the server have a random one, such as `openssl rand -hex 24` makes, and give that";
                return Err(ConfigError { setting: setting.to_owned(), sentence: sentence.to_owned() });
            }
        }
        Ok(())
    }

    /// Whether mail is handed to another machine without TLS. Encryption that is used only if the server offers it is unsafe too,
    /// because somebody in between can remove the offer.
    fn mail_goes_in_clear(&self) -> bool {
        let required = self.mail_url.split_once('?').is_some_and(|(_, query)| query.split('&').any(|pair| pair == "tls=required"));
        self.mail_url.starts_with("smtp://") && !required && Login::parse(&self.mail_url).is_none_or(|login| !login.is_local())
    }

    /// Warnings about settings that can be used but are unwise: the setting, and a sentence.
    #[must_use]
    pub fn warnings(&self) -> Vec<ConfigError> {
        let warning = |setting: &str, sentence: &str| ConfigError { setting: setting.to_owned(), sentence: sentence.to_owned() };
        let near = self.logins().filter(|(_, login)| login.is_local() && login.has_weak_password(None));
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

    /// Checks that the service may run with these settings.
    ///
    /// # Errors
    /// The setting that forbids it, and what to do.
    pub fn may_serve(&self) -> Result<(), ConfigError> {
        if self.mail_goes_in_clear() && !self.mail_in_clear {
            let sentence = "letters with links that open accounts would go to another machine without TLS. Write smtps://… or add \
                ?tls=required; where nobody else can read that network, set mail_in_clear = true";
            return Err(ConfigError { setting: "mail_url".to_owned(), sentence: sentence.to_owned() });
        }
        Ok(())
    }
}
