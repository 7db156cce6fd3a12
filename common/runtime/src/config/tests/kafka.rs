//! Access to brokers: what goes together, what is said twice, and files that are not what they should be.

use std::fs;

use tempfile::TempDir;

use super::tables::TABLES;
use super::*;

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\r\nMIIB\r\n-----END ENCRYPTED PRIVATE KEY-----\r\n";
const ENCRYPTED_BEFORE: &str = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n";

/// A folder with a file of each kind, from which relative paths are taken.
fn files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let kinds = [
        ("ca.pem", CERTIFICATE),
        ("client.pem", CERTIFICATE),
        ("client.key", KEY),
        ("locked.key", ENCRYPTED),
        ("old.key", ENCRYPTED_BEFORE),
        ("text", "not a certificate\n"),
    ];
    for (name, text) in kinds {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn sources_in(folder: &TempDir, text: &str) -> Sources {
    let variables = [("PASSWORD", "hunter2"), ("KEY_PASSWORD", "hunter3")];
    Sources { working_directory: folder.path().to_owned(), ..with_variables(text, &variables) }
}

fn properties(folder: &TempDir, lines: &str) -> BTreeMap<String, String> {
    let config = Config::load(&sources_in(folder, &local_with("kafka", lines))).unwrap_or_else(|e| panic!("{e}"));
    assert!(!format!("{config:?}").contains("hunter"));
    let kafka = config.tables[0].kafka.clone();
    kafka.properties.into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect()
}

fn pairs(folder: &TempDir, pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let path = folder.path().to_str().unwrap();
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.replace("DIR", path))).collect()
}

#[test]
fn keys_become_the_settings_that_they_stand_for() {
    let folder = files();
    let login = "security_protocol = \"sasl_ssl\"\nsasl_mechanism = \"SCRAM-SHA-512\"\nsasl_username = \"me\"\n\
                 sasl_password = \"env:PASSWORD\"\nssl_ca_location = \"ca.pem\"";
    let expected = [
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.password", "hunter2"),
        ("sasl.username", "me"),
        ("security.protocol", "sasl_ssl"),
        ("ssl.ca.location", "DIR/ca.pem"),
    ];
    assert_eq!(properties(&folder, login), pairs(&folder, &expected));
    let certificate = "security_protocol = \"ssl\"\nssl_ca_location = \".\"\nssl_certificate_location = \"client.pem\"\n\
                       ssl_key_location = \"locked.key\"\nssl_key_password = \"env:KEY_PASSWORD\"";
    let expected = [
        ("security.protocol", "ssl"),
        ("ssl.ca.location", "DIR"),
        ("ssl.certificate.location", "DIR/client.pem"),
        ("ssl.key.location", "DIR/locked.key"),
        ("ssl.key.password", "hunter3"),
    ];
    assert_eq!(properties(&folder, certificate), pairs(&folder, &expected));
    assert_eq!(properties(&folder, ""), BTreeMap::new());
    // A key and a property complete each other.
    let mixed = "security_protocol = \"sasl_plaintext\"\nsasl_username = \"me\"\n\
                 properties = { \"sasl.password\" = \"env:PASSWORD\", \"sasl.mechanisms\" = \"PLAIN\" }";
    let expected = [
        ("sasl.mechanisms", "PLAIN"),
        ("sasl.password", "hunter2"),
        ("sasl.username", "me"),
        ("security.protocol", "sasl_plaintext"),
    ];
    assert_eq!(properties(&folder, mixed), pairs(&folder, &expected));
}

