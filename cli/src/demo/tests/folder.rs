//! Old runs go, what is in use or somebody else's stays.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::folder::{Folder, demos};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_last_runs_are_kept_and_one_in_use_is_never_removed() {
    let base = tempfile::tempdir().unwrap();
    let demos = base.path().join("demo");
    let used = Folder::fresh(&demos, "1").unwrap();
    fs::create_dir(demos.join("0-not-a-run")).unwrap();
    for name in ["2", "3", "4", "5"] {
        drop(Folder::fresh(&demos, name).unwrap());
    }
    assert_eq!(names(&demos), ["0-not-a-run", "1", "3", "4", "5"], "1 is in use, 2 was removed");
    drop(used);
    drop(Folder::fresh(&demos, "6").unwrap());
    assert_eq!(names(&demos), ["0-not-a-run", "4", "5", "6"]);
    let error = Folder::fresh(&demos, "6").unwrap_err();
    assert!(format!("{error:#}").contains("6"), "{error:#}");
}

#[test]
fn a_named_folder_must_be_empty() {
    let base = tempfile::tempdir().unwrap();
    let named = base.path().join("a/b");
    let folder = Folder::named(&named).unwrap();
    assert_eq!(folder.root(), named);
    let error = Folder::named(&named).unwrap_err().to_string();
    assert!(error.contains("is not empty"), "{error}");
}

#[test]
fn the_cache_is_where_the_other_commands_have_it() {
    let with = |set: &'static [(&str, &str)]| {
        demos(move |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value)))
    };
    assert_eq!(with(&[("K2I_CACHE", "/c"), ("HOME", "/h")]).unwrap(), PathBuf::from("/c/demo"));
    assert_eq!(with(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]).unwrap(), PathBuf::from("/x/k2i/demo"));
    assert_eq!(with(&[("K2I_CACHE", ""), ("HOME", "/h")]).unwrap(), PathBuf::from("/h/.cache/k2i/demo"));
    assert!(with(&[]).unwrap_err().to_string().contains("--data-dir"));
}
