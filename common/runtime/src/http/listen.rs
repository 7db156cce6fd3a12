//! Where a server listens, and whether it may.

use std::net::SocketAddr;

use tokio::net::TcpListener;

/// An address to listen on, with the key that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// The configuration key, for messages.
    pub key: &'static str,
    /// True when the user allows addresses that other machines reach.
    pub insecure_bind: bool,
}

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is not loopback and nobody allowed that.
    #[error(
        "{address} can be reached by other machines without encryption or login: use 127.0.0.1, or allow it with --insecure-bind"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// Another process listens there.
    #[error("port in use: {key} is {address}, and another process listens there; stop it or set {key}")]
    InUse {
        /// The address.
        address: SocketAddr,
        /// The key that gave it.
        key: &'static str,
    },
    /// The system refused for another reason.
    #[error("cannot listen on {address} ({key})")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The key that gave it.
        key: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Listen {
    /// Whether this address may be used, and what should be said about it if so.
    ///
    /// # Errors
    /// [`HttpError::NotLoopback`].
    pub fn check(&self) -> Result<Option<String>, HttpError> {
        match (self.address.ip().is_loopback(), self.insecure_bind) {
            (true, _) => Ok(None),
            (false, false) => Err(HttpError::NotLoopback { address: self.address }),
            (false, true) => Ok(Some(format!(
                "{}: {} can be reached by other machines without encryption or login",
                self.key, self.address
            ))),
        }
    }

    /// Opens the listener.
    pub(super) async fn bind(&self) -> Result<TcpListener, HttpError> {
        self.check()?;
        TcpListener::bind(self.address).await.map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => HttpError::InUse { address: self.address, key: self.key },
            _ => HttpError::Bind { address: self.address, key: self.key, source },
        })
    }
}
