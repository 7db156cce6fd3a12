//! Why a client of Kafka fails: the newest thing that explains it, in words that say what to do.
//!
//! A call that fails says "timed out" or "transport failure". What is behind it, librdkafka tells on the side: by its
//! error callback, by a log line where a connection was merely closed, and by the verification of certificates. Each is
//! taken in here; the most telling one that is fresh is kept, one per client, and a call that succeeds clears it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::code::KafkaCode;

/// How long a cause explains a failure. librdkafka repeats an error that goes on every 30 s.
const LIFE: Duration = Duration::from_secs(90);

/// A cause is cut off here: a message is read by people.
const MOST_CHARS: usize = 400;

/// A connection that is closed this soon after it came up was closed for a reason.
const SOON_MS: u64 = 2_000;

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) code: KafkaCode,
    pub(super) text: String,
}

struct Kept {
    cause: Cause,
    informs: u8,
    at: Instant,
}

/// The cause of one client.
#[derive(Default)]
pub(super) struct Causes(Mutex<Option<Kept>>);

impl Causes {
    /// Takes in an error: a symptom does not replace a cause while that is fresh.
    pub(super) fn note(&self, code: KafkaCode, text: &str) {
        self.keep(Cause { code, text: worded(code, text) }, code.informs());
    }

    /// Takes in why a certificate was refused, which OpenSSL's own error does not tell.
    pub(super) fn note_certificate(&self, text: &str) {
        self.keep(Cause { code: KafkaCode::SSL, text: cut(text) }, KafkaCode::INFORMS_MOST);
    }

    fn keep(&self, cause: Cause, informs: u8) {
        let now = Instant::now();
        let mut kept = self.lock();
        if kept.as_ref().is_none_or(|old| old.informs <= informs || now.duration_since(old.at) >= LIFE) {
            *kept = Some(Kept { cause, informs, at: now });
        }
    }

    /// Things work again: what was kept explains nothing any more.
    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    /// What best explains a failure now.
    pub(super) fn last(&self) -> Option<Cause> {
        let now = Instant::now();
        self.lock().as_ref().filter(|kept| now.duration_since(kept.at) < LIFE).map(|kept| kept.cause.clone())
    }

    /// The value is whole at every moment, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// librdkafka's words without what changes from time to time, the code, and what to do.
pub(super) fn worded(code: KafkaCode, text: &str) -> String {
    let (what, state) = split_state(text);
    match advice(code, what, state) {
        Some(advice) => cut(&format!("{} ({code}): {advice}", without_advice(what))),
        None => cut(&format!("{what} ({code})")),
    }
}

/// Splits `… (after 12ms in state UP, 3 identical error(s) suppressed)` off.
fn split_state(text: &str) -> (&str, &str) {
    match text.rfind(" (after ") {
        Some(at) if text.ends_with(')') => (&text[..at], &text[at..]),
        _ => (text, ""),
    }
}

/// librdkafka guesses too, by the names of its own settings; ours is said instead.
fn without_advice(text: &str) -> &str {
    const GUESSES: [&str; 4] = [
        ": broker certificate could not be verified",
        ": connecting to a PLAINTEXT broker listener?",
        ": requesting ApiVersion",
        ": increase receive.message.max.bytes",
    ];
    GUESSES.iter().find_map(|guess| text.find(guess)).map_or(text, |at| &text[..at])
}

fn advice(code: KafkaCode, text: &str, state: &str) -> Option<&'static str> {
    const NOT_TLS: &str = "this port seems not to speak TLS; compare `security_protocol` with the broker's listener";
    const IS_TLS: &str = "this port seems to speak TLS; compare `security_protocol` with the broker's listener";
    let has = |part: &str| text.contains(part);
    if has("SSL handshake failed") && ["unexpected eof", "Disconnected", "wrong version number"].iter().any(|p| has(p))
    {
        return Some(NOT_TLS);
    }
    if has("alert") && has("SSL routines") {
        return Some(refused_by_broker(text));
    }
    let closed = has("Disconnected") || has("Connection reset");
    let spoken = Spoken::of(text);
    let begins = ["in state CONNECT", "in state SSL_HANDSHAKE"].iter().any(|begin| state.contains(begin));
    if closed && begins && matches!(spoken, Spoken::Ssl | Spoken::SaslSsl) {
        return Some(NOT_TLS);
    }
    let in_clear = matches!(spoken, Spoken::Plaintext | Spoken::SaslPlaintext);
    if in_clear && (tls_record(text) || (closed && state.contains("in state APIVERSION_QUERY"))) {
        return Some(IS_TLS);
    }
    let no_login = matches!(spoken, Spoken::Plaintext | Spoken::Ssl);
    if closed && no_login && state.contains("in state UP") && millis(state) < SOON_MS {
        return Some(
            "the broker closes the connection at the first question; it may want a login, see `security_protocol`",
        );
    }
    if code == KafkaCode::AUTHENTICATION || code == KafkaCode::SASL_FAILED {
        return Some(refused_login(text));
    }
    if code == KafkaCode::RESOLVE {
        return Some("this machine knows no such host; check `bootstrap_servers` and what the brokers advertise");
    }
    if has("Connection refused") {
        return Some("nothing listens there; check `bootstrap_servers` and that the broker runs");
    }
    code.missing_right()
}

