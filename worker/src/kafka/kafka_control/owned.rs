//! Owners of the objects of librdkafka's admin calls, each freed by its `Drop`.

use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka_sys as rd;

use crate::kafka::client::KafkaClient;
use crate::kafka::code::KafkaCode;
use crate::kafka::native::{NativeError, PartitionList, millis};

/// Options of an admin call.
pub(super) struct Options(NonNull<rd::rd_kafka_AdminOptions_t>);

impl Options {
    pub(super) fn new(client: &KafkaClient, operation: rd::rd_kafka_admin_op_t) -> Self {
        // SAFETY: the client is alive; null is answered for an unknown operation only.
        let options = unsafe { rd::rd_kafka_AdminOptions_new(client.native_ptr(), operation) };
        Self(NonNull::new(options).expect("the operation is one of librdkafka's own"))
    }

    /// Bounds the whole request, finding its broker included.
    pub(super) fn set_timeout(&self, timeout: Duration) -> Result<(), NativeError> {
        let timeout = millis(timeout.clamp(Duration::from_millis(1), Duration::from_secs(3600)));
        // SAFETY: the options are alive, and the text has the size that is given.
        written(|text, size| unsafe {
            rd::rd_kafka_AdminOptions_set_request_timeout(self.as_ptr(), timeout, text, size)
        })
    }

    /// Names the broker that is asked.
    pub(super) fn set_broker(&self, broker: i32) -> Result<(), NativeError> {
        // SAFETY: the options are alive, and the text has the size that is given.
        written(|text, size| unsafe { rd::rd_kafka_AdminOptions_set_broker(self.as_ptr(), broker, text, size) })
    }

    /// Asks for what we may do with what is described, too.
    pub(super) fn include_rights(&self) -> Result<(), NativeError> {
        // SAFETY: the options are alive.
        unsafe { NativeError::check(rd::rd_kafka_AdminOptions_set_include_authorized_operations(self.as_ptr(), 1)) }
    }

    pub(super) fn as_ptr(&self) -> *mut rd::rd_kafka_AdminOptions_t {
        self.0.as_ptr()
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: made by `rd_kafka_AdminOptions_new` and freed once.
        unsafe { rd::rd_kafka_AdminOptions_destroy(self.0.as_ptr()) }
    }
}

/// Calls what writes a text where it fails.
fn written(call: impl FnOnce(*mut c_char, usize) -> rd::rd_kafka_resp_err_t) -> Result<(), NativeError> {
    let mut text: [c_char; 256] = [0; 256];
    let code = KafkaCode::of(call(text.as_mut_ptr(), text.len()));
    if !code.is_error() {
        return Ok(());
    }
    // SAFETY: librdkafka ends its text with a zero within the size that was given.
    let text = unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned();
    Err(NativeError { code, text })
}

/// A list of topic names.
pub(super) struct TopicNames(NonNull<rd::rd_kafka_TopicCollection_t>);

impl TopicNames {
    pub(super) fn new(names: &[CString]) -> Self {
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: the array has as many zero-terminated names as is said; they are copied.
        let list = unsafe { rd::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()) };
        Self(NonNull::new(list).expect("librdkafka aborts where it has no memory"))
    }

    pub(super) fn as_ptr(&self) -> *mut rd::rd_kafka_TopicCollection_t {
        self.0.as_ptr()
    }
}

impl Drop for TopicNames {
    fn drop(&mut self) {
        // SAFETY: made by `rd_kafka_TopicCollection_of_topic_names` and freed once.
        unsafe { rd::rd_kafka_TopicCollection_destroy(self.0.as_ptr()) }
    }
}

/// A request to set a group's offsets.
pub(super) struct GroupOffsets(NonNull<rd::rd_kafka_AlterConsumerGroupOffsets_t>);

impl GroupOffsets {
    pub(super) fn new(group: &CStr, offsets: &PartitionList) -> Self {
        // SAFETY: the name is zero-terminated and the list alive; both are copied.
        let request = unsafe { rd::rd_kafka_AlterConsumerGroupOffsets_new(group.as_ptr(), offsets.as_ptr()) };
        Self(NonNull::new(request).expect("librdkafka aborts where it has no memory"))
    }

    pub(super) fn as_ptr(&self) -> *mut rd::rd_kafka_AlterConsumerGroupOffsets_t {
        self.0.as_ptr()
    }
}

impl Drop for GroupOffsets {
    fn drop(&mut self) {
        // SAFETY: made by `rd_kafka_AlterConsumerGroupOffsets_new` and freed once.
        unsafe { rd::rd_kafka_AlterConsumerGroupOffsets_destroy(self.0.as_ptr()) }
    }
}

/// An answer.
pub(super) struct Event {
    pointer: NonNull<rd::rd_kafka_event_t>,
    _client: KafkaClient,
}

impl Event {
    /// Takes over what a queue answered; null is no answer yet.
    ///
    /// # Safety
    /// `pointer` is null or an event of `client` that nobody else owns.
    pub(super) unsafe fn take(client: &KafkaClient, pointer: *mut rd::rd_kafka_event_t) -> Option<Self> {
        Some(Self { pointer: NonNull::new(pointer)?, _client: client.clone() })
    }

    pub(super) fn as_ptr(&self) -> *mut rd::rd_kafka_event_t {
        self.pointer.as_ptr()
    }

    /// The answer, unless it says that the whole request failed.
    pub(super) fn checked(self) -> Result<Self, NativeError> {
        // SAFETY: the event is alive; its text, where there is one, is zero-terminated and belongs to it.
        unsafe {
            let code = KafkaCode::of(rd::rd_kafka_event_error(self.as_ptr()));
            if !code.is_error() {
                return Ok(self);
            }
            let text = rd::rd_kafka_event_error_string(self.as_ptr());
            let text = if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() };
            Err(NativeError { code, text })
        }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: given to us by `rd_kafka_queue_poll` and freed once; the client is still alive.
        unsafe { rd::rd_kafka_event_destroy(self.pointer.as_ptr()) }
    }
}
