//! Small owners of librdkafka's objects, so that the rest of the module holds no bare pointer.
//!
//! Everything that points into a client keeps that client alive, and every object is freed by its owner's `Drop`.

use std::ffi::{CStr, CString, c_int};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;
use std::time::Duration;

use k2i_domain::ids::{Partition, Timestamp};
use k2i_domain::range::{LeaderEpoch, Offset};
use rdkafka_sys as rd;

use super::client::KafkaClient;
use super::code::KafkaCode;
use super::record::{RawHeaders, RecordTimestamp, TimestampKind};

/// A call that librdkafka refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NativeError {
    pub(super) code: KafkaCode,
    pub(super) text: String,
}

impl NativeError {
    /// Takes over what a call answered; null is success.
    ///
    /// # Safety
    /// `error` is null or an error object that nobody else owns.
    pub(super) unsafe fn check(error: *mut rd::rd_kafka_error_t) -> Result<(), Self> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: the object is alive, and ours to destroy after its last use.
        unsafe {
            let found = Self::borrowed(error);
            rd::rd_kafka_error_destroy(error);
            Err(found)
        }
    }

    /// Copies an error object.
    ///
    /// # Safety
    /// `error` is a live error object.
    pub(super) unsafe fn borrowed(error: *const rd::rd_kafka_error_t) -> Self {
        // SAFETY: the object is alive and its text is zero-terminated.
        unsafe {
            let code = KafkaCode::of(rd::rd_kafka_error_code(error));
            let text = CStr::from_ptr(rd::rd_kafka_error_string(error)).to_string_lossy().into_owned();
            Self { code, text }
        }
    }
}

/// A time-out as librdkafka takes it: whole milliseconds, rounded up so that a short wait is not a busy loop.
pub(super) fn millis(timeout: Duration) -> c_int {
    c_int::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
}

/// A topic handle. While it lives, its address means this topic and no other, so messages can be told by it.
pub(super) struct Topic {
    pointer: NonNull<rd::rd_kafka_topic_t>,
    name: String,
    c_name: CString,
    _client: KafkaClient,
}

// SAFETY: librdkafka's topic handles are reference counted and may be used and freed on any thread.
unsafe impl Send for Topic {}
// SAFETY: nothing of the handle is changed through a shared reference.
unsafe impl Sync for Topic {}

