//! The two servers and the readiness that one of them shows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::listen::{HttpError, Listen};

/// How long open requests may take once the process stops.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// One named condition of readiness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckState {
    /// True once it holds.
    pub ready: bool,
    /// What it waits for, or what is wrong; empty when all is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What must hold before the process can do its work; shared by those who know and shown at `/readyz`.
///
/// Names are fixed at the start, so the process is not ready before every part has said so.
#[derive(Debug, Clone)]
pub struct Readiness {
    checks: Arc<Mutex<BTreeMap<&'static str, CheckState>>>,
}

impl Readiness {
    /// Every check by name, none of them fulfilled yet.
    #[must_use]
    pub fn new(names: &[&'static str]) -> Self {
        let waiting = || CheckState { ready: false, detail: "not reported yet".to_owned() };
        Self { checks: Arc::new(Mutex::new(names.iter().map(|name| (*name, waiting())).collect())) }
    }

    /// The check holds. A name that was not given to [`Readiness::new`] is added.
    pub fn set_ready(&self, name: &'static str) {
        self.set(name, CheckState { ready: true, detail: String::new() });
    }

    /// The check does not hold (any more), and why.
    pub fn set_waiting(&self, name: &'static str, detail: impl Into<String>) {
        self.set(name, CheckState { ready: false, detail: detail.into() });
    }

    /// True when every check holds.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(|check| check.ready)
    }

    /// Every check as it stands.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<&'static str, CheckState> {
        self.lock().clone()
    }

    fn set(&self, name: &'static str, state: CheckState) {
        let changed = self.lock().insert(name, state.clone()).is_none_or(|before| before.ready != state.ready);
        if changed {
            tracing::info!(check = name, ready = state.ready, detail = state.detail, "readiness changed");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, CheckState>> {
        // Each change is one insert, so the map is whole even if a holder panicked.
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Serialize)]
struct ReadyAnswer {
    ready: bool,
    checks: BTreeMap<&'static str, CheckState>,
}

/// A server that listens but does not answer yet: [`HttpServer::run`] does.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl HttpServer {
    async fn bind(listen: &Listen, router: Router) -> Result<Self, HttpError> {
        let listener = listen.bind().await?;
        let address = listener.local_addr().map_err(|source| HttpError::Bind {
            address: listen.address,
            key: listen.key,
            source,
        })?;
        tracing::info!(key = listen.key, %address, "listening");
        Ok(Self { listener, address, router })
    }

    /// The address in use, with the port that was taken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`, then lets open requests end, for a short time.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn run(self, stop: CancellationToken) -> std::io::Result<()> {
        let served = axum::serve(self.listener, self.router).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::select! {
            ended = served.into_future() => ended,
            () = close_grace_over(&stop) => Ok(()),
        }
    }
}

/// A client that never ends its request must not hold the process.
async fn close_grace_over(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(CLOSE_GRACE).await;
}

/// `/health` and `/healthz`: the process lives. `/readyz`: it can do its work, with every check by name.
///
/// # Errors
/// When the address may not be used, or cannot be.
pub async fn serve_health(listen: &Listen, readiness: Readiness) -> Result<HttpServer, HttpError> {
    let router = Router::new()
        .route("/health", get(alive))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .with_state(readiness);
    HttpServer::bind(listen, router).await
}

/// `/metrics` in the Prometheus text format.
///
/// # Errors
/// When the address may not be used, or cannot be.
pub async fn serve_metrics(listen: &Listen, registry: Registry) -> Result<HttpServer, HttpError> {
    let router = Router::new().route("/metrics", get(metrics)).with_state(registry);
    HttpServer::bind(listen, router).await
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    let checks = readiness.snapshot();
    let ready = checks.values().all(|check| check.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match serde_json::to_string(&ReadyAnswer { ready, checks }) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn metrics(State(registry): State<Registry>) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(body) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
