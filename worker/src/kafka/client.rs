//! One handle of librdkafka, with its errors and log lines taken in.
//!
//! The callbacks are set here rather than through rdkafka's consumers, because batches are taken from the raw queue and
//! rdkafka sees none of what passes there. librdkafka puts errors and log lines on the main queue, so they are handed
//! over on the thread that polls. What an error callback said is kept as the *last cause*: a call that merely timed out
//! can then say that the password was wrong.

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::types::RDKafkaType;
use rdkafka_sys as rd;

use super::code::KafkaCode;
use super::settings::{ConnectionSettings, Role, SettingsError, creation_error};

/// A handle, shared by everything that points into it.
pub(super) type KafkaClient = Arc<Client<ClientState>>;

/// How long a cause explains a failure. librdkafka repeats an error that goes on every 30 s.
const CAUSE_LIFE: Duration = Duration::from_secs(90);

/// Errors kept until a source takes them; more are dropped, the oldest first.
const MAX_PENDING: usize = 64;

/// An error that the client reported by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reported {
    pub(super) code: KafkaCode,
    pub(super) text: String,
}

struct Cause {
    informs: u8,
    text: String,
    at: Instant,
}

/// What the callbacks of one handle leave behind.
#[derive(Default)]
pub(super) struct ClientState {
    pending: Mutex<VecDeque<Reported>>,
    cause: Mutex<Option<Cause>>,
}

impl ClientContext for ClientState {}

impl ClientState {
    /// Takes in an error.
    pub(super) fn report(&self, code: KafkaCode, text: &str) {
        self.note_cause(code, text);
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

    /// Keeps what explains failures best: a symptom does not replace a cause while that is fresh.
    pub(super) fn note_cause(&self, code: KafkaCode, text: &str) {
        let now = Instant::now();
        let mut cause = lock(&self.cause);
        let keep =
            cause.as_ref().is_some_and(|old| old.informs > code.informs() && now.duration_since(old.at) < CAUSE_LIFE);
        if !keep {
            *cause = Some(Cause { informs: code.informs(), text: format!("{text} ({code})"), at: now });
        }
    }

    /// Things work again: what was kept explains nothing any more.
    pub(super) fn clear_cause(&self) {
        *lock(&self.cause) = None;
    }

    /// What best explains a failure now.
    pub(super) fn last_cause(&self) -> Option<String> {
        let now = Instant::now();
        lock(&self.cause)
            .as_ref()
            .filter(|cause| now.duration_since(cause.at) < CAUSE_LIFE)
            .map(|cause| cause.text.clone())
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

unsafe extern "C" fn on_log(_: *const rd::rd_kafka_t, level: c_int, facility: *const c_char, text: *const c_char) {
    // SAFETY: librdkafka passes zero-terminated strings, or null.
    let (facility, text) = unsafe { (text_of(facility), text_of(text)) };
    match level {
        ..=4 => tracing::warn!(facility, text, "kafka client"),
        5..=6 => tracing::debug!(facility, text, "kafka client"),
        _ => tracing::trace!(facility, text, "kafka client"),
    }
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
    use super::{ClientState, MAX_PENDING};
    use crate::kafka::code::KafkaCode;

    #[test]
    fn a_symptom_does_not_hide_the_cause() {
        let state = ClientState::default();
        assert_eq!(state.last_cause(), None);
        state.report(KafkaCode::ALL_BROKERS_DOWN, "1/1 brokers are down");
        state.report(KafkaCode::AUTHENTICATION, "SASL authentication error: wrong password");
        state.report(KafkaCode(-195), "disconnected");
        state.report(KafkaCode::ALL_BROKERS_DOWN, "1/1 brokers are down");
        assert_eq!(state.last_cause().as_deref(), Some("SASL authentication error: wrong password (_AUTHENTICATION)"));
        state.clear_cause();
        assert_eq!(state.last_cause(), None);
    }

    #[test]
    fn reported_errors_are_bounded_and_taken_once() {
        let state = ClientState::default();
        for i in 0..MAX_PENDING + 3 {
            state.report(KafkaCode(-195), &i.to_string());
        }
        let taken = state.take_reported();
        assert_eq!(taken.len(), MAX_PENDING);
        assert_eq!(taken[0].text, "3");
        assert!(state.take_reported().is_empty());
    }
}
