//! Reference stages, which say how fast the machine is: the same work on the same data as well-known code does it.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use k2i_worker::reader::Batch;
use parquet::arrow::ArrowWriter;

use super::machine::OwnCpu;

/// Rows of an Arrow batch of [`decode`]: arrow-json is fastest at about this size.
const BATCH: usize = 1_024;

/// arrow-json over the values of a reader's batches, for the first `columns` of a schema: without K2I's own columns.
/// Answers CPU-seconds.
///
/// # Errors
/// A record is refused, or a row is missing.
pub fn decode(batches: &[Batch], schema: &SchemaRef, columns: usize) -> Result<f64> {
    let fields: Vec<_> = schema.fields().iter().take(columns).cloned().collect();
    let cpu = OwnCpu::begin()?;
    let mut decoder = ReaderBuilder::new(Arc::new(Schema::new(fields))).with_batch_size(BATCH).build_decoder()?;
    let (mut waiting, mut taken, mut rows) = (0, 0, 0);
    for value in batches.iter().flat_map(Batch::records).filter_map(|held| held.value) {
        ensure!(decoder.decode(value)? == value.len(), "arrow-json leaves a part of a record");
        (waiting, taken) = (waiting + 1, taken + 1);
        if waiting == BATCH {
            rows += decoder.flush()?.map_or(0, |batch| batch.num_rows());
            waiting = 0;
        }
    }
    rows += decoder.flush()?.map_or(0, |batch| batch.num_rows());
    let spent = cpu.spent()?;
    ensure!(rows == taken, "arrow-json makes {rows} rows of {taken} records");
    Ok(spent)
}

/// The parquet crate with its default properties (dictionaries, no compression), to a file that is removed afterwards.
/// Answers CPU-seconds.
///
/// # Errors
/// It cannot be written.
pub fn encode(batches: &[RecordBatch], schema: &SchemaRef, path: &Path) -> Result<f64> {
    let cpu = OwnCpu::begin()?;
    let file = File::create_new(path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), None)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.close()?;
    let spent = cpu.spent()?;
    fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    Ok(spent)
}
