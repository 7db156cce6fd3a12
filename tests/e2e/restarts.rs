//! Killed at any moment, with and without its own state: every record is in the table once.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use k2i_tests::scene::scene;

use super::line::Line;

const ORDERS: u32 = 60_000;
const PER_SECOND: u32 = 6_000;
const KILLS: usize = 3;
/// Orders of several MiB as Parquet, and a flush interval that never ends in a test.
const SIZED_ORDERS: u32 = 160_000;
const NEVER_SECONDS: u64 = 3_600;

#[test]
fn killed_and_restarted() {
    scene("killed_and_restarted", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let mut moments = Moments::new()?;
        let mut production = line.keep_producing(ORDERS, PER_SECOND)?;
        let mut uncommitted = 0;
        for _ in 0..KILLS {
            let mut k2i = line.ingest()?;
            k2i.wait_ready()?;
            thread::sleep(moments.next());
            production.expect_running()?;
            let produced: i64 = line.ends()?.values().sum();
            k2i.kill()?;
            uncommitted += u64::try_from(produced)?.saturating_sub(line.rows().unwrap_or(0));
        }
        ensure!(uncommitted > 0, "no kill came while rows were on their way, so nothing was shown");

        // Its state was there all the time.
        let k2i = line.ingest()?;
        line.finish_exact(k2i, production, 1).map(|_| ())
    });
}

#[test]
fn data_folder_lost() {
    scene("data_folder_lost", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let production = line.keep_producing(ORDERS, PER_SECOND)?;
        let committed = line.kill_with_rows()?;
        fs::remove_dir_all(&line.config.data_dir)?;

        let k2i = line.ingest()?;
        let rows = line.finish_exact(k2i, production, 2)?;
        ensure!(committed < rows, "everything was committed before the loss, so nothing was shown");
        Ok(())
    });
}

#[test]
fn transaction_log_lost() {
    scene("transaction_log_lost", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let production = line.keep_producing(ORDERS, PER_SECOND)?;
        let mut k2i = line.ingest()?;
        k2i.wait_ready()?;
        line.wait_rows(1)?;
        // What is on its way when it dies is in nobody's list afterwards.
        let committed = line.rows()?;
        k2i.wait_read(committed + 1)?;
        k2i.kill()?;
        let committed = line.rows()?;
        fs::remove_dir_all(line.config.data_dir.join("worker"))?;

        // It costs reading again, and nothing else: the same life goes on.
        let k2i = line.ingest()?;
        let rows = line.finish_exact(k2i, production, 1)?;
        ensure!(committed < rows, "everything was committed before the loss, so nothing was shown");
        Ok(())
    });
}

#[test]
fn cuts_by_size_alone() {
    scene("cuts_by_size_alone", |scene| {
        let mut line = Line::lay(scene, 3)?;
        line.config.flush_interval_seconds = NEVER_SECONDS;
        line.config.flush_max_size_mb = Some(1);
        let tally = line.produce(SIZED_ORDERS)?;
        let mut k2i = line.ingest()?;
        // Several cuts, since one of them never has a fourth of the rows.
        line.wait_rows(u64::from(SIZED_ORDERS / 2))?;
        k2i.wait_read(u64::from(SIZED_ORDERS))?;
        let (committed, all) = (line.rows()?, u64::from(SIZED_ORDERS));
        println!("{committed} of {all} rows committed because of their size");
        ensure!(committed < all, "the last rows were committed although neither time nor size had come");
        // The rest is below the size: the drain commits it.
        k2i.drain()?;
        line.check_exact(&tally)?;
        let largest = largest_file(&line.config.warehouse)?;
        println!("the largest data file has {largest} bytes");
        ensure!(largest <= 2 << 20, "a data file has {largest} bytes, at a limit of 1 MiB");
        Ok(())
    });
}

/// Bytes of the largest Parquet file in a folder and the folders in it.
fn largest_file(folder: &Path) -> Result<u64> {
    let mut largest = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            largest = largest.max(largest_file(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "parquet") {
            largest = largest.max(entry.metadata()?.len());
        }
    }
    Ok(largest)
}

/// Moments to kill at, from a number that is printed, so that a failure's moments are known.
struct Moments(u64);

impl Moments {
    /// From `K2I_TEST_SEED`, or from the clock.
    fn new() -> Result<Self> {
        let seed = match std::env::var("K2I_TEST_SEED") {
            Ok(text) => text.parse().context("K2I_TEST_SEED is a number")?,
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
        };
        println!("K2I_TEST_SEED={seed}");
        Ok(Self(seed))
    }

    /// Between 0.2 and 3.7 s from now: before, in the middle of and after a flush of every 2 s.
    fn next(&mut self) -> Duration {
        // A linear congruence (Knuth, MMIX); its high bits are good enough for moments.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis(200 + (self.0 >> 33) % 3_500);
        println!("killed {moment:?} after it was ready");
        moment
    }
}
