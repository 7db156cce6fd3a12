//! A data folder on a disk that fills up: what is full is said, nothing is lost, and it goes on by itself when there is room
//! again.
//!
//! The disk is a small tmpfs in a mount namespace of the process's own, which a test reaches through `/proc`.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::k2i::{self, IngestConfig, K2i, Promise};
use k2i_tests::process::undisturbed;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};

use super::feed::{Feed, text};
use super::table::Table;

const DISK_MB: u64 = 192;
const ORDERS: u32 = 2_000;
const LIMIT: Duration = Duration::from_secs(60);
/// Mounts a disk, then becomes the command.
const ON_A_DISK: &str = "mount -t tmpfs -o size=$0m tmpfs \"$1\" && shift && exec \"$@\"";

#[test]
fn full_disk() {
    scene("full_disk", |scene| {
        let mut feed = Feed::create(scene, "full-disk", 2)?;
        let disk = scene.path("disk");
        let config = IngestConfig { data_dir: disk.join("data"), ..IngestConfig::new(scene, feed.bootstrap())? };
        let config = IngestConfig { topic: feed.topic().to_owned(), ..config };
        let table = Table::in_sqlite(&config.catalog, &config.full_table())?;
        let mut k2i = start(scene, &config, &disk)?;
        k2i.wait_ready()?;
        let disk = PathBuf::from(format!("/proc/{}/root{}", k2i.id(), text(&disk)?));

        let first = feed.produce(ORDERS)?;
        table.wait_rows(scene, u64::from(ORDERS))?;
        table.check_exact(scene, feed.acks(), &first)?;
        // First too little for K2I to go on, then nothing at all.
        let mut rows = ORDERS;
        for free_mb in [40, 0] {
            let ballast = fill(&disk, free_mb)?;
            feed.produce_from(rows, ORDERS)?;
            wait_said(&mut k2i, &["a file could not be written", "MiB free", "make space there"], rows)?;
            let committed = table.rows(scene)?;
            ensure!(committed == u64::from(rows), "{committed} rows with {free_mb} MiB free, so nothing was shown");
            fs::remove_file(&ballast)?;
            rows += ORDERS;
            table.wait_rows(scene, u64::from(rows))?;
        }
        k2i.drain()?;
        table.check_places(scene, feed.acks(), u64::from(rows))
    });
}

/// Starts `k2i ingest` with a disk of its own at `disk`.
fn start(scene: &Scene, config: &IngestConfig, disk: &Path) -> Result<K2i> {
    fs::create_dir(disk)?;
    let file = config.write(scene, "k2i.toml")?;
    let mut command = Command::new("unshare");
    if !rustix::process::getuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-c", ON_A_DISK, &DISK_MB.to_string(), text(disk)?]);
    command.arg(k2i::binary()?).args(["ingest", "--config", text(&file)?]);
    undisturbed(&mut command);
    K2i::start(scene, "k2i", command, &Promise::of(config))
}

/// Writes a file that leaves so much free.
fn fill(disk: &Path, free_mb: u64) -> Result<PathBuf> {
    const MIB: usize = 1 << 20;
    let ballast = disk.join("ballast");
    let mut file = File::create(&ballast).with_context(|| format!("cannot reach {}", disk.display()))?;
    let free = || -> Result<u64> {
        let found = rustix::fs::statvfs(disk)?;
        Ok(found.f_bavail * found.f_frsize)
    };
    while free()? > free_mb * MIB as u64 {
        let step = usize::try_from(free()? - free_mb * MIB as u64)?.min(MIB);
        file.write_all(&vec![1; step])?;
    }
    Ok(ballast)
}

/// Waits until a line of the log after so many rows has all of these words, the process living on.
fn wait_said(k2i: &mut K2i, words: &[&str], rows: u32) -> Result<()> {
    let before = k2i.log().lines().filter(|line| line.contains(words[0])).count();
    until(&format!("the log to say {words:?} after {rows} rows"), LIMIT, || {
        k2i.expect_running()?;
        let log = k2i.log();
        let said: Vec<&str> = log.lines().filter(|line| words.iter().all(|word| line.contains(word))).collect();
        let last = log.lines().last().unwrap_or_default().to_owned();
        Ok(if said.len() > before { Look::Done(()) } else { Look::NotYet(last) })
    })
}