impl Topic {
    /// A handle for `name`; `None` if librdkafka takes no such name.
    pub(super) fn new(client: &KafkaClient, name: &str) -> Option<Self> {
        let c_name = CString::new(name).ok()?;
        // SAFETY: the client is alive, the name zero-terminated, and no configuration means the default one.
        let pointer = unsafe { rd::rd_kafka_topic_new(client.native_ptr(), c_name.as_ptr(), ptr::null_mut()) };
        Some(Self { pointer: NonNull::new(pointer)?, name: name.to_owned(), c_name, _client: client.clone() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn c_name(&self) -> &CStr {
        &self.c_name
    }

    /// What messages of this topic carry.
    pub(super) fn address(&self) -> usize {
        self.pointer.as_ptr() as usize
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: made by `rd_kafka_topic_new` and freed once; the client is still alive.
        unsafe { rd::rd_kafka_topic_destroy(self.pointer.as_ptr()) }
    }
}

/// A list of topic partitions with offsets.
pub(super) struct PartitionList(NonNull<rd::rd_kafka_topic_partition_list_t>);

/// One entry of a list.
pub(super) struct PartitionEntry<'a> {
    pub(super) topic: &'a CStr,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) epoch: i32,
    pub(super) code: KafkaCode,
}

impl PartitionList {
    pub(super) fn new(capacity: usize) -> Self {
        // SAFETY: no precondition; librdkafka ends the process rather than answer null.
        let list = unsafe { rd::rd_kafka_topic_partition_list_new(c_int::try_from(capacity).unwrap_or(0)) };
        Self(NonNull::new(list).expect("librdkafka aborts where it has no memory"))
    }

    /// Adds an entry; `epoch` -1 is unknown.
    pub(super) fn push(&mut self, topic: &CStr, partition: i32, offset: i64, epoch: i32) {
        // SAFETY: the list is ours, the name is copied, and the entry is valid until the next `add`.
        unsafe {
            let entry = rd::rd_kafka_topic_partition_list_add(self.0.as_ptr(), topic.as_ptr(), partition);
            (*entry).offset = offset;
            if epoch >= 0 {
                rd::rd_kafka_topic_partition_set_leader_epoch(entry, epoch);
            }
        }
    }

    pub(super) fn as_ptr(&self) -> *mut rd::rd_kafka_topic_partition_list_t {
        self.0.as_ptr()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = PartitionEntry<'_>> {
        // SAFETY: the list is alive for as long as `self` is borrowed.
        unsafe { list_entries(self.0.as_ptr()) }
    }
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: made by `rd_kafka_topic_partition_list_new` and freed once.
        unsafe { rd::rd_kafka_topic_partition_list_destroy(self.0.as_ptr()) }
    }
}

/// The entries of a list that somebody else owns.
///
/// # Safety
/// `list` is null or lives, unchanged, for `'a`.
pub(super) unsafe fn list_entries<'a>(
    list: *const rd::rd_kafka_topic_partition_list_t,
) -> impl Iterator<Item = PartitionEntry<'a>> {
    // SAFETY: a list's `elems` has `cnt` entries; an empty one may have none at all.
    let (first, count) = unsafe {
        list.as_ref().map_or((ptr::null(), 0), |list| (list.elems.cast_const(), usize::try_from(list.cnt).unwrap_or(0)))
    };
    // SAFETY: `i` is below the count, and the caller keeps the list.
    (0..count).map(move |i| unsafe { partition_entry(first.add(i)) })
}

/// Reads one entry.
///
/// # Safety
/// `entry` points to an entry that lives for `'a`.
pub(super) unsafe fn partition_entry<'a>(entry: *const rd::rd_kafka_topic_partition_t) -> PartitionEntry<'a> {
    // SAFETY: fields are read one by one, so that the code is never taken for an enum value; the name is zero-terminated.
    unsafe {
        PartitionEntry {
            topic: CStr::from_ptr((*entry).topic),
            partition: (*entry).partition,
            offset: (*entry).offset,
            epoch: rd::rd_kafka_topic_partition_get_leader_epoch(entry),
            code: KafkaCode::read(&raw const (*entry).err),
        }
    }
}

/// A queue of a client.
pub(super) struct Queue {
    pointer: NonNull<rd::rd_kafka_queue_t>,
    _client: KafkaClient,
}

// SAFETY: librdkafka's queues are locked inside and may be used and freed on any thread.
unsafe impl Send for Queue {}

impl Queue {
    /// The queue that assigned topic partitions deliver to. The client's main queue is joined to it, so that whoever
    /// polls it also serves the client's callbacks. `None` for a client without a group id.
    pub(super) fn of_consumer(client: &KafkaClient) -> Option<Self> {
        // SAFETY: the client is alive; both calls only touch it.
        let pointer = unsafe {
            let _ = rd::rd_kafka_poll_set_consumer(client.native_ptr());
            rd::rd_kafka_queue_get_consumer(client.native_ptr())
        };
        Some(Self { pointer: NonNull::new(pointer)?, _client: client.clone() })
    }

    /// A queue for answers.
    pub(super) fn new(client: &KafkaClient) -> Self {
        // SAFETY: the client is alive; librdkafka ends the process rather than answer null.
        let pointer = unsafe { rd::rd_kafka_queue_new(client.native_ptr()) };
        Self {
            pointer: NonNull::new(pointer).expect("librdkafka aborts where it has no memory"),
            _client: client.clone(),
        }
    }

    pub(super) fn as_ptr(&self) -> *mut rd::rd_kafka_queue_t {
        self.pointer.as_ptr()
    }

