//! One call at a time on each connection, however many are sent at once.
//!
//! The server under us keeps, for each connection, what the *last* call that it has read was like (whether it was a `HEAD`,
//! which version of HTTP it spoke), and answers by that also a call that came before. So a call that is read while another is
//! under way would have the body of its answer left out, or told where there may be none, and every answer after it would be
//! taken for another. Here the bytes of the next call are held back until the call under way is answered. Nothing is
//! understood of them beyond where a blank line is, so no call is ever seen otherwise than the server sees it: all that can
//! differ is when.

use std::{
    cell::{Cell, RefCell},
    io,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker, ready},
};

use actix_web::{
    HttpMessage,
    body::MessageBody,
    dev::{Extensions, Payload, ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, Method,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use bytes::{Buf, BytesMut};
use futures_util::{StreamExt, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// What may be read of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    /// Up to the next blank line, where a call or its body may end; then what has been read is looked at first.
    #[default]
    Open,
    /// So many bytes, which are the body of the call under way.
    Body(u64),
    /// Nothing: a call is under way and has been read.
    Shut,
}

/// How far a connection is.
#[derive(Debug, Default)]
struct Turn {
    gate: Cell<Gate>,
    /// Whether a blank line has been read that has not been looked at.
    passed: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Turn {
    fn set(&self, gate: Gate) {
        self.gate.set(gate);
        self.passed.set(false);
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
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
    turn: Rc<Turn>,
}

impl Connection {
    /// A new connection, with who is at its other end.
    #[must_use]
    pub fn new(stream: TcpStream) -> (Self, Option<SocketAddr>) {
        let peer = stream.peer_addr().ok();
        (Self { stream, held: BytesMut::new(), at_line_start: false, turn: Rc::default() }, peer)
    }

    /// Lets the calls of the connection know of it.
    pub fn introduce(&self, data: &mut Extensions) {
        data.insert(Rc::clone(&self.turn));
    }

    /// How many of some bytes may be read now.
    fn piece(&mut self, bytes: &[u8]) -> usize {
        if let Gate::Body(left) = self.turn.gate.get() {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let left = left - length as u64;
            self.turn.gate.set(if left == 0 { Gate::Shut } else { Gate::Body(left) });
            self.at_line_start = false;
            return length;
        }
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.at_line_start => {
                    self.at_line_start = false;
                    self.turn.passed.set(true);
                    return at + 1;
                }
                b'\n' => self.at_line_start = true,
                b'\r' => {}
                _ => self.at_line_start = false,
            }
        }
        bytes.len()
    }

    /// While nothing may be read: whether the other end has gone.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        *self.turn.waiting.borrow_mut() = Some(context.waker().clone());
        if self.held.is_empty()
            && let Poll::Ready(0) = self.stream.poll_peek(context, &mut ReadBuf::new(&mut [0]))?
        {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.turn.gate.get() == Gate::Shut {
            return this.poll_gone(context);
        }
        if this.held.is_empty() {
            let before = into.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, into))?;
            let read = &into.filled()[before..];
            let length = if this.turn.passed.get() { 0 } else { this.piece(read) };
            if length == read.len() {
                return Poll::Ready(Ok(()));
            }
            this.held.extend_from_slice(&read[length..]);
            into.set_filled(before + length);
            if length > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        if this.turn.passed.take() {
            // What has been read comes first.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let held = std::mem::take(&mut this.held);
        let most = into.remaining().min(held.len());
        let length = this.piece(&held[..most]);
        into.put_slice(&held[..length]);
        this.held = held;
        this.held.advance(length);
        Poll::Ready(Ok(()))
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
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
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
struct UnderWay(Rc<Turn>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.set(Gate::Open);
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
) -> Result<ServiceResponse<B>, actix_web::Error> {
    // What the server under us takes for the beginning of another protocol it would read for ever: such a call has no body here.
    let is_websocket = |to: &HeaderValue| to.to_str().is_ok_and(|to| to.trim().eq_ignore_ascii_case("websocket"));
    let tunnel = *request.method() == Method::CONNECT || request.headers().get_all(header::UPGRADE).any(is_websocket);
    let length = length(request.headers());
    if tunnel {
        drop(request.take_payload());
    }
    let under_way = request.conn_data::<Rc<Turn>>().map(|turn| UnderWay(Rc::clone(turn)));
    if let Some(UnderWay(turn)) = &under_way {
        match length {
            Some(0) => turn.set(Gate::Shut),
            Some(length) => turn.set(Gate::Body(length)),
            // Only who reads the body learns where it ends.
            None => {
                let turn = Rc::clone(turn);
                let end = stream::poll_fn(move |_| {
                    turn.set(Gate::Shut);
                    Poll::Ready(None)
                });
                let body = request.take_payload().chain(end);
                request.set_payload(Payload::Stream { payload: Box::pin(body) });
            }
        }
    }
    let mut response = next.call(request).await?;
    let ends = response.request().app_data::<Data<Stopping>>().is_some_and(|stopping| stopping.is_near());
    let head = response.response_mut().head_mut();
    if tunnel {
        // It does not send pieces then, so it must not say that it does.
        head.no_chunking(true);
    }
    if tunnel || ends {
        head.set_connection_type(ConnectionType::Close);
    }
    drop(under_way);
    Ok(response)
}

/// How many bytes the body of a call has; nothing where that is told only by its end.
fn length(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    Some(announced.unwrap_or_default())
}
