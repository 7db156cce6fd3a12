//! Open, sealed and stored are told from each other by what lies in the folders.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::config::Places;
use super::super::moment::{Lookout, of_object, of_spool};

const OPEN: &[u8] = b"PAR1";
const OPEN_WITH_PAGES: &[u8] = b"PAR1 some pages of a row group";
const SEALED: &[u8] = b"PAR1 pages and a footer PAR1";

struct Scene {
    _base: tempfile::TempDir,
    places: Places,
}

impl Scene {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let places = Places::below(base.path());
        Self { _base: base, places }
    }

    fn put(folder: &Path, name: &str, content: &[u8]) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), content).unwrap();
    }

    fn spool(&self, name: &str, content: &[u8]) {
        Self::put(&self.places.spool(), name, content);
    }

    fn store(&self, name: &str) {
        Self::put(&self.places.data_files(), name, SEALED);
    }
}

#[test]
fn names_say_session_and_sequence() {
    assert_eq!(of_spool("00ab-12.parquet", "00ab"), Some(12));
    assert_eq!(of_spool("00ab-12.parquet", "00a"), None);
    assert_eq!(of_spool("00ab-12.tmp", "00ab"), None);
    assert_eq!(of_object("k2i-77-1-00ab-12-0.parquet", "00ab"), Some(12));
    assert_eq!(of_object("k2i-77-1-00cd-12-0.parquet", "00ab"), None);
    assert_eq!(of_object("other.parquet", "00ab"), None);
}

#[test]
fn the_moment_needs_an_open_file_and_a_sealed_one_on_its_way() {
    for open in [OPEN, OPEN_WITH_PAGES] {
        let scene = Scene::new();
        let mut lookout = Lookout::new(&scene.places, "s").unwrap();
        let now = Instant::now();
        assert!(!lookout.is_now(now).unwrap(), "nothing there");
        scene.spool("s-1.parquet", open);
        scene.spool("other-1.parquet", SEALED);
        assert!(!lookout.is_now(now).unwrap(), "nothing of this session is sealed");
        scene.spool("s-1.parquet", SEALED);
        assert!(!lookout.is_now(now).unwrap(), "nothing is open");
        scene.spool("s-2.parquet", open);
        assert!(lookout.is_now(now).unwrap());
        scene.store("k2i-77-1-s-1-0.parquet");
        assert!(lookout.is_now(now).unwrap(), "just stored, and not accepted within so short a time");
        assert!(!lookout.is_now(now + Duration::from_secs(1)).unwrap(), "stored long ago");
        assert!(!Lookout::new(&scene.places, "s").unwrap().is_now(now).unwrap(), "stored before anybody looked");
    }
}

#[test]
fn sealed_files_that_wait_while_nothing_is_open_are_not_the_moment() {
    let scene = Scene::new();
    scene.spool("s-1.parquet", SEALED);
    scene.spool("s-2.parquet", SEALED);
    assert!(!Lookout::new(&scene.places, "s").unwrap().is_now(Instant::now()).unwrap());
}
