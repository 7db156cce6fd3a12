//! Ended at each named point of a file's life and of a commit, and started again: every record is in the table once.
//!
//! The list of points is the program's own, so a new one is fired from the day that it exists.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_runtime::failpoint::{Failpoint, VARIABLE};
use k2i_tests::k2i::K2i;
use k2i_tests::scene::scene;

use super::line::Line;

/// Orders produced at least, and how many a second while the process dies and comes back.
const ORDERS: u32 = 2_000;
const PER_SECOND: u32 = 500;
/// How long a process may take to reach its point.
const DEATH_LIMIT: Duration = Duration::from_secs(30);

#[test]
fn every_failpoint_is_fired_and_survived() {
    scene("every_failpoint_is_fired_and_survived", |scene| {
        let mut line = Line::lay(scene, 2)?;
        let production = line.keep_producing(ORDERS, PER_SECOND)?;
        for point in Failpoint::ALL {
            let k2i = line.ingest_with(&[(VARIABLE, point.as_str())])?;
            die_at(k2i, point).with_context(|| format!("the point {}", point.as_str()))?;
        }
        let k2i = line.ingest()?;
        line.finish_exact(k2i, production, 1).map(|_| ())
    });
}

fn die_at(mut k2i: K2i, point: Failpoint) -> Result<()> {
    let status = k2i.wait_end(DEATH_LIMIT)?;
    ensure!(status.code().is_none(), "it ended by itself with {status}");
    let said = k2i.log();
    ensure!(said.contains(&format!("\"point\":\"{}\"", point.as_str())), "it ended with {status}, elsewhere:\n{said}");
    Ok(())
}
