//! One HTTP request: login, time limits, and what came back.

use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, Response};
use tokio::time::Instant;
use url::Url;

use super::super::hold_off::asked_for;
use super::super::{CatalogError, HoldOff, RestSettings};
use super::auth::Auth;
use super::wire::{ErrorBody, ErrorModel};
use crate::error::with_sources;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The metadata of a table with very many snapshots has tens of megabytes.
const MAX_BODY: usize = 256 << 20;
/// Of a foreign error page.
const MAX_REASON: usize = 300;

/// Asks for keys to the files of the tables that are loaded.
const ACCESS_DELEGATION: &str = "X-Iceberg-Access-Delegation";
const VENDED_CREDENTIALS: &str = "vended-credentials";

/// Sends requests to one server.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    auth: Auth,
    hold_off: HoldOff,
    vended_credentials: bool,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// Where a redirect points.
    location: Option<String>,
    operation: &'static str,
}

/// There is no answer.
#[derive(Debug)]
pub(super) struct Failure {
    /// False: the request certainly did not reach the server.
    pub(super) maybe_sent: bool,
    error: CatalogError,
}

impl Failure {
    pub(super) fn not_sent(error: CatalogError) -> Self {
        Self { maybe_sent: false, error }
    }

    pub(super) fn text(&self) -> String {
        let when = if self.maybe_sent { "maybe applied" } else { "not sent" };
        format!("{when}: {}", with_sources(&self.error))
    }
}

impl Client {
    pub(super) fn new(auth: Auth, settings: &RestSettings) -> Result<Self, CatalogError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("k2i/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(settings.request_timeout)
            // A commit must not be sent anywhere else, nor twice.
            .redirect(Policy::none())
            .build();
        let http = http.map_err(|error| CatalogError::Settings { reason: with_sources(&error) })?;
        let RestSettings { vended_credentials, .. } = *settings;
        Ok(Self { http, auth, hold_off: settings.hold_off.clone(), vended_credentials })
    }

    pub(super) fn auth(&self) -> &Auth {
        &self.auth
    }

    /// For requests that change nothing, or that may be repeated.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        method: Method,
        url: &Url,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, CatalogError> {
        self.try_send(operation, method, url, body).await.map_err(|failure| failure.error)
    }

    /// Sends once, and once more with a new token if the first was answered "unauthenticated".
    pub(super) async fn try_send(
        &self,
        operation: &'static str,
        method: Method,
        url: &Url,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, Failure> {
        self.may_send(operation)?;
        let token = self.auth.token(&self.http).await.map_err(Failure::not_sent)?;
        let answer = self.send_once(operation, &method, url, body.clone(), token.as_ref()).await?;
        if !matches!(answer.status, 401 | 419) || !self.auth.can_renew() {
            return Ok(answer);
        }
        tracing::debug!(operation, status = answer.status, "catalog token refused, asking for a new one");
        let token = self.auth.renewed(&self.http, token).await.map_err(Failure::not_sent)?;
        self.send_once(operation, &method, url, body, token.as_ref()).await
    }

    /// A server that asked for a pause is left alone, whoever asks.
    fn may_send(&self, operation: &'static str) -> Result<(), Failure> {
        let now = Instant::now();
        let Some(until) = self.hold_off.until(now) else { return Ok(()) };
        let seconds = (until - now).as_secs_f32().ceil();
        Err(failure(operation, false, format!("the catalog asked for a pause, which lasts {seconds} s more")))
    }

    async fn send_once(
        &self,
        operation: &'static str,
        method: &Method,
        url: &Url,
        body: Option<Vec<u8>>,
        token: Option<&HeaderValue>,
    ) -> Result<Answer, Failure> {
        self.may_send(operation)?;
        let mut request = self.http.request(method.clone(), url.clone()).header(CACHE_CONTROL, "no-cache");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token);
        }
        if self.vended_credentials {
            request = request.header(ACCESS_DELEGATION, VENDED_CREDENTIALS);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answered = async {
            let response = request.send().await?;
            note_pause(&self.hold_off, &response);
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let (status, location) = (response.status().as_u16(), location.map(str::to_owned));
            Ok((status, location, read_body(response).await?))
        };
        match answered.await {
            Ok((status, location, Some(body))) => Ok(Answer { status, body, location, operation }),
            Ok((_, _, None)) => Err(failure(operation, true, format!("the answer has more than {MAX_BODY} bytes"))),
            Err(error) => Err(transport_failure(operation, error)),
        }
    }
}

/// Keeps in mind what a server says about when to come again.
pub(super) fn note_pause(hold_off: &HoldOff, response: &Response) {
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    if let Some(pause) = asked_for(response.status().as_u16(), header, SystemTime::now()) {
        tracing::warn!(host = response.url().host_str(), ?pause, "the catalog asks for a pause");
        hold_off.extend(Instant::now(), pause);
    }
}

/// `None`: too long.
async fn read_body(mut response: Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn transport_failure(operation: &'static str, error: reqwest::Error) -> Failure {
    let maybe_sent = !error.is_connect() && !error.is_builder();
    failure(operation, maybe_sent, with_sources(&error))
}

fn failure(operation: &'static str, maybe_sent: bool, reason: String) -> Failure {
    Failure { maybe_sent, error: CatalogError::Unavailable { operation: operation.to_owned(), reason } }
}

impl Answer {
    fn error(&self) -> Option<ErrorModel> {
        serde_json::from_slice::<ErrorBody>(&self.body).ok().map(|body| body.error)
    }

    /// True when the catalog itself says that what was asked for does not exist. A bare 404 is somebody else's word.
    pub(super) fn is_missing(&self) -> bool {
        self.status == 404 && self.error().is_some_and(|error| error.r#type.starts_with("NoSuch"))
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.status == 409
    }

    /// The answer if it is a success.
    pub(super) fn accepted(self) -> Result<Self, CatalogError> {
        let (operation, reason) = (self.operation.to_owned(), self.reason());
        match self.status {
            200..=299 => Ok(self),
            // Passing states, and addresses that may not be the catalog's.
            404 | 408 | 429 | 500..=599 => Err(CatalogError::Unavailable { operation, reason }),
            _ => Err(CatalogError::Refused { operation, reason }),
        }
    }

    /// Status and words of an error, for people.
    pub(super) fn reason(&self) -> String {
        if let (300..=399, Some(location)) = (self.status, &self.location) {
            return format!(
                "{}: it sends us to {location}, which is not followed; configure that address",
                self.status
            );
        }
        match self.error() {
            Some(error) if error.r#type.is_empty() => format!("{}: {}", self.status, error.message),
            Some(error) => format!("{}: {}: {}", self.status, error.r#type, error.message),
            None => {
                let text: String = String::from_utf8_lossy(&self.body).chars().take(MAX_REASON).collect();
                format!("{} without an Iceberg error: {}", self.status, text.trim())
            }
        }
    }
}
