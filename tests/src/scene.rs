//! A test's own folder: gone when the test passes, among the reports when it fails.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{cache, components};

/// Where one test keeps its files.
pub struct Scene {
    name: String,
    folder: PathBuf,
}

/// Runs a test in a folder of its own.
///
/// # Panics
/// `act` failed or panicked. The folder is then kept, with the shared servers' logs; the message names it.
pub fn scene(name: &str, act: impl FnOnce(&Scene) -> Result<()>) {
    let scene = Scene::begin(name).expect("the cache folder must be writable");
    let outcome = catch_unwind(AssertUnwindSafe(|| act(&scene)));
    if matches!(outcome, Ok(Ok(()))) {
        fs::remove_dir_all(&scene.folder).expect("a passed test leaves nothing behind");
        return;
    }
    let kept = scene.kept();
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => panic!("{name}: {error:#}\n\nits files: {kept}"),
        Err(panic) => {
            eprintln!("its files: {kept}");
            resume_unwind(panic);
        }
    }
}

/// As [`scene`], for a program that is no test: what failed is answered.
///
/// # Errors
/// `act` failed; the error names where its files are kept.
pub fn scene_of<T>(name: &str, act: impl FnOnce(&Scene) -> Result<T>) -> Result<T> {
    let scene = Scene::begin(name)?;
    match act(&scene) {
        Ok(done) => {
            fs::remove_dir_all(&scene.folder).with_context(|| format!("cannot remove {}", scene.folder.display()))?;
            Ok(done)
        }
        Err(error) => Err(error.context(format!("{name} failed, its files: {}", scene.kept()))),
    }
}

impl Scene {
    fn begin(name: &str) -> Result<Self> {
        let folder = cache::run_dir()?.join(name);
        fs::create_dir(&folder).with_context(|| format!("two tests are called {name}, or {}", folder.display()))?;
        Ok(Self { name: name.to_owned(), folder })
    }

    /// The test's name, unique in the run: topics, groups and tables may be called after it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A path in the test's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder of the logs of what the test started.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.path("logs")
    }

    /// Keeps the folder, and says where.
    fn kept(&self) -> String {
        self.keep().map_or_else(|error| format!("{error:#}"), |path| path.display().to_string())
    }

    fn keep(&self) -> Result<PathBuf> {
        for log in components::shared_logs()? {
            copy_into(&log, &self.logs())?;
        }
        cache::keep_report(&self.name, &self.folder)
    }
}

fn copy_into(file: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let name = file.file_name().context("a log is a file")?;
    fs::copy(file, folder.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    Ok(())
}
