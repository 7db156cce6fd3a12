//! Logging in: nothing, a fixed token, or OAuth2 client credentials (RFC 6749, section 4.4).
//!
//! A token is renewed before it expires, and when the catalog refuses it. Concurrent requests wait for one renewal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::super::{CatalogError, ClientCredentials, HoldOff, RestAuth};
use super::client::note_pause;
use super::paths::under;
use crate::error::with_sources;
use crate::secret::Secret;

/// A token is renewed this long before it expires, or after four fifths of a shorter life.
const MARGIN: Duration = Duration::from_secs(60);
const OPERATION: &str = "exchange its client credentials for a token";

/// The login of one client; clones share tokens.
#[derive(Debug, Clone)]
pub(super) struct Auth(Method);

#[derive(Debug, Clone)]
enum Method {
    None,
    Bearer(Secret),
    OAuth2(Arc<OAuth2>),
}

#[derive(Debug)]
struct OAuth2 {
    settings: ClientCredentials,
    /// Without a token there is no request: an issuer's pause is the catalog's.
    hold_off: HoldOff,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    token_uri: String,
    token: Option<Token>,
}

#[derive(Debug, Clone)]
struct Token {
    header: HeaderValue,
    /// `None`: the issuer does not say.
    renew_at: Option<Instant>,
}

impl Auth {
    pub(super) fn new(settings: &RestAuth, base: &Url, hold_off: &HoldOff) -> Self {
        Self(match settings {
            RestAuth::None => Method::None,
            RestAuth::Bearer(token) => Method::Bearer(token.clone()),
            RestAuth::ClientCredentials(settings) => {
                let configured = settings.token_uri.clone();
                let token_uri = configured.unwrap_or_else(|| under(base, "v1/oauth/tokens").to_string());
                let state = Mutex::new(State { token_uri, token: None });
                Method::OAuth2(Arc::new(OAuth2 { settings: settings.clone(), hold_off: hold_off.clone(), state }))
            }
        })
    }

    /// Takes the token address that the catalog names, unless the configuration has one.
    pub(super) async fn suggest_token_uri(&self, uri: &str) {
        if let Method::OAuth2(oauth2) = &self.0
            && oauth2.settings.token_uri.is_none()
        {
            uri.clone_into(&mut oauth2.state.lock().await.token_uri);
        }
    }

    pub(super) fn can_renew(&self) -> bool {
        matches!(self.0, Method::OAuth2(_))
    }

    /// The `Authorization` header to send.
    pub(super) async fn token(&self, http: &reqwest::Client) -> Result<Option<HeaderValue>, CatalogError> {
        match &self.0 {
            Method::None => Ok(None),
            Method::Bearer(token) => bearer(token.expose()).map(Some),
            Method::OAuth2(oauth2) => oauth2.token(http, None).await.map(Some),
        }
    }

    /// The same after the catalog refused `refused`.
    pub(super) async fn renewed(
        &self,
        http: &reqwest::Client,
        refused: Option<HeaderValue>,
    ) -> Result<Option<HeaderValue>, CatalogError> {
        match &self.0 {
            Method::None | Method::Bearer(_) => Ok(refused),
            Method::OAuth2(oauth2) => oauth2.token(http, refused).await.map(Some),
        }
    }
}

impl OAuth2 {
    async fn token(&self, http: &reqwest::Client, refused: Option<HeaderValue>) -> Result<HeaderValue, CatalogError> {
        let mut state = self.state.lock().await;
        if let Some(token) = &state.token
            && Some(&token.header) != refused.as_ref()
            && token.renew_at.is_none_or(|renew_at| Instant::now() < renew_at)
        {
            return Ok(token.header.clone());
        }
        let token = self.request(http, &state.token_uri).await?;
        let header = token.header.clone();
        state.token = Some(token);
        Ok(header)
    }

    async fn request(&self, http: &reqwest::Client, uri: &str) -> Result<Token, CatalogError> {
        let asked_at = Instant::now();
        let response = http.post(uri).form(&self.form()).send().await.map_err(unavailable)?;
        note_pause(&self.hold_off, &response);
        let status = response.status();
        let body = response.bytes().await.map_err(unavailable)?;
        if !status.is_success() {
            // Not the body: issuers have been seen to repeat the request in it.
            let reason = format!("{uri} answered {status}{}", meaning(&body));
            let operation = OPERATION.to_owned();
            return Err(if status.is_client_error() && status.as_u16() != 429 {
                CatalogError::Refused { operation, reason }
            } else {
                CatalogError::Unavailable { operation, reason }
            });
        }
        let granted: Granted = serde_json::from_slice(&body).map_err(|_| CatalogError::Refused {
            operation: OPERATION.to_owned(),
            reason: format!("{uri} answered without an access_token"),
        })?;
        let life = granted.expires_in.map(Duration::from_secs);
        Ok(Token {
            header: bearer(&granted.access_token)?,
            renew_at: life.and_then(|life| asked_at.checked_add(use_for(life))),
        })
    }

    fn form(&self) -> Vec<(&'static str, &str)> {
        let settings = &self.settings;
        let (id, secret) = match settings.credential.expose().split_once(':') {
            Some((id, secret)) => (Some(id), secret),
            None => (None, settings.credential.expose()),
        };
        let mut form = vec![("grant_type", "client_credentials"), ("client_secret", secret)];
        form.extend(id.map(|id| ("client_id", id)));
        form.push(("scope", settings.scope.as_deref().unwrap_or("catalog")));
        form.extend(settings.audience.as_deref().map(|audience| ("audience", audience)));
        form.extend(settings.resource.as_deref().map(|resource| ("resource", resource)));
        form
    }
}

/// How long a token of this life is used.
pub(super) fn use_for(life: Duration) -> Duration {
    life - MARGIN.min(life / 5)
}

/// What an issuer's error code means (RFC 6749, section 5.2); nothing where it has none that is known.
fn meaning(body: &[u8]) -> String {
    const MEANINGS: [(&str, &str); 5] = [
        ("invalid_client", "it does not know the client id, or the secret is wrong; correct iceberg.credential"),
        ("unauthorized_client", "this client may not use client credentials"),
        ("invalid_scope", "it does not grant that scope; correct iceberg.scope"),
        ("unsupported_grant_type", "it does not take client credentials; correct iceberg.oauth2_server_uri"),
        ("invalid_request", "it misses something in the request; iceberg.scope may have to be set"),
    ];
    let code = serde_json::from_slice::<Failed>(body).map(|failed| failed.error).unwrap_or_default();
    let known = MEANINGS.iter().find(|(known, _)| *known == code);
    known.map_or_else(String::new, |(code, meaning)| format!(" ({code}): {meaning}"))
}

#[derive(Deserialize)]
struct Failed {
    error: String,
}

/// RFC 6749, section 5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    /// Seconds.
    expires_in: Option<u64>,
}

fn bearer(token: &str) -> Result<HeaderValue, CatalogError> {
    let header = HeaderValue::try_from(format!("Bearer {token}"));
    let mut header = header.map_err(|_| CatalogError::Settings {
        reason: "the catalog's token has characters that a header cannot carry".to_owned(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}

fn unavailable(error: reqwest::Error) -> CatalogError {
    CatalogError::Unavailable { operation: OPERATION.to_owned(), reason: with_sources(&error) }
}