    /// Fills `batch`, which must be empty, with at most `max` messages, waiting until there are so many or the time is
    /// up. Callbacks of the client run meanwhile on this thread.
    pub(super) fn consume(&self, batch: &mut Vec<Message>, max: usize, timeout: Duration) {
        debug_assert!(batch.is_empty());
        batch.reserve(max);
        // SAFETY: `Message` is a transparent wrapper of the pointer, so the spare capacity is an array of at least `max`
        // pointers; librdkafka writes as many as it answers, each a message that becomes ours.
        unsafe {
            let into = batch.as_mut_ptr().cast::<*mut rd::rd_kafka_message_t>();
            let count = rd::rd_kafka_consume_batch_queue(self.pointer.as_ptr(), millis(timeout), into, max);
            batch.set_len(usize::try_from(count).unwrap_or(0).min(max));
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: made by librdkafka for us and freed once; the client is still alive.
        unsafe { rd::rd_kafka_queue_destroy(self.pointer.as_ptr()) }
    }
}

/// A message that we own: a record, or an error in a record's clothes.
#[repr(transparent)]
pub(super) struct Message(*mut rd::rd_kafka_message_t);

// SAFETY: a message is used by one owner at a time and may be freed on any thread.
unsafe impl Send for Message {}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: librdkafka gave the message to us; it is freed once, before the client (whose queue keeps it alive).
        unsafe { rd::rd_kafka_message_destroy(self.0) }
    }
}

impl Message {
    /// 0 for a record.
    pub(super) fn code(&self) -> KafkaCode {
        // SAFETY: the message is alive; the field is read as an integer.
        unsafe { KafkaCode::read(&raw const (*self.0).err) }
    }

    /// Address of the topic's handle, 0 for none ([`Topic::address`]).
    pub(super) fn topic_address(&self) -> usize {
        // SAFETY: the message is alive.
        unsafe { (*self.0).rkt as usize }
    }

    pub(super) fn partition(&self) -> Partition {
        // SAFETY: the message is alive.
        Partition(unsafe { (*self.0).partition })
    }

    pub(super) fn offset(&self) -> Offset {
        // SAFETY: the message is alive.
        Offset(unsafe { (*self.0).offset })
    }

    /// The value; an error's text for an error.
    pub(super) fn value(&self) -> Option<&[u8]> {
        // SAFETY: a payload that is not null has `len` bytes, which belong to the message.
        unsafe {
            let start = (*self.0).payload.cast_const().cast::<u8>();
            (!start.is_null()).then(|| slice::from_raw_parts(start, (*self.0).len))
        }
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        // SAFETY: a key that is not null has `key_len` bytes, which belong to the message. (Of a record only: an error
        // has none.)
        unsafe {
            let start = (*self.0).key.cast_const().cast::<u8>();
            (!start.is_null()).then(|| slice::from_raw_parts(start, (*self.0).key_len))
        }
    }

    pub(super) fn leader_epoch(&self) -> LeaderEpoch {
        // SAFETY: the message is alive.
        LeaderEpoch(unsafe { rd::rd_kafka_message_leader_epoch(self.0) })
    }

    pub(super) fn timestamp(&self) -> Option<RecordTimestamp> {
        let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive; librdkafka writes one of the three kinds.
        let at = unsafe { rd::rd_kafka_message_timestamp(self.0, &mut kind) };
        let kind = match kind {
            rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => return None,
            rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => TimestampKind::Create,
            rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => TimestampKind::LogAppend,
        };
        (at != -1).then_some(RecordTimestamp { at: Timestamp(at), kind })
    }

    pub(super) fn headers(&self) -> RawHeaders<'_> {
        RawHeaders::Native(self.0, PhantomData)
    }

    /// The text of an error.
    pub(super) fn error_text(&self) -> String {
        String::from_utf8_lossy(self.value().unwrap_or_default()).into_owned()
    }
}
