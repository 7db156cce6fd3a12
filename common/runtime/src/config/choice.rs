//! Keys that take one of a few words.
//!
//! Words of later versions are known by name, so that who writes one reads "not in this version" and not "unknown".

use toml_edit::Item;

use super::problem::nearest;
use super::value::{ConfigValue, Reader, quote};

macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ } later $later:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// The word that the configuration uses.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl ConfigValue for $name {
            fn kind() -> String {
                one_of(&[$($word),+])
            }

            fn from_item(item: &Item, reader: &mut Reader<'_>) -> Option<Self> {
                read_word(item, reader)
            }

            fn from_text(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(refusal(text, &[$($word),+], &$later)),
                }
            }

            fn to_toml(&self) -> String {
                quote(self.as_str())
            }
        }
    };
}

fn one_of(words: &[&str]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" or ")
}

fn read_word<T: ConfigValue>(item: &Item, reader: &mut Reader<'_>) -> Option<T> {
    let Some(text) = item.as_str() else {
        reader.problem(format!("must be {}, not {}", T::kind(), super::value::type_name(item)));
        return None;
    };
    T::from_text(text).map_err(|message| reader.problem(message)).ok()
}

fn refusal(text: &str, words: &[&str], later: &[&str]) -> String {
    if later.contains(&text) {
        return format!("{} is not in this version; use {}", quote(text), one_of(words));
    }
    let hint = nearest(text, words.iter().copied())
        .map_or_else(String::new, |word| format!("; did you mean {}?", quote(word)));
    format!("must be {}, not {}{hint}", one_of(words), quote(text))
}

choice! {
    /// Where reading of a topic begins that the table knows nothing of yet.
    Start {
        /// At the start of the log.
        Earliest = "earliest",
        /// At the end of the log, resolved once and for all when the table is made or claimed.
        Latest = "latest",
    } later []
}

choice! {
    /// What a listener of the brokers speaks.
    SecurityProtocol {
        /// In the clear, without a login.
        Plaintext = "plaintext",
        /// TLS, without a login; the client may show a certificate.
        Ssl = "ssl",
        /// In the clear, with a login.
        SaslPlaintext = "sasl_plaintext",
        /// TLS, with a login.
        SaslSsl = "sasl_ssl",
    } later []
}

choice! {
    /// How to log in at the brokers.
    SaslMechanism {
        /// The password itself is sent.
        Plain = "PLAIN",
        /// The password is proved, by SHA-256.
        ScramSha256 = "SCRAM-SHA-256",
        /// The password is proved, by SHA-512.
        ScramSha512 = "SCRAM-SHA-512",
    } later ["OAUTHBEARER", "GSSAPI", "AWS_MSK_IAM"]
}

choice! {
    /// What a REST catalog is asked to do about a table's files.
    AccessDelegation {
        /// Lend keys for them.
        VendedCredentials = "vended-credentials",
        /// Nothing: keys come from elsewhere.
        None = "none",
    } later ["remote-signing"]
}

choice! {
    /// Kind of Iceberg catalog.
    CatalogType {
        /// The Iceberg REST catalog protocol.
        Rest = "rest",
        /// Tables of a SQL database, in the layout that other Iceberg clients share.
        Sql = "sql",
    } later ["hive", "glue", "nessie"]
}

choice! {
    /// Kind of object store.
    StorageType {
        /// Amazon S3 or anything that speaks its protocol.
        S3 = "s3",
        /// A folder of this machine.
        Local = "local",
    } later ["gcs", "azure"]
}

choice! {
    /// A switch.
    Switch {
        /// On.
        On = "on",
        /// Off.
        Off = "off",
    } later []
}

choice! {
    /// What becomes of a field that the table lacks.
    OnUnknownField {
        /// The table stops at that offset.
        Stop = "stop",
        /// The field is left out.
        Ignore = "ignore",
    } later ["evolve"]
}

choice! {
    /// What becomes of a record without a value (a tombstone).
    OnNullValue {
        /// A row with metadata columns only.
        Row = "row",
        /// No row.
        Skip = "skip",
        /// The table stops at that offset.
        Stop = "stop",
    } later []
}

choice! {
    /// How record values are encoded.
    RecordFormat {
        /// One JSON object a record.
        Json = "json",
    } later ["avro", "protobuf"]
}

choice! {
    /// Least severe level that is logged.
    LogLevel {
        /// A person must look, or data is at risk.
        Error = "error",
        /// Unexpected, recovered.
        Warn = "warn",
        /// Changes of state.
        Info = "info",
        /// Each batch.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    } later []
}

choice! {
    /// Form of log lines.
    LogFormat {
        /// Text on a terminal, JSON elsewhere.
        Auto = "auto",
        /// One JSON object a line.
        Json = "json",
        /// Text for people.
        Text = "text",
    } later []
}
