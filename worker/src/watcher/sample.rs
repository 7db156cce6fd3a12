//! A table's schema from a sample of its records: the first thousand, or what five seconds bring.
//!
//! A sample that can never give a schema stops the table with what is wrong, rather than wait for another one.

use std::time::{Duration, Instant};

use k2i_domain::ids::Partition;
use k2i_domain::port::{StopReason, Stopped};
use k2i_domain::range::{LeaderEpoch, Offset};
use k2i_lakehouse::schema::{Column, ColumnType, schema_of, schema_to_json};

use crate::decode::{self, InferError, Inference, Inferred, JSON_TEXT_DOC, MetadataColumns};
use crate::kafka::{Record, RecordSink, SourceEvent, Start, Token};
use crate::reader::SourceFactory;

/// Topic partition, log start, log end.
pub(super) type Log = (Partition, Offset, Offset);

const RECORDS: u64 = 1_000;
const TIME: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(100);

/// What a poll found for the sample.
struct Sample {
    inference: Inference,
    refused: u64,
    /// The first record that cannot become a row: where it is, and why.
    first_refused: Option<String>,
    open: usize,
    /// Why reading ended somewhere.
    ended: Option<String>,
}

/// Why a sample gives no schema.
#[derive(Debug)]
pub(super) enum NoSchema {
    /// The table has to stop.
    Stop(Stopped),
    /// Another sample may do.
    Later(String),
}

fn later(error: impl std::fmt::Display) -> NoSchema {
    NoSchema::Later(error.to_string())
}

/// The schema of a topic's first records with the metadata columns; `None` while there is no record. Blocks for at most
/// five seconds, and less where every topic partition's end is reached before.
pub(super) fn schema(
    sources: &SourceFactory,
    topic: &str,
    logs: &[Log],
    columns: &MetadataColumns,
) -> Result<Option<String>, NoSchema> {
    let filled: Vec<Start> = (1..)
        .zip(logs.iter().filter(|(_, start, end)| start < end))
        .map(|(token, (partition, start, _))| Start {
            topic: topic.to_owned(),
            partition: *partition,
            offset: *start,
            leader_epoch: LeaderEpoch::UNKNOWN,
            token: Token(token),
        })
        .collect();
    if filled.is_empty() {
        return Ok(None);
    }
    let mut source = sources().map_err(later)?;
    source.assign(&filled).map_err(later)?;
    let mut sample =
        Sample { inference: Inference::new(), refused: 0, first_refused: None, open: filled.len(), ended: None };
    let until = Instant::now() + TIME;
    while sample.open > 0 && sample.inference.records() < RECORDS && Instant::now() < until {
        source.poll(256, POLL, &mut sample).map_err(later)?;
    }
    let refused =
        sample.first_refused.map(|place| NoSchema::Stop(Stopped::new(StopReason::Record, place).of_topic(topic)));
    if sample.inference.records() == sample.refused {
        return refused.or(sample.ended.map(NoSchema::Later)).map_or(Ok(None), Err);
    }
    match (schema_from(topic, sample.inference, columns), refused) {
        // The others hold nothing: what is wrong is the one that does.
        (Err(NoSchema::Later(_)), Some(refused)) => Err(refused),
        (schema, _) => schema.map(Some),
    }
}

