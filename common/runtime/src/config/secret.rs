//! Secrets: given by reference, resolved once, never printed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::file::{MOST_SECRET, read_bounded};

/// A secret value. `Debug` and `Display` print `***`; the value leaves only through [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How a secret is given: `env:NAME`, `file:/path`, or the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretSource {
    Variable(String),
    File(PathBuf),
    Plain(Secret),
}

impl SecretSource {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("env:") {
            return (!name.is_empty())
                .then(|| Self::Variable(name.to_owned()))
                .ok_or_else(|| "names no variable: write env:NAME".to_owned());
        }
        if let Some(path) = text.strip_prefix("file:") {
            return (!path.is_empty())
                .then(|| Self::File(PathBuf::from(path)))
                .ok_or_else(|| "names no file: write file:/path".to_owned());
        }
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        Ok(Self::Plain(Secret::new(text)))
    }

    /// Looks the value up. A file's trailing line end is not part of the secret.
    pub(super) fn resolve(&self, environment: &BTreeMap<String, String>) -> Result<Secret, String> {
        let value = match self {
            Self::Plain(secret) => return Ok(secret.clone()),
            Self::Variable(name) => {
                environment.get(name).cloned().ok_or_else(|| format!("environment variable {name} is not set"))?
            }
            Self::File(path) => read_bounded(path, MOST_SECRET)
                .map_err(|why| format!("{} {why}", path.display()))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        };
        match self {
            Self::Variable(name) if value.is_empty() => Err(format!("environment variable {name} is empty")),
            Self::File(path) if value.is_empty() => Err(format!("{} is empty", path.display())),
            _ => Ok(Secret(value)),
        }
    }
}
