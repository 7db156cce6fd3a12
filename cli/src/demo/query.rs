//! SQL over the committed snapshot, by DataFusion: the only module that names it.
//!
//! What is read is exactly the data files that the table's metadata lists, not whatever lies in their folder.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int32Type, Int64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures::StreamExt;

/// The name under which SQL knows the snapshot.
pub(super) const NAME: &str = "orders";

const PLACES: &str = "SELECT _kafka_partition, _kafka_offset, order_id FROM orders";

/// An answer: its cells as text, and the whole as a table for people.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) rows: Vec<Vec<String>>,
    pub(super) pretty: String,
}

/// One row's place in Kafka, and the order in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) order: i64,
}

/// An engine that has the snapshot as a table.
pub(super) struct Engine {
    context: SessionContext,
}

impl Engine {
    /// Takes the files of a snapshot.
    ///
    /// # Errors
    /// There are none, or they cannot be read.
    pub(super) async fn over(files: Vec<String>) -> Result<Self> {
        ensure!(!files.is_empty(), "the committed snapshot has no data files");
        let context = SessionContext::new();
        let read = context.read_parquet(files, ParquetReadOptions::default()).await;
        let read = read.context("the committed data files cannot be read")?;
        context.register_table(NAME, read.into_view()).context("the snapshot cannot be registered")?;
        Ok(Self { context })
    }

    /// Runs a query with a small answer.
    ///
    /// # Errors
    /// It does not run.
    pub(super) async fn ask(&self, sql: &str) -> Result<Answer> {
        let frame = self.context.sql(sql).await.with_context(|| format!("this does not run: {sql}"))?;
        let batches = frame.collect().await.with_context(|| format!("this does not run: {sql}"))?;
        let pretty = pretty_format_batches(&batches)?.to_string();
        let mut rows = Vec::new();
        for batch in &batches {
            rows.extend(cells(batch)?);
        }
        Ok(Answer { rows, pretty })
    }

    /// Shows every row's place, in no order, batch by batch.
    ///
    /// # Errors
    /// A file cannot be read, or a place is null.
    pub(super) async fn each_place(&self, mut show: impl FnMut(Place)) -> Result<()> {
        let mut batches = self.context.sql(PLACES).await?.execute_stream().await?;
        while let Some(batch) = batches.next().await {
            let batch = batch.context("a committed data file cannot be read")?;
            let nulls = batch.columns().iter().any(|column| column.null_count() > 0);
            ensure!(!nulls, "a row has no partition, offset or order number");
            let partitions = batch.column(0).as_primitive::<Int32Type>().values();
            let offsets = batch.column(1).as_primitive::<Int64Type>().values();
            let orders = batch.column(2).as_primitive::<Int64Type>().values();
            for ((partition, offset), order) in partitions.iter().zip(offsets).zip(orders) {
                show(Place { partition: *partition, offset: *offset, order: *order });
            }
        }
        Ok(())
    }
}

fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default();
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(Arc::as_ref(column), &options));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok((0..batch.num_rows()).map(|row| columns.iter().map(|column| column.value(row).to_string()).collect()).collect())
}
