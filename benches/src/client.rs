//! Just as much of HTTP/1.1 as calling the service over kept connections takes.

use std::{
    fmt::{self, Write},
    io,
    net::SocketAddr,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A call to be made.
#[derive(Clone)]
pub struct Request {
    method: &'static str,
    path: String,
    headers: String,
    body: String,
}

impl Request {
    pub fn get(path: impl Into<String>, token: Option<&str>) -> Self {
        let headers = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        Self { method: "GET", path: path.into(), headers, body: String::new() }
    }

    pub fn post(path: impl Into<String>, token: Option<&str>, media_type: &str, body: String) -> Self {
        let mut request = Self::get(path, token);
        request.method = "POST";
        let _ = write!(request.headers, "Content-Type: {media_type}\r\n");
        request.body = body;
        request
    }

    pub fn patch(path: impl Into<String>, token: &str, etag: &str, body: String) -> Self {
        let mut request = Self::get(path, Some(token));
        request.method = "PATCH";
        let _ = write!(request.headers, "Content-Type: application/merge-patch+json\r\nIf-Match: {etag}\r\n");
        request.body = body;
        request
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        let Self { method, path, headers, body } = self;
        let length = if *method == "GET" { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        out.extend_from_slice(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}").as_bytes());
    }
}

/// Without headers, for one of them is a secret, and without what is too much to read.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.method, self.path, self.body.chars().take(500).collect::<String>())
    }
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub etag: Option<&'a str>,
    pub body: &'a [u8],
    /// Head and body.
    pub size: usize,
}

/// A kept connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024], filled: 0 })
    }

    /// Sends a call and takes in its answer.
    pub async fn call(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.filled = 0;
        let head = loop {
            self.more().await?;
            if let Some(at) = self.buffer[..self.filled].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let (status, length) = {
            let text = str::from_utf8(&self.buffer[..head]).map_err(io::Error::other)?;
            let status: u16 = text.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| io::Error::other("no status"))?;
            let length = match header(text, "content-length") {
                Some(length) => length.parse::<usize>().map_err(io::Error::other)?,
                None if matches!(status, 204 | 304) => 0,
                None => return Err(io::Error::other("an answer without content-length")),
            };
            (status, length)
        };
        let size = head + length;
        while self.filled < size {
            if self.buffer.len() < size {
                self.buffer.resize(size, 0);
            }
            self.more().await?;
        }
        let text = str::from_utf8(&self.buffer[..head]).map_err(io::Error::other)?;
        Ok(Answer { status, etag: header(text, "etag"), body: &self.buffer[head..size], size })
    }

    async fn more(&mut self) -> io::Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        match self.stream.read(&mut self.buffer[self.filled..]).await? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            read => {
                self.filled += read;
                Ok(())
            }
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}
