//! Taking on a role: keys for other keys, from the token service (STS, `AssumeRole`).
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde::Deserialize;

use super::keys::Lease;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Of an answer that is repeated in an error.
const MAX_REASON: usize = 300;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: String,
    pub(super) external_id: Option<String>,
    /// Seconds; `None`: an hour.
    pub(super) duration: Option<String>,
}

/// Where it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenService {
    pub(super) endpoint: String,
    pub(super) region: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    assume_role_result: Assumed,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Assumed {
    credentials: Credentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

impl TokenService {
    /// Keys of `role`, for whoever has `keys`.
    pub(super) async fn assume(&self, role: &Role, keys: &AwsCredential) -> Result<Lease, String> {
        let why = |cause: String| format!("role {} cannot be taken on at {}: {cause}", role.arn, self.endpoint);
        let options = ClientOptions::new().with_allow_http(true).with_timeout(TIMEOUT);
        let client = ReqwestConnector::default().connect(&options).map_err(|error| why(error.to_string()))?;
        let mut request = HttpRequest::new(HttpRequestBody::from(form(role)));
        *request.method_mut() = Method::POST;
        let address = format!("{}/", self.endpoint.trim_end_matches('/'));
        *request.uri_mut() = address.parse().map_err(|_| why("that is no address".to_owned()))?;
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        AwsAuthorizer::new(keys, "sts", &self.region).authorize(&mut request, None);
        let response = client.execute(request).await.map_err(|error| why(crate::error::with_sources(&error)))?;
        let status = response.status();
        let body = response.into_body().bytes().await.map_err(|error| why(crate::error::with_sources(&error)))?;
        let text = String::from_utf8_lossy(&body);
        if !status.is_success() {
            // An error of the service says who asked and for what, and repeats no key.
            let said: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
            return Err(why(format!("{status}: {}", said.chars().take(MAX_REASON).collect::<String>())));
        }
        read(&text, Utc::now()).map_err(why)
    }
}

fn form(role: &Role) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "AssumeRole").append_pair("Version", "2011-06-15");
    form.append_pair("RoleArn", &role.arn).append_pair("RoleSessionName", &role.session_name);
    if let Some(id) = &role.external_id {
        form.append_pair("ExternalId", id);
    }
    if let Some(seconds) = &role.duration {
        form.append_pair("DurationSeconds", seconds);
    }
    form.finish()
}

/// The answer is not repeated in an error: it has keys in it.
fn read(answer: &str, now: DateTime<Utc>) -> Result<Lease, String> {
    let answer: Answer =
        quick_xml::de::from_str(answer).map_err(|error| format!("the answer cannot be read: {error}"))?;
    let Credentials { access_key_id, secret_access_key, session_token, expiration } =
        answer.assume_role_result.credentials;
    let ends = DateTime::parse_from_rfc3339(&expiration).map_err(|error| format!("its end cannot be read: {error}"))?;
    let life = (ends.to_utc() - now).to_std().unwrap_or_default();
    let keys = AwsCredential { key_id: access_key_id, secret_key: secret_access_key, token: Some(session_token) };
    Ok(Lease { keys: Arc::new(keys), life: Some(life) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_gives_keys_and_their_life() {
        let answer = "<AssumeRoleResponse><AssumeRoleResult>\
            <Credentials><SessionToken>t</SessionToken><SecretAccessKey>s</SecretAccessKey>\
            <Expiration>2026-03-01T12:30:00Z</Expiration><AccessKeyId>id</AccessKeyId></Credentials>\
            <AssumedRoleUser><Arn>arn</Arn></AssumedRoleUser></AssumeRoleResult>\
            <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>";
        let now = DateTime::parse_from_rfc3339("2026-03-01T12:00:00Z").unwrap().to_utc();
        let lease = read(answer, now).unwrap();
        assert_eq!(lease.life, Some(Duration::from_secs(1800)));
        assert_eq!((lease.keys.key_id.as_str(), lease.keys.token.as_deref()), ("id", Some("t")));
        let error = read("<html>s</html>", now).unwrap_err();
        assert!(error.contains("cannot be read"), "{error}");
    }

    #[test]
    fn what_is_asked_for_is_encoded() {
        let role = Role {
            arn: "arn:aws:iam::1:role/a b".into(),
            session_name: "k2i".into(),
            external_id: Some("x&y".into()),
            duration: None,
        };
        let expected = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa+b&\
                        RoleSessionName=k2i&ExternalId=x%26y";
        assert_eq!(form(&role), expected);
    }
}
