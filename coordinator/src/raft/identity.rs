//! Whose data folder it is.
//!
//! `identity.json` names the format, the cluster and the node. It is written once, after the log exists and while the
//! log's lock is held, before anything is put into the log. So a folder with an identity has a log (or somebody removed
//! it), and a log with content has an identity.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use k2i_runtime::store::folder;
use serde_json::{Value, json};

use super::{NodeId, OpenError};

/// The newest folder format that this release reads, and the one it writes.
const FORMAT: u64 = 1;

/// Who a data folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) cluster: String,
    pub(super) node: NodeId,
}

impl Identity {
    /// Compares with the folder's identity file; `false` if there is none.
    pub(super) fn check(&self, data: &Path) -> Result<bool, OpenError> {
        let path = path(data);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(OpenError::Io { path, source }),
        };
        let found: Value = serde_json::from_slice(&text).map_err(|_| unreadable(data))?;
        let format = found["format"].as_u64().ok_or_else(|| unreadable(data))?;
        if format > FORMAT {
            return Err(OpenError::NewerFormat { path: data.to_owned(), found: format, supported: FORMAT });
        }
        let cluster = found["cluster"].as_str().ok_or_else(|| unreadable(data))?;
        if cluster != self.cluster {
            let (found, expected) = (cluster.to_owned(), self.cluster.clone());
            return Err(OpenError::OtherCluster { path: data.to_owned(), found, expected });
        }
        let node = found["node"].as_u64().ok_or_else(|| unreadable(data))?;
        if node != self.node {
            return Err(OpenError::OtherNode { path: data.to_owned(), found: node, expected: self.node });
        }
        Ok(true)
    }

    /// Writes the identity file, durably.
    pub(super) fn write(&self, data: &Path) -> Result<(), OpenError> {
        let identity = json!({ "format": FORMAT, "cluster": self.cluster, "node": self.node });
        let path = path(data);
        folder::write_file(&path, format!("{identity}\n").as_bytes()).map_err(|source| OpenError::Io { path, source })
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("identity.json")
}

fn unreadable(data: &Path) -> OpenError {
    OpenError::Damaged { path: data.to_owned(), detail: "identity.json is unreadable".to_owned() }
}
