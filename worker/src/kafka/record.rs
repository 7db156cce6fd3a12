//! One record as the sink sees it: borrowed, with nothing allocated for it.

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::slice;

use k2i_domain::ids::{Partition, Timestamp};
use k2i_domain::range::{LeaderEpoch, Offset};
use rdkafka_sys as rd;

use super::code::KafkaCode;
use super::source::Token;

/// Who set a record's timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampKind {
    /// The producer.
    Create,
    /// The broker, when it appended the record.
    LogAppend,
}

/// A record's timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordTimestamp {
    /// Milliseconds since the Unix epoch.
    pub at: Timestamp,
    /// Who set it.
    pub kind: TimestampKind,
}

/// One record, valid until the sink returns.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// The assignment under which it was fetched.
    pub token: Token,
    /// Its topic.
    pub topic: &'a str,
    /// Its topic partition.
    pub partition: Partition,
    /// Its offset.
    pub offset: Offset,
    /// Leader epoch of its batch.
    pub leader_epoch: LeaderEpoch,
    /// `None` where the producer gave none (message format 0, or -1).
    pub timestamp: Option<RecordTimestamp>,
    /// `None` is a null key, which is not an empty one.
    pub key: Option<&'a [u8]>,
    /// `None` is a null value (a tombstone), which is not an empty one.
    pub value: Option<&'a [u8]>,
    pub(super) headers: RawHeaders<'a>,
}

impl<'a> Record<'a> {
    /// The headers, parsed now if the record has any. Names may repeat; the order is the producer's.
    ///
    /// # Errors
    /// The bytes of the headers cannot be parsed.
    pub fn headers(&self) -> Result<Headers<'a>, HeaderError> {
        let (source, count) = match self.headers {
            RawHeaders::Slice(all) => (HeaderSource::Slice(all), all.len()),
            RawHeaders::Native(message, _) => native_headers(message)?,
        };
        Ok(Headers { source, next: 0, count })
    }
}

/// The headers of a record cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record's headers cannot be parsed ({0})")]
pub struct HeaderError(String);

/// One header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name, UTF-8 by the protocol but not checked here; it ends at a zero byte.
    pub name: &'a [u8],
    /// `None` is a null value.
    pub value: Option<&'a [u8]>,
}

/// The headers as the in-memory source stores them.
pub(super) type StoredHeader = (Vec<u8>, Option<Vec<u8>>);

/// Headers before they are asked for.
#[derive(Clone, Copy)]
pub(super) enum RawHeaders<'a> {
    /// Parsed by librdkafka on demand; the message lives for `'a`.
    Native(*const rd::rd_kafka_message_t, PhantomData<&'a ()>),
    /// Of the in-memory source.
    Slice(&'a [StoredHeader]),
}

#[derive(Clone, Copy)]
enum HeaderSource<'a> {
    Native(*const rd::rd_kafka_headers_t),
    Slice(&'a [StoredHeader]),
}

/// The headers of one record, in the producer's order.
#[derive(Clone)]
pub struct Headers<'a> {
    source: HeaderSource<'a>,
    next: usize,
    count: usize,
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.next >= self.count {
            return None;
        }
        let at = self.next;
        self.next += 1;
        match self.source {
            HeaderSource::Slice(all) => {
                all.get(at).map(|(name, value)| Header { name: name.as_slice(), value: value.as_deref() })
            }
            HeaderSource::Native(list) => native_header(list, at),
        }
    }
}

fn native_headers<'a>(message: *const rd::rd_kafka_message_t) -> Result<(HeaderSource<'a>, usize), HeaderError> {
    let mut list = ptr::null_mut();
    // SAFETY: `message` is a fetched message that lives for `'a` and is used by this thread alone (`Record` is not
    // `Send`); the list that it answers belongs to the message.
    let code = KafkaCode::of(unsafe { rd::rd_kafka_message_headers(message, &mut list) });
    if code == KafkaCode::of(rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__NOENT) {
        return Ok((HeaderSource::Slice(&[]), 0));
    }
    if code.is_error() || list.is_null() {
        return Err(HeaderError(code.to_string()));
    }
    // SAFETY: `list` is the message's own list of headers.
    let count = unsafe { rd::rd_kafka_header_cnt(list) };
    Ok((HeaderSource::Native(list), count))
}

fn native_header<'a>(list: *const rd::rd_kafka_headers_t, at: usize) -> Option<Header<'a>> {
    let (mut name, mut value, mut size) = (ptr::null::<c_char>(), ptr::null::<c_void>(), 0_usize);
    // SAFETY: `list` belongs to a message that lives for `'a`; the three results are only written.
    let code = KafkaCode::of(unsafe { rd::rd_kafka_header_get_all(list, at, &mut name, &mut value, &mut size) });
    if code.is_error() || name.is_null() {
        return None;
    }
    // SAFETY: names are zero-terminated, and a value that is not null has `size` bytes, all owned by the message.
    unsafe {
        let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast::<u8>(), size));
        Some(Header { name: CStr::from_ptr(name).to_bytes(), value })
    }
}
