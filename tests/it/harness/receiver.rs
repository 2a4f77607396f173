//! A receiver of webhooks in this process, which answers as a test decides.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::waited;

/// A message that was received.
#[derive(Clone, Debug)]
pub struct Message {
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub json: Value,
    /// Time since the receiver's start.
    pub after: std::time::Duration,
}

impl Message {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// The position of the event in the feed.
    pub fn position(&self) -> i64 {
        self.json["data"]["position"].as_i64().unwrap()
    }

    /// Whether one of the signatures is made with a secret (Standard Webhooks).
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed = format!("{}.{}.{}", self.id(), self.headers["webhook-timestamp"], self.body);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        let wanted = format!("v1,{}", BASE64_STANDARD.encode(tag));
        self.headers["webhook-signature"].split(' ').any(|signature| signature == wanted)
    }
}

/// The answer of a receiver.
#[derive(Clone, Debug)]
pub enum Says {
    /// A status, with more headers.
    Status(u16, Vec<(&'static str, String)>),
    /// No answer, until the sender gives up.
    Nothing,
    /// 200, and a body without end.
    Endless,
    /// Headers without end, one byte at a time.
    Drops,
}

impl From<u16> for Says {
    fn from(status: u16) -> Self {
        Self::Status(status, Vec::new())
    }
}

/// A receiver that listens.
pub struct Receiver {
    pub address: SocketAddr,
    pub started: std::time::Instant,
    received: Arc<Mutex<Vec<Message>>>,
    /// Number of bytes that were taken of an answer without end.
    pub taken: Arc<Mutex<usize>>,
}

impl Receiver {
    /// A receiver that accepts everything.
    pub fn start() -> Self {
        Self::answering(|_| Says::from(200))
    }

    /// A receiver that answers the first, second and further messages as `says` decides (the first is 0).
    pub fn answering(says: impl Fn(usize) -> Says + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (received, taken) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let says = Arc::new(says);
        #[expect(clippy::disallowed_methods, reason = "how long something took is measured")]
        let started = std::time::Instant::now();
        let (own, counted) = (Arc::clone(&received), Arc::clone(&taken));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (received, says, taken) = (Arc::clone(&own), Arc::clone(&says), Arc::clone(&counted));
                thread::spawn(move || {
                    let Some(mut message) = read(&stream) else { return };
                    message.after = started.elapsed();
                    let number = {
                        let mut received = received.lock().unwrap();
                        received.push(message);
                        received.len()
                    };
                    answer(stream, &says(number - 1), &taken);
                });
            }
        });
        Self { address, started, received, taken }
    }

    pub fn url(&self) -> String {
        format!("http://{}/samsyn", self.address)
    }

    /// The messages so far.
    pub fn received(&self) -> Vec<Message> {
        self.received.lock().unwrap().clone()
    }

    /// The messages so far, when there are at least `count`.
    #[track_caller]
    pub fn wait(&self, count: usize) -> Vec<Message> {
        waited(&format!("message {count}"), || self.received.lock().unwrap().len() >= count);
        self.received()
    }
}

fn read(stream: &TcpStream) -> Option<Message> {
    let mut reader = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    Some(Message { json: serde_json::from_str(&body).unwrap_or_default(), headers, body, after: std::time::Duration::ZERO })
}

fn answer(mut stream: TcpStream, says: &Says, taken: &Mutex<usize>) {
    match says {
        Says::Status(status, headers) => {
            let mut text = format!("HTTP/1.1 {status} As said\r\nConnection: close\r\nContent-Length: 0\r\n");
            for (name, value) in headers {
                text.extend([name, ": ", value, "\r\n"]);
            }
            let _ = stream.write_all(format!("{text}\r\n").as_bytes());
        }
        // Until the other end closes.
        Says::Nothing => drop(stream.read(&mut [0])),
        Says::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'x'; 4096]).is_ok() {
                *taken.lock().unwrap() += 4096;
            }
        }
        Says::Drops => {
            for byte in b"HTTP/1.1 200 OK\r\nX-Long: ".iter().chain(std::iter::repeat_n(&b'x', 10_000)) {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                *taken.lock().unwrap() += 1;
                thread::sleep(std::time::Duration::from_millis(200));
            }
        }
    }
}
