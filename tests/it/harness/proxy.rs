//! A proxy in front of a `PostgreSQL`, which can go silent, or lead to a read-only server.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    str::FromStr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use sqlx::postgres::PgConnectOptions;

pub struct Proxy {
    address: SocketAddr,
    way: Arc<Way>,
    running: Option<thread::JoinHandle<()>>,
}

struct Way {
    to: PgConnectOptions,
    gone: AtomicBool,
    only_reads: AtomicBool,
    ended: AtomicBool,
    taken: AtomicUsize,
    /// Both ends of each open connection.
    open: Mutex<Vec<(TcpStream, Server)>>,
}

enum Server {
    Local(UnixStream),
    Remote(TcpStream),
}

impl Proxy {
    /// A proxy in front of the server of a database.
    pub fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let way = Arc::new(Way {
            to: PgConnectOptions::from_str(url).unwrap(),
            gone: AtomicBool::new(false),
            only_reads: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            taken: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let own = Arc::clone(&way);
        let running = thread::spawn(move || {
            for client in listener.incoming() {
                if own.ended.load(Ordering::SeqCst) {
                    break;
                }
                let way = Arc::clone(&own);
                thread::spawn(move || way.carry(client.unwrap()));
            }
        });
        Self { address, way, running: Some(running) }
    }

    /// The URL of a database through these proxies, in their order.
    pub fn url(url: &str, ways: &[&Self]) -> String {
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (who, name) = (place.rsplit_once('@').unwrap().0, place.rsplit_once('/').unwrap().1);
        let others: Vec<_> = query.split('&').filter(|parameter| !parameter.is_empty() && !parameter.starts_with("host=")).collect();
        let places: Vec<_> = ways.iter().map(|way| way.address.to_string()).collect();
        format!("{who}@{}/{name}?sslmode=disable&{}", places.join(","), others.join("&")).trim_end_matches('&').to_owned()
    }

    /// From now on nothing comes through, and clients are not told. The server's end of each connection is closed, as when a
    /// machine goes down.
    pub fn vanish(&self) {
        self.way.gone.store(true, Ordering::SeqCst);
        for (_, server) in self.way.open.lock().unwrap().iter() {
            server.close();
        }
    }

    /// New connections come through again. Those from before stay silent.
    pub fn come_back(&self) {
        self.way.gone.store(false, Ordering::SeqCst);
    }

    /// From now on new connections are read-only, or no longer are, as after a failover.
    pub fn only_read(&self, only_reads: bool) {
        self.way.only_reads.store(only_reads, Ordering::SeqCst);
    }

    /// Closes both ends of all connections.
    pub fn cut(&self) {
        for (client, server) in self.way.open.lock().unwrap().drain(..) {
            let _ = client.shutdown(std::net::Shutdown::Both);
            server.close();
        }
    }

    /// Number of connections so far.
    pub fn taken(&self) -> usize {
        self.way.taken.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.way.ended.store(true, Ordering::SeqCst);
        self.cut();
        let _ = TcpStream::connect(self.address);
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

impl Way {
    fn carry(&self, mut client: TcpStream) {
        self.taken.fetch_add(1, Ordering::SeqCst);
        let server = match self.to.get_socket() {
            Some(folder) => Server::Local(UnixStream::connect(folder.join(format!(".s.PGSQL.{}", self.to.get_port()))).unwrap()),
            None => Server::Remote(TcpStream::connect((self.to.get_host(), self.to.get_port())).unwrap()),
        };
        let (mut there, mut back) = (server.copy(), server.copy());
        let (Ok(kept), Ok(mut answers)) = (client.try_clone(), client.try_clone()) else { return };
        self.open.lock().unwrap().push((kept, server));
        let Some(greeting) = greeting(&mut client, self.only_reads.load(Ordering::SeqCst)) else { return };
        if self.gone.load(Ordering::SeqCst) {
            return;
        }
        let _ = there.write_all(&greeting);
        thread::scope(|scope| {
            scope.spawn(|| self.pass(&mut back, &mut answers));
            self.pass(&mut client, &mut there);
        });
    }

    /// Copies bytes from one end to the other, and closes that at the end, unless the server is gone.
    fn pass(&self, from: &mut impl Read, to: &mut (impl Write + Close)) {
        let mut piece = [0; 8192];
        loop {
            let length = from.read(&mut piece).unwrap_or_default();
            if self.gone.load(Ordering::SeqCst) {
                return;
            }
            if length == 0 || to.write_all(&piece[..length]).is_err() {
                to.close();
                return;
            }
        }
    }
}

/// The first message of a session, with an option added that makes the session read-only.
fn greeting(client: &mut TcpStream, only_reads: bool) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length).ok()?;
    let mut message = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut message).ok()?;
    if only_reads {
        let name = b"\0options\0";
        let at = message.windows(name.len()).position(|part| part == name).map(|at| at + name.len());
        let more = b"-c default_transaction_read_only=on ";
        match at {
            Some(at) => drop(message.splice(at..at, more.iter().copied())),
            None => drop(message.splice(message.len() - 1.., [&b"options\0"[..], more, b"\0\0"].concat())),
        }
    }
    let mut whole = u32::try_from(message.len() + 4).unwrap().to_be_bytes().to_vec();
    whole.extend(message);
    Some(whole)
}

trait Close {
    fn close(&self);
}

impl Close for TcpStream {
    fn close(&self) {
        let _ = self.shutdown(std::net::Shutdown::Both);
    }
}

impl Close for Server {
    fn close(&self) {
        let _ = match self {
            Self::Local(stream) => stream.shutdown(std::net::Shutdown::Both),
            Self::Remote(stream) => stream.shutdown(std::net::Shutdown::Both),
        };
    }
}

impl Server {
    fn copy(&self) -> Self {
        match self {
            Self::Local(stream) => Self::Local(stream.try_clone().unwrap()),
            Self::Remote(stream) => Self::Remote(stream.try_clone().unwrap()),
        }
    }
}

impl Read for Server {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Local(stream) => stream.read(into),
            Self::Remote(stream) => stream.read(into),
        }
    }
}

impl Write for Server {
    fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Local(stream) => stream.write(from),
            Self::Remote(stream) => stream.write(from),
        }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
