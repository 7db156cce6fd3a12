//! Apache Kafka with logins, certificates and rights: one KRaft node with a listener for every way to reach it.
//!
//! | listener | speaks | who |
//! |---|---|---|
//! | admin | in the clear | the tests themselves, with every right |
//! | SASL_SSL | TLS and a login | alice by PLAIN, bob and erin by SCRAM-SHA-512 |
//! | SASL_PLAINTEXT | a login in the clear | carol by SCRAM-SHA-256 |
//! | SSL | TLS, and a certificate of the client's | dave |
//! | misnamed | TLS with a certificate for another host | nobody |
//!
//! Nobody but the tests has any right before a test grants it. Tests share one, and use topics named after themselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};

use super::certificates::Certificates;
use super::kafka_node::{self, Place};
use crate::process::Process;
use crate::{cache, ports};

/// The shared broker's folder in the run folder.
pub(super) const SHARED: &str = "kafka-secured";

const PROPERTIES: &str = include_str!("../../components/kafka/secured.properties");

/// Everybody's password, and that of dave's key. It must not be found in any log.
pub const PASSWORD: &str = "Corr3ct-horse";
/// Who logs in by SCRAM, and how.
const SCRAM: [(&str, &str); 3] = [("bob", "SCRAM-SHA-512"), ("erin", "SCRAM-SHA-512"), ("carol", "SCRAM-SHA-256")];

/// A running broker. Dropping it kills it.
pub struct SecuredKafka {
    _process: Process,
    certificates: Certificates,
    ports: Ports,
}

#[derive(Clone, Copy)]
struct Ports {
    controller: u16,
    admin: u16,
    sasl_ssl: u16,
    sasl_plaintext: u16,
    ssl: u16,
    misnamed: u16,
}

impl SecuredKafka {
    /// The broker that all tests of this process share, started by whoever asks first.
    ///
    /// # Errors
    /// It could not be installed or started.
    pub fn shared() -> Result<&'static Self> {
        static BROKER: OnceLock<std::result::Result<SecuredKafka, String>> = OnceLock::new();
        let started = BROKER.get_or_init(|| {
            let start = || kafka_node::start(&cache::run_dir()?.join(SHARED), Self::try_start);
            start().map_err(|error| format!("{error:#}"))
        });
        started.as_ref().map_err(|error| anyhow::anyhow!("no secured Kafka: {error}"))
    }

    /// `None`: somebody else was quicker to take a chosen port.
    fn try_start(folder: &Path, place: &Place) -> Result<Option<Self>> {
        let certificates = certificates(folder.join("certificates"))?;
        let ports = Ports {
            controller: ports::free()?,
            admin: ports::free()?,
            sasl_ssl: ports::free()?,
            sasl_plaintext: ports::free()?,
            ssl: ports::free()?,
            misnamed: ports::free()?,
        };
        let words = [
            ("controller_port", ports.controller.to_string()),
            ("admin_port", ports.admin.to_string()),
            ("sasl_ssl_port", ports.sasl_ssl.to_string()),
            ("sasl_plaintext_port", ports.sasl_plaintext.to_string()),
            ("ssl_port", ports.ssl.to_string()),
            ("misnamed_port", ports.misnamed.to_string()),
            ("alice_password", PASSWORD.to_owned()),
            ("certificates", certificates.folder().to_str().context("the cache folder's name is text")?.to_owned()),
        ];
        let config = kafka_node::write_properties(folder, "server", PROPERTIES, &words)?;
        let users: Vec<String> = SCRAM
            .iter()
            .flat_map(|(name, how)| ["--add-scram".to_owned(), format!("{how}=[name={name},password={PASSWORD}]")])
            .collect();
        place.format("kafka-secured", &config, &kafka_node::cluster_id()?, &users)?;
        let mut process = place.spawn("kafka-secured", &config)?;
        let ready = kafka_node::is_ready(&mut process)?;
        Ok(ready.then_some(Self { _process: process, certificates, ports }))
    }

    /// Where the tests themselves connect, in the clear and with every right.
    #[must_use]
    pub fn admin(&self) -> String {
        at(self.ports.admin)
    }

    /// TLS and a login.
    #[must_use]
    pub fn sasl_ssl(&self) -> String {
        at(self.ports.sasl_ssl)
    }

    /// A login in the clear.
    #[must_use]
    pub fn sasl_plaintext(&self) -> String {
        at(self.ports.sasl_plaintext)
    }

    /// TLS and a certificate of the client's.
    #[must_use]
    pub fn ssl(&self) -> String {
        at(self.ports.ssl)
    }

    /// TLS with a certificate for another host.
    #[must_use]
    pub fn misnamed(&self) -> String {
        at(self.ports.misnamed)
    }

    /// A file of certificates or keys: `ca.pem` is trusted by all, `other-ca.pem` by nobody; `dave.crt` with `dave.key` or
    /// the encrypted `dave-locked.key`, and `mallory.crt` with `mallory.key`, which the other authority has issued.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.certificates.file(name)
    }
}

fn at(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn certificates(folder: PathBuf) -> Result<Certificates> {
    let all = Certificates::new(folder)?;
    all.authority("other-ca")?;
    for (name, host) in [("server", "DNS:localhost,IP:127.0.0.1"), ("misnamed", "DNS:broker.example")] {
        let server = all.issue("ca", name, name, &format!("subjectAltName={host}"))?;
        // Kafka takes key and certificate from one file.
        let pem = fs::read_to_string(&server.key)? + &fs::read_to_string(&server.certificate)?;
        fs::write(all.file(&format!("{name}.pem")), pem)?;
    }
    let dave = all.issue("ca", "dave", "dave", CLIENT)?;
    all.encrypt(&dave.key, "dave-locked", PASSWORD)?;
    all.issue("other-ca", "mallory", "dave", CLIENT)?;
    Ok(all)
}

const CLIENT: &str = "extendedKeyUsage=clientAuth";
