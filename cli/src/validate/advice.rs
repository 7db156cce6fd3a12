//! What to do about a server's words.
//!
//! Pure: the words that servers and client libraries use for the usual mistakes, and the keys that mend them. What is
//! not among them gets the general advice of its system.

/// The first entry whose word is in the text.
fn find(text: &str, known: &[(&str, &'static str)], otherwise: &'static str) -> &'static str {
    let text = text.to_ascii_lowercase();
    known.iter().find(|(word, _)| text.contains(word)).map_or(otherwise, |(_, advice)| advice)
}

/// For errors of Kafka. Words in lower case.
const KAFKA: [(&str, &str); 9] = [
    ("topic_authorization_failed", "allow the user READ and DESCRIBE on the topic"),
    ("group_authorization_failed", "allow the user READ on the group kafka.group_id"),
    ("cluster_authorization_failed", "allow the user DESCRIBE on the cluster"),
    ("authentication", "check the user, the password and the SASL mechanism in [kafka]"),
    ("ssl", "check the CA, the certificate and the host name; a listener without TLS needs another protocol"),
    ("resolve", "check the host in kafka.bootstrap_servers, and the names that the brokers advertise"),
    ("refused", "start the broker, or correct kafka.bootstrap_servers"),
    ("disconnected", "check the protocol: TLS or SASL on one side only ends like this"),
    ("timed out", "check kafka.bootstrap_servers, firewalls, and the addresses that the brokers advertise"),
];

/// What to do about an error of Kafka.
pub(super) fn kafka(text: &str) -> &'static str {
    find(text, &KAFKA, "check kafka.bootstrap_servers and the brokers' log")
}

/// For errors of catalogs.
const CATALOG: [(&str, &str); 9] = [
    ("401", "check iceberg.credential or iceberg.token"),
    ("403", "allow this login to read and write the table and its namespace"),
    ("nosuchwarehouse", "correct iceberg.warehouse"),
    ("without an iceberg error", "correct iceberg.rest_uri: what answers there is no Iceberg REST catalog"),
    ("refused", "start the catalog, or correct its address"),
    ("dns", "correct the host of the catalog's address"),
    ("certificate", "check the certificate of the catalog, and the CA that it is signed by"),
    ("no answer within", "check the catalog's address, firewalls, and the catalog's own log"),
    ("database", "check the database file, its folder and their permissions"),
];

/// What to do about an error of a catalog.
pub(super) fn catalog(text: &str) -> &'static str {
    find(text, &CATALOG, "check the keys of [iceberg] and the catalog's own log")
}

/// For errors of stores. First what is told by a code.
const STORE: [(&str, &str); 13] = [
    ("nosuchbucket", "create the bucket, or correct the warehouse and storage.bucket"),
    ("invalidaccesskeyid", "correct storage.access_key_id"),
    ("signaturedoesnotmatch", "correct storage.secret_access_key"),
    ("requesttimetooskewed", "set this machine's clock"),
    ("permanentredirect", "the bucket is in another region: correct storage.region"),
    ("authorizationheadermalformed", "the bucket is in another region: correct storage.region"),
    ("accessdenied", "allow these keys to read, write and delete there"),
    ("permission denied", "allow this user to write there"),
    ("read-only file system", "mount it for writing, or set another place"),
    ("no space left", "make space there"),
    ("not a directory", "a file is in the way: move it, or set another place"),
    ("missingcredentials", "give keys: storage.access_key_id and storage.secret_access_key, or the AWS environment"),
    ("connect", "start the store, or correct storage.endpoint"),
];

/// What to do about an error of a store.
pub(super) fn store(text: &str) -> &'static str {
    find(text, &STORE, "check the keys of [storage], the warehouse, and the rights of the login")
}
