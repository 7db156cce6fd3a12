//! Statistics and a manifest's file entry together are an Iceberg data file.

use std::collections::HashMap;

use iceberg::spec::{DataContentType, DataFile, DataFileBuilder, DataFileFormat, Datum, Schema, Type};
use k2i_domain::manifest::ManifestFile;

use super::{ColumnStatistics, FileStatistics, StatisticsError};

impl FileStatistics {
    /// The Iceberg entry of `file`, which was written with `schema`.
    ///
    /// # Errors
    /// When a bound does not fit its column.
    pub fn data_file(&self, file: &ManifestFile, schema: &Schema) -> Result<DataFile, StatisticsError> {
        let offsets = (!self.split_offsets.is_empty()).then(|| self.split_offsets.clone());
        let mut builder = DataFileBuilder::default();
        builder
            .content(DataContentType::Data)
            .file_path(file.location.clone())
            .file_format(DataFileFormat::Parquet)
            .partition_spec_id(file.spec.0)
            .record_count(file.rows)
            .file_size_in_bytes(file.bytes)
            .column_sizes(self.counts(|column| Some(column.bytes)))
            .value_counts(self.counts(|column| column.values))
            .null_value_counts(self.counts(|column| column.nulls))
            .nan_value_counts(self.counts(|column| column.nans))
            .lower_bounds(self.bounds(schema, |column| column.lower.as_deref())?)
            .upper_bounds(self.bounds(schema, |column| column.upper.as_deref())?)
            .split_offsets(offsets);
        builder.build().map_err(|error| StatisticsError::Incomplete { reason: error.to_string() })
    }

    fn counts(&self, count: impl Fn(&ColumnStatistics) -> Option<u64>) -> HashMap<i32, u64> {
        self.columns.iter().filter_map(|(field, column)| Some((*field, count(column)?))).collect()
    }

    fn bounds<'a>(
        &'a self,
        schema: &Schema,
        bound: impl Fn(&'a ColumnStatistics) -> Option<&'a [u8]>,
    ) -> Result<HashMap<i32, Datum>, StatisticsError> {
        let mut bounds = HashMap::new();
        for (field, column) in &self.columns {
            let kind = schema.field_by_id(*field).map(|field| field.field_type.as_ref());
            let (Some(Type::Primitive(kind)), Some(bytes)) = (kind, bound(column)) else { continue };
            let datum = Datum::try_from_bytes(bytes, kind.clone())
                .map_err(|source| StatisticsError::Bound { field: *field, source })?;
            bounds.insert(*field, datum);
        }
        Ok(bounds)
    }
}
