//! Records in, batches out.
//!
//! Invariant: between two calls every column has exactly [`Decoder::rows`] rows. A record that fails, at whatever depth,
//! leaves the decoder as it was, so the good rows before it can still be written.

use std::sync::Arc;

use arrow::array::RecordBatch;
use k2i_domain::ids::Partition;
use k2i_domain::range::Offset;

use super::column::{Bytes, Column, Members, Offset as ByteOffset, Repeated, Values};
use super::error::{DecodeError, DecodeErrorKind as Fault};
use super::options::OnNullValue;
use super::plan::{DecodePlan, Metadata, Source};
use super::scan::Token;
use super::value::{Reader, too_large};

/// One header of a Kafka record.
#[derive(Debug, Clone, Copy)]
pub struct HeaderRef<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its value, if it has one.
    pub value: Option<&'a [u8]>,
}

/// One Kafka record, borrowed from the batch that it came in.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    /// Topic partition.
    pub partition: Partition,
    /// Its offset.
    pub offset: Offset,
    /// Milliseconds since the Unix epoch; `None` where the topic has no timestamps.
    pub timestamp_ms: Option<i64>,
    /// Topic.
    pub topic: &'a str,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers in their order; may be left empty for a plan without a headers column.
    pub headers: &'a [HeaderRef<'a>],
}

impl RecordRef<'_> {
    fn bytes(&self) -> usize {
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let headers: usize = self.headers.iter().map(|header| header.key.len() + length(header.value)).sum();
        length(self.value) + length(self.key) + headers
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// It is a row.
    Row,
    /// It gives no row ([`OnNullValue::Skip`]).
    Skipped,
    /// The batch is full and the record was not looked at: take [`Decoder::finish`], then push it again.
    Full,
}

/// Fills one batch after the other by one plan.
#[derive(Debug)]
pub struct Decoder {
    plan: DecodePlan,
    values: Members,
    metadata: Vec<Column>,
    rows: usize,
    taken_bytes: usize,
    scratch: Vec<u8>,
}

impl Decoder {
    /// An empty decoder.
    #[must_use]
    pub fn new(plan: &DecodePlan) -> Self {
        Self {
            values: Members::new(&plan.0.root),
            metadata: plan.0.metadata.iter().map(|(_, node, _)| Column::new(&node.kind)).collect(),
            plan: plan.clone(),
            rows: 0,
            taken_bytes: 0,
            scratch: Vec::new(),
        }
    }

    /// Makes a record a row.
    ///
    /// # Errors
    /// [`DecodeError`] when it cannot be one; the decoder is then as it was before.
    #[inline]
    pub fn push(&mut self, record: RecordRef<'_>) -> Result<Pushed, DecodeError> {
        if self.is_full() {
            return Ok(Pushed::Full);
        }
        if self.rows == 0 {
            self.values.columns.iter_mut().chain(&mut self.metadata).for_each(Column::prepare);
        }
        match self.row(record) {
            Ok(Some(slots)) => {
                self.rows += 1;
                self.taken_bytes += slots + self.plan.0.row_bytes + record.bytes();
                Ok(Pushed::Row)
            }
            Ok(None) => Ok(Pushed::Skipped),
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Rows since the last [`Self::finish`].
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// True when the batch must be taken before the next record.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let options = self.plan.options();
        self.rows >= options.batch_rows || self.taken_bytes >= options.batch_bytes
    }

    /// Bytes that the columns have allocated. Costs a walk over the columns: ask once a batch, not once a record.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.values.bytes() + self.metadata.iter().map(Column::bytes).sum::<usize>() + self.scratch.capacity()
    }

    /// The plan it works by.
    #[must_use]
    pub fn plan(&self) -> &DecodePlan {
        &self.plan
    }

    /// Takes the rows out, none or more, and begins the next batch.
    #[must_use]
    pub fn finish(&mut self) -> RecordBatch {
        let columns = self.plan.0.sources.iter().map(|source| match *source {
            Source::Value(place) => self.values.columns[place].finish(),
            Source::Metadata(place) => self.metadata[place].finish(),
        });
        let columns = columns.collect();
        self.rows = 0;
        self.taken_bytes = 0;
        RecordBatch::try_new(Arc::clone(self.plan.schema()), columns)
            .expect("the plan made each column for its field, and every row gave each column one value")
    }

    /// Bytes of list and map slots that the row took; `None`: the record gives no row, and no column was touched.
    fn row(&mut self, record: RecordRef<'_>) -> Result<Option<usize>, DecodeError> {
        let slots = match record.value {
            None => self.null_row()?,
            Some(value) => self.value_row(value)?,
        };
        if slots.is_some() {
            for ((which, node, name), column) in self.plan.0.metadata.iter().zip(&mut self.metadata) {
                fill(*which, column, node.nullable, record).map_err(|error| error.in_field(name))?;
            }
        }
        Ok(slots)
    }

