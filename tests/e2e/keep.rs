//! `--resume TABLE=keep`: the head stays as a person has set it, and reading goes on where it was.

use anyhow::{Result, bail, ensure};
use k2i_tests::scene::{Scene, scene};

use super::line::Line;
use super::several::wait_stopped;

/// Of each of the three times that orders are produced.
const ORDERS: u32 = 4_000;

#[test]
fn rows_that_were_rolled_back_stay_away_and_later_ones_arrive() {
    scene("rolled_back_kept", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let k2i = line.ingest()?;
        line.produce(ORDERS)?;
        line.wait_rows(ORDERS.into())?;
        let head = line.head()?;
        line.feed().produce_from(ORDERS, ORDERS)?;
        line.wait_rows(u64::from(2 * ORDERS))?;
        k2i.drain()?;
        line.table()?.roll_back(scene, head)?;

        let mut stopped = line.ingest()?;
        wait_stopped(&mut stopped, "orders", "rolled_back")?;
        stopped.drain()?;

        let k2i = line.ingest_deciding("keep", head)?;
        line.feed().produce_from(2 * ORDERS, ORDERS)?;
        line.wait_rows(u64::from(2 * ORDERS))?;
        expect_first_and_last(&mut line, scene)?;
        let life = line.identity()?;
        ensure!(life["incarnation"] == 2, "a decision begins a new life: {life}");
        k2i.drain()?;

        // The watermark of that life holds what was given up, too: a restart does not read it.
        let mut k2i = line.ingest()?;
        k2i.wait_ready()?;
        k2i.drain()?;
        expect_first_and_last(&mut line, scene)?;
        let (ends, watermark) = (line.ends()?, line.watermark()?);
        ensure!(watermark == ends, "the watermark is {watermark:?}, the topic ends at {ends:?}");
        Ok(())
    });
}

/// Both engines find the orders before the rollback and those after the decision, each once, and none of those between.
fn expect_first_and_last(line: &mut Line<'_>, scene: &Scene) -> Result<()> {
    let [first, _given_up, last] = line.feed().acks() else { bail!("orders were not produced three times") };
    let kept = [first.clone(), last.clone()];
    line.table()?.check_places(scene, &kept, u64::from(2 * ORDERS))
}
