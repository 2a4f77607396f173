//! One call at a time on each connection, however many are sent at once.
//!
//! The server under us keeps, for each connection, what the *last* call that it has read was like (whether it was a `HEAD`,
//! which version of HTTP it spoke), and answers by that also a call that came before. So a call that is read while another is
//! under way would have the body of its answer left out, or told where there may be none, and every answer after it would be
//! taken for another. Here the bytes of the next call are held back until the call under way is answered. Nothing is
//! understood of them beyond where a head or a body ends, so no call is ever seen otherwise than the server sees it: all that can
//! differ is when.
//!
//! The server limits also only how long the *first* head of a connection may take; here every later one has as long.

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

/// How much of what comes while a call is under way is held, in bytes. What is more stays with the network.
const MOST_HELD: usize = 16 * 1024;

/// What may be read of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    /// Up to the next blank line, where a call or its body may end; then what has been read is looked at first.
    #[default]
    Open,
    /// So many bytes, which are the body of the call under way.
    Body(u64),
    /// Up to the end of the body of the call under way, which comes in chunks.
    Chunked(Chunked),
    /// Nothing: a call is under way and has been read.
    Shut,
}

/// How far a connection is.
#[derive(Debug, Default)]
struct Turn {
    gate: Cell<Gate>,
    /// Whether a blank line has been read that has not been looked at.
    passed: Cell<bool>,
    /// Whether a call is under way.
    under_way: Cell<bool>,
    /// Whether a call has ever begun.
    later: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Turn {
    fn set(&self, gate: Gate) {
        self.gate.set(gate);
        self.passed.set(false);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }

    /// A call begins, of whose body so much is to come.
    fn begin(&self, body: Gate) {
        self.under_way.set(true);
        self.later.set(true);
        self.set(body);
    }

    /// The body of a call has been read.
    fn read_whole(&self) {
        self.gate.set(if self.under_way.get() { Gate::Shut } else { Gate::Open });
    }

    /// The call under way is answered. What is left of its body is still no new call.
    fn end(&self) {
        self.under_way.set(false);
        if self.gate.get() == Gate::Shut {
            self.set(Gate::Open);
        } else {
            self.wake();
        }
    }
}

/// A connection that is read one call at a time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    held: BytesMut,
    /// Whether only a line's end stands before what comes next.
    at_line_start: bool,
    /// Whether anything has come since the last call, and whether that was more than the ends of lines.
    begun: bool,
    written: bool,
    /// How long a head may take, and until when the one that has begun may.
    head_time: Duration,
    limit: Option<Pin<Box<Sleep>>>,
    turn: Rc<Turn>,
}

impl Connection {
    /// A new connection, with who is at its other end. Each head may take so long.
    #[must_use]
    pub fn new(stream: TcpStream, head_time: Duration) -> (Self, Option<SocketAddr>) {
        let peer = stream.peer_addr().ok();
        let connection = Self {
            stream,
            held: BytesMut::new(),
            at_line_start: false,
            begun: false,
            written: false,
            head_time,
            limit: None,
            turn: Rc::default(),
        };
        (connection, peer)
    }

    /// Lets the calls of the connection know of it.
    pub fn introduce(&self, data: &mut Extensions) {
        data.insert(Rc::clone(&self.turn));
    }

    /// How many of some bytes may be read now.
    fn piece(&mut self, bytes: &[u8]) -> usize {
        match self.turn.gate.get() {
            Gate::Shut => return 0,
            Gate::Body(left) => {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left - length as u64;
                self.turn.gate.set(Gate::Body(left));
                if left == 0 {
                    self.turn.read_whole();
                }
                self.at_line_start = false;
                return length;
            }
            Gate::Chunked(state) => {
                let (length, state) = state.read(bytes);
                match state {
                    Some(state) => self.turn.gate.set(Gate::Chunked(state)),
                    None => self.turn.read_whole(),
                }
                self.at_line_start = false;
                return length;
            }
            Gate::Open => {}
        }
        for (at, byte) in bytes.iter().enumerate() {
            self.begun = true;
            match byte {
                // The ends of lines before a head end nothing.
                b'\n' if self.at_line_start && self.written => {
                    self.at_line_start = false;
                    self.turn.passed.set(true);
                    (self.begun, self.written) = (false, false);
                    self.limit = None;
                    return at + 1;
                }
                b'\n' => self.at_line_start = true,
                b'\r' => {}
                _ => {
                    self.at_line_start = false;
                    self.written = true;
                }
            }
        }
        bytes.len()
    }

    /// Whether a later head than the first, or what is left of a body after its answer, takes too long. The first head is
    /// looked after by the server.
    fn is_too_slow(&mut self, context: &mut Context<'_>) -> bool {
        let awaited = self.begun || self.turn.gate.get() != Gate::Open;
        if !awaited || !self.turn.later.get() || self.turn.under_way.get() {
            self.limit = None;
            return false;
        }
        let head_time = self.head_time;
        let limit = self.limit.get_or_insert_with(|| Box::pin(sleep(head_time)));
        limit.as_mut().poll(context).is_ready()
    }

