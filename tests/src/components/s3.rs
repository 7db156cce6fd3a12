//! A store that speaks S3 (moto), whose conditional writes are atomic. It is in memory: what it holds ends with it.
//!
//! Ready in about two seconds, with some 80 MB. It checks no signature, unless it is told to ([`S3::check_keys`]).

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};

use super::Variable;
use crate::process::{Process, forget};
use crate::{cache, http, ports};

/// The shared store's folder in the run folder.
pub(super) const SHARED: &str = "s3";

/// How often a start is tried when another process takes the chosen port first.
const TRIES: usize = 3;

/// A running store. Dropping it kills it.
pub struct S3 {
    _process: Process,
    port: u16,
}

impl S3 {
    /// Key and secret. It takes any.
    pub const KEYS: (&str, &str) = ("k2i-test", "k2i-test-secret");

    /// The store that all tests of this process share, started by whoever asks first. Buckets keep tests apart.
    ///
    /// # Errors
    /// It could not be installed or started.
    pub fn shared() -> Result<&'static Self> {
        static STORE: OnceLock<std::result::Result<S3, String>> = OnceLock::new();
        let started = STORE.get_or_init(|| {
            let start = || Self::start(&cache::run_dir()?.join(SHARED));
            start().map_err(|error| format!("{error:#}"))
        });
        started.as_ref().map_err(|error| anyhow::anyhow!("no S3: {error}"))
    }

    /// Starts a store of its own with its logs in `folder`.
    ///
    /// # Errors
    /// It could not be installed, or did not get ready.
    pub fn start(folder: &Path) -> Result<Self> {
        let python = super::installed("s3")?.join("bin/python");
        for _ in 0..TRIES {
            let port = ports::free()?;
            let mut command = Command::new(&python);
            // -B: no compiled files beside the script, in the clone.
            command.arg("-B").arg(cache::workspace().join("tests/components/s3/serve.py"));
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
            forget(&mut command, "AWS_");
            forget(&mut command, "MOTO_");
            let mut process = Process::spawn("s3", &folder.join("logs"), command)?;
            if super::answers(&mut process, port, "/")? {
                return Ok(Self { _process: process, port });
            }
            eprintln!("the port for S3 was taken by somebody else, trying another");
        }
        bail!("found no port for S3 in {TRIES} tries")
    }

    /// Makes a bucket, if it is not there. Names have three characters or more.
    ///
    /// # Errors
    /// It was refused.
    pub fn create_bucket(&self, name: &str) -> Result<()> {
        let answer = http::send(self.port, "PUT", &format!("/{name}"), &[], "").context("S3 does not answer")?;
        ensure!(answer.status == 200, "no bucket {name}: {} {}", answer.status, answer.body);
        Ok(())
    }

    /// From now on it checks who asks: signature, and what the user may do. The shared store is never told to.
    ///
    /// # Errors
    /// It does not know how.
    pub fn check_keys(&self) -> Result<()> {
        // So many requests are let in unchecked.
        let answer = http::send(self.port, "POST", "/moto-api/reset-auth", &[], "0")?;
        ensure!(answer.status == 200, "keys are not checked: {} {}", answer.status, answer.body);
        Ok(())
    }

    /// A user of it with these rights (an IAM policy's statement, in JSON); the answer is his key and secret. To be asked
    /// before keys are checked.
    ///
    /// # Errors
    /// It was refused.
    pub fn add_user(&self, name: &str, statement: &str) -> Result<(String, String)> {
        let policy = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{statement}]}}");
        self.iam(&format!("Action=CreateUser&UserName={name}"))?;
        self.iam(&format!("Action=PutUserPolicy&UserName={name}&PolicyName=p&PolicyDocument={}", encoded(&policy)))?;
        let made = self.iam(&format!("Action=CreateAccessKey&UserName={name}"))?;
        let within = |tag: &str| {
            let rest = made.split_once(&format!("<{tag}>")).map(|(_, rest)| rest);
            let value = rest.and_then(|rest| rest.split('<').next());
            Ok::<_, anyhow::Error>(value.with_context(|| format!("no {tag}: {made}"))?.to_owned())
        };
        Ok((within("AccessKeyId")?, within("SecretAccessKey")?))
    }

    fn iam(&self, form: &str) -> Result<String> {
        let scope =
            "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
        let headers = [("Authorization", scope), ("Content-Type", "application/x-www-form-urlencoded")];
        let answer = http::send(self.port, "POST", "/", &headers, &format!("{form}&Version=2010-05-08"))?;
        ensure!(answer.status == 200, "IAM: {form}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The variables by which every client of AWS finds it.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        self.variables_by(self.url())
    }

    /// As [`S3::variables`], but at another address, through which it can be reached.
    #[must_use]
    pub fn variables_by(&self, url: String) -> Vec<Variable> {
        let (key, secret) = Self::KEYS;
        vec![
            ("AWS_ENDPOINT_URL", url),
            ("AWS_ACCESS_KEY_ID", key.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ]
    }
}

/// A value in a form.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
