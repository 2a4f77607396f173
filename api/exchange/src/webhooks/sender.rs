//! Sends messages. A name is looked up and its addresses are checked in one step, so that the address that is called is the
//! one that was checked.

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
    rules::{self, AllowedReceivers},
};

/// How long one attempt may take, from the lookup of the name to the last byte of the response.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How many bytes of a response are read, so that the connection can be used again. The bytes are discarded.
const ANSWER_BYTES: usize = 64 * 1024;

/// A message to a receiver.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The `webhook-id`: the same each time the same event is sent, so that a receiver can recognise it.
    pub id: String,
    pub body: String,
}

/// The result of one attempt.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    pub status: Option<u16>,
    pub error: Option<DeliveryError>,
    pub millis: i32,
    /// The value of the receiver's `Retry-After` header, for status 429 and 503.
    pub retry_after: Option<String>,
}

/// Looks up the IP addresses of a host name.
pub(super) trait Lookup: Send + Sync {
    fn lookup(&self, name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// The resolver of the operating system.
pub(super) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// A resolver that returns only those addresses of a name that may be called.
struct FilteringResolver {
    lookup: Arc<dyn Lookup>,
    allowed: Arc<AllowedReceivers>,
    plain: bool,
}

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.lookup.lookup(name.as_str().to_owned());
        let (allowed, plain) = (Arc::clone(&self.allowed), self.plain);
        Box::pin(async move {
            let mut addresses = found.await?;
            addresses.retain(|address| allowed.allows_address(*address, plain));
            if addresses.is_empty() {
                return Err("the name has no address that may be called".into());
            }
            // The HTTP client replaces the port.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// Sends messages.
pub(super) struct Sender {
    pub allowed: Arc<AllowedReceivers>,
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
    /// Creates the HTTP clients.
    ///
    /// # Errors
    /// When the TLS client cannot be created.
    pub fn new(allowed: AllowedReceivers, lookup: Arc<dyn Lookup>) -> Result<Self, String> {
        let allowed = Arc::new(allowed);
        let client = |plain| {
            Client::builder()
                // The target of a redirect is not an address that the owner registered.
                .redirect(Policy::none())
                .no_proxy()
                .dns_resolver(Arc::new(FilteringResolver { lookup: Arc::clone(&lookup), allowed: Arc::clone(&allowed), plain }))
                .user_agent(concat!("Samsyn-Webhooks/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(Duration::from_secs(5))
                .pool_idle_timeout(Duration::from_secs(30))
                .https_only(!plain)
                .build()
                .map_err(|error| format!("webhooks: nothing can be called over TLS: {error:?}"))
        };
        Ok(Self { tls: client(false)?, plain: client(true)?, allowed, time: TIMEOUT })
    }

    /// Makes one attempt to send a message, within the time limit.
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
        // An IP address in the URL is never looked up, and the settings may have changed since the webhook was registered.
        // So check again.
        let Ok(url) = self.allowed.parse_receiver(url) else { return failed(DeliveryError::AddressNotAllowed) };
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
            // A missing name, an address that may not be called and a host that does not answer all give the same error.
            // Otherwise an owner could explore our networks.
            Err(_) => return failed(DeliveryError::Unreachable),
        };
        let status = response.status().as_u16();
        let error = match status {
            200..=299 => None,
            300..=399 => Some(DeliveryError::Redirect),
            410 => Some(DeliveryError::Gone),
            _ => Some(DeliveryError::Refused),
        };
        let retry_after = matches!(status, 429 | 503).then(|| response.headers().get("retry-after")?.to_str().ok().map(ToOwned::to_owned));
        drain(response).await;
        Sent { status: Some(status), error, retry_after: retry_after.flatten(), ..Sent::default() }
    }
}

/// Reads the rest of a short response. Errors are ignored, because the status is already known.
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

/// Returns the signature header: one signature for each secret. `None` when there is no secret or signing fails.
fn sign(message: &Message, secrets: &[Vec<u8>], now: DateTime<Utc>) -> Option<String> {
    let sign = |secret: &Vec<u8>| Signer::from_bytes(secret.clone()).ok()?.sign(&message.id, now.timestamp(), message.body.as_bytes()).ok();
    let signatures = secrets.iter().map(sign).collect::<Option<Vec<_>>>()?;
    (!signatures.is_empty()).then(|| signatures.join(" "))
}

/// Returns the wait that the receiver asks for in `Retry-After`.
pub(super) fn retry_delay(sent: &Sent, now: DateTime<Utc>) -> Option<chrono::TimeDelta> {
    rules::parse_retry_after(sent.retry_after.as_deref()?, now)
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

    /// A lookup that returns one of these addresses after the other, whatever the name.
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
        Sender::new(AllowedReceivers::new(networks, "https://samsyn.example.se"), Arc::new(names)).unwrap()
    }

    /// Starts a listener on this machine. Returns its port and its number of calls.
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
        // The name had a public address when the webhook was registered, and has an address of our own machine when it is
        // called.
        let turned = sender("", &["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "64:ff9b::7f00:1"]);
        assert!(turned.allowed.parse_receiver(&url).is_ok());
        for _ in 0..4 {
            let sent = turned.send(&url, &message(), &[vec![1; 32]], DateTime::default()).await;
            assert_eq!((sent.error, sent.status), (Some(DeliveryError::Unreachable), None));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 0, "nobody was called");
        // The name is looked up once for each call, so a second answer cannot replace the one that was checked.
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
        // The example of the Standard Webhooks specification.
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
