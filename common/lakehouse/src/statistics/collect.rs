//! From a Parquet footer to [`FileStatistics`].

use std::collections::BTreeMap;

use iceberg::spec::Schema;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use super::bounds::Bounds;
use super::{ColumnStatistics, FileStatistics};
use crate::properties::{MetricsMode, MetricsModes};

impl FileStatistics {
    /// Statistics of a file that was written with `schema`. Columns are recognised by the field id in the footer;
    /// `nans` are the NaN counts by field id, which Parquet does not know; `modes` say how much is kept of each column.
    #[must_use]
    pub fn from_parquet(
        schema: &Schema,
        metadata: &ParquetMetaData,
        nans: &BTreeMap<i32, u64>,
        modes: &MetricsModes,
    ) -> Self {
        let leaves = modes.of_leaves(schema);
        let mode = |field: &i32| leaves.get(field).map_or(MetricsMode::Counts, |(_, mode)| *mode);
        let bounded = leaves.iter().filter_map(|(id, (kind, mode))| Some((*id, kind.clone(), mode.bound_length()?)));
        let mut bounds: BTreeMap<i32, Bounds> =
            bounded.map(|(id, kind, length)| (id, Bounds::new(kind, length))).collect();
        let mut columns = BTreeMap::<i32, ColumnStatistics>::new();
        for chunk in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
            let Some(field) = field_id(chunk).filter(|field| schema.field_by_id(*field).is_some()) else { continue };
            let first = !columns.contains_key(&field);
            let column = columns.entry(field).or_default();
            column.bytes += chunk.compressed_size() as u64;
            if chunk.column_descr().max_rep_level() > 0 {
                // Parquet counts empty lists as values, and readers do not prune by elements.
                continue;
            }
            if mode(&field).counts() {
                count(column, chunk, first);
            }
            if let Some(bounds) = bounds.get_mut(&field) {
                bounds.add(chunk);
            }
        }
        for (field, column) in &mut columns {
            column.nans = nans.get(field).copied().filter(|_| mode(field).counts());
            column.lower = bounds.get(field).and_then(Bounds::lower);
            column.upper = bounds.get(field).and_then(Bounds::upper);
        }
        Self { columns, split_offsets: metadata.row_groups().iter().filter_map(start).collect() }
    }
}

/// Counts are known only if every row group knows them.
fn count(column: &mut ColumnStatistics, chunk: &ColumnChunkMetaData, first: bool) {
    let values = chunk.num_values() as u64;
    let nulls = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
    if first {
        column.values = Some(values);
        column.nulls = nulls;
    } else {
        column.values = column.values.map(|before| before + values);
        column.nulls = column.nulls.zip(nulls).map(|(before, nulls)| before + nulls);
    }
}

fn field_id(chunk: &ColumnChunkMetaData) -> Option<i32> {
    let info = chunk.column_descr().self_type().get_basic_info();
    info.has_id().then(|| info.id())
}

/// Where the row group's first page stands.
fn start(group: &RowGroupMetaData) -> Option<i64> {
    let first = group.columns().iter().map(|chunk| chunk.byte_range().0).min()?;
    i64::try_from(first).ok()
}
