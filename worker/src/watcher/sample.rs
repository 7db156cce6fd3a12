//! A table's schema from a sample of its records: the first thousand, or what five seconds bring.

use std::time::{Duration, Instant};

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};
use k2i_lakehouse::schema::{Column, ColumnType, schema_of, schema_to_json};

use crate::decode::{self, Inference, JSON_TEXT_DOC, MetadataColumns};
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
    open: usize,
}

/// The schema of a topic's first records with the metadata columns; `None` while there is no record. Blocks for at most
/// five seconds, and less where every topic partition's end is reached before.
pub(super) fn schema(
    sources: &SourceFactory,
    topic: &str,
    logs: &[Log],
    columns: &MetadataColumns,
) -> Result<Option<String>, String> {
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
    let mut source = sources()?;
    source.assign(&filled).map_err(|error| error.to_string())?;
    let mut sample = Sample { inference: Inference::new(), refused: 0, open: filled.len() };
    let until = Instant::now() + TIME;
    while sample.open > 0 && sample.inference.records() < RECORDS && Instant::now() < until {
        source.poll(256, POLL, &mut sample).map_err(|error| error.to_string())?;
    }
    if sample.inference.records() == sample.refused {
        return Ok(None);
    }
    let inferred = sample.inference.finish().map_err(|error| error.to_string())?;
    tracing::info!(
        topic,
        columns = inferred.columns.len(),
        left_out = ?inferred.left_out,
        as_json_text = ?inferred.conflicts,
        "schema inferred from a sample"
    );
    let data = inferred.columns.iter().map(|column| named(&column.name, &column.kind));
    let schema = schema_of(&data.chain(metadata(columns)).collect::<Vec<_>>()).map_err(|error| error.to_string())?;
    schema_to_json(&schema).map(Some).map_err(|error| error.to_string())
}

impl RecordSink for Sample {
    fn record(&mut self, record: &Record<'_>) {
        if self.inference.observe(record.value).is_err() {
            // The table will stop at it and say why; the others still tell the schema.
            self.refused += 1;
        }
    }

    fn event(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::CaughtUp { .. } | SourceEvent::Ended { .. } => self.open = self.open.saturating_sub(1),
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
