//! The configuration: raw (as given) → resolved (defaults < file < `K2I__SECTION__KEY` < flags) → validated.
//!
//! Every problem is reported at once, each with its key, its line and the nearest known key. The keys are declared once,
//! in `keys.rs`; `deploy/config.example.toml` and `docs/reference/configuration.md` are made from that declaration, and
//! a test fails when either is stale (`K2I_UPDATE=1 cargo test -p k2i-runtime` writes them anew).

mod choice;
mod column;
mod file;
mod kafka_properties;
mod keys;
mod model;
mod problem;
mod raw;
mod reference;
mod resolve;
mod secret;
mod section;
#[cfg(test)]
mod tests;
mod validate;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use choice::{
    AccessDelegation, CatalogType, LogFormat, LogLevel, OnNullValue, OnUnknownField, RecordFormat, SaslMechanism,
    SecurityProtocol, Start, StorageType, Switch,
};
pub use column::{Column, ColumnType};
pub use kafka_properties::refused_kafka_property;
pub use model::{
    BufferConfig, CatalogConfig, Config, HttpConfig, IcebergConfig, KafkaConfig, LogConfig, MetadataColumns, RestAuth,
    RestCatalogConfig, S3AccessKey, S3Config, SqlCatalogConfig, StorageConfig, TableConfig,
};
pub use problem::{ConfigErrors, Place, Problem};
pub use raw::Override;
pub use reference::{example_file, reference_page};
pub use secret::Secret;

/// Everything that a configuration is made of. Nothing else is read, except the files that secrets refer to.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file's path (for messages) and its text.
    pub file: Option<(PathBuf, String)>,
    /// The process's environment.
    pub environment: BTreeMap<String, String>,
    /// The flags.
    pub overrides: Vec<Override>,
    /// What relative paths are relative to.
    pub working_directory: PathBuf,
}

impl Sources {
    /// A file, with this process's environment and working directory.
    ///
    /// # Errors
    /// When the file cannot be read, has more than 1 MiB or is not UTF-8, or the working directory is gone or not UTF-8.
    pub fn of_process(file: &Path, overrides: Vec<Override>) -> Result<Self, ConfigErrors> {
        let cannot = |message: String| {
            let problem = Problem { key: String::new(), place: Place::Nowhere, message };
            ConfigErrors::new(Some(file.to_owned()), vec![problem])
        };
        let text = file::read_regular(file, file::MOST_CONFIGURATION).map_err(cannot)?;
        let working_directory =
            std::env::current_dir().map_err(|error| cannot(format!("the working directory is gone: {error}")))?;
        if working_directory.to_str().is_none() {
            // Locations in Iceberg metadata are text.
            return Err(cannot(format!("the working directory {} is not UTF-8", working_directory.display())));
        }
        // A variable that is not UTF-8 cannot be one of ours.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()))
            .collect();
        Ok(Self { file: Some((file.to_owned(), text)), environment, overrides, working_directory })
    }
}

/// Does with any bytes what is done with a configuration file, for tests that try whatever comes: it must neither panic
/// nor hang, and what is wrong must be said in some words.
///
/// # Panics
/// When a refusal says nothing, or too much.
#[doc(hidden)]
pub fn check_any(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let sources = Sources {
        file: Some((PathBuf::from("any.toml"), text.to_owned())),
        working_directory: PathBuf::from("/"),
        ..Sources::default()
    };
    if let Err(errors) = Config::load(&sources) {
        let said = errors.to_string();
        assert!(!errors.problems.is_empty() && !said.is_empty(), "a refusal says nothing");
        assert!(said.len() < 1 << 20, "a refusal says {} bytes", said.len());
    }
}

impl Config {
    /// Reads, resolves and checks.
    ///
    /// # Errors
    /// Every problem of the file, the environment and the flags at once.
    pub fn load(sources: &Sources) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        let path = sources.file.as_ref().map(|(path, _)| path.clone());
        let text = sources.file.as_ref().map_or("", |(_, text)| text);
        let file = raw::from_file(text, &mut problems);
        if problems.iter().any(|problem| problem.key.is_empty()) {
            // Not TOML at all: whatever else would be said follows from that.
            return Err(ConfigErrors::new(path, problems));
        }
        let environment = raw::from_environment(&sources.environment, &mut problems);
        let overrides = raw::from_overrides(&sources.overrides, &mut problems);
        let resolved = resolve::resolve(overrides.over(environment.over(file)), &mut problems);
        validate::validate(resolved, &sources.environment, &sources.working_directory, problems)
            .map_err(|problems| ConfigErrors::new(path, problems))
    }
}
