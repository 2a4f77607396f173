//! A plain HTTP client. It uses one connection per call, so that nothing is shared and every byte of a call can be chosen.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// The answer to a call.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub json: Value,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The `ETag`.
    pub fn etag(&self) -> String {
        self.header("etag").expect("a version tag").to_owned()
    }

    /// Fails with the whole answer when it has another status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// The faults of a problem, each as its place and its code.
    pub fn faults(&self) -> Vec<String> {
        let errors = self.json["errors"].as_array().cloned().unwrap_or_default();
        let place = |fault: &Value| fault["parameter"].as_str().or(fault["pointer"].as_str()).unwrap_or_default().to_owned();
        errors.iter().map(|fault| format!("{} {}", place(fault), fault["code"].as_str().unwrap_or_default())).collect()
    }
}

/// A caller.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new() }
    }

    /// The same caller with one more header in each call.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The same caller with one more line of a header in each call.
    pub fn with_line(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// A header that the caller sends.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The same caller at another instance.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// The same caller, signed in.
    pub fn with_token(&self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(("application/json", body.to_string().as_bytes())))
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.call("PUT", path, Some(("application/json", body.to_string().as_bytes())))
    }

    pub fn patch(&self, path: &str, etag: &str, body: &Value) -> Answer {
        self.with("If-Match", etag).call("PATCH", path, Some(("application/merge-patch+json", body.to_string().as_bytes())))
    }

    pub fn delete(&self, path: &str, etag: &str) -> Answer {
        self.with("If-Match", etag).call("DELETE", path, None)
    }

    /// Makes any call. A path is taken to be below the API's root, unless it is one of the standard addresses.
    pub fn call(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Answer {
        raw(self.address, &self.bytes(method, path, body))
    }

    /// The same for a service that may be killed meanwhile. `None` when it was not reached or did not answer in full.
    pub fn try_call(&self, method: &str, path: &str, body: Option<(&str, &Value)>) -> Option<Answer> {
        let text = body.map(|(kind, body)| (kind, body.to_string()));
        let bytes = self.bytes(method, path, text.as_ref().map(|(kind, text)| (*kind, text.as_bytes())));
        let answer = read_answer(TcpStream::connect(self.address).ok()?, &bytes);
        let whole = answer.header("content-length").is_none_or(|length| length.parse() == Ok(answer.body.len()));
        Some(answer).filter(|answer| whole && answer.status > 0)
    }

    /// Begins to follow a stream of events. The error is the answer, if there was one.
    pub fn stream(&self, path: &str) -> Result<Events, Option<Answer>> {
        let mut stream = TcpStream::connect(self.address).map_err(|_| None)?;
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream.write_all(&self.with("Accept", "text/event-stream").bytes("GET", path, None)).map_err(|_| None)?;
        let mut lines = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if lines.read_line(&mut head).unwrap_or_default() == 0 {
                return Err(None);
            }
        }
        let streams = head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream");
        if streams {
            return Ok(Events { head, lines });
        }
        let mut rest = Vec::new();
        let _ = lines.read_to_end(&mut rest);
        Err(Some(answer(&format!("{head}{}", String::from_utf8_lossy(&rest)))))
    }

    fn bytes(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Vec<u8> {
        let outside =
            ["/samsyn", "/openapi", "/docs", "/health", "/problems", "/.well-known", "/style", "/oauth2", "/account/", "/account.js"]
                .iter()
                .any(|start| path.starts_with(start));
        let path = if outside || path == "/" { path.to_owned() } else { format!("/samsyn/v1{path}") };
        let mut call = format!("{method} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", encode(&path));
        for (name, value) in &self.headers {
            call.extend([name, ": ", value, "\r\n"]);
        }
        if let Some((media_type, body)) = body {
            call = format!("{call}Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len());
        }
        call.push_str("\r\n");
        let mut bytes = call.into_bytes();
        bytes.extend_from_slice(body.map(|(_, body)| body).unwrap_or_default());
        bytes
    }
}

/// A stream of server-sent events.
pub struct Events {
    pub head: String,
    lines: BufReader<TcpStream>,
}

/// One event of a stream. A heartbeat has only an id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: Value,
}

impl Events {
    /// Sets how long to wait for the next event before the stream counts as ended.
    pub fn patience(&self, patience: Duration) {
        self.lines.get_ref().set_read_timeout(Some(patience)).unwrap();
    }

    /// The next change. Heartbeats are skipped.
    pub fn change(&mut self) -> Option<Event> {
        loop {
            let event = self.event()?;
            if event.name == "change" {
                return Some(event);
            }
        }
    }

    /// The next event. `None` when the stream has ended, is cut or stays silent for too long. Lines of the chunked encoding are
    /// neither fields nor comments, and are skipped.
    pub fn event(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let mut line = String::new();
            match self.lines.read_line(&mut line) {
                Ok(length) if length > 0 && line.ends_with('\n') => {}
                _ => return None,
            }
            match line.trim_end().split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut event.id),
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                _ if line == "\n" && !event.id.is_empty() => return Some(event),
                _ => {}
            }
        }
    }
}

/// Encodes the characters of a path that may not stand in an address.
fn encode(path: &str) -> String {
    path.bytes().map(|byte| if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Sends bytes and reads the answer.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    read_answer(TcpStream::connect(address).unwrap(), bytes)
}

fn read_answer(mut stream: TcpStream, bytes: &[u8]) -> Answer {
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    // A service that refuses early may close before everything is sent.
    let _ = stream.write_all(bytes);
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received);
    answer(&String::from_utf8_lossy(&received))
}

fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok()).unwrap_or_default();
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Answer { status, headers, body: body.to_owned(), json: serde_json::from_str(body).unwrap_or(Value::Null) }
}
