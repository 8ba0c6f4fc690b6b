//! What does a network do to requests, between a client and a server that is well?
//!
//! It loses them on the way there, or their answers on the way back; a server behind it is busy, or never answers. A
//! [`Proxy`] stands before a server that speaks HTTP/1.1 and does to each request what it is told. It carries one request per
//! connection. Absent: encryption, and bodies of unknown length on the way there.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The server gets it, and the client its answer.
    Forward,
    /// The server does not get it; the client gets this status and body.
    Answer(u16, String),
    /// The server does not get it, and the connection breaks.
    Reset,
    /// The server does it; the connection breaks before the answer.
    LoseAnswer,
    /// The server does it; half of its answer arrives.
    TearAnswer,
    /// The server does it; the client waits for the answer until it gives up.
    Silence,
}

impl Action {
    /// What S3 says when there are too many requests.
    pub fn slow_down() -> Self {
        let body = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
        Self::Answer(503, body.to_owned())
    }
}

/// A request, as far as somebody may decide by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `PUT` and so on.
    pub method: String,
    /// The path with its query.
    pub path: String,
}

type Decide = dyn Fn(u64, &Request) -> Action + Send + Sync;

/// A proxy before a server on this machine, for as long as it lives.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    is_over: Arc<AtomicBool>,
}

struct Line {
    server: u16,
    decide: Box<Decide>,
    count: AtomicU64,
    /// Held while the server is asked, where requests come in turn.
    turn: Option<Mutex<()>>,
    is_over: Arc<AtomicBool>,
}

impl Proxy {
    /// Stands before the server at a port, and asks `decide` about each request, which are counted from 0.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn before(server: u16, decide: impl Fn(u64, &Request) -> Action + Send + Sync + 'static) -> io::Result<Self> {
        Self::listen(server, Box::new(decide), None)
    }

    /// The same, and asks the server one thing at a time.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn in_turn(server: u16, decide: impl Fn(u64, &Request) -> Action + Send + Sync + 'static) -> io::Result<Self> {
        Self::listen(server, Box::new(decide), Some(Mutex::new(())))
    }

    fn listen(server: u16, decide: Box<Decide>, turn: Option<Mutex<()>>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let is_over = Arc::new(AtomicBool::new(false));
        let line = Arc::new(Line { server, decide, count: AtomicU64::new(0), turn, is_over: Arc::clone(&is_over) });
        thread::spawn(move || {
            for client in listener.incoming().map_while(io::Result::ok) {
                if line.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let line = Arc::clone(&line);
                // A connection that breaks is what this is about.
                thread::spawn(move || drop(line.carry(&client)));
            }
        });
        Ok(Self { port, is_over })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes up the thread that listens.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Line {
    fn carry(&self, mut client: &TcpStream) -> io::Result<()> {
        let Some((request, bytes)) = receive(client)? else { return Ok(()) };
        let action = (self.decide)(self.count.fetch_add(1, Ordering::SeqCst), &request);
        match action {
            Action::Forward => client.write_all(&self.ask(&bytes)?)?,
            Action::Answer(status, body) => {
                let length = body.len();
                write!(
                    client,
                    "HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                )?;
            }
            Action::Reset => {}
            Action::LoseAnswer => drop(self.ask(&bytes)?),
            Action::TearAnswer => {
                let answer = self.ask(&bytes)?;
                client.write_all(&answer[..answer.len() / 2])?;
            }
            Action::Silence => {
                self.ask(&bytes)?;
                // Until the client hangs up.
                let _ = client.read(&mut [0])?;
            }
        }
        client.shutdown(Shutdown::Both)
    }

    /// What the server answers.
    fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let _turn = self.turn.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        let mut server = TcpStream::connect(("127.0.0.1", self.server))?;
        server.write_all(request)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// A whole request, which asks to be the only one of its connection; none when the client had nothing to say.
fn receive(client: &TcpStream) -> io::Result<Option<(Request, Vec<u8>)>> {
    let mut client = BufReader::new(client);
    let mut first = String::new();
    if client.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut bytes, mut length) = (first.into_bytes(), 0);
    loop {
        let mut header = String::new();
        client.read_line(&mut header)?;
        let (name, value) = header.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "" => break,
            "connection" => continue,
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            _ => {}
        }
        bytes.extend_from_slice(header.as_bytes());
    }
    bytes.extend_from_slice(b"connection: close\r\n\r\n");
    let head = bytes.len();
    bytes.resize(head + length, 0);
    client.read_exact(&mut bytes[head..])?;
    Ok(Some((Request { method, path }, bytes)))
}