    /// While nothing may be read: whether the other end has gone. That is seen only behind all that it has sent, which is held
    /// meanwhile, up to a bound.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        *self.turn.waiting.borrow_mut() = Some(context.waker().clone());
        let mut bytes = [0; 1024];
        while self.held.len() < MOST_HELD {
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

    /// Takes what has come, so that the end of the connection does not cut off what was sent before it (RFC 9112, 9.6).
    fn discard(&mut self, context: &mut Context<'_>) {
        let mut bytes = [0; 1024];
        for _ in 0..MOST_HELD {
            let mut into = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(context, &mut into) {
                Poll::Ready(Ok(())) if !into.filled().is_empty() => {}
                _ => return,
            }
        }
    }

    /// Reads what may be read now.
    fn poll_piece(&mut self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.turn.gate.get() == Gate::Shut {
            return self.poll_gone(context);
        }
        if self.held.is_empty() {
            let before = into.filled().len();
            if Pin::new(&mut self.stream).poll_read(context, into)?.is_pending() {
                // When the call is answered, the time for what is left of its body begins.
                *self.turn.waiting.borrow_mut() = Some(context.waker().clone());
                return Poll::Pending;
            }
            let read = &into.filled()[before..];
            let length = if self.turn.passed.get() { 0 } else { self.piece(read) };
            if length == read.len() {
                return Poll::Ready(Ok(()));
            }
            self.held.extend_from_slice(&read[length..]);
            into.set_filled(before + length);
            if length > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        if self.turn.passed.take() {
            // What has been read comes first.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let held = std::mem::take(&mut self.held);
        let most = into.remaining().min(held.len());
        let length = self.piece(&held[..most]);
        into.put_slice(&held[..length]);
        self.held = held;
        self.held.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Nothing read is the end of what comes.
        if this.is_too_slow(context) {
            return Poll::Ready(Ok(()));
        }
        let read = this.poll_piece(context, into);
        // What has just been read may have begun a head.
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

/// Set when the service is about to stop: then no new calls are to be sent to it, and no connection is kept for more.
#[derive(Debug, Default)]
pub struct Stopping(AtomicBool);

impl Stopping {
    /// Tells that the service is about to stop.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is about to stop.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A call under way, until it is answered or given up.
#[derive(Debug)]
struct UnderWay(Rc<Turn>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of an answer, with which the call ends.
#[derive(Debug)]
pub struct Answering {
    body: BoxBody,
    _under_way: Option<UnderWay>,
}

impl MessageBody for Answering {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// Marks a call whose answer may be sent in no form that we have.
#[derive(Clone, Copy, Debug)]
pub struct NoEncoding;

/// Takes what no form satisfies off a call, so that it can be told of as all else is.
fn mark_encoding(request: &mut ServiceRequest) {
    let offered = [Encoding::brotli(), Encoding::gzip(), Encoding::deflate(), Encoding::zstd(), Encoding::identity()];
    let accepted = request.get_header::<AcceptEncoding>();
    if accepted.is_some_and(|accepted| accepted.negotiate(offered.iter()).is_none()) {
        request.head_mut().headers.remove(header::ACCEPT_ENCODING);
        request.extensions_mut().insert(NoEncoding);
    }
}

/// Holds back what comes after a call on its connection until the call is answered, and keeps no connection when the service
/// is about to stop. It stands outside of all else.
///
/// # Errors
/// What the call ends with.
pub async fn one_at_a_time<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Answering>, actix_web::Error> {
    // What the server under us takes for the beginning of another protocol it would read for ever: such a call has no body here.
    let is_websocket = |to: &HeaderValue| to.to_str().is_ok_and(|to| to.trim().eq_ignore_ascii_case("websocket"));
    let tunnel = *request.method() == Method::CONNECT || request.headers().get_all(header::UPGRADE).any(is_websocket);
    let upgrades = tunnel || request.head().upgrade();
    let length = length(request.headers());
    if tunnel {
        drop(request.take_payload());
    }
    let under_way = request.conn_data::<Rc<Turn>>().map(|turn| UnderWay(Rc::clone(turn)));
    if let Some(UnderWay(turn)) = &under_way {
        turn.begin(match length {
            Some(0) => Gate::Shut,
            Some(length) => Gate::Body(length),
            None => Gate::Chunked(Chunked::Start),
        });
    }
    mark_encoding(&mut request);
    let mut response = next.call(request).await?;
    let ends = response.request().app_data::<Data<Stopping>>().is_some_and(|stopping| stopping.is_near());
    let head = response.response_mut().head_mut();
    if tunnel {
        // It does not send pieces then, so it must not say that it does.
        head.no_chunking(true);
    }
    // We speak no other protocol, so whoever asks for one is told that this one ends.
    if upgrades || ends {
        head.set_connection_type(ConnectionType::Close);
    }
    // A call that is read while the body is sent would be next, and one behind it would be read before its turn.
    Ok(response.map_body(|_, body| Answering { body: body.boxed(), _under_way: under_way }))
}

/// How many bytes the body of a call has; nothing where that is told only by its end.
fn length(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    Some(announced.unwrap_or_default())
}
