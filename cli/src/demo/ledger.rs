//! What the broker acknowledged: the truth that the table is compared with. K2I has no part in it.
//!
//! The producer is the only one and keeps its order, so a topic partition's acknowledgements come offset by offset from
//! 0. That is checked, not assumed: anything else would make the comparison worthless.

use std::collections::BTreeMap;

use super::orders::{Money, Order};

/// Acknowledged orders: for each topic partition the order's number at each offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    partitions: Vec<Vec<u64>>,
}

/// An acknowledgement that does not follow the one before.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the broker acknowledged offset {found} of topic partition {partition} where {expected} comes next")]
pub(super) struct OutOfOrder {
    partition: i32,
    expected: usize,
    found: i64,
}

impl Ledger {
    pub(super) fn new(partitions: usize) -> Self {
        Self { partitions: vec![Vec::new(); partitions] }
    }

    /// Notes an acknowledgement.
    ///
    /// # Errors
    /// It does not follow the one before.
    pub(super) fn acknowledge(&mut self, partition: i32, offset: i64, order: u64) -> Result<(), OutOfOrder> {
        let log = usize::try_from(partition).ok().and_then(|at| self.partitions.get_mut(at));
        let expected = log.as_ref().map_or(0, |log| log.len());
        match log {
            Some(log) if usize::try_from(offset) == Ok(expected) => {
                log.push(order);
                Ok(())
            }
            _ => Err(OutOfOrder { partition, expected, found: offset }),
        }
    }

    /// Acknowledged orders.
    pub(super) fn count(&self) -> u64 {
        self.partitions.iter().map(|log| log.len() as u64).sum()
    }

    /// The order at a place.
    pub(super) fn at(&self, partition: i32, offset: i64) -> Option<u64> {
        let log = self.partitions.get(usize::try_from(partition).ok()?)?;
        log.get(usize::try_from(offset).ok()?).copied()
    }

    /// The number of orders in each topic partition.
    pub(super) fn ends(&self) -> impl Iterator<Item = usize> {
        self.partitions.iter().map(Vec::len)
    }

    /// What [`super::check::PARTITIONS_SQL`] must find.
    pub(super) fn by_partition(&self) -> Vec<Vec<String>> {
        let filled = self.partitions.iter().enumerate().filter(|(_, log)| !log.is_empty());
        filled
            .map(|(partition, log)| {
                let sum: u64 = log.iter().sum();
                let count = log.len().to_string();
                vec![
                    partition.to_string(),
                    count.clone(),
                    count,
                    "0".into(),
                    (log.len() - 1).to_string(),
                    sum.to_string(),
                ]
            })
            .collect()
    }

    /// What [`super::check::REVENUE_SQL`] must find.
    pub(super) fn by_status(&self, seed: u64) -> Vec<Vec<String>> {
        let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for id in self.partitions.iter().flatten() {
            let order = Order::of(seed, *id);
            let (count, cents) = found.entry(order.status).or_default();
            *count += 1;
            *cents += order.cents();
        }
        let row = |(status, (count, cents)): (&str, (u64, u64))| {
            vec![status.to_owned(), count.to_string(), Money(cents).to_string()]
        };
        found.into_iter().map(row).collect()
    }
}
