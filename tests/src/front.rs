//! A server before a server, which a test lets do what real ones do on bad days: change what is asked or answered, refuse,
//! take its time. What it does not touch goes to the server behind it as it came.
//!
//! Each request has a connection and a thread of its own; both end with it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// How long one request may take, there and back.
const LIMIT: Duration = Duration::from_secs(60);
/// What each connection says for itself.
const OF_A_CONNECTION: [&str; 5] = ["connection", "keep-alive", "transfer-encoding", "content-length", "expect"];

/// Names and values, as they came.
pub type Headers = Vec<(String, String)>;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// With its query.
    pub path: String,
    /// All but those of the connection.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// All but those of the connection; `content-length` where there is no body to tell it.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Response {
    /// An answer in JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    /// An answer in text of some kind.
    #[must_use]
    pub fn text(status: u16, kind: &str, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status, headers, body: body.as_bytes().to_vec() }
    }

    /// Its body as JSON; null where it is none.
    #[must_use]
    pub fn body_json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The server behind.
#[derive(Debug, Clone, Copy)]
pub struct Behind(u16);

impl Behind {
    /// Sends a request there and gives back its answer.
    ///
    /// # Errors
    /// Nobody listens, or what came is not HTTP.
    pub fn ask(self, request: &Request) -> Result<Response> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.0));
        let mut stream = TcpStream::connect_timeout(&address, LIMIT).with_context(|| format!("nobody at {address}"))?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        // HTTP/1.0: the answer is whatever comes until the connection closes.
        let first = format!("{} {} HTTP/1.0", request.method, request.path);
        write_message(&mut stream, &first, &request.headers, request.body.len(), &request.body)?;
        let mut reader = BufReader::new(stream);
        let status = read_line(&mut reader)?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status code")?;
        let (mut headers, length) = read_headers(&mut reader)?;
        let mut body = Vec::new();
        reader.read_to_end(&mut body)?;
        if request.method == "HEAD" {
            headers.extend(length.map(|length| ("content-length".to_owned(), length.to_string())));
        }
        Ok(Response { status, headers, body })
    }
}

/// A front. Dropping it closes it.
pub struct Front {
    port: u16,
    gone: Arc<AtomicBool>,
}

impl Front {
    /// A front on a port of its own before the server at `port`; `answer` gives every request its answer.
    ///
    /// # Errors
    /// No port is free.
    pub fn before(
        port: u16,
        answer: impl Fn(Request, Behind) -> Result<Response> + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for a front")?;
        let own = listener.local_addr()?.port();
        let gone = Arc::new(AtomicBool::new(false));
        let (closed, answer) = (Arc::clone(&gone), Arc::new(answer));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if closed.load(Ordering::Relaxed) {
                    return;
                }
                let answer = Arc::clone(&answer);
                thread::spawn(move || {
                    // The client sees a connection that ends early.
                    if let Err(error) = serve(client, |request| answer(request, Behind(port))) {
                        eprintln!("a request through the front failed: {error:#}");
                    }
                });
            }
        });
        Ok(Self { port: own, gone })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn serve(client: TcpStream, answer: impl Fn(Request) -> Result<Response>) -> Result<()> {
    client.set_read_timeout(Some(LIMIT))?;
    client.set_write_timeout(Some(LIMIT))?;
    client.set_nodelay(true)?;
    let mut writer = client.try_clone()?;
    let mut reader = BufReader::new(client);
    let first = read_line(&mut reader)?;
    if first.is_empty() {
        // It was opened and not used.
        return Ok(());
    }
    let (method, rest) = first.split_once(' ').context("a request has a method")?;
    let (path, _) = rest.rsplit_once(' ').context("a request has a version")?;
    let (headers, length) = read_headers(&mut reader)?;
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body)?;
    let is_head = method == "HEAD";
    let response = answer(Request { method: method.to_owned(), path: path.to_owned(), headers, body })?;
    let Response { status, mut headers, body } = response;
    let known = |name: &str| headers.iter().position(|(own, _)| own.eq_ignore_ascii_case(name));
    let length = match known("content-length").map(|at| headers.remove(at)) {
        Some((_, said)) if is_head => said.parse()?,
        _ => body.len(),
    };
    let body = if is_head { Vec::new() } else { body };
    write_message(&mut writer, &format!("HTTP/1.1 {status} -"), &headers, length, &body)
}

fn write_message(to: &mut TcpStream, first: &str, headers: &Headers, length: usize, body: &[u8]) -> Result<()> {
    let mut message = format!("{first}\r\nConnection: close\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        message.extend([name, ": ", value, "\r\n"]);
    }
    message.push_str("\r\n");
    let mut bytes = message.into_bytes();
    bytes.extend_from_slice(body);
    to.write_all(&bytes)?;
    Ok(to.flush()?)
}

fn read_line(reader: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// The headers that are passed on, and what was said of the body's length.
fn read_headers(reader: &mut BufReader<TcpStream>) -> Result<(Headers, Option<usize>)> {
    let (mut headers, mut length) = (Headers::new(), None);
    loop {
        let line = read_line(reader)?;
        let Some((name, value)) = line.split_once(':') else {
            ensure!(line.is_empty(), "no header: {line:?}");
            return Ok((headers, length));
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse()?);
        }
        if !OF_A_CONNECTION.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
}
