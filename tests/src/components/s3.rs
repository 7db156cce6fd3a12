//! A store that speaks S3 (moto), whose conditional writes are atomic. It is in memory: what it holds ends with it.
//!
//! Ready in about two seconds, with some 80 MB. It checks no signature, so a test of wrong keys needs another server.

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
