//! What a table's own properties ask of whoever writes files for it (Iceberg, "Configuration", write properties).
//!
//! Read once for each load of a table. Invariants:
//! - A property that cannot be followed, and whose neglect would make files that the table's owner did not ask for, is
//!   refused by name: the table is not written at all ([`PropertyError`]).
//! - A property that only makes reading faster and is not followed is listed ([`WriteProperties::neglected`]), so that
//!   it can be said.
//! - What is not set stays `None`: the defaults are the writer's, not those of another engine.
//!
//! `docs/reference/table-properties.md` is the list for people.

mod metrics;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use metrics::{MetricsMode, MetricsModes};

use text::{boolean, whole};

/// The format of data files that this version writes.
const FORMAT: &str = "parquet";

/// Properties that begin so make reading faster, and are not followed.
const NEGLECTED: [&str; 2] = ["write.location-provider.impl", "write.parquet.bloom-filter-enabled.column."];

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// zstd at this level, 1 to 22.
    Zstd(i32),
    /// gzip at this level, 0 to 9.
    Gzip(u32),
    /// Snappy.
    Snappy,
    /// LZ4 as raw blocks (`LZ4_RAW`): the framing of Parquet's older `LZ4` was never written down.
    Lz4,
    /// Not at all.
    Uncompressed,
}

impl Codec {
    /// zstd as it is used where nothing else is asked for: higher levels cost more and gained nothing on short records.
    pub const ZSTD: Self = Self::Zstd(1);

    /// gzip at the level that zlib takes by itself.
    pub const GZIP: Self = Self::Gzip(6);
}

/// A table's wishes. `None`: the table does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteProperties {
    /// `write.parquet.compression-codec` and `write.parquet.compression-level`.
    pub codec: Option<Codec>,
    /// `write.parquet.row-group-size-bytes`.
    pub row_group_bytes: Option<usize>,
    /// `write.parquet.page-size-bytes`.
    pub page_bytes: Option<usize>,
    /// `write.parquet.page-row-limit`.
    pub page_rows: Option<usize>,
    /// `write.parquet.dict-size-bytes`.
    pub dictionary_bytes: Option<usize>,
    /// `write.target-file-size-bytes`.
    pub file_bytes: Option<u64>,
    /// `write.object-storage.enabled`: names begin with a hash, so that a store spreads them.
    pub hashed_names: bool,
    /// `write.metadata.metrics.*`.
    pub metrics: MetricsModes,
    /// Properties that are set and not followed, each `key = value`.
    pub neglected: Vec<String>,
}

/// A property that this version cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its property {key} is {value:?}, and this version takes {takes}")]
pub struct PropertyError {
    /// The property.
    pub key: String,
    /// What it is set to.
    pub value: String,
    /// What could be followed.
    pub takes: String,
}

impl WriteProperties {
    /// Reads them from all properties of a table.
    ///
    /// # Errors
    /// The first property that cannot be followed.
    pub fn of(properties: &BTreeMap<String, String>) -> Result<Self, PropertyError> {
        format(properties)?;
        metadata_codec(properties)?;
        let mut neglected: Vec<String> = properties
            .iter()
            .filter(|(key, value)| is_neglected(key, value))
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        Ok(Self {
            codec: codec(properties)?,
            row_group_bytes: whole(properties, "write.parquet.row-group-size-bytes")?,
            page_bytes: whole(properties, "write.parquet.page-size-bytes")?,
            page_rows: whole(properties, "write.parquet.page-row-limit")?,
            dictionary_bytes: whole(properties, "write.parquet.dict-size-bytes")?,
            file_bytes: whole(properties, "write.target-file-size-bytes")?,
            hashed_names: boolean(properties, "write.object-storage.enabled"),
            metrics: MetricsModes::of(properties, &mut neglected)?,
            neglected,
        })
    }
}

fn is_neglected(key: &str, value: &str) -> bool {
    let [provider, bloom_filter] = NEGLECTED;
    key == provider || (key.starts_with(bloom_filter) && value.eq_ignore_ascii_case("true"))
}

fn format(properties: &BTreeMap<String, String>) -> Result<(), PropertyError> {
    let key = "write.format.default";
    match properties.get(key) {
        Some(value) if !value.eq_ignore_ascii_case(FORMAT) => Err(refused(key, value, FORMAT)),
        _ => Ok(()),
    }
}

/// The metadata files of a SQL catalog are written by us; those of a REST catalog by its server, which knows no more.
fn metadata_codec(properties: &BTreeMap<String, String>) -> Result<(), PropertyError> {
    let key = "write.metadata.compression-codec";
    match properties.get(key) {
        Some(value) if !["", "none", "gzip"].iter().any(|known| value.eq_ignore_ascii_case(known)) => {
            Err(refused(key, value, "none and gzip"))
        }
        _ => Ok(()),
    }
}

fn codec(properties: &BTreeMap<String, String>) -> Result<Option<Codec>, PropertyError> {
    let key = "write.parquet.compression-codec";
    let Some(name) = properties.get(key) else {
        // A level alone is one of the codec that is used anyway.
        return Ok(level(properties, 1..=22)?.map(Codec::Zstd));
    };
    Ok(Some(match name.to_ascii_lowercase().as_str() {
        "zstd" => level(properties, 1..=22)?.map_or(Codec::ZSTD, Codec::Zstd),
        "gzip" => level(properties, 0..=9)?.map_or(Codec::GZIP, Codec::Gzip),
        "snappy" => Codec::Snappy,
        "lz4" | "lz4_raw" => Codec::Lz4,
        "uncompressed" | "none" => Codec::Uncompressed,
        _ => return Err(refused(key, name, "zstd, gzip, snappy, lz4 and uncompressed")),
    }))
}

/// The level, which other codecs than zstd and gzip do not have.
fn level<T>(
    properties: &BTreeMap<String, String>,
    bounds: std::ops::RangeInclusive<T>,
) -> Result<Option<T>, PropertyError>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let key = "write.parquet.compression-level";
    let Some(value) = properties.get(key) else { return Ok(None) };
    match value.parse().ok().filter(|level| bounds.contains(level)) {
        Some(level) => Ok(Some(level)),
        None => Err(refused(key, value, &format!("{} to {} with this codec", bounds.start(), bounds.end()))),
    }
}

pub(super) fn refused(key: &str, value: &str, takes: &str) -> PropertyError {
    PropertyError { key: key.to_owned(), value: value.to_owned(), takes: takes.to_owned() }
}
