//! Exactly once, checked: every order that the broker acknowledged is in the committed snapshot once, nothing else is.
//!
//! The table is read by an engine that knows nothing of K2I; what should be in it is the generator's own ledger. Every
//! row is compared by its place in Kafka and the order in it, and then sums that come from the database with sums that
//! come from the ledger.

use anyhow::{Result, ensure};

use super::ledger::Ledger;
use super::query::{Answer, Engine};

/// Orders and revenue by status; `{}` is the table.
pub(super) const REVENUE_SQL: &str =
    "SELECT status, count(*) AS orders, sum(amount) AS revenue FROM {} GROUP BY status ORDER BY status";
/// Rows, offsets and order numbers by topic partition.
pub(super) const PARTITIONS_SQL: &str = "SELECT _kafka_partition, count(*), count(DISTINCT _kafka_offset), \
     min(_kafka_offset), max(_kafka_offset), sum(order_id) FROM {} GROUP BY _kafka_partition ORDER BY _kafka_partition";

/// A query over a table.
pub(super) fn over(sql: &str, table: &str) -> String {
    sql.replace("{}", table)
}

/// What a comparison of every row found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) rows: u64,
    /// Acknowledged and not in the table.
    pub(super) missing: u64,
    /// Places that are in the table more than once.
    pub(super) doubled: u64,
    /// Rows of places, or with orders, that were never acknowledged.
    pub(super) foreign: u64,
}

impl Found {
    pub(super) fn is_exact(&self) -> bool {
        self.missing == 0 && self.doubled == 0 && self.foreign == 0
    }
}

/// Compares rows, in any order, with the ledger.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    ledger: &'a Ledger,
    seen: Vec<Vec<bool>>,
    found: Found,
}

impl<'a> Comparison<'a> {
    pub(super) fn with(ledger: &'a Ledger) -> Self {
        let seen = ledger.ends().map(|end| vec![false; end]).collect();
        Self { ledger, seen, found: Found::default() }
    }

    pub(super) fn row(&mut self, partition: i32, offset: i64, order: i64) {
        self.found.rows += 1;
        let acknowledged = self.ledger.at(partition, offset);
        if acknowledged.is_none() || u64::try_from(order).ok() != acknowledged {
            self.found.foreign += 1;
            return;
        }
        // The ledger has the place, so it is one of `seen`.
        let seen = &mut self.seen[partition as usize][offset as usize];
        self.found.doubled += u64::from(std::mem::replace(seen, true));
    }

    pub(super) fn finish(mut self) -> Found {
        self.found.missing = self.seen.iter().flatten().filter(|seen| !**seen).count() as u64;
        self.found
    }
}

/// Checks the snapshot behind `engine`, and answers the revenue query for showing.
///
/// # Errors
/// It is not exact, with what was found.
pub(super) async fn exactly_once(engine: &Engine, ledger: &Ledger, seed: u64) -> Result<(Found, Answer)> {
    let mut comparison = Comparison::with(ledger);
    engine.each_place(|place| comparison.row(place.partition, place.offset, place.order)).await?;
    let found = comparison.finish();
    ensure!(
        found.is_exact(),
        "NOT exactly once: {} orders acknowledged, {} rows, {} missing, {} doubled, {} foreign",
        ledger.count(),
        found.rows,
        found.missing,
        found.doubled,
        found.foreign
    );
    let partitions = engine.ask(&over(PARTITIONS_SQL, super::query::NAME)).await?;
    same("by topic partition", &partitions.rows, &ledger.by_partition())?;
    let revenue = engine.ask(&over(REVENUE_SQL, super::query::NAME)).await?;
    same("by status", &revenue.rows, &ledger.by_status(seed))?;
    Ok((found, revenue))
}

fn same(what: &str, found: &[Vec<String>], wanted: &[Vec<String>]) -> Result<()> {
    ensure!(found == wanted, "NOT exactly once: {what}, SQL finds {found:?}, acknowledged were {wanted:?}");
    Ok(())
}
