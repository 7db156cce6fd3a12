//! Texts as librdkafka 2.12.1 writes them, and what is made of each.

use super::{Causes, MOST_CHARS, refused_certificate, worded};
use crate::kafka::code::KafkaCode;

const TRANSPORT: KafkaCode = KafkaCode::TRANSPORT;

#[test]
fn each_cause_says_what_to_do() {
    let cases = [
        (
            KafkaCode::AUTHENTICATION,
            "sasl_ssl://b:1/bootstrap: SASL authentication error: Authentication failed: Invalid username or password \
             (after 310ms in state AUTH_REQ, 4 identical error(s) suppressed)",
            "sasl_ssl://b:1/bootstrap: SASL authentication error: Authentication failed: Invalid username or password \
             (_AUTHENTICATION): check `sasl_username` and `sasl_password`",
        ),
        (
            KafkaCode::AUTHENTICATION,
            "sasl_ssl://b:1/bootstrap: SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: \
             broker's supported mechanisms: PLAIN (after 1ms in state AUTH_HANDSHAKE)",
            "compare `sasl_mechanism` with the broker's list",
        ),
        (
            KafkaCode::AUTHENTICATION,
            "sasl_plaintext://b:1/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not valid in current \
             SASL state: broker's supported mechanisms:  (after 1ms in state AUTH_HANDSHAKE)",
            "takes no login",
        ),
        (
            KafkaCode::SSL,
            "ssl://b:1/bootstrap: SSL handshake failed: error:0A000126:SSL routines::unexpected eof while reading (after \
             3ms in state SSL_HANDSHAKE)",
            "seems not to speak TLS",
        ),
        (
            TRANSPORT,
            "ssl://b:1/bootstrap: SSL handshake failed: Disconnected: connection reset by peer: connecting to a PLAINTEXT \
             broker listener? (after 3ms in state SSL_HANDSHAKE)",
            "connection reset by peer (_TRANSPORT): this port seems not to speak TLS",
        ),
        (
            TRANSPORT,
            "ssl://b:1/bootstrap: Disconnected: SSL connection closed by peer (after 0ms in state CONNECT)",
            "seems not to speak TLS",
        ),
        (
            TRANSPORT,
            "b:1/bootstrap: Disconnected: connection closed by peer (after 2ms in state APIVERSION_QUERY)",
            "seems to speak TLS",
        ),
        (
            KafkaCode::BAD_MSG,
            "sasl_plaintext://b:1/bootstrap: Receive failed: Invalid response size 352518912 (0..100000000): increase \
             receive.message.max.bytes (after 2ms in state APIVERSION_QUERY)",
            "Invalid response size 352518912 (0..100000000) (_BAD_MSG): this port seems to speak TLS",
        ),
        (
            TRANSPORT,
            "ssl://b:1/bootstrap: Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL \
             alert number 116 (after 2ms in state APIVERSION_QUERY)",
            "refuses our certificate, or misses one",
        ),
        (TRANSPORT, "b:1/1: Disconnected: connection closed by peer (after 5ms in state UP)", "may want a login"),
        (KafkaCode::RESOLVE, "b:1/bootstrap: Failed to resolve 'b:1'", "knows no such host"),
        (
            TRANSPORT,
            "b:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
            "nothing listens there",
        ),
        (KafkaCode::TOPIC_DENIED, "Fetch from broker 1 failed", "lacks the right READ on the topic"),
        (KafkaCode::GROUP_DENIED, "no", "lacks the right READ on the group"),
    ];
    for (code, text, expected) in cases {
        let found = worded(code, text);
        assert!(found.contains(expected), "{expected:?} is not in {found:?}");
        assert!(!found.contains("in state "), "{found:?} changes from time to time");
    }
}

#[test]
fn a_connection_that_merely_ends_is_no_riddle() {
    for text in [
        "b:1/1: Disconnected: connection closed by peer (after 600000ms in state UP)",
        "sasl_ssl://b:1/1: Disconnected: connection closed by peer (after 5ms in state UP)",
        "b:1/1: Receive failed: Invalid response size 200000000 (0..100000000) (after 5ms in state UP)",
    ] {
        let found = worded(TRANSPORT, text);
        assert!(found.ends_with("(_TRANSPORT)"), "{found:?}");
    }
}

#[test]
fn a_symptom_does_not_hide_the_cause() {
    let causes = Causes::default();
    assert_eq!(causes.last(), None);
    let text = || causes.last().unwrap().text;
    causes.note(KafkaCode::ALL_BROKERS_DOWN, "1/1 brokers are down");
    causes.note(KafkaCode::SSL, "certificate verify failed");
    causes.note(TRANSPORT, "disconnected");
    assert_eq!(text(), "certificate verify failed (_SSL)");
    // Another cause of the same rank is newer, and OpenSSL's own reason says more than either.
    causes.note(KafkaCode::AUTHENTICATION, "wrong password");
    assert!(text().starts_with("wrong password (_AUTHENTICATION): check"), "{}", text());
    assert_eq!(causes.last().unwrap().code, KafkaCode::AUTHENTICATION);
    causes.note_certificate("the certificate has expired");
    causes.note(KafkaCode::SSL, "certificate verify failed");
    assert_eq!(text(), "the certificate has expired");
    causes.clear();
    assert_eq!(causes.last(), None);
}

#[test]
fn a_cause_is_not_endless() {
    let found = worded(TRANSPORT, &"ä".repeat(10 * MOST_CHARS));
    assert_eq!(found.chars().count(), MOST_CHARS + 1);
}

#[test]
fn a_refused_certificate_says_why() {
    let cases =
        [(19, "not trusted here"), (62, "another host"), (64, "another host"), (10, "expired"), (77, "error 77")];
    for (error, expected) in cases {
        let found = refused_certificate("b:1", error);
        assert!(found.starts_with("the certificate of b:1 is") || error == 10, "{found}");
        assert!(found.contains(expected), "{found}");
    }
}
