//! Reads one call at a time from each connection, also when the client pipelines several.
//!
//! For each connection, the HTTP library keeps properties of the *last* request that it has read: whether it was a `HEAD`, and
//! its version of HTTP. It uses them also for the response to an *earlier* request. If a request were read while another is under
//! way, a response could lose its body, or have one where none is allowed, and the client would take every later response for
//! another. So this module holds back the bytes of the next call until the call under way is answered. It only finds where a head
//! or a body ends, and interprets nothing else. It therefore never reads a call differently from the library: it only delays
//! bytes.
//!
//! The library limits the time only for the *first* head of a connection. Here every later head has the same limit.

mod chunked;

use std::{
    cell::{Cell, RefCell},
    io,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_web::{
    HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Extensions, ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, Method,
        header::{self, AcceptEncoding, Encoding, HeaderMap, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use self::chunked::Chunked;

/// The most bytes that are held while a call is under way. More stay in the buffers of the network.
const MAX_HELD: usize = 16 * 1024;

/// The bytes of a connection that may be read now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    /// Up to the next blank line, where a head or a body may end. The library handles those bytes before more are read.
    #[default]
    Open,
    /// This many bytes: the rest of the body of the call under way.
    Body(u64),
    /// Up to the end of the body of the call under way, which is sent in chunks.
    Chunked(Chunked),
    /// None: a call is under way and has been read to its end.
    Shut,
}

/// The state of reading, shared by a connection and its calls.
#[derive(Debug, Default)]
struct ReadState {
    gate: Cell<Gate>,
    /// Whether a blank line has been read that the library has not handled yet.
    blank_line_read: Cell<bool>,
    /// Whether a call is under way.
    under_way: Cell<bool>,
    /// Whether a call has ever begun on the connection.
    had_call: Cell<bool>,
    /// The task to wake when the gate changes.
    waiting: RefCell<Option<Waker>>,
}

impl ReadState {
    fn set(&self, gate: Gate) {
        self.gate.set(gate);
        self.blank_line_read.set(false);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }

    /// A call begins. `body` is the gate for the part of its body that has not been read.
    fn begin(&self, body: Gate) {
        self.under_way.set(true);
        self.had_call.set(true);
        self.set(body);
    }

    /// The body of a call has been read to its end.
    fn body_read(&self) {
        self.gate.set(if self.under_way.get() { Gate::Shut } else { Gate::Open });
    }

    /// The call under way is answered. The unread rest of its body is still no new call.
    fn end(&self) {
        self.under_way.set(false);
        if self.gate.get() == Gate::Shut {
            self.set(Gate::Open);
        } else {
            self.wake();
        }
    }
}

/// A TCP connection that is read one call at a time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Bytes that have been received and may not be read yet.
    held: BytesMut,
    /// Whether a line break has been read and no text after it.
    at_line_start: bool,
    /// Whether any byte of the next head has been read.
    head_begun: bool,
    /// Whether a byte of the next head has been read that is not part of a line break.
    head_has_text: bool,
    /// How long a head may take.
    head_time: Duration,
    /// The end of that time for the head under way.
    limit: Option<Pin<Box<Sleep>>>,
    state: Rc<ReadState>,
}

impl Connection {
    /// Wraps a stream. Returns the connection and the address of its peer, when the system knows it. Each head of a request after
    /// the first may take `head_time`.
    #[must_use]
    pub fn new(stream: TcpStream, head_time: Duration) -> (Self, Option<SocketAddr>) {
        let peer = stream.peer_addr().ok();
        let connection = Self {
            stream,
            held: BytesMut::new(),
            at_line_start: false,
            head_begun: false,
            head_has_text: false,
            head_time,
            limit: None,
            state: Rc::default(),
        };
        (connection, peer)
    }

    /// Puts the state of reading in the data of the connection, where [`one_at_a_time`] finds it.
    pub fn share_state(&self, data: &mut Extensions) {
        data.insert(Rc::clone(&self.state));
    }

    /// Returns how many of `bytes` may be read now, and updates the state as if they had been read.
    fn readable_length(&mut self, bytes: &[u8]) -> usize {
        match self.state.gate.get() {
            Gate::Shut => return 0,
            Gate::Body(left) => {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left - length as u64;
                self.state.gate.set(Gate::Body(left));
                if left == 0 {
                    self.state.body_read();
                }
                self.at_line_start = false;
                return length;
            }
            Gate::Chunked(state) => {
                let (length, state) = state.read(bytes);
                match state {
                    Some(state) => self.state.gate.set(Gate::Chunked(state)),
                    None => self.state.body_read(),
                }
                self.at_line_start = false;
                return length;
            }
            Gate::Open => {}
        }
        for (index, byte) in bytes.iter().enumerate() {
            self.head_begun = true;
            match byte {
                // Line breaks before a head do not end it.
                b'\n' if self.at_line_start && self.head_has_text => {
                    self.at_line_start = false;
                    self.state.blank_line_read.set(true);
                    (self.head_begun, self.head_has_text) = (false, false);
                    self.limit = None;
                    return index + 1;
                }
                b'\n' => self.at_line_start = true,
                b'\r' => {}
                _ => {
                    self.at_line_start = false;
                    self.head_has_text = true;
                }
            }
        }
        bytes.len()
    }

    /// Whether a head other than the first, or the rest of a body after its response, takes too long. The library limits the time
    /// of the first head.
    fn is_too_slow(&mut self, context: &mut Context<'_>) -> bool {
        let awaited = self.head_begun || self.state.gate.get() != Gate::Open;
        if !awaited || !self.state.had_call.get() || self.state.under_way.get() {
            self.limit = None;
            return false;
        }
        let head_time = self.head_time;
        let limit = self.limit.get_or_insert_with(|| Box::pin(sleep(head_time)));
        limit.as_mut().poll(context).is_ready()
    }

    /// Finds out, while nothing may be read, whether the peer has closed the connection. The end comes after all bytes that the
    /// peer has sent, so those are received and held, up to [`MAX_HELD`].
    fn poll_closed_by_peer(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        *self.state.waiting.borrow_mut() = Some(context.waker().clone());
        let mut bytes = [0; 1024];
        while self.held.len() < MAX_HELD {
            let mut into = ReadBuf::new(&mut bytes);
            if Pin::new(&mut self.stream).poll_read(context, &mut into)?.is_pending() {
                break;
            }
            if into.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.held.extend_from_slice(into.filled());
        }
        Poll::Pending
    }

    /// Reads and drops received bytes, so that closing the connection does not reset it and cut off the response (RFC 9112, 9.6).
    fn discard(&mut self, context: &mut Context<'_>) {
        let mut bytes = [0; 1024];
        for _ in 0..MAX_HELD {
            let mut into = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(context, &mut into) {
                Poll::Ready(Ok(())) if !into.filled().is_empty() => {}
                _ => return,
            }
        }
    }

    /// Reads the bytes that may be read now.
    fn poll_readable(&mut self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.state.gate.get() == Gate::Shut {
            return self.poll_closed_by_peer(context);
        }
        if self.held.is_empty() {
            let before = into.filled().len();
            if Pin::new(&mut self.stream).poll_read(context, into)?.is_pending() {
                // The task is woken when the call is answered, because the time limit for the rest of its body begins then.
                *self.state.waiting.borrow_mut() = Some(context.waker().clone());
                return Poll::Pending;
            }
            let read = &into.filled()[before..];
            let length = if self.state.blank_line_read.get() { 0 } else { self.readable_length(read) };
            if length == read.len() {
                return Poll::Ready(Ok(()));
            }
            self.held.extend_from_slice(&read[length..]);
            into.set_filled(before + length);
            if length > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        if self.state.blank_line_read.take() {
            // The library must handle the bytes that it has before it gets more.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let held = std::mem::take(&mut self.held);
        let most = into.remaining().min(held.len());
        let length = self.readable_length(&held[..most]);
        into.put_slice(&held[..length]);
        self.held = held;
        self.held.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Ready without a byte means the end of the stream.
        if this.is_too_slow(context) {
            return Poll::Ready(Ok(()));
        }
        let read = this.poll_readable(context, into);
        // The bytes that were just read may be the beginning of a head.
        if this.is_too_slow(context) && read.is_pending() {
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(context);
        this.discard(context);
        shut
    }
}

/// A flag that is set when the service is about to stop. The service then reports that it is not ready, and closes each
/// connection after its present call.
#[derive(Debug, Default)]
pub struct Stopping(AtomicBool);

impl Stopping {
    /// Sets the flag.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the service is about to stop.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A call under way. Dropping it ends the call, answered or given up.
#[derive(Debug)]
struct UnderWay(Rc<ReadState>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of a response. The call ends when it is dropped.
#[derive(Debug)]
pub struct ResponseBody {
    body: BoxBody,
    _under_way: Option<UnderWay>,
}

impl MessageBody for ResponseBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// Marks a call whose `Accept-Encoding` admits no encoding that the service has.
#[derive(Clone, Copy, Debug)]
pub struct NoEncoding;

/// Removes an `Accept-Encoding` that cannot be satisfied and marks the call instead, so that it is refused with a problem like
/// any other.
fn mark_encoding(request: &mut ServiceRequest) {
    let offered = [Encoding::brotli(), Encoding::gzip(), Encoding::deflate(), Encoding::zstd(), Encoding::identity()];
    let accepted = request.get_header::<AcceptEncoding>();
    if accepted.is_some_and(|accepted| accepted.negotiate(offered.iter()).is_none()) {
        request.head_mut().headers.remove(header::ACCEPT_ENCODING);
        request.extensions_mut().insert(NoEncoding);
    }
}

/// Middleware that holds back later calls on a connection until the present call is answered, and closes the connection after a
/// call when the service is about to stop. It must be the outermost middleware.
///
/// # Errors
/// The error of the call, unchanged.
pub async fn one_at_a_time<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<ResponseBody>, actix_web::Error> {
    // The library reads without end from a call that asks for another protocol. Here such a call gets no body.
    let is_websocket = |to: &HeaderValue| to.to_str().is_ok_and(|to| to.trim().eq_ignore_ascii_case("websocket"));
    let tunnel = *request.method() == Method::CONNECT || request.headers().get_all(header::UPGRADE).any(is_websocket);
    let upgrades = tunnel || request.head().upgrade();
    let length = length(request.headers());
    if tunnel {
        drop(request.take_payload());
    }
    let under_way = request.conn_data::<Rc<ReadState>>().map(|state| UnderWay(Rc::clone(state)));
    if let Some(UnderWay(state)) = &under_way {
        state.begin(match length {
            Some(0) => Gate::Shut,
            Some(length) => Gate::Body(length),
            None => Gate::Chunked(Chunked::Start),
        });
    }
    mark_encoding(&mut request);
    let mut response = next.call(request).await?;
    let ends = response.request().app_data::<Data<Stopping>>().is_some_and(|stopping| stopping.has_begun());
    let head = response.response_mut().head_mut();
    if tunnel {
        // The library sends no chunks in response to such a call, so the response must not announce chunks.
        head.no_chunking(true);
    }
    // The service has no other protocol, so a request for one is answered with the end of the connection.
    if upgrades || ends {
        head.set_connection_type(ConnectionType::Close);
    }
    // The call ends with the body and not before: otherwise the next call would be read while the body is being sent, and the one
    // after that would be read too early.
    Ok(response.map_body(|_, body| ResponseBody { body: body.boxed(), _under_way: under_way }))
}

/// Returns the length of the body of a call in bytes; `None` when the body is sent in chunks.
fn length(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    Some(announced.unwrap_or_default())
}
