//! An old copy of the data folder put back: what a restored backup, or a disk image started twice, does.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use k2i_tests::scene::scene;

use super::line::Line;
use super::several::wait_stopped;

const ORDERS: u32 = 20_000;
const PER_SECOND: u32 = 2_000;

#[test]
fn an_old_copy_goes_on_from_the_table() {
    scene("an_old_copy_goes_on_from_the_table", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let production = line.keep_producing(ORDERS, PER_SECOND)?;
        let copy = scene.path("copy");
        let early = copy_after_rows(&mut line, &copy)?;
        let k2i = line.ingest()?;
        line.wait_rows(early + 1)?;
        k2i.kill()?;
        put_back(&copy, &line.config.data_dir)?;

        let k2i = line.ingest()?;
        line.finish_exact(k2i, production, 2).map(|_| ())
    });
}

#[test]
fn a_copy_of_a_life_that_was_replaced_stops() {
    scene("a_copy_of_a_life_that_was_replaced_stops", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let production = line.keep_producing(ORDERS, PER_SECOND)?;
        let copy = scene.path("copy");
        let early = copy_after_rows(&mut line, &copy)?;
        fs::remove_dir_all(&line.config.data_dir)?;

        let k2i = line.ingest()?;
        let rows = line.finish_exact(k2i, production, 2)?;
        ensure!(early < rows, "everything was committed before the loss, so nothing was shown");
        put_back(&copy, &line.config.data_dir)?;

        let mut k2i = line.ingest()?;
        wait_stopped(&mut k2i, "orders", "replaced")?;
        k2i.drain()?;
        ensure!(line.rows()? == rows, "a life that was replaced has written");
        Ok(())
    });
}

/// Runs until rows are committed, ends the process as a power cut would, and copies its data folder. The answer is the
/// number of rows in the table then.
fn copy_after_rows(line: &mut Line<'_>, copy: &Path) -> Result<u64> {
    let rows = line.kill_with_rows()?;
    copy_folder(&line.config.data_dir, copy)?;
    Ok(rows)
}

fn put_back(copy: &Path, folder: &Path) -> Result<()> {
    fs::remove_dir_all(folder)?;
    copy_folder(copy, folder)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
