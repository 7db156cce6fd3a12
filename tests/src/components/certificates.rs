//! Certificates that live as long as a test run: an authority, a server, clients, and some of the wrong kind.
//!
//! Made by `openssl`, in PEM form, with keys of elliptic curves, which take no time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// What every key is made like.
const KEY: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
const DAYS: &str = "2";

/// A folder of certificates.
pub struct Certificates {
    folder: PathBuf,
}

/// A certificate and its key.
pub struct Identity {
    /// The certificate, a PEM file.
    pub certificate: PathBuf,
    /// Its key, a PEM file.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes an authority in `folder`, which must not exist.
    ///
    /// # Errors
    /// `openssl` is missing or fails.
    pub fn new(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let own = Self { folder };
        own.authority("ca")?;
        Ok(own)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The authority's certificate, or that of another one that was made by this name.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes another authority, `<name>.pem`.
    ///
    /// # Errors
    /// `openssl` fails.
    pub fn authority(&self, name: &str) -> Result<PathBuf> {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let subject = format!("/CN=k2i-test-{name}");
        let args = ["req", "-x509", "-nodes", "-days", DAYS, "-subj", &subject, "-keyout", &key, "-out", &certificate];
        self.openssl(&[&args[..], &KEY].concat())?;
        Ok(self.file(&certificate))
    }

    /// Makes `<name>.crt` and `<name>.key`, issued by an authority for this common name, with an extension
    /// (`subjectAltName=…`, `extendedKeyUsage=…`).
    ///
    /// # Errors
    /// `openssl` fails.
    pub fn issue(&self, authority: &str, name: &str, common_name: &str, extension: &str) -> Result<Identity> {
        let [key, request, certificate] = ["key", "csr", "crt"].map(|kind| format!("{name}.{kind}"));
        let subject = format!("/CN={common_name}");
        let args = ["req", "-nodes", "-subj", &subject, "-addext", extension, "-keyout", &key, "-out", &request];
        self.openssl(&[&args[..], &KEY].concat())?;
        let (ca, ca_key) = (format!("{authority}.pem"), format!("{authority}.key"));
        let signed = ["-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial", "-days", DAYS, "-copy_extensions", "copyall"];
        let args = ["x509", "-req", "-in", &request, "-out", &certificate];
        self.openssl(&[&args[..], &signed].concat())?;
        Ok(Identity { certificate: self.file(&certificate), key: self.file(&key) })
    }

    /// Makes a copy of a key that is encrypted with this password, `<name>.key`.
    ///
    /// # Errors
    /// `openssl` fails.
    pub fn encrypt(&self, key: &Path, name: &str, password: &str) -> Result<PathBuf> {
        let (key, out) = (key.to_str().context("the cache folder's name is text")?, format!("{name}.key"));
        let password = format!("pass:{password}");
        self.openssl(&["pkcs8", "-topk8", "-in", key, "-out", &out, "-v2", "aes256", "-passout", &password])?;
        Ok(self.file(&out))
    }

    fn openssl(&self, args: &[&str]) -> Result<()> {
        let run = Command::new("openssl").args(args).current_dir(&self.folder).stdin(Stdio::null()).output();
        let run = run.context("cannot run openssl; `tests/components/install.sh system` installs it")?;
        let said = String::from_utf8_lossy(&run.stderr);
        ensure!(run.status.success(), "openssl {} failed ({}):\n{said}", args.join(" "), run.status);
        Ok(())
    }
}
