//! Kafka: records in, log ends and identities in, group offsets out. The only module that names rdkafka.
//!
//! Two ports, each with a real adapter and an in-memory fake that pass one suite ([`conformance`]), the adapter on
//! librdkafka's mock cluster and on Apache Kafka:
//!
//! | port | real | fake | does |
//! |---|---|---|---|
//! | [`RecordSource`] | [`KafkaSource`] | [`MemorySource`] | reads assigned topic partitions in batches of borrowed records |
//! | [`KafkaControl`] | [`ControlClient`] | [`MemoryKafka`] | describes topics, publishes group offsets |
//!
//! # Threads and ownership
//! Everything here blocks. A [`RecordSource`] belongs to one thread of its own (`&mut self`, `Send`); librdkafka's
//! threads fetch, decompress and check CRCs behind it. A [`ControlClient`] is shared (`&self`, `Send + Sync`) and is
//! called through `spawn_blocking`; every call ends by its time-out. A record is borrowed: it lives until the sink
//! returns. Errors and log lines of librdkafka are handed over inside `poll` or a control call, never on a thread of
//! librdkafka that holds its locks; so poll now and then even while everything is paused. A certificate is judged on
//! such a thread, which takes note of the verdict and nothing more.
//!
//! # What `poll` promises
//! - Per topic partition, offsets are strictly increasing under one token, and positions never go back.
//! - Every record carries the [`Token`] of the assignment under which it was fetched. Nothing is delivered under a
//!   token after `unassign` returned, after another token was assigned to its topic partition, or after
//!   [`SourceEvent::Ended`] named it.
//! - No position is skipped in silence. Whatever makes librdkafka go on elsewhere or leave a batch out (an offset out
//!   of range, a truncated log, a CRC that does not match) ends the assignment and says why. The owner looks at the
//!   topic ([`KafkaControl::describe`]) and assigns again, or stops the table.
//! - A position without records (transaction markers, compacted or aborted records) is reported by
//!   [`SourceEvent::CaughtUp`] once the log's end is reached.
//!
//! It does *not* promise that a topic is still the same one. librdkafka follows a name: when a topic is recreated with
//! more records than our position, it reads on there without a word. Only `describe` sees the new topic id, so compare
//! it *after* the last record that is to be submitted and before submitting it.
//!
//! # Memory
//! [`ConnectionSettings::receive_memory_bytes`] bounds what waits in the receive queue and on the wire; how it is
//! divided is written at [`settings::Sizes`]. Kafka delivers at least one batch even where it is larger than the limit,
//! so one batch per broker can come on top. Pausing a topic partition frees what was prefetched for it; to hold
//! everything back, just do not poll: the queue fills to its bound and fetching stops by itself.
//!
//! # librdkafka 2.12.1, as read in its sources
//! - `consume_batch_queue` waits until the array is *full* or the time is up. So the first message is awaited alone and
//!   the rest is taken without waiting.
//! - It advances the position that `pause`/`resume` go back to by one for every end-of-partition report too, which
//!   would skip a record. So `pause` here gives the topic partition back, and `resume` assigns it at our own position.
//! - A batch whose CRC is wrong is reported and *skipped*. So every error of a topic partition ends its assignment.
//! - An assignment is active at once whatever its leader epoch; only a seek has the epoch checked. So a start with a
//!   known epoch is assigned, then sought, and nothing is delivered before the seek was taken up.
//! - `AUTO_OFFSET_RESET` and "unknown topic" carry no version, so one of a former assignment may end the next one. That
//!   costs another assignment, never a record.
//! - `OffsetForLeaderEpoch` has no public call; the check happens inside the seek and only says yes or no.
//! - Admin calls wait for the controller unless a broker is named, and some servers name none; a metadata request
//!   without a topic allows topics to be created. So `describe` finds a broker by a topic and names it.

mod cause;
mod client;
mod code;
pub mod control;
mod kafka_control;
mod kafka_source;
pub mod memory;
mod native;
pub mod record;
pub mod settings;
pub mod source;

#[doc(hidden)]
pub mod conformance;
#[cfg(test)]
mod mock;

pub use control::{ControlError, KafkaControl, KafkaView, PartitionView, TopicState, TopicView};
pub use kafka_control::{ControlClient, Right, Rights};
pub use kafka_source::KafkaSource;
pub use memory::{MemoryKafka, MemoryRecord, MemorySource};
pub use record::{Header, HeaderError, Headers, Record, RecordTimestamp, TimestampKind};
pub use settings::{ConnectionSettings, SettingsError, Sizes};
pub use source::{EndReason, Polled, Position, RecordSink, RecordSource, SourceError, SourceEvent, Start, Token};
