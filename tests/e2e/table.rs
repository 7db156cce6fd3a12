//! A table as others see it: its catalog entry, its metadata, and its rows by two engines that share no code.
//!
//! What is in it is what DuckDB and PyIceberg each find (`read_table.py`). K2I is not asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{Python, RestCatalog, S3, Variable};
use k2i_tests::scene::Scene;
use serde_json::Value;

use super::feed::{Positions, text};

/// The readers, each an implementation of Iceberg of its own.
pub const ENGINES: [&str; 2] = ["duckdb", "pyiceberg"];
/// What can be wrong with a row, or with an acknowledged record that has none.
pub const WRONGS: [&str; 3] = ["doubled", "missing", "alien"];
/// How long rows may take from the broker's acknowledgement to the table.
const ROWS_LIMIT: Duration = Duration::from_secs(90);

/// Where a table is.
pub struct Table {
    /// The path of a SQLite catalog, or the address of a REST catalog.
    catalog: String,
    name: String,
    variables: Vec<Variable>,
}

impl Table {
    /// `namespace.table` of a SQLite catalog, its files in a local folder.
    pub fn in_sqlite(catalog: &Path, name: &str) -> Result<Self> {
        Ok(Self { catalog: text(catalog)?.to_owned(), name: name.to_owned(), variables: Vec::new() })
    }

    /// `namespace.table` of a REST catalog, its files on S3.
    pub fn in_rest(catalog: &RestCatalog, s3: &S3, name: &str) -> Self {
        Self { catalog: catalog.url(), name: name.to_owned(), variables: s3.variables() }
    }

    /// Where its catalog is, as the scripts take it.
    pub fn catalog(&self) -> &str {
        &self.catalog
    }

    /// What the scripts need to reach its files.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// `namespace.table`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the table's head says that it has at least so many rows.
    pub fn wait_rows(&self, scene: &Scene, rows: u64) -> Result<()> {
        let seconds = ROWS_LIMIT.as_secs().to_string();
        self.ask(scene, &["wait-rows", &rows.to_string(), &seconds]).map(|_| ())
    }

    /// How many rows the table's head says it has.
    pub fn rows(&self, scene: &Scene) -> Result<u64> {
        self.ask(scene, &["rows"])?.as_u64().context("a number of rows")
    }

    /// The table's own properties.
    pub fn properties(&self, scene: &Scene) -> Result<Value> {
        self.ask(scene, &["properties"])
    }

    /// The watermark of a cluster in the table's own properties.
    pub fn watermark(&self, scene: &Scene, cluster: &str) -> Result<Positions> {
        let properties = self.properties(scene)?;
        let prefix = format!("k2i.{cluster}.watermark.");
        let mut found = Positions::new();
        for (_, chunk) in
            properties.as_object().context("properties")?.iter().filter(|(key, _)| key.starts_with(&prefix))
        {
            let chunk: Value = serde_json::from_str(chunk.as_str().context("a property is text")?)?;
            for entry in chunk["partitions"].as_array().context("a watermark lists topic partitions")? {
                let number = |at: usize| entry[at].as_i64().context("an entry is a list of numbers");
                found.insert(i32::try_from(number(0)?)?, number(1)?);
            }
        }
        Ok(found)
    }

    /// The snapshot that `main` points at.
    pub fn head(&self, scene: &Scene) -> Result<Value> {
        self.ask(scene, &["head"])
    }

    /// Sets `main` to an earlier snapshot, with PyIceberg.
    pub fn roll_back(&self, scene: &Scene, snapshot: i64) -> Result<()> {
        let args = [self.catalog.as_str(), &self.name, "roll-back", &snapshot.to_string()];
        let now = Python::shared()?.ask_with(scene, "change_table.py", &args, &self.variables)?;
        ensure!(now.as_i64() == Some(snapshot), "the head is {now} after a rollback to {snapshot}");
        Ok(())
    }

    /// When each commit was made, in milliseconds since 1970, oldest first.
    pub fn commit_times(&self, scene: &Scene) -> Result<Vec<i64>> {
        let history = self.ask(scene, &["history"])?;
        let time = |snapshot: &Value| snapshot["timestamp-ms"].as_i64().context("a snapshot has a time");
        // Metadata lists snapshots in no order.
        let mut times =
            history.as_array().context("a history is a list")?.iter().map(time).collect::<Result<Vec<_>>>()?;
        times.sort_unstable();
        Ok(times)
    }

    /// Checks with both engines that the table holds every acknowledged record once, and nothing else.
    pub fn check_exact(&self, scene: &Scene, acks: &[PathBuf], tally: &Value) -> Result<()> {
        for engine in ENGINES {
            let found = self.read(scene, engine, acks)?;
            check(&found, tally).with_context(|| format!("{engine}, reading {}", self.name))?;
        }
        Ok(())
    }

    /// Checks with both engines that the table holds so many rows, each of them an acknowledged record that is there once,
    /// and every acknowledged record: as [`Table::check_exact`], where several productions have no tally together.
    pub fn check_places(&self, scene: &Scene, acks: &[PathBuf], rows: u64) -> Result<()> {
        for engine in ENGINES {
            let found = self.read(scene, engine, acks)?;
            check_none(&found, &WRONGS).with_context(|| format!("{engine}, reading {}", self.name))?;
            let counts = (found["distinct"].as_u64(), found["tally"]["rows"].as_u64());
            ensure!(counts == (Some(rows), Some(rows)), "{engine} finds {found}, not {rows} rows");
        }
        Ok(())
    }

    /// What one engine finds in the table, compared with what was acknowledged.
    pub fn read(&self, scene: &Scene, engine: &str, acks: &[PathBuf]) -> Result<Value> {
        let mut args = vec![engine, &self.catalog, &self.name];
        for path in acks {
            args.push(text(path)?);
        }
        Python::shared()?.ask_with(scene, "read_table.py", &args, &self.variables)
    }

    /// What one engine adds up in the table, column by column (`survey.py`).
    pub fn survey(&self, scene: &Scene, engine: &str) -> Result<Value> {
        Python::shared()?.ask_with(scene, "survey.py", &[engine, &self.catalog, &self.name], &self.variables)
    }

    fn ask(&self, scene: &Scene, args: &[&str]) -> Result<Value> {
        let args = [&[self.catalog.as_str(), &self.name], args].concat();
        Python::shared()?.ask_with(scene, "table_tool.py", &args, &self.variables)
    }
}

/// Fails if an engine found rows of one of these [`WRONGS`].
pub fn check_none(found: &Value, wrongs: &[&str]) -> Result<()> {
    for wrong in wrongs {
        ensure!(found[wrong] == 0, "{} rows {wrong}; examples: {}", found[wrong], found["examples"]);
    }
    Ok(())
}

/// Fails unless what an engine found is what was acknowledged, row by row and sum by sum.
pub fn check(found: &Value, tally: &Value) -> Result<()> {
    check_none(found, &WRONGS)?;
    ensure!(found["distinct"] == tally["rows"], "{} places, not {}", found["distinct"], tally["rows"]);
    let (sums, wanted) = (&found["tally"], tally);
    ensure!(sums == wanted, "another tally\nfound:  {sums}\nwanted: {wanted}");
    Ok(())
}
