//! A way to a server on loopback that a test can close and open: what a network does when it stalls.
//!
//! Nothing is refused and nothing is lost: bytes wait at a closed gate, as long as it is closed, and then go on,
//! whether or not anybody still waits for them. Each connection has two threads, which end with it or with the gate.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// How often a copying thread that has nothing to copy looks whether the gate is gone.
const LOOK: Duration = Duration::from_millis(100);
/// Bytes that one thread carries at a time.
const CARRIED: usize = 64 * 1024;

/// What the gate does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// All pass.
    Open,
    /// What is sent to the server waits: nothing gets there.
    NothingThere,
    /// What is sent to the server gets there; its answers wait.
    NothingBack,
}

/// A gate. Dropping it ends every connection through it.
pub struct Gate {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    way: Way,
    gone: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    There,
    Back,
}

impl Gate {
    /// An open gate, on a port of its own, to the server at `port`.
    ///
    /// # Errors
    /// No port is free.
    pub fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for a gate")?;
        let own = listener.local_addr()?.port();
        let shared =
            Arc::new(Shared { state: Mutex::new(State { way: Way::Open, gone: false }), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, port, &accepting));
        Ok(Self { port: own, shared })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Opens or closes it. What is already past it stays past it.
    pub fn set(&self, way: Way) {
        self.shared.lock().way = way;
        self.shared.changed.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.lock().gone = true;
        self.shared.changed.notify_all();
        // Wakes the thread that accepts; if nobody listens any more, there is none.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked cannot have left two plain values half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until bytes may pass; `false` when the gate is gone.
    fn pass(&self, direction: Direction) -> bool {
        let held = |state: &mut State| {
            let closed = match state.way {
                Way::Open => false,
                Way::NothingThere => direction == Direction::There,
                Way::NothingBack => direction == Direction::Back,
            };
            closed && !state.gone
        };
        let state = self.changed.wait_while(self.lock(), held).unwrap_or_else(PoisonError::into_inner);
        !state.gone
    }
}

fn accept(listener: &TcpListener, port: u16, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.lock().gone {
            return;
        }
        // A connection that fails is the client's to see: it is closed.
        if let Err(error) = client.and_then(|client| connect(client, port, shared)) {
            eprintln!("a connection through the gate failed: {error}");
        }
    }
}

fn connect(client: TcpStream, port: u16, shared: &Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
    }
    let (client_too, server_too) = (client.try_clone()?, server.try_clone()?);
    let (there, back) = (Arc::clone(shared), Arc::clone(shared));
    thread::spawn(move || carry(client, server, Direction::There, &there));
    thread::spawn(move || carry(server_too, client_too, Direction::Back, &back));
    Ok(())
}

/// Copies until one side ends, then passes the end on.
fn carry(mut from: TcpStream, mut to: TcpStream, direction: Direction, shared: &Shared) {
    let mut bytes = vec![0; CARRIED];
    loop {
        let read = match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if shared.lock().gone {
                    break;
                }
                continue;
            }
            Err(_) => break,
        };
        if !shared.pass(direction) || to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    // Either may be closed already.
    let _ = to.shutdown(Shutdown::Write);
    if shared.lock().gone {
        let _ = from.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests;
