//! Error codes of librdkafka and of brokers, as numbers.
//!
//! The generated binding declares the codes as a Rust enum, but a newer broker may send a number that the enum does not
//! have, and such a value must never exist in Rust. So codes are read as integers and named where they are known.

use std::ffi::CStr;
use std::fmt;
use std::ptr;

use rdkafka_sys as rd;

/// An error code; 0 is success, negative ones are librdkafka's own, positive ones are the broker's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct KafkaCode(pub(super) i32);

macro_rules! codes {
    ($($name:ident = $native:ident),* $(,)?) => {
        impl KafkaCode {
            $(pub(super) const $name: Self = Self(rd::rd_kafka_resp_err_t::$native as i32);)*
        }
    };
}

codes! {
    NONE = RD_KAFKA_RESP_ERR_NO_ERROR,
    PARTITION_EOF = RD_KAFKA_RESP_ERR__PARTITION_EOF,
    AUTO_OFFSET_RESET = RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET,
    LOG_TRUNCATION = RD_KAFKA_RESP_ERR__LOG_TRUNCATION,
    FATAL = RD_KAFKA_RESP_ERR__FATAL,
    BAD_MSG = RD_KAFKA_RESP_ERR__BAD_MSG,
    BAD_COMPRESSION = RD_KAFKA_RESP_ERR__BAD_COMPRESSION,
    NOT_IMPLEMENTED = RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED,
    CORRUPT_MESSAGE = RD_KAFKA_RESP_ERR_INVALID_MSG,
    MSG_SIZE_TOO_LARGE = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
    LOCAL_UNKNOWN_TOPIC = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
    LOCAL_UNKNOWN_PARTITION = RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
    UNKNOWN_TOPIC_OR_PART = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
    UNKNOWN_TOPIC_ID = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID,
    OFFSET_NOT_AVAILABLE = RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
    INVALID_TOPIC = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION,
    TOPIC_DENIED = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
    GROUP_DENIED = RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
    CLUSTER_DENIED = RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
    SASL_FAILED = RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
    AUTHENTICATION = RD_KAFKA_RESP_ERR__AUTHENTICATION,
    SSL = RD_KAFKA_RESP_ERR__SSL,
    RESOLVE = RD_KAFKA_RESP_ERR__RESOLVE,
    ALL_BROKERS_DOWN = RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
    TIMED_OUT = RD_KAFKA_RESP_ERR__TIMED_OUT,
    TRANSPORT = RD_KAFKA_RESP_ERR__TRANSPORT,
}

impl KafkaCode {
    /// The code of a binding's enum value.
    pub(super) fn of(native: rd::rd_kafka_resp_err_t) -> Self {
        Self(native as i32)
    }

    /// Reads an enum field as the integer that it is.
    ///
    /// # Safety
    /// `field` must point to a readable, initialised field.
    pub(super) unsafe fn read(field: *const rd::rd_kafka_resp_err_t) -> Self {
        // SAFETY: the enum is `repr(i32)`, so the field has an i32's size and alignment; the caller vouches for the rest.
        Self(unsafe { ptr::read(field.cast::<i32>()) })
    }

    /// True for anything but success.
    pub(super) fn is_error(self) -> bool {
        self != Self::NONE
    }

    /// The server will go on saying no until a person changes a right or a password.
    pub(super) fn is_denied(self) -> bool {
        [Self::TOPIC_DENIED, Self::GROUP_DENIED, Self::CLUSTER_DENIED, Self::SASL_FAILED, Self::AUTHENTICATION]
            .contains(&self)
    }

    /// The topic, or the topic partition, is not there.
    pub(super) fn is_unknown_topic(self) -> bool {
        [Self::LOCAL_UNKNOWN_TOPIC, Self::LOCAL_UNKNOWN_PARTITION, Self::UNKNOWN_TOPIC_OR_PART, Self::UNKNOWN_TOPIC_ID]
            .contains(&self)
    }

    /// Something in the log cannot be read; librdkafka may have left it out.
    pub(super) fn is_damage(self) -> bool {
        [Self::BAD_MSG, Self::BAD_COMPRESSION, Self::NOT_IMPLEMENTED, Self::CORRUPT_MESSAGE, Self::MSG_SIZE_TOO_LARGE]
            .contains(&self)
    }

    /// Which right is missing, where the server says that one is.
    pub(super) fn missing_right(self) -> Option<&'static str> {
        match self {
            Self::TOPIC_DENIED => Some("this user lacks the right READ on the topic, which includes DESCRIBE"),
            Self::GROUP_DENIED => Some("this user lacks the right READ on the group"),
            Self::CLUSTER_DENIED => Some("this user lacks a right on the cluster"),
            _ => None,
        }
    }

    /// No code tells as much as a reason of its own.
    pub(super) const INFORMS_MOST: u8 = 3;

    /// How much a person learns from it; a connection that merely fails says less than the reason why it does.
    pub(super) fn informs(self) -> u8 {
        match self {
            Self::ALL_BROKERS_DOWN | Self::TIMED_OUT => 0,
            Self::AUTHENTICATION | Self::SASL_FAILED | Self::SSL | Self::RESOLVE => 2,
            Self::TOPIC_DENIED | Self::GROUP_DENIED | Self::CLUSTER_DENIED => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for KafkaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match rd::rd_kafka_resp_err_t::try_from(self.0) {
            Ok(native) => {
                // SAFETY: `native` is a value of the enum; the answer is a static string for every one of them.
                let name = unsafe { CStr::from_ptr(rd::rd_kafka_err2name(native)) };
                f.write_str(&name.to_string_lossy())
            }
            Err(_) => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for KafkaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::KafkaCode;

    #[test]
    fn a_code_is_named_where_it_is_known() {
        assert_eq!(KafkaCode::PARTITION_EOF.to_string(), "_PARTITION_EOF");
        assert_eq!(KafkaCode::UNKNOWN_TOPIC_OR_PART.to_string(), "UNKNOWN_TOPIC_OR_PART");
        assert_eq!(KafkaCode(31_000).to_string(), "error 31000");
    }

    #[test]
    fn a_cause_informs_more_than_its_symptom() {
        assert!(KafkaCode::AUTHENTICATION.informs() > KafkaCode::TRANSPORT.informs());
        assert!(KafkaCode::TRANSPORT.informs() > KafkaCode::ALL_BROKERS_DOWN.informs());
    }
}