/// The schema that the records of a topic tell.
fn schema_from(topic: &str, inference: Inference, columns: &MetadataColumns) -> Result<String, NoSchema> {
    let stop = |why: String| {
        let detail = format!("no schema can be inferred from topic {topic}: {why}");
        NoSchema::Stop(Stopped::new(StopReason::Schema, detail).of_topic(topic))
    };
    let inferred = match inference.finish() {
        Ok(inferred) => inferred,
        // Later records may have some.
        Err(error @ InferError::NoFields { .. }) => return Err(later(error)),
        Err(error @ InferError::TooManyFields) => return Err(stop(error.to_string())),
    };
    tracing::info!(
        topic,
        columns = inferred.columns.len(),
        left_out = ?inferred.left_out,
        as_json_text = ?inferred.conflicts,
        "schema inferred from a sample"
    );
    let metadata = metadata(columns);
    if let Some(taken) = taken_name(&inferred, &metadata) {
        return Err(stop(format!(
            "its records have a field {taken}, which is the name of a metadata column: give that column another name \
             (iceberg.offset_column and its like), or set iceberg.metadata_columns = \"off\""
        )));
    }
    let data = inferred.columns.iter().map(|column| named(&column.name, &column.kind));
    let schema = schema_of(&data.chain(metadata).collect::<Vec<_>>());
    let schema = schema.map_err(|error| stop(format!("{error}; give the table's schema in the configuration")))?;
    schema_to_json(&schema).map_err(later)
}

/// A field that is named like a metadata column, for engines that ignore case.
fn taken_name<'a>(inferred: &'a Inferred, metadata: &[Column]) -> Option<&'a str> {
    let is_taken = |name: &str| metadata.iter().any(|column| column.name.to_lowercase() == name.to_lowercase());
    inferred.columns.iter().map(|column| column.name.as_str()).find(|name| is_taken(name))
}

impl RecordSink for Sample {
    fn record(&mut self, record: &Record<'_>) {
        if let Err(error) = self.inference.observe(record.value) {
            // The table will stop at it and say why; the others still tell the schema.
            self.refused += 1;
            let Record { topic, partition, offset, .. } = record;
            let place = || format!("topic {topic} partition {partition} offset {offset}: {error}");
            self.first_refused.get_or_insert_with(place);
        }
    }

    fn event(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::CaughtUp { .. } => self.open = self.open.saturating_sub(1),
            SourceEvent::Ended { reason, .. } => {
                self.open = self.open.saturating_sub(1);
                self.ended = Some(reason.to_string());
            }
            SourceEvent::Trouble { cause } => tracing::debug!(cause, "trouble while a sample is read"),
        }
    }
}

fn named(name: &str, kind: &decode::ColumnType) -> Column {
    let column = Column::optional(name, iceberg_type(kind));
    match kind {
        decode::ColumnType::String { json: true } => column.with_doc(JSON_TEXT_DOC),
        _ => column,
    }
}

fn iceberg_type(kind: &decode::ColumnType) -> ColumnType {
    match kind {
        decode::ColumnType::Boolean => ColumnType::Boolean,
        decode::ColumnType::Long => ColumnType::Long,
        decode::ColumnType::Double => ColumnType::Double,
        decode::ColumnType::String { .. } => ColumnType::String,
        decode::ColumnType::Struct(fields) => {
            ColumnType::Struct(fields.iter().map(|field| named(&field.name, &field.kind)).collect())
        }
        decode::ColumnType::List(element) => ColumnType::List(Box::new(iceberg_type(element))),
    }
}

/// The columns that say where a row came from, behind those of the data.
pub fn metadata(columns: &MetadataColumns) -> Vec<Column> {
    let header = ColumnType::Struct(vec![
        Column::optional("key", ColumnType::String),
        Column::optional("value", ColumnType::Binary),
    ]);
    let all = [
        (&columns.partition, ColumnType::Int, "Kafka topic partition"),
        (&columns.offset, ColumnType::Long, "Kafka offset"),
        (&columns.timestamp, ColumnType::Timestamptz, "Kafka record timestamp"),
        (&columns.topic, ColumnType::String, "Kafka topic"),
        (&columns.key, ColumnType::Binary, "Kafka record key"),
        (&columns.headers, ColumnType::List(Box::new(header)), "Kafka record headers"),
    ];
    all.into_iter()
        .filter_map(|(name, kind, doc)| Some(Column::optional(name.as_deref()?, kind).with_doc(doc)))
        .collect()
}

#[cfg(test)]
mod tests;