    fn value_row(&mut self, value: &[u8]) -> Result<Option<usize>, DecodeError> {
        let on_unknown_field = self.plan.options().on_unknown_field;
        let mut reader = Reader::new(value, &mut self.scratch, on_unknown_field)?;
        let token = reader.scan.token()?;
        match token {
            Token::Object => {
                reader.members(&mut self.values)?;
                reader.scan.end()?;
                Ok(Some(reader.taken()))
            }
            Token::Null => {
                reader.scan.word(token)?;
                reader.scan.end()?;
                self.null_row()
            }
            _ => {
                let found = reader.scan.value_at(reader.scan.position());
                Err(DecodeError::new(Fault::WrongType, "an object", found))
            }
        }
    }

    /// All value columns null, as configured.
    fn null_row(&mut self) -> Result<Option<usize>, DecodeError> {
        match self.plan.options().on_null_value {
            OnNullValue::Skip => return Ok(None),
            OnNullValue::Stop => return Err(DecodeError::new(Fault::NullValue, "a record with a value", "null")),
            OnNullValue::Row => {}
        }
        for (place, column) in self.values.columns.iter_mut().enumerate() {
            if !self.values.group.nodes[place].nullable {
                let error = DecodeError::new(Fault::NullField, column.kind.name(), "a null record");
                return Err(error.in_field(&self.values.group.names.names[place]));
            }
            column.null();
        }
        Ok(Some(0))
    }

    #[cold]
    fn roll_back(&mut self) {
        self.values.truncate(self.rows);
        self.metadata.iter_mut().for_each(|column| column.truncate(self.rows));
    }
}

/// Appends the record's own part to a metadata column.
#[inline]
fn fill(which: Metadata, column: &mut Column, nullable: bool, record: RecordRef<'_>) -> Result<(), DecodeError> {
    let filled = match (which, &mut column.values) {
        (Metadata::Partition, Values::I32(values)) => {
            values.push(record.partition.0);
            true
        }
        (Metadata::Offset, Values::I64(values)) => {
            values.push(record.offset.0);
            true
        }
        (Metadata::Timestamp, Values::I64(values)) => {
            let micros = record.timestamp_ms.map(microseconds).transpose()?;
            micros.map(|micros| values.push(micros)).is_some()
        }
        (Metadata::Topic, Values::Text(bytes)) => append(bytes, Some(record.topic.as_bytes()))?,
        (Metadata::Key, Values::Binary(bytes)) => append(bytes, record.key)?,
        (Metadata::Key, Values::Text(bytes)) => append(bytes, record.key.map(utf8_key).transpose()?)?,
        (Metadata::Headers, Values::List(list)) => {
            headers(list, record.headers)?;
            true
        }
        _ => unreachable!("the plan gave each metadata column its type"),
    };
    if filled {
        column.valid();
    } else if nullable {
        column.null();
    } else {
        return Err(DecodeError::new(Fault::NullField, column.kind.name(), "a record without it"));
    }
    Ok(())
}

/// Appends a value if there is one.
fn append<O: ByteOffset>(bytes: &mut Bytes<O>, value: Option<&[u8]>) -> Result<bool, DecodeError> {
    let Some(value) = value else { return Ok(false) };
    bytes.data.extend_from_slice(value);
    bytes.end_value().ok_or_else(too_large)?;
    Ok(true)
}

fn microseconds(ms: i64) -> Result<i64, DecodeError> {
    ms.checked_mul(1000)
        .ok_or_else(|| DecodeError::new(Fault::OutOfRange, "milliseconds that fit a timestamptz", &ms.to_string()))
}

/// The key if it is UTF-8.
fn utf8_key(key: &[u8]) -> Result<&[u8], DecodeError> {
    match std::str::from_utf8(key) {
        Ok(_) => Ok(key),
        Err(_) => Err(DecodeError::new(Fault::InvalidUtf8, "a key in utf-8", &String::from_utf8_lossy(key))),
    }
}

/// Appends the headers and ends their list.
fn headers(list: &mut Repeated, headers: &[HeaderRef<'_>]) -> Result<(), DecodeError> {
    for header in headers {
        let Values::Struct(pair) = &mut list.element.values else { unreachable!("the plan made it a struct") };
        let [key, value] = &mut pair.columns[..] else { unreachable!("the plan gave it two fields") };
        let (Values::Text(key_bytes), Values::Binary(value_bytes)) = (&mut key.values, &mut value.values) else {
            unreachable!("the plan gave both their types")
        };
        append(key_bytes, Some(header.key.as_bytes()))?;
        key.valid();
        if append(value_bytes, header.value)? {
            value.valid()
        } else {
            value.null()
        }
        list.element.valid();
    }
    list.end_value().ok_or_else(too_large)
}
