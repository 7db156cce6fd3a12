//! Generated files: a test fails when one is stale, and writes it anew when `K2I_UPDATE=1`.

use std::path::Path;

/// Compares a file, named from the root of the repository, with what it should be.
pub(crate) fn assert_fresh(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    if std::env::var_os("K2I_UPDATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = || found.lines().zip(expected.lines()).position(|(a, b)| a != b);
    assert!(
        found == expected,
        "{name} is stale (first at line {}): run K2I_UPDATE=1 cargo test -p k2i-runtime",
        differs().map_or_else(|| found.lines().count().min(expected.lines().count()) + 1, |line| line + 1)
    );
}
