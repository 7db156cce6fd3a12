//! Files of certificates and keys: there, readable, and in PEM form. Whether a key fits its certificate, OpenSSL says
//! when the client is made.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

/// No bundle of authorities comes near it. What is longer is no such file.
const MOST_BYTES: u64 = 16 << 20;

/// What a file is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Certificates of authorities; a folder of them will do.
    Authorities,
    /// A certificate, and perhaps the chain up to an authority.
    Certificate,
    /// A private key.
    Key {
        /// A password for it was given.
        has_password: bool,
    },
}

/// # Errors
/// What is wrong with the file.
pub(super) fn check(path: &Path, holds: Holds) -> Result<(), String> {
    let shown = path.display();
    let kind = fs::metadata(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    if kind.is_dir() {
        return match holds {
            Holds::Authorities => Ok(()),
            Holds::Certificate | Holds::Key { .. } => Err(format!("{shown} is a folder, not a file")),
        };
    }
    let text = read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let labels: Vec<&str> = text.lines().filter_map(label).collect();
    match holds {
        Holds::Authorities | Holds::Certificate if !labels.iter().any(|label| label.ends_with("CERTIFICATE")) => {
            Err(format!("{shown} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"))
        }
        Holds::Key { .. } if !labels.iter().any(|label| label.ends_with("PRIVATE KEY")) => {
            Err(format!("{shown} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)"))
        }
        Holds::Key { has_password: false } if is_encrypted(&text, &labels) => {
            Err(format!("the key in {shown} is encrypted: set ssl_key_password"))
        }
        Holds::Authorities | Holds::Certificate | Holds::Key { .. } => Ok(()),
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The label of a line that begins a PEM block.
fn label(line: &str) -> Option<&str> {
    line.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----")
}

/// In the form of PKCS #8, or in OpenSSL's older one.
fn is_encrypted(text: &str, labels: &[&str]) -> bool {
    labels.contains(&"ENCRYPTED PRIVATE KEY") || text.lines().any(|line| line.trim_end() == "Proc-Type: 4,ENCRYPTED")
}