#[test]
fn what_does_not_go_together_is_said_at_its_line() {
    let folder = files();
    let cases: [(&str, &[&[&str]]); 13] = [
        (
            "security_protocol = \"sasl_ssl\"",
            &[&[
                "config.toml:2: kafka.security_protocol",
                "needs a login: `sasl_mechanism`, `sasl_username` and `sasl_password` are missing",
            ]],
        ),
        (
            "security_protocol = \"sasl_plaintext\"\nsasl_mechanism = \"PLAIN\"\nsasl_username = \"me\"",
            &[&["config.toml:2: kafka.security_protocol", "`sasl_password` is missing"]],
        ),
        (
            "sasl_mechanism = \"PLAIN\"",
            &[&[
                "config.toml:2: kafka.sasl_mechanism: needs security_protocol = \"sasl_ssl\" or \"sasl_plaintext\"",
                "not set",
            ]],
        ),
        (
            "security_protocol = \"ssl\"\nsasl_username = \"me\"",
            &[&["config.toml:3: kafka.sasl_username: needs security_protocol = ", "not \"ssl\""]],
        ),
        (
            "ssl_ca_location = \"ca.pem\"",
            &[&["config.toml:2: kafka.ssl_ca_location: needs security_protocol = \"ssl\" or \"sasl_ssl\""]],
        ),
        (
            "security_protocol = \"ssl\"\nssl_certificate_location = \"client.pem\"",
            &[&["config.toml:3: kafka.ssl_certificate_location: stands alone: ssl_key_location is missing"]],
        ),
        (
            "security_protocol = \"ssl\"\nssl_key_password = \"env:KEY_PASSWORD\"",
            &[&["config.toml:3: kafka.ssl_key_password: stands alone: ssl_key_location is missing"]],
        ),
        (
            "security_protocol = \"ssl\"\nproperties = { \"security.protocol\" = \"SSL\" }",
            &[&["config.toml:3: kafka.properties.security.protocol: stands beside `security_protocol`: give one"]],
        ),
        (
            "security_protocol = \"SASL-SSL\"\nsasl_username = \"me\"",
            &[&["config.toml:2: kafka.security_protocol: must be", "did you mean \"sasl_ssl\"?"]],
        ),
        (
            "properties = { \"sasl.mechanism\" = \"OAUTHBEARER\" }",
            &[&["config.toml:2: kafka.properties.sasl.mechanism: \"OAUTHBEARER\" is not in this version"]],
        ),
        (
            "properties = { \"security.protocol\" = \"carrier-pigeon\" }",
            &[&["config.toml:2: kafka.properties.security.protocol: must be \"plaintext\" or"]],
        ),
        (
            "security_protocol = \"sasl_ssl\"\nsasl_mechanism = \"PLAIN\"\nsasl_username = \"me\"\n\
             sasl_password = \"env:NOPE\"",
            &[&["config.toml:5: kafka.sasl_password: environment variable NOPE is not set"]],
        ),
        (
            "properties = { \"debug\" = \"all\", \"interceptors\" = \"x\", \"error_cb\" = \"x\", \"api.version.request\" = false }",
            &[
                &["kafka.properties.api.version.request: cannot be set"],
                &["kafka.properties.debug: cannot be set: it is set in [log]"],
                &["kafka.properties.error_cb: cannot be set"],
                &["kafka.properties.interceptors: cannot be set"],
            ],
        ),
    ];
    for (lines, expected) in cases {
        assert_errors(&sources_in(&folder, &local_with("kafka", lines)), expected);
    }
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_said() {
    let folder = files();
    let with_key = |key: &str| format!("ssl_certificate_location = \"client.pem\"\nssl_key_location = {key:?}");
    let cases = [
        ("ssl_ca_location = \"none.pem\"".to_owned(), ["ssl_ca_location: cannot read ", "none.pem"]),
        ("ssl_ca_location = \"text\"".to_owned(), ["ssl_ca_location: ", "holds no certificate in PEM form"]),
        ("ssl_ca_location = \"client.key\"".to_owned(), ["ssl_ca_location: ", "holds no certificate in PEM form"]),
        (with_key("client.pem"), ["ssl_key_location: ", "holds no private key in PEM form"]),
        (with_key("."), ["ssl_key_location: ", "is a folder"]),
        (with_key("locked.key"), ["ssl_key_location: the key in ", "is encrypted: set ssl_key_password"]),
        (with_key("old.key"), ["ssl_key_location: the key in ", "is encrypted: set ssl_key_password"]),
    ];
    for (lines, expected) in cases {
        let text = local_with("kafka", &format!("security_protocol = \"ssl\"\n{lines}"));
        assert_errors(&sources_in(&folder, &text), &[&expected]);
    }
}

#[test]
fn a_table_may_speak_another_protocol_than_the_rest() {
    let folder = files();
    let shared = "[kafka]\nsecurity_protocol = \"ssl\"\nssl_ca_location = \"ca.pem\"\n";
    let text = TABLES
        .replace("[kafka]\n", shared)
        .replace("[kafka.properties]\nsecurity.protocol = \"SSL\"\nssl.ca.location = \"/ca\"\n", "")
        .replace(
            "[tables.kafka.properties]\nsecurity.protocol = \"PLAINTEXT\"",
            "[tables.kafka]\nsecurity_protocol = \"plaintext\"",
        );
    let config = Config::load(&sources_in(&folder, &text)).unwrap_or_else(|errors| panic!("{errors}"));
    let names = |table: usize| config.tables[table].kafka.properties.keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!((names(0), names(1)), (vec!["security.protocol", "ssl.ca.location"], vec!["security.protocol"]));
    assert_eq!(config.tables[1].kafka.properties["security.protocol"].expose(), "plaintext");
}

#[test]
fn what_weakens_a_certificate_warns() {
    let folder = files();
    let warnings = |property: &str| {
        let lines = format!("security_protocol = \"ssl\"\nproperties = {{ {property} }}");
        Config::load(&sources_in(&folder, &local_with("kafka", &lines))).unwrap().warnings
    };
    let of_host = warnings("\"ssl.endpoint.identification.algorithm\" = \"none\"");
    assert!(of_host.len() == 1 && of_host[0].contains("may be for any host"), "{of_host:?}");
    let of_any = warnings("\"enable.ssl.certificate.verification\" = false");
    assert!(of_any.len() == 1 && of_any[0].contains("any certificate of a broker"), "{of_any:?}");
    assert_eq!(warnings("\"ssl.endpoint.identification.algorithm\" = \"https\""), Vec::<String>::new());
}
