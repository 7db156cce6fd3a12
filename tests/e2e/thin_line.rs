//! The whole system once, with nothing going wrong.

use std::time::Duration;

use anyhow::ensure;
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
        let page = k2i.metrics()?;
        for name in ["k2i_coordinator_invariant_violations_total", "k2i_worker_invariant_violations_total"] {
            // Labelled: there is no series before the first violation.
            let found = metric(&page, name).unwrap_or(0.0);
            ensure!(found == 0.0, "{name} is {found}");
        }

        println!("peak {} MiB, drained in {:?}", k2i.peak_rss_mb()?, k2i.drain()?);
        // Draining had nothing left to do, so it changed nothing.
        line.check_exact(&tally)
    });
}
