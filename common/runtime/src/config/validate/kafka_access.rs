//! Checks of how the brokers are reached: protocol, login and certificates go together, and nothing is said twice.
//!
//! The keys become the settings of librdkafka that they stand for. What `kafka.properties` holds is handed on as it is;
//! here it counts as given, so that a key and a property may complete each other.

use std::collections::BTreeMap;
use std::path::Path;

use super::kafka_files::{self, Holds};
use super::{Checker, absolute};
use crate::config::choice::{SaslMechanism, SecurityProtocol};
use crate::config::keys::Kafka;
use crate::config::problem::{Place, Sourced};
use crate::config::secret::{Secret, SecretSource};
use crate::config::value::{ConfigValue, quote};

/// A place without its value.
type At = Sourced<()>;

/// One setting of the brokers' that a key stands for.
struct Part {
    /// The key, in `[kafka]`.
    key: &'static str,
    by_key: Option<At>,
    by_property: Option<At>,
}

impl Part {
    fn of<T>(kafka: &Kafka, key: &'static str, given: Option<&Sourced<T>>, properties: &[&str]) -> Self {
        Self { key, by_key: given.map(at), by_property: property(kafka, properties).map(at) }
    }

    fn given(&self) -> Option<&At> {
        self.by_key.as_ref().or(self.by_property.as_ref())
    }
}

/// Everything about access.
struct Access {
    protocol: Part,
    mechanism: Part,
    username: Part,
    password: Part,
    ca: Part,
    certificate: Part,
    private_key: Part,
    key_password: Part,
}

impl Access {
    fn of(kafka: &Kafka) -> Self {
        Self {
            protocol: Part::of(kafka, "security_protocol", kafka.security_protocol.as_ref(), &[PROTOCOL]),
            mechanism: Part::of(kafka, "sasl_mechanism", kafka.sasl_mechanism.as_ref(), &MECHANISM),
            username: Part::of(kafka, "sasl_username", kafka.sasl_username.as_ref(), &["sasl.username"]),
            password: Part::of(kafka, "sasl_password", kafka.sasl_password.as_ref(), &["sasl.password"]),
            ca: Part::of(kafka, "ssl_ca_location", kafka.ssl_ca_location.as_ref(), &["ssl.ca.location"]),
            certificate: Part::of(
                kafka,
                "ssl_certificate_location",
                kafka.ssl_certificate_location.as_ref(),
                &["ssl.certificate.location", "ssl.certificate.pem"],
            ),
            private_key: Part::of(
                kafka,
                "ssl_key_location",
                kafka.ssl_key_location.as_ref(),
                &["ssl.key.location", "ssl.key.pem"],
            ),
            key_password: Part::of(kafka, "ssl_key_password", kafka.ssl_key_password.as_ref(), &["ssl.key.password"]),
        }
    }

    fn login(&self) -> [&Part; 3] {
        [&self.mechanism, &self.username, &self.password]
    }

    fn tls(&self) -> [&Part; 4] {
        [&self.ca, &self.certificate, &self.private_key, &self.key_password]
    }
}

const PROTOCOL: &str = "security.protocol";
const MECHANISM: [&str; 2] = ["sasl.mechanism", "sasl.mechanisms"];

