//! One handle of librdkafka, with its errors and log lines taken in.
//!
//! The callbacks are set here rather than through rdkafka's consumers, because batches are taken from the raw queue and
//! rdkafka sees none of what passes there. librdkafka puts errors and log lines on the main queue, so they are handed
//! over on the thread that polls; only certificates are judged on its own threads. What explains a failure is kept
//! ([`Causes`]): a call that merely timed out can then say that the password was wrong.

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::types::RDKafkaType;
use rdkafka_sys as rd;

use super::cause::{Causes, refused_certificate};
use super::code::KafkaCode;
use super::settings::{ConnectionSettings, Role, SettingsError, creation_error};
use crate::said::Said;

/// A handle, shared by everything that points into it.
pub(super) type KafkaClient = Arc<Client<ClientState>>;

/// Errors kept until a source takes them; more are dropped, the oldest first.
const MAX_PENDING: usize = 64;

/// The facility of log lines that say why a connection ended. Of one that a broker merely closed there is no more than
/// that: no error is reported.
const CONNECTION_FAILED: &str = "FAIL";

/// An error that the client reported by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reported {
    pub(super) code: KafkaCode,
    pub(super) text: String,
}

/// What the callbacks of one handle leave behind.
#[derive(Default)]
pub(super) struct ClientState {
    pending: Mutex<VecDeque<Reported>>,
    causes: Causes,
    /// Log lines that were handed on as warnings.
    warned: Mutex<Said>,
}

impl ClientContext for ClientState {}

impl ClientState {
    /// Takes in an error.
    pub(super) fn report(&self, code: KafkaCode, text: &str) {
        self.causes.note(code, text);
        let mut pending = lock(&self.pending);
        if pending.len() == MAX_PENDING {
            pending.pop_front();
        }
        pending.push_back(Reported { code, text: text.to_owned() });
    }

    /// Takes the errors that came since the last time.
    pub(super) fn take_reported(&self) -> VecDeque<Reported> {
        std::mem::take(&mut *lock(&self.pending))
    }

    /// What explains failures.
    pub(super) fn causes(&self) -> &Causes {
        &self.causes
    }
}

/// The values behind these locks are whole at every moment, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a handle. It connects in the background; nothing here waits for a broker.
pub(super) fn connect(settings: &ConnectionSettings, role: Role) -> Result<KafkaClient, SettingsError> {
    let config = settings.client_config(role)?;
    let native = config.create_native_config().map_err(|error| creation_error(&error))?;
    // SAFETY: `native` is a live configuration, not yet given to a client. The callbacks match the declared signatures
    // and expect the opaque that `Client::new` sets: the `ClientState` that the client keeps for as long as it lives.
    unsafe {
        rd::rd_kafka_conf_set_error_cb(native.ptr(), Some(on_error));
        rd::rd_kafka_conf_set_log_cb(native.ptr(), Some(on_log));
        let set = rd::rd_kafka_conf_set_ssl_cert_verify_cb(native.ptr(), Some(on_certificate));
        debug_assert_eq!(set, rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK, "librdkafka is built with TLS");
    }
    let client = Client::new(&config, native, RDKafkaType::RD_KAFKA_CONSUMER, ClientState::default())
        .map_err(|error| creation_error(&error))?;
    Ok(Arc::new(client))
}

unsafe extern "C" fn on_error(_: *mut rd::rd_kafka_t, code: c_int, text: *const c_char, opaque: *mut c_void) {
    if opaque.is_null() {
        return;
    }
    // SAFETY: the opaque of a client made by `connect` is its `ClientState`, which outlives the callbacks.
    let state = unsafe { &*opaque.cast_const().cast::<ClientState>() };
    // SAFETY: librdkafka passes a zero-terminated string, or null.
    let text = unsafe { text_of(text) };
    tracing::debug!(code = %KafkaCode(code), text, "kafka client error");
    state.report(KafkaCode(code), &text);
}

unsafe extern "C" fn on_log(client: *const rd::rd_kafka_t, level: c_int, facility: *const c_char, text: *const c_char) {
    // SAFETY: librdkafka passes zero-terminated strings, or null.
    let (facility, text) = unsafe { (text_of(facility), text_of(text)) };
    // SAFETY: log lines come through the queue of a client that is alive.
    let opaque = unsafe { rd::rd_kafka_opaque(client) };
    if opaque.is_null() {
        return;
    }
    // SAFETY: the opaque of a client made by `connect` is its `ClientState`, which outlives the callbacks.
    let state = unsafe { &*opaque.cast_const().cast::<ClientState>() };
    if facility == CONNECTION_FAILED {
        // Where it matters, the error callback says the same, or a call that fails says it as its cause.
        state.causes.note(KafkaCode::TRANSPORT, without_thread(&text));
        tracing::debug!(facility, text, "kafka client");
        return;
    }
    match level {
        ..=4 if lock(&state.warned).is_news(&text, Instant::now()) => {
            tracing::warn!(facility, text, "kafka client");
        }
        ..=6 => tracing::debug!(facility, text, "kafka client"),
        _ => tracing::trace!(facility, text, "kafka client"),
    }
}

/// Takes the thread's name off the beginning of a log line.
fn without_thread(text: &str) -> &str {
    text.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")).map_or(text, |(_, rest)| rest)
}

/// Takes a certificate or refuses it, just as OpenSSL did, and keeps the reason: the error that follows has none.
unsafe extern "C" fn on_certificate(
    _: *mut rd::rd_kafka_t,
    broker: *const c_char,
    _: i32,
    error: *mut c_int,
    _: c_int,
    _: *const c_char,
    _: usize,
    said: *mut c_char,
    room: usize,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: librdkafka passes a pointer to OpenSSL's verdict on this certificate, 0 if it is good.
    let verdict = if error.is_null() { 0 } else { unsafe { *error } };
    if verdict == 0 {
        return 1;
    }
    // SAFETY: a zero-terminated string, or null.
    let why = refused_certificate(&unsafe { text_of(broker) }, verdict);
    if !opaque.is_null() {
        // SAFETY: the opaque of a client made by `connect` is its `ClientState`, which outlives the callbacks.
        unsafe { &*opaque.cast_const().cast::<ClientState>() }.causes.note_certificate(&why);
    }
    if !said.is_null() && room > 0 {
        let length = why.len().min(room - 1);
        // SAFETY: `said` has room for `room` bytes, and `why` has at least `length`.
        unsafe {
            std::ptr::copy_nonoverlapping(why.as_ptr().cast::<c_char>(), said, length);
            *said.add(length) = 0;
        }
    }
    0
}

/// # Safety
/// `text` is null or a zero-terminated string that can be read.
unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{ClientState, MAX_PENDING, without_thread};
    use crate::kafka::code::KafkaCode;

    #[test]
    fn the_name_of_a_thread_is_no_part_of_a_log_line() {
        assert_eq!(without_thread("[thrd:ssl://b:1/bootstrap]: ssl://b:1/bootstrap: no"), "ssl://b:1/bootstrap: no");
        assert_eq!(without_thread("as it is"), "as it is");
    }

    #[test]
    fn reported_errors_are_bounded_and_taken_once() {
        let state = ClientState::default();
        for i in 0..MAX_PENDING + 3 {
            state.report(KafkaCode::TRANSPORT, &i.to_string());
        }
        let taken = state.take_reported();
        assert_eq!(taken.len(), MAX_PENDING);
        assert_eq!(taken[0].text, "3");
        assert!(state.take_reported().is_empty());
    }
}
