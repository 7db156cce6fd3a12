//! As much of HTTP as health checks and metrics need, so that no client library stands between a test and an answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

const LIMIT: Duration = Duration::from_secs(5);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// `GET path` from a port on loopback.
///
/// # Errors
/// See [`send`].
pub fn get(port: u16, path: &str) -> Result<Answer> {
    send(port, "GET", path, &[], "")
}

/// Sends a request to a port on loopback. HTTP/1.0, so that the body is whatever comes until the connection closes.
///
/// # Errors
/// Nobody listens, or what came is not HTTP.
pub fn send(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).with_context(|| format!("nobody at {address}"))?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let mut request = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.extend(["\r\n", body]);
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).with_context(|| format!("no whole answer from {address}{path}"))?;
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no HTTP from {address}: {text:?}"))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status code")?;
    Ok(Answer { status, body: body.to_owned() })
}

/// The sum of all series of one metric in Prometheus' text form; `None` if there is none of that name.
#[must_use]
pub fn metric(page: &str, name: &str) -> Option<f64> {
    page.lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = match rest.as_bytes().first()? {
                b'{' => rest.rsplit_once("} ")?.1,
                b' ' => rest,
                _ => return None,
            };
            value.trim().parse::<f64>().ok()
        })
        .reduce(|sum, value| sum + value)
}
