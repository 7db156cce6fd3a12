//! The whole system once, with nothing going wrong.

use std::time::Duration;

use k2i_tests::http::metric;
use k2i_tests::scene::scene;
use k2i_tests::wait::{Look, until};

use super::line::Line;

const COUNTED_LIMIT: Duration = Duration::from_secs(10);

#[test]
fn thin_line() {
    scene("thin_line", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let tally = line.produce(20_000)?;
        let mut k2i = line.ingest()?;
        k2i.wait_ready()?;
        line.wait_rows(20_000)?;
        line.check_exact(&tally)?;

        // The table is first, the counter after it.
        until("the counter of committed rows", COUNTED_LIMIT, || {
            let rows = metric(&k2i.metrics()?, "k2i_coordinator_committed_rows_total").unwrap_or(0.0);
            Ok(if rows == 20_000.0 { Look::Done(()) } else { Look::NotYet(format!("{rows}")) })
        })?;

        println!("peak {} MiB, drained in {:?}", k2i.peak_rss_mb()?, k2i.drain()?);
        // Draining had nothing left to do, so it changed nothing.
        line.check_exact(&tally)
    });
}
