//! What happens to each request and answer on the way.
//!
//! `CompleteMultipartUpload` replaces what has the name unless it is sent with `If-None-Match: *`. `object_store` has no
//! way to ask for that, so the header is added on the way out. Header names outside `x-amz-` need no signature.
//!
//! An answer that does not let a request in is told to whoever has the keys: they may have run out or been exchanged, and
//! the next request then looks. `object_store` itself does not try again after it.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use reqwest::Method;
use reqwest::header::{HeaderValue, IF_NONE_MATCH};

use super::keys::Keys;

/// Makes the connections of one client.
#[derive(Debug)]
pub(super) struct Connector {
    /// Keys that can change; `None`: those of `object_store`'s own providers.
    pub(super) keys: Option<Arc<dyn Keys>>,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Service { inner, keys: self.keys.clone() }))
    }
}

#[derive(Debug)]
struct Service {
    inner: HttpClient,
    keys: Option<Arc<dyn Keys>>,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if completes_upload(&request) {
            request.headers_mut().insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        let response = self.inner.execute(request).await?;
        // Amazon answers 400 to a token that has run out, other stores 403.
        if matches!(response.status().as_u16(), 400 | 401 | 403)
            && let Some(keys) = &self.keys
        {
            keys.refused();
        }
        Ok(response)
    }
}

fn completes_upload(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == Method::POST && query.split('&').any(|pair| pair.starts_with("uploadId="))
}
