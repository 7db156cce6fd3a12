//! The files of the workspace, as the checks of [`crate::layering`] and [`crate::tidy`] see them.

use std::fs;
use std::path::Path;

use k2i_tests::cache::workspace;

/// Folders whose contents nobody wrote.
const NOT_OURS: [&str; 3] = [".git", "target", "k2i-data"];

/// A text file.
pub struct Source {
    /// Its path from the workspace's root, with `/`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// Every text file of the workspace, in order of path.
pub fn all() -> Vec<Source> {
    let mut found = Vec::new();
    collect(workspace(), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 20, "the workspace has {} files: this looks in the wrong place", found.len());
    found
}

/// Every Rust file.
pub fn rust() -> Vec<Source> {
    all().into_iter().filter(|source| source.path.ends_with(".rs")).collect()
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    for entry in entries {
        let entry = entry.expect("a listed entry can be looked at");
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().expect("a listed entry has a type");
        if kind.is_dir() {
            if !NOT_OURS.iter().any(|folder| name == *folder) {
                collect(&path, found);
            }
        } else if kind.is_file()
            && let Ok(text) = fs::read_to_string(&path)
        {
            let path = path.strip_prefix(workspace()).expect("found below the workspace");
            found.push(Source { path: path.to_string_lossy().into_owned(), text });
        }
    }
}

/// Fails with every finding at once.
pub fn assert_none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}", findings.join("\n  "));
}
