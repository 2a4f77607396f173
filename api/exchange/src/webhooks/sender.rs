//! The way out. A name is looked up and judged in one step, so that the address that was judged is the one that is called.

use std::{fmt, future::Future, io, net::IpAddr, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{
    Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use standardwebhooks::Webhook as Signer;
use tokio::time::Instant;

use super::{
    deliveries::DeliveryError,
    rules::{self, Allowed},
};

/// How long a receiver has, from the first step to the last byte.
const TIME: Duration = Duration::from_secs(15);
/// How much of an answer is read, so that the connection can be used again. Nothing of it is kept.
const ANSWER_BYTES: usize = 64 * 1024;

/// A message to a receiver.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The same for the same event each time, so that a receiver knows one that it has had.
    pub id: String,
    pub body: String,
}

/// How a try went.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    pub status: Option<u16>,
    pub error: Option<DeliveryError>,
    pub millis: i32,
    /// What the receiver's `Retry-After` says.
    pub retry_after: Option<String>,
}

/// Finds the addresses of a name.
pub(super) trait Lookup: Send + Sync {
    fn lookup(&self, name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// The system's own way.
pub(super) struct System;

impl Lookup for System {
    fn lookup(&self, name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Gives of a name's addresses those that may be called.
struct Judge {
    lookup: Arc<dyn Lookup>,
    allowed: Arc<Allowed>,
    plain: bool,
}

impl Resolve for Judge {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.lookup.lookup(name.as_str().to_owned());
        let (allowed, plain) = (Arc::clone(&self.allowed), self.plain);
        Box::pin(async move {
            let mut addresses = found.await?;
            addresses.retain(|address| allowed.address(*address, plain));
            if addresses.is_empty() {
                return Err("the name has no address that may be called".into());
            }
            // The port is put in by who asks.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// Sends messages.
pub(super) struct Sender {
    pub allowed: Arc<Allowed>,
    tls: Client,
    plain: Client,
    time: Duration,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

impl Sender {
    /// Gets ready to send.
    ///
    /// # Errors
    /// When nothing can be called over TLS.
    pub fn new(allowed: Allowed, lookup: Arc<dyn Lookup>) -> Result<Self, String> {
        let allowed = Arc::new(allowed);
        let client = |plain| {
            Client::builder()
                // Where a receiver sends us on to is not what its owner registered.
                .redirect(Policy::none())
                .no_proxy()
                .dns_resolver(Arc::new(Judge { lookup: Arc::clone(&lookup), allowed: Arc::clone(&allowed), plain }))
                .user_agent(concat!("Samsyn-Webhooks/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(Duration::from_secs(5))
                .pool_idle_timeout(Duration::from_secs(30))
                .https_only(!plain)
                .build()
                .map_err(|error| format!("webhooks: nothing can be called over TLS: {error:?}"))
        };
        Ok(Self { tls: client(false)?, plain: client(true)?, allowed, time: TIME })
    }

    /// Sends a message once.
    pub async fn send(&self, url: &str, message: &Message, secrets: &[Vec<u8>], now: DateTime<Utc>) -> Sent {
        let started = Instant::now();
        let sent = match tokio::time::timeout(self.time, self.attempt(url, message, secrets, now)).await {
            Ok(sent) => sent,
            Err(_) => Sent { error: Some(DeliveryError::Timeout), ..Sent::default() },
        };
        Sent { millis: i32::try_from(started.elapsed().as_millis()).unwrap_or(i32::MAX), ..sent }
    }

    async fn attempt(&self, url: &str, message: &Message, secrets: &[Vec<u8>], now: DateTime<Utc>) -> Sent {
        let failed = |error| Sent { error: Some(error), ..Sent::default() };
        // Addresses that are no names pass no lookup, and the settings may have changed since it was registered.
        let Ok(url) = self.allowed.receiver(url) else { return failed(DeliveryError::AddressNotAllowed) };
        let client = if url.scheme() == "http" { &self.plain } else { &self.tls };
        let Some(signature) = sign(message, secrets, now) else { return failed(DeliveryError::Unsigned) };
        let request = client
            .post(url)
            .header("Content-Type", "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", now.timestamp().to_string())
            .header("webhook-signature", signature)
            .body(message.body.clone());
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return failed(DeliveryError::Timeout),
            // Whether a name is not there, leads to where nothing may be called or to where nobody answers is told alike, so
            // that nobody can feel their way about our networks.
            Err(_) => return failed(DeliveryError::Unreachable),
        };
        let status = response.status().as_u16();
        let error = match status {
            200..=299 => None,
            300..=399 => Some(DeliveryError::Redirect),
            410 => Some(DeliveryError::Gone),
            _ => Some(DeliveryError::Refused),
        };
        let told = matches!(status, 429 | 503).then(|| response.headers().get("retry-after")?.to_str().ok().map(ToOwned::to_owned));
        drain(response).await;
        Sent { status: Some(status), error, retry_after: told.flatten(), ..Sent::default() }
    }
}

/// Reads the rest of an answer, if it is short. How it ends changes nothing: the status has been said.
async fn drain(mut response: Response) {
    let read = async {
        let mut left = ANSWER_BYTES;
        while let Ok(Some(chunk)) = response.chunk().await {
            let Some(rest) = left.checked_sub(chunk.len()) else { return };
            left = rest;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), read).await;
}

/// One signature for each secret that holds.
fn sign(message: &Message, secrets: &[Vec<u8>], now: DateTime<Utc>) -> Option<String> {
    let sign = |secret: &Vec<u8>| Signer::from_bytes(secret.clone()).ok()?.sign(&message.id, now.timestamp(), message.body.as_bytes()).ok();
    let signatures = secrets.iter().map(sign).collect::<Option<Vec<_>>>()?;
    (!signatures.is_empty()).then(|| signatures.join(" "))
}

/// What a receiver asks for, by the clock that decides when to try again.
pub(super) fn wish(sent: &Sent, now: DateTime<Utc>) -> Option<chrono::TimeDelta> {
    rules::wish(sent.retry_after.as_deref()?, now)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Names that lead one after the other to these addresses.
    struct Names(Mutex<Vec<IpAddr>>);

    impl Lookup for Names {
        fn lookup(&self, _: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
            let next = self.0.lock().unwrap().remove(0);
            Box::pin(async move { Ok(vec![next]) })
        }
    }

    fn message() -> Message {
        Message { id: "msg_1".to_owned(), body: "{}".to_owned() }
    }

    fn sender(networks: &str, names: &[&str]) -> Sender {
        let networks = networks.split_whitespace().map(|network| network.parse().unwrap()).collect();
        let names = Names(Mutex::new(names.iter().map(|address| address.parse().unwrap()).collect()));
        Sender::new(Allowed::new(networks, "https://samsyn.example.se"), Arc::new(names)).unwrap()
    }

    /// A listener on this machine, and how many have called it.
    async fn listener() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, calls) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
            }
        });
        (port, calls)
    }

    #[tokio::test]
    async fn abuse_88_the_address_that_was_judged_is_the_one_that_is_called() {
        let (port, calls) = listener().await;
        let url = format!("https://rebinding.example:{port}/");
        // Public when it was registered, our own machine when it is called.
        let turned = sender("", &["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "64:ff9b::7f00:1"]);
        assert!(turned.allowed.receiver(&url).is_ok());
        for _ in 0..4 {
            let sent = turned.send(&url, &message(), &[vec![1; 32]], DateTime::default()).await;
            assert_eq!((sent.error, sent.status), (Some(DeliveryError::Unreachable), None));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 0, "nobody was called");
        // The name is looked up once for each call: no second answer takes the place of the one that was judged.
        let own = sender("127.0.0.0/8", &["127.0.0.1"]);
        let sent = own.send(&format!("http://receiver.example:{port}/"), &message(), &[vec![1; 32]], DateTime::default()).await;
        assert_eq!((sent.error, sent.status, calls.load(Ordering::SeqCst)), (None, Some(200), 1));
    }

    #[tokio::test]
    async fn abuse_88_in_plain_http_a_name_leads_only_to_the_operators_networks() {
        let own = sender("10.0.0.0/8", &["127.0.0.1"]);
        let (port, calls) = listener().await;
        let sent = own.send(&format!("http://receiver.example:{port}/"), &message(), &[vec![1; 32]], DateTime::default()).await;
        assert_eq!((sent.error, calls.load(Ordering::SeqCst)), (Some(DeliveryError::Unreachable), 0));
    }

    #[test]
    fn each_secret_signs_as_the_standard_says() {
        // The example of the specification.
        let now = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let message = Message { id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(), body: r#"{"test": 2432232314}"#.to_owned() };
        let secret = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let first = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(&message, std::slice::from_ref(&secret), now).as_deref(), Some(first));
        let both = sign(&message, &[vec![7; 32], secret], now).unwrap();
        assert_eq!(both.split(' ').nth(1), Some(first));
        assert_eq!(sign(&message, &[], now), None, "nothing goes out unsigned");
    }
}
