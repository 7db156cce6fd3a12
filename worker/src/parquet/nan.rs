//! Counts NaN per float column, which Parquet's statistics do not.
//!
//! Iceberg wants the count for each leaf (spec, `nan_value_counts`). What a null hides, in the leaf or in anything around
//! it, is no value and is not counted.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, SchemaRef};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

/// NaN counts by Iceberg field id, an entry for every float leaf that has an id.
#[derive(Debug)]
pub(super) struct NanCounts {
    counts: BTreeMap<i32, u64>,
    /// Columns with a float leaf; the others are not looked at.
    columns: Vec<usize>,
}

impl NanCounts {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let mut counts = BTreeMap::new();
        let columns = schema
            .fields()
            .iter()
            .enumerate()
            .filter_map(|(place, field)| floats(field, &mut counts).then_some(place))
            .collect();
        Self { counts, columns }
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) {
        let schema = batch.schema();
        for &place in &self.columns {
            count(schema.field(place), batch.column(place), None, &mut self.counts);
        }
    }

    pub(super) fn finish(self) -> BTreeMap<i32, u64> {
        self.counts
    }
}

/// Makes an entry for every float leaf; true if there is one.
fn floats(field: &Field, counts: &mut BTreeMap<i32, u64>) -> bool {
    match field.data_type() {
        DataType::Float32 | DataType::Float64 => {
            if let Some(id) = field_id(field) {
                counts.insert(id, 0);
            }
            true
        }
        DataType::Struct(fields) => fields.iter().fold(false, |any, field| floats(field, counts) | any),
        DataType::List(inner) | DataType::Map(inner, _) => floats(inner, counts),
        _ => false,
    }
}

fn field_id(field: &Field) -> Option<i32> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY)?.parse().ok()
}

/// Adds the NaNs of `array`; `around` is what the levels above hide.
fn count(field: &Field, array: &ArrayRef, around: Option<&NullBuffer>, counts: &mut BTreeMap<i32, u64>) {
    let nulls = NullBuffer::union(around, array.nulls());
    let nulls = nulls.as_ref();
    match field.data_type() {
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().values();
            add(field, nans(values.iter().map(|value| value.is_nan()), nulls), counts);
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            add(field, nans(values.iter().map(|value| value.is_nan()), nulls), counts);
        }
        DataType::Struct(fields) => {
            for (field, array) in fields.iter().zip(array.as_struct().columns()) {
                count(field, array, nulls, counts);
            }
        }
        DataType::List(inner) => {
            let list = array.as_list::<i32>();
            repeated(inner, list.values(), list.offsets(), nulls, counts);
        }
        DataType::Map(inner, _) => {
            let map = array.as_map();
            let entries: ArrayRef = std::sync::Arc::new(map.entries().clone());
            repeated(inner, &entries, map.offsets(), nulls, counts);
        }
        _ => {}
    }
}

/// The elements that the offsets of lists that are not hidden reach.
fn repeated(
    field: &Field,
    values: &ArrayRef,
    offsets: &OffsetBuffer<i32>,
    nulls: Option<&NullBuffer>,
    counts: &mut BTreeMap<i32, u64>,
) {
    // Offsets never are negative.
    let at = |i: usize| offsets[i] as usize;
    let (start, end) = (at(0), at(offsets.len() - 1));
    let values = values.slice(start, end - start);
    let hidden = nulls.filter(|nulls| (0..nulls.len()).any(|i| nulls.is_null(i) && at(i) < at(i + 1)));
    let shown = hidden.map(|nulls| {
        let mut shown = BooleanBufferBuilder::new(end - start);
        for i in 0..nulls.len() {
            shown.append_n(at(i + 1) - at(i), nulls.is_valid(i));
        }
        NullBuffer::new(shown.finish())
    });
    count(field, &values, shown.as_ref(), counts);
}

fn nans(values: impl Iterator<Item = bool>, nulls: Option<&NullBuffer>) -> u64 {
    let count = match nulls {
        None => values.filter(|nan| *nan).count(),
        Some(nulls) => values.zip(nulls.iter()).filter(|(nan, valid)| *nan && *valid).count(),
    };
    count as u64
}

fn add(field: &Field, nans: u64, counts: &mut BTreeMap<i32, u64>) {
    if let Some(count) = field_id(field).and_then(|id| counts.get_mut(&id)) {
        *count += nans;
    }
}
