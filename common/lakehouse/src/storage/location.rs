//! Locations as Iceberg metadata names them, and which object of which store they mean.

use object_store::path::Path as ObjectPath;

use super::StorageError;

/// The kinds of store that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// The local file system.
    File,
    /// A store within this process, for tests and demonstrations.
    Memory,
    /// Amazon S3 or anything that speaks its protocol.
    S3,
}

/// A parsed location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Which kind of store.
    pub scheme: Scheme,
    /// The bucket; empty for `file` and `memory`.
    pub bucket: String,
    /// The object within the store.
    pub path: ObjectPath,
}

impl Location {
    /// Parses `file:///a/b`, `file:/a/b`, `/a/b`, `memory://name/a`, `s3://bucket/a` (also `s3a`, `s3n`).
    ///
    /// # Errors
    /// [`StorageError::Location`] for other schemes, relative paths, and names with empty, `.` or `..` segments.
    pub fn parse(location: &str) -> Result<Self, StorageError> {
        let (scheme, rest) = split_scheme(location)?;
        let (bucket, key) = match scheme {
            Scheme::File => ("", file_path(location, rest)?),
            Scheme::Memory => ("", rest),
            Scheme::S3 => rest.split_once('/').unwrap_or((rest, "")),
        };
        if scheme == Scheme::S3 && bucket.is_empty() {
            return Err(StorageError::location(location, "it names no bucket"));
        }
        let path = ObjectPath::parse(key).map_err(|error| StorageError::location(location, error.to_string()))?;
        Ok(Self { scheme, bucket: bucket.to_owned(), path })
    }

    /// The file that a `file` location means.
    pub(super) fn file(&self) -> std::path::PathBuf {
        std::path::Path::new("/").join(self.path.as_ref())
    }
}

fn split_scheme(location: &str) -> Result<(Scheme, &str), StorageError> {
    if location.starts_with('/') {
        return Ok((Scheme::File, location));
    }
    if let Some(rest) = location.strip_prefix("file:") {
        return Ok((Scheme::File, rest.strip_prefix("//").unwrap_or(rest)));
    }
    let Some((scheme, rest)) = location.split_once("://") else {
        return Err(StorageError::location(location, "it is neither an absolute path nor a URL"));
    };
    match scheme {
        "memory" => Ok((Scheme::Memory, rest)),
        "s3" | "s3a" | "s3n" => Ok((Scheme::S3, rest)),
        other => {
            Err(StorageError::location(location, format!("scheme {other} is not supported; use file, memory or s3")))
        }
    }
}

fn file_path<'a>(location: &str, rest: &'a str) -> Result<&'a str, StorageError> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err(StorageError::location(location, "a file location needs an absolute path, as in file:///data/warehouse"))
    }
}

/// The form in which a configured folder is stored in metadata: a URL, absolute, without a trailing slash. A relative
/// path is taken from the current folder; other engines would take it from theirs.
///
/// # Errors
/// [`StorageError::Location`] when it cannot be made a location.
pub fn absolute_location(configured: &str) -> Result<String, StorageError> {
    let is_path = !configured.contains("://") && !configured.starts_with("file:");
    let url = if is_path {
        let absolute =
            std::path::absolute(configured).map_err(|error| StorageError::location(configured, error.to_string()))?;
        let path = absolute.to_str().ok_or_else(|| StorageError::location(configured, "it is not UTF-8"))?;
        format!("file://{path}")
    } else if let Some(path) = configured.strip_prefix("file:").filter(|rest| !rest.starts_with("//")) {
        format!("file://{path}")
    } else {
        configured.to_owned()
    };
    Location::parse(&url)?;
    Ok(url.trim_end_matches('/').to_owned())
}
