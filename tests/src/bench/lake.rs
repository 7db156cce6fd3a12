//! The table as its catalog shows it, looked at again and again: when a snapshot is visible is taken from here, not from
//! what K2I says.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::components::{Python, RestCatalog};
use crate::http;
use crate::scene::Scene;
use crate::wait::{Look, until};

/// A table in a REST catalog.
pub struct Table<'a> {
    /// Where it is.
    pub catalog: &'a RestCatalog,
    /// Its namespace.
    pub database: &'static str,
    /// Its name there.
    pub name: String,
}

/// A head that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The snapshot.
    pub snapshot: i64,
    /// The rows that its summary says the table has.
    pub rows: u64,
    /// When it was there first, in milliseconds since 1970: after the answer that showed it had come.
    pub seen_ms: u64,
}

/// The heads of a table, in the order in which they were seen.
#[derive(Debug, Default)]
pub struct Heads(pub Vec<Head>);

impl Heads {
    /// A look found this head.
    pub(super) fn note(&mut self, head: Head) {
        if self.0.last().is_none_or(|last| last.snapshot != head.snapshot) {
            self.0.push(head);
        }
    }

    /// As the scripts take it: `[[snapshot, milliseconds], ...]`.
    #[must_use]
    pub fn text(&self) -> String {
        let pairs: Vec<(i64, u64)> = self.0.iter().map(|head| (head.snapshot, head.seen_ms)).collect();
        Value::from_iter(pairs.into_iter().map(|(snapshot, seen)| vec![Value::from(snapshot), Value::from(seen)]))
            .to_string()
    }
}

impl Table<'_> {
    /// `namespace.table`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }

    /// Looks at the table every 25 ms until its head says that it has at least so many rows.
    ///
    /// # Errors
    /// `limit` passed, or `alive` failed.
    pub fn watch(
        &self,
        rows: u64,
        limit: Duration,
        heads: &mut Heads,
        mut alive: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        until(&format!("{rows} rows in {}", self.full_name()), limit, || {
            alive()?;
            let head = match self.head() {
                Ok(Some(head)) => head,
                Ok(None) => return Ok(Look::NotYet("no table".to_owned())),
                // A catalog that is slow for once; the limit ends it.
                Err(error) => return Ok(Look::NotYet(format!("{error:#}"))),
            };
            heads.note(head);
            Ok(if head.rows >= rows { Look::Done(()) } else { Look::NotYet(format!("{} rows", head.rows)) })
        })
    }

    /// The head of `main`; `None` while there is no table, or nothing in it.
    fn head(&self) -> Result<Option<Head>> {
        let Self { catalog, database, name } = self;
        // `refs`: the history is of no interest.
        let answer = http::get(catalog.port(), &format!("/v1/namespaces/{database}/tables/{name}?snapshots=refs"))?;
        let seen_ms = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis())?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            status => bail!("the catalog answers {status}: {}", answer.body),
        }
        let loaded: Value = serde_json::from_str(&answer.body).context("the catalog's answer is no JSON")?;
        let metadata = &loaded["metadata"];
        let current = &metadata["current-snapshot-id"];
        let snapshots = metadata["snapshots"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(head) = snapshots.iter().find(|snapshot| snapshot["snapshot-id"] == *current) else {
            return Ok(None);
        };
        let rows = head["summary"]["total-records"].as_str().and_then(|rows| rows.parse().ok()).unwrap_or(0);
        let snapshot = current.as_i64().context("a snapshot's id is a number")?;
        Ok(Some(Head { snapshot, rows, seen_ms: u64::try_from(seen_ms)? }))
    }

    /// Reads the table with PyIceberg and checks that it has the rows of numbers below `rows`, as many as they are and
    /// with the sum that they have. Answers its number of live data files.
    ///
    /// # Errors
    /// It has other rows, or cannot be read.
    pub fn check(&self, scene: &Scene, rows: u64) -> Result<u64> {
        let args = ["rows", &self.catalog.url(), &self.full_name()];
        let found = Python::shared()?.ask(scene, "bench_table.py", &args)?;
        check(&found, rows).with_context(|| format!("pyiceberg, reading {}", self.full_name()))?;
        found["live_files"].as_u64().context("a number of files")
    }
}

/// Fails unless what a reader found is the records of numbers below `rows`.
pub(super) fn check(found: &Value, rows: u64) -> Result<()> {
    let sum = super::shape::Shape::sum_of_ids(rows);
    ensure!(found["rows"] == rows, "there are {} rows, not {rows}", found["rows"]);
    ensure!(found["sum"] == sum, "the column id adds up to {}, not {sum}", found["sum"]);
    ensure!(
        found["places"] == rows,
        "there are {} different topic partitions and offsets, not {rows}",
        found["places"]
    );
    Ok(())
}
