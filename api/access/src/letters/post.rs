//! Sending of letters: by a mail server, or into a folder as one file for each letter, so that the service works without
//! a mail server.

use std::{fmt, fs::Permissions, os::unix::fs::PermissionsExt, path::PathBuf};

use lettre::{
    AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};

enum Transport {
    Folder(PathBuf),
    Server(Box<AsyncSmtpTransport<Tokio1Executor>>),
}

/// The way in which letters are sent, as configured.
pub struct Outbox {
    transport: Transport,
    from: Mailbox,
    /// The address of the pages that links lead to.
    pub(super) account_url: String,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("account_url", &self.account_url).finish_non_exhaustive()
    }
}

/// The reason why mail cannot be sent as configured: the name of the setting, and a sentence.
#[derive(Debug)]
pub struct OutboxError(pub &'static str, pub String);

impl Outbox {
    /// Makes an outbox from the settings: `url` is `file:FOLDER`, `smtp://…` or `smtps://…`.
    ///
    /// # Errors
    /// When the address of the server or of the sender is not valid.
    pub fn new(url: &str, from: &str, account_url: &str) -> Result<Self, OutboxError> {
        let from =
            from.parse().map_err(|_| OutboxError("mail_from", format!("{from} is no mail address, such as Samsyn <samsyn@example.se>")))?;
        let transport = if let Some(folder) = url.strip_prefix("file:") {
            Transport::Folder(folder.into())
        } else {
            let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
            // The address may hold a password, so the error does not repeat it.
            let server = server.map_err(|_| {
                OutboxError("mail_url", "it must be file:FOLDER, smtps://USER:PASSWORD@HOST or smtp://HOST?tls=required".to_owned())
            })?;
            Transport::Server(Box::new(server.build()))
        };
        Ok(Self { transport, from, account_url: account_url.to_owned() })
    }

    /// Sends a letter.
    pub(super) async fn send(&self, to: &str, subject: &str, text: String) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let letter = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.parse()?))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)?;
        match &self.transport {
            Transport::Server(server) => {
                server.send(letter).await?;
            }
            Transport::Folder(folder) => {
                tokio::fs::create_dir_all(folder).await?;
                tokio::fs::set_permissions(folder, Permissions::from_mode(0o700)).await?;
                AsyncFileTransport::<Tokio1Executor>::new(folder).send(letter).await?;
            }
        }
        Ok(())
    }
}