impl Checker<'_> {
    /// The settings that the keys about access stand for.
    pub(super) fn access(&mut self, kafka: &Kafka) -> Option<BTreeMap<String, Secret>> {
        let before = self.problems.len();
        let access = Access::of(kafka);
        for part in [&access.protocol].into_iter().chain(access.login()).chain(access.tls()) {
            if let (Some(_), Some(twin)) = (&part.by_key, &part.by_property) {
                self.problem(twin, format!("stands beside `{}`: give one of the two", part.key));
            }
        }
        self.known_mechanism(kafka);
        let protocol = self.protocol(kafka)?;
        self.login(&access, &protocol);
        self.certificates(&access, &protocol);
        let settings = self.settings(kafka, &access, protocol.value);
        (self.problems.len() == before).then_some(settings)
    }

    /// What is spoken, and who said so; `None`: that is not a protocol, which is said elsewhere.
    fn protocol(&mut self, kafka: &Kafka) -> Option<Sourced<SecurityProtocol>> {
        if self.is_unread("kafka.security_protocol") {
            return None;
        }
        if let Some(given) = &kafka.security_protocol {
            return Some(given.clone());
        }
        let Some(given) = property(kafka, &[PROTOCOL]) else {
            let key = "kafka.security_protocol".to_owned();
            return Some(Sourced { value: SecurityProtocol::Plaintext, key, place: Place::Nowhere });
        };
        // Where it refers to something that is not there, the properties' own check says so.
        let text = given.value.resolve(self.environment).ok()?;
        let parsed = SecurityProtocol::from_text(&text.expose().to_ascii_lowercase());
        let value = self.check(given, parsed)?;
        Some(Sourced { value, key: given.key.clone(), place: given.place.clone() })
    }

    /// A mechanism that needs more than a name and a password is not built in.
    fn known_mechanism(&mut self, kafka: &Kafka) {
        let Some(given) = property(kafka, &MECHANISM) else { return };
        if let Ok(text) = given.value.resolve(self.environment) {
            self.check(given, SaslMechanism::from_text(text.expose()));
        }
    }

    fn login(&mut self, access: &Access, protocol: &Sourced<SecurityProtocol>) {
        if !logs_in(protocol.value) {
            let wanted = [SecurityProtocol::SaslSsl, SecurityProtocol::SaslPlaintext];
            return self.without_effect(&access.login(), protocol, wanted);
        }
        let lacks = |part: &&Part| part.given().is_none() && !self.is_unread(&format!("kafka.{}", part.key));
        let missing: Vec<String> =
            access.login().into_iter().filter(lacks).map(|part| format!("`{}`", part.key)).collect();
        if !missing.is_empty() {
            let word = quote(protocol.value.as_str());
            self.problem(protocol, format!("{word} needs a login: {} missing", are(&missing)));
        }
    }

    fn certificates(&mut self, access: &Access, protocol: &Sourced<SecurityProtocol>) {
        if !has_tls(protocol.value) {
            let wanted = [SecurityProtocol::Ssl, SecurityProtocol::SaslSsl];
            return self.without_effect(&access.tls(), protocol, wanted);
        }
        let pairs = [
            (&access.certificate, &access.private_key),
            (&access.private_key, &access.certificate),
            (&access.key_password, &access.private_key),
        ];
        for (one, other) in pairs {
            if let (Some(lone), None) = (one.given(), other.given())
                && !self.is_unread(&format!("kafka.{}", other.key))
            {
                self.problem(lone, format!("stands alone: {} is missing", other.key));
            }
        }
    }

    /// Keys that the protocol makes no use of. A table that sets another protocol leaves unused what all tables share.
    fn without_effect(&mut self, parts: &[&Part], protocol: &Sourced<SecurityProtocol>, wanted: [SecurityProtocol; 2]) {
        let of_table = |key: &str| key.starts_with("tables[");
        let [one, other] = wanted.map(|word| quote(word.as_str()));
        let instead = match protocol.place {
            Place::Nowhere => "which is not set".to_owned(),
            _ => format!("not {}", quote(protocol.value.as_str())),
        };
        for given in parts.iter().filter_map(|part| part.by_key.as_ref()) {
            if !of_table(&protocol.key) || of_table(&given.key) {
                self.problem(given, format!("needs security_protocol = {one} or {other}, {instead}"));
            }
        }
    }

    fn settings(&mut self, kafka: &Kafka, access: &Access, protocol: SecurityProtocol) -> BTreeMap<String, Secret> {
        let mut settings = BTreeMap::new();
        let mut set = |name: &str, value: Option<Secret>| {
            if let Some(value) = value {
                settings.insert(name.to_owned(), value);
            }
        };
        set(PROTOCOL, kafka.security_protocol.as_ref().map(|given| Secret::new(given.value.as_str())));
        if logs_in(protocol) {
            set(MECHANISM[0], kafka.sasl_mechanism.as_ref().map(|given| Secret::new(given.value.as_str())));
            set("sasl.username", kafka.sasl_username.as_ref().map(|given| Secret::new(given.value.as_str())));
            set("sasl.password", self.given_secret(kafka.sasl_password.as_ref()));
        }
        if has_tls(protocol) {
            set("ssl.ca.location", self.pem(kafka.ssl_ca_location.as_ref(), Holds::Authorities));
            set("ssl.certificate.location", self.pem(kafka.ssl_certificate_location.as_ref(), Holds::Certificate));
            let has_password = access.key_password.given().is_some();
            set("ssl.key.location", self.pem(kafka.ssl_key_location.as_ref(), Holds::Key { has_password }));
            set("ssl.key.password", self.given_secret(kafka.ssl_key_password.as_ref()));
        }
        settings
    }

    fn given_secret(&mut self, given: Option<&Sourced<SecretSource>>) -> Option<Secret> {
        self.secret(given?)
    }

    /// The absolute path of a file that holds what it should.
    fn pem<P: AsRef<Path>>(&mut self, given: Option<&Sourced<P>>, holds: Holds) -> Option<Secret> {
        let given = given?;
        let path = absolute(self.working_directory, given.value.as_ref());
        self.check(given, kafka_files::check(&path, holds))?;
        let text = path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()));
        self.check(given, text.map(Secret::new))
    }
}

fn logs_in(protocol: SecurityProtocol) -> bool {
    matches!(protocol, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl)
}

fn has_tls(protocol: SecurityProtocol) -> bool {
    matches!(protocol, SecurityProtocol::Ssl | SecurityProtocol::SaslSsl)
}

/// The first of these properties that is given.
fn property<'a>(kafka: &'a Kafka, names: &[&str]) -> Option<&'a Sourced<SecretSource>> {
    let given = &kafka.properties.as_ref()?.value.0;
    names.iter().find_map(|name| given.get(*name))
}

fn at<T>(given: &Sourced<T>) -> At {
    Sourced { value: (), key: given.key.clone(), place: given.place.clone() }
}

/// "a is", "a and b are", "a, b and c are".
fn are(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("{one} is"),
        [first @ .., last] => format!("{} and {last} are", first.join(", ")),
    }
}
