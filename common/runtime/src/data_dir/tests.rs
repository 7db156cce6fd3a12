//! Locking, layout and messages.

use super::*;

#[test]
fn makes_the_folder_and_opens_it_again() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("deep/k2i-data");
    let dir = DataDir::open(&root).unwrap();
    assert!(dir.coordinator().is_dir() && dir.worker().is_dir() && dir.spool().is_dir());
    assert_eq!(fs::read_to_string(root.join("lock")).unwrap().trim(), std::process::id().to_string());
    drop(dir);
    DataDir::open(&root).unwrap();
    assert_eq!(fs::read_to_string(root.join("layout")).unwrap(), "k2i data folder, layout 1\n");
}

#[test]
fn in_use_names_folder_and_process() {
    let root = tempfile::tempdir().unwrap();
    let held = DataDir::open(root.path()).unwrap();
    let error = DataDir::open(root.path()).unwrap_err();
    assert!(matches!(&error, DataDirError::InUse { pid: Some(pid), .. } if *pid == std::process::id()), "{error:?}");
    let message = error.to_string();
    assert!(message.contains(&root.path().display().to_string()), "{message}");
    assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
    drop(held);
    DataDir::open(root.path()).unwrap();
}

#[test]
fn another_layout_is_refused_untouched() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("layout"), "k2i data folder, layout 2\n").unwrap();
    let error = DataDir::open(root.path()).unwrap_err();
    assert!(matches!(error, DataDirError::Layout { found: 2, .. }), "{error:?}");
    assert!(!root.path().join("worker").exists());
    assert_eq!(fs::read_to_string(root.path().join("layout")).unwrap(), "k2i data folder, layout 2\n");
}

#[test]
fn a_foreign_layout_file_is_refused() {
    let root = tempfile::tempdir().unwrap();
    for content in [&b"something else"[..], b"", b"\xff\xfe"] {
        fs::write(root.path().join("layout"), content).unwrap();
        let error = DataDir::open(root.path()).unwrap_err();
        assert!(matches!(error, DataDirError::NotOurs { .. }), "{error:?}");
    }
}

#[test]
fn a_file_in_the_way_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("data");
    fs::write(&root, "").unwrap();
    let message = DataDir::open(&root).unwrap_err().to_string();
    assert!(message.contains("cannot create") && message.contains("data_dir"), "{message}");
}

#[test]
fn a_look_changes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("data");
    assert_eq!(DataDir::look(&root).unwrap(), Standing::Missing);
    assert!(!root.exists());
    fs::create_dir(&root).unwrap();
    assert_eq!(DataDir::look(&root).unwrap(), Standing::Free);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    let held = DataDir::open(&root).unwrap();
    assert_eq!(DataDir::look(&root).unwrap(), Standing::InUse(Some(std::process::id())));
    drop(held);
    assert_eq!(DataDir::look(&root).unwrap(), Standing::Free);
    fs::write(root.join("layout"), "k2i data folder, layout 2\n").unwrap();
    assert!(matches!(DataDir::look(&root).unwrap_err(), DataDirError::Layout { found: 2, .. }));
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(DataDir::look(&file).unwrap_err(), DataDirError::Io { .. }));
}