fn refused_login(text: &str) -> &'static str {
    if text.contains("current SASL state") {
        "this listener takes no login; see `security_protocol`"
    } else if text.contains("mechanism handshake failed") {
        "compare `sasl_mechanism` with the broker's list"
    } else {
        "check `sasl_username` and `sasl_password`"
    }
}

/// The broker ended the handshake by an alert.
fn refused_by_broker(text: &str) -> &'static str {
    let about_certificate =
        ["certificate required", "bad certificate", "unknown ca", "certificate unknown", "certificate expired"];
    if about_certificate.iter().any(|alert| text.contains(alert)) {
        "the broker refuses our certificate, or misses one; see `ssl_certificate_location` and `ssl_key_location`"
    } else {
        "the broker refuses the TLS handshake; its log says why"
    }
}

/// How a broker is spoken to, by the name that librdkafka gives the connection: `<protocol>://host:port/id`, in the plain
/// case without the protocol. The group's coordinator is named as such, and tells nothing.
#[derive(Clone, Copy)]
enum Spoken {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
    Unknown,
}

impl Spoken {
    fn of(text: &str) -> Self {
        match text.split_once("://").map(|(scheme, _)| scheme) {
            Some("ssl") => Self::Ssl,
            Some("sasl_plaintext") => Self::SaslPlaintext,
            Some("sasl_ssl") => Self::SaslSsl,
            None if !text.starts_with("GroupCoordinator") => Self::Plaintext,
            None | Some(_) => Self::Unknown,
        }
    }
}

/// The first bytes of a TLS alert, read as the size of an answer.
fn tls_record(text: &str) -> bool {
    const ALERT: u64 = 0x1503;
    let size = text.split("Invalid response size ").nth(1).map(leading_number);
    size.is_some_and(|size| size >> 16 == ALERT)
}

/// Milliseconds of `(after 12ms in state …`.
fn millis(state: &str) -> u64 {
    state.split("(after ").nth(1).map_or(u64::MAX, leading_number)
}

fn leading_number(text: &str) -> u64 {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    text[..digits].parse().unwrap_or(u64::MAX)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Why a broker's certificate was refused, by the number of OpenSSL's verification error.
pub(super) fn refused_certificate(broker: &str, error: i32) -> String {
    let why = match error {
        2 | 18..=21 => {
            "is of an authority that is not trusted here; set `ssl_ca_location` to that authority's certificate"
        }
        62 | 64 => "is for another host; connect by a name that is in it, or have it issued for this one",
        10 => "has expired",
        9 => "is not valid yet; compare the clocks",
        23 => "was revoked",
        _ => return format!("the certificate of {broker} is refused (OpenSSL's verification error {error})"),
    };
    format!("the certificate of {broker} {why}")
}

#[cfg(test)]
mod tests;
