//! [`RecordSource`] on librdkafka: manual assignment, raw batches, positions and epochs checked on the way.
//!
//! The parent here talks to librdkafka; what is assigned and where it stands is in [`assignments`].

mod assignments;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};
use rdkafka_sys as rd;

use super::cause::worded;
use super::client::{KafkaClient, Reported, connect};
use super::code::KafkaCode;
use super::control::is_topic_name;
use super::native::{Message, NativeError, PartitionList, Queue, millis};
use super::record::Record;
use super::settings::{ConnectionSettings, Role, SettingsError};
use super::source::{EndReason, Polled, Position, RecordSink, RecordSource, SourceError, SourceEvent, Start, Token};
use assignments::{Assignment, Assignments, Phase};

/// Messages taken from librdkafka at a time: past about a thousand they fall out of the processor's cache.
const BATCH: usize = 1024;

/// How long one attempt to have starts validated may wait for librdkafka's main thread.
const SEEK_WAIT: Duration = Duration::from_millis(100);

/// How soon a start that could not be sought yet is tried again.
const SEEK_RETRY: Duration = Duration::from_millis(10);

/// Reads topic partitions of one Kafka cluster. Dropping it ends its assignments and its connections.
pub struct KafkaSource {
    client: KafkaClient,
    group_id: String,
    queue: Queue,
    batch: Vec<Message>,
    assignments: Assignments,
    /// Ended by themselves in the batch at hand; given back to librdkafka after it.
    to_release: Vec<Assignment>,
}

impl KafkaSource {
    /// Makes a source; it connects in the background.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn new(settings: &ConnectionSettings) -> Result<Self, SettingsError> {
        let client = connect(settings, Role::Source)?;
        let queue = Queue::of_consumer(&client)
            .ok_or_else(|| SettingsError::Unusable { cause: "librdkafka made no consumer queue".to_owned() })?;
        let assignments = Assignments::new(client.clone());
        Ok(Self {
            client,
            group_id: settings.group_id.clone(),
            queue,
            batch: Vec::with_capacity(BATCH),
            assignments,
            to_release: Vec::new(),
        })
    }

    /// What best explains that nothing comes, if anything does.
    #[must_use]
    pub fn last_cause(&self) -> Option<String> {
        self.client.context().causes().last().map(|cause| cause.text)
    }

    fn give<'a>(&self, what: &'static str, assigned: impl Iterator<Item = &'a Assignment>) -> Result<(), SourceError> {
        let list = partition_list(assigned);
        // SAFETY: client and list are alive; the list is copied.
        let answer =
            unsafe { NativeError::check(rd::rd_kafka_incremental_assign(self.client.native_ptr(), list.as_ptr())) };
        answer.map_err(|error| self.failed(what, &error))
    }

    /// Takes topic partitions back. What librdkafka had fetched for them is out of date from here on.
    fn take_back<'a>(
        &self,
        what: &'static str,
        assigned: impl Iterator<Item = &'a Assignment>,
    ) -> Result<(), SourceError> {
        let list = partition_list(assigned.filter(|one| one.phase != Phase::Paused));
        if list.entries().next().is_none() {
            return Ok(());
        }
        // SAFETY: client and list are alive; the list is copied.
        let answer =
            unsafe { NativeError::check(rd::rd_kafka_incremental_unassign(self.client.native_ptr(), list.as_ptr())) };
        answer.map_err(|error| self.failed(what, &error))
    }

    fn failed(&self, what: &'static str, error: &NativeError) -> SourceError {
        let cause = format!("{} ({})", error.text, error.code);
        if error.code == KafkaCode::FATAL { SourceError::Fatal { cause } } else { SourceError::Failed { what, cause } }
    }

    /// Seeks the starts whose epoch is to be checked. Until librdkafka has taken a seek up, nothing of that topic
    /// partition is delivered; afterwards what it fetched before is out of date. True if some are left.
    fn validate_starts(&mut self) -> bool {
        if !self.assignments.any_unvalidated() {
            return false;
        }
        let list = partition_list(self.assignments.iter().filter(|one| one.phase == Phase::Unvalidated));
        // SAFETY: client and list are alive; the list's entries are written before the call returns.
        let answer = unsafe {
            NativeError::check(rd::rd_kafka_seek_partitions(self.client.native_ptr(), list.as_ptr(), millis(SEEK_WAIT)))
        };
        if let Err(error) = answer {
            tracing::debug!(cause = error.text, "kafka start not validated yet");
        }
        for entry in list.entries().filter(|entry| !entry.code.is_error()) {
            self.assignments.set_validated(entry.topic, Partition(entry.partition));
        }
        self.assignments.any_unvalidated()
    }

    /// Hands one message on, and answers the bytes of its record if it was one.
    fn deliver(&mut self, message: &Message, sink: &mut dyn RecordSink) -> Result<Option<u64>, SourceError> {
        let code = message.code();
        let Some(slot) = self.assignments.slot_of(message.topic_address(), message.partition()) else {
            return self.unassigned(code, message, sink).map(|()| None);
        };
        if self.assignments.get(slot).phase != Phase::Live && !code_ends(code) {
            return Ok(None);
        }
        if code.is_error() {
            self.partition_error(slot, code, message, sink);
            return Ok(None);
        }
        Ok(self.record(slot, message, sink))
    }

    fn record(&mut self, slot: usize, message: &Message, sink: &mut dyn RecordSink) -> Option<u64> {
        let (offset, epoch) = (message.offset(), message.leader_epoch());
        let assigned = self.assignments.get_mut(slot);
        if offset < assigned.next {
            return None;
        }
        if epoch.0 >= 0 && epoch < assigned.newest_epoch {
            let reason = EndReason::EpochWentBack { at: offset, from: assigned.newest_epoch, to: epoch };
            self.end(slot, reason, sink);
            return None;
        }
        assigned.advance(offset, epoch);
        let (key, value) = (message.key(), message.value());
        sink.record(&Record {
            token: assigned.token,
            topic: assigned.topic.name(),
            partition: assigned.partition,
            offset,
            leader_epoch: epoch,
            timestamp: message.timestamp(),
            key,
            value,
            headers: message.headers(),
        });
        Some((key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len)) as u64)
    }

    fn partition_error(&mut self, slot: usize, code: KafkaCode, message: &Message, sink: &mut dyn RecordSink) {
        if code == KafkaCode::PARTITION_EOF {
            let assigned = self.assignments.get_mut(slot);
            if message.offset() >= assigned.next {
                assigned.reach(message.offset());
                let event = SourceEvent::CaughtUp { token: assigned.token, position: assigned.position() };
                sink.event(event);
            }
            return;
        }
        let text = message.error_text();
        self.client.context().causes().note(code, &text);
        let detail = worded(code, &format!("topic `{}`: {text}", self.assignments.get(slot).topic.name()));
        self.end(slot, end_reason(code, detail), sink);
    }

    /// An error that belongs to no assignment. (A record that does is of one that is over.)
    fn unassigned(&self, code: KafkaCode, message: &Message, sink: &mut dyn RecordSink) -> Result<(), SourceError> {
        if code == KafkaCode::FATAL {
            return Err(SourceError::Fatal { cause: message.error_text() });
        }
        if code.is_error() && message.topic_address() == 0 {
            let text = self.of_group(code, message.error_text());
            self.client.context().causes().note(code, &text);
            sink.event(SourceEvent::Trouble { cause: worded(code, &text) });
        }
        Ok(())
    }

    /// Hands on what the client reported by itself. "Unknown topic" comes this way, with the topic partition in its text
    /// only.
    fn reported(&mut self, sink: &mut dyn RecordSink) {
        for Reported { code, text } in self.client.context().take_reported() {
            let named = if code.is_unknown_topic() { self.assignments.named_in(&text) } else { None };
            match named {
                Some(slot) => self.end(slot, EndReason::UnknownTopic { detail: text }, sink),
                None => sink.event(SourceEvent::Trouble { cause: self.explained(code, &text) }),
            }
        }
    }

    /// A refusal that is about our group names it.
    fn of_group(&self, code: KafkaCode, text: String) -> String {
        if code == KafkaCode::GROUP_DENIED { format!("group `{}`: {text}", self.group_id) } else { text }
    }

    /// Words for an error of the client; one that says less than what is known already is completed by that.
    fn explained(&self, code: KafkaCode, text: &str) -> String {
        let words = worded(code, &self.of_group(code, text.to_owned()));
        match self.client.context().causes().last().filter(|cause| cause.code != code && cause.text != words) {
            Some(cause) => format!("{words}: {}", cause.text),
            None => words,
        }
    }

    fn end(&mut self, slot: usize, reason: EndReason, sink: &mut dyn RecordSink) {
        let assigned = self.assignments.remove(slot);
        tracing::debug!(
            topic = assigned.topic.name(),
            partition = assigned.partition.0,
            position = assigned.next.0,
            %reason,
            "kafka assignment ended"
        );
        sink.event(SourceEvent::Ended { token: assigned.token, position: assigned.position(), reason });
        self.to_release.push(assigned);
    }

    fn release_ended(&mut self) {
        let ended = std::mem::take(&mut self.to_release);
        if let Err(error) = self.take_back("release topic partitions", ended.iter()) {
            tracing::debug!(%error, "kafka assignment not released");
        }
    }

    /// One round: at most `max` messages, of which the first may be waited for.
    fn round(
        &mut self,
        max: usize,
        wait: Duration,
        sink: &mut dyn RecordSink,
        polled: &mut Polled,
    ) -> Result<usize, SourceError> {
        let mut batch = std::mem::take(&mut self.batch);
        self.queue.consume(&mut batch, max, wait);
        let taken = batch.len();
        // First what ends assignments: the rest of the batch may come from after it.
        self.reported(sink);
        let mut outcome = Ok(());
        for message in batch.drain(..) {
            match self.deliver(&message, sink) {
                Ok(Some(bytes)) => {
                    polled.records += 1;
                    polled.bytes += bytes;
                }
                Ok(None) => {}
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        self.batch = batch;
        self.release_ended();
        outcome.map(|()| taken)
    }
}

impl RecordSource for KafkaSource {
    fn assign(&mut self, starts: &[Start]) -> Result<(), SourceError> {
        const WHAT: &str = "assign topic partitions";
        let invalid = |detail: String| SourceError::Invalid { what: WHAT, detail };
        check_starts(starts, |token| self.assignments.holder(token)).map_err(invalid)?;
        let mut new = Vec::with_capacity(starts.len());
        for start in starts {
            let topic = self.assignments.topic(&start.topic);
            let topic = topic.ok_or_else(|| invalid(format!("`{}` is not a topic name", start.topic)))?;
            new.push(Assignment::new(topic, start));
        }
        let replaced: Vec<Token> = new.iter().filter_map(|one| self.assignments.token_at(one)).collect();
        self.unassign(&replaced)?;
        self.give(WHAT, new.iter())?;
        for assigned in new {
            self.assignments.insert(assigned);
        }
        Ok(())
    }

    fn unassign(&mut self, tokens: &[Token]) -> Result<(), SourceError> {
        let gone: Vec<Assignment> = tokens.iter().filter_map(|token| self.assignments.remove_token(*token)).collect();
        self.take_back("unassign topic partitions", gone.iter())
    }

    fn pause(&mut self, tokens: &[Token]) -> Result<(), SourceError> {
        let slots = self.assignments.slots(tokens, |phase| phase != Phase::Paused);
        let taken = self.take_back("pause topic partitions", slots.iter().map(|slot| self.assignments.get(*slot)));
        for slot in slots {
            self.assignments.set_phase(slot, Phase::Paused);
        }
        taken
    }

    fn resume(&mut self, tokens: &[Token]) -> Result<(), SourceError> {
        let slots = self.assignments.slots(tokens, |phase| phase == Phase::Paused);
        if slots.is_empty() {
            return Ok(());
        }
        self.give("resume topic partitions", slots.iter().map(|slot| self.assignments.get(*slot)))?;
        for slot in slots {
            let phase = self.assignments.get(slot).first_phase();
            self.assignments.set_phase(slot, phase);
        }
        Ok(())
    }

    fn position(&self, token: Token) -> Option<Position> {
        self.assignments.by_token(token).map(Assignment::position)
    }

    fn poll(
        &mut self,
        max_records: usize,
        timeout: Duration,
        sink: &mut dyn RecordSink,
    ) -> Result<Polled, SourceError> {
        let began = Instant::now();
        let mut polled = Polled::default();
        let mut left = max_records;
        // librdkafka waits until the array is full, so the first message is awaited alone.
        let mut max = 1;
        while left > 0 {
            let unvalidated = self.validate_starts();
            let mut wait = if max == 1 { timeout.saturating_sub(began.elapsed()) } else { Duration::ZERO };
            if unvalidated {
                wait = wait.min(SEEK_RETRY);
            }
            let taken = self.round(max.min(left), wait, sink, &mut polled)?;
            left -= taken;
            if taken == 0 && !(unvalidated && began.elapsed() < timeout && left == max_records) {
                break;
            }
            max = if taken == 0 { 1 } else { BATCH };
        }
        if polled.records > 0 {
            self.client.context().causes().clear();
        }
        Ok(polled)
    }
}

/// True if a code ends an assignment in whatever phase it is: everything but a record and an end of the log.
fn code_ends(code: KafkaCode) -> bool {
    code.is_error() && code != KafkaCode::PARTITION_EOF
}

fn end_reason(code: KafkaCode, detail: String) -> EndReason {
    match code {
        KafkaCode::AUTO_OFFSET_RESET | KafkaCode::LOG_TRUNCATION => EndReason::PositionLost { detail },
        code if code.is_unknown_topic() => EndReason::UnknownTopic { detail },
        code if code.is_damage() => EndReason::Damaged { detail },
        code if code.is_denied() => EndReason::Denied { detail },
        _ => EndReason::Failed { detail },
    }
}

fn partition_list<'a>(assigned: impl Iterator<Item = &'a Assignment>) -> PartitionList {
    let mut list = PartitionList::new(assigned.size_hint().0);
    for one in assigned {
        let position = one.position();
        list.push(one.topic.c_name(), one.partition.0, position.offset.0, position.leader_epoch.0);
    }
    list
}

/// What both sources ask of the starts of one call. `holder` says which topic partition holds a token now.
pub(super) fn check_starts<'a>(
    starts: &[Start],
    holder: impl Fn(Token) -> Option<(&'a str, Partition)>,
) -> Result<(), String> {
    let mut places = BTreeSet::new();
    let mut tokens = BTreeSet::new();
    for start in starts {
        let place = format!("{} [{}]", start.topic, start.partition);
        if start.offset < Offset(0) || start.partition < Partition(0) || start.leader_epoch < LeaderEpoch::UNKNOWN {
            return Err(format!("{place} at offset {} is not a place in a log", start.offset));
        }
        if !is_topic_name(&start.topic) {
            return Err(format!("`{}` is not a topic name", start.topic.escape_default()));
        }
        if let Some((topic, partition)) = holder(start.token) {
            return Err(format!("token {} is in use by {topic} [{partition}]", start.token.0));
        }
        if !tokens.insert(start.token) {
            return Err(format!("token {} is given twice", start.token.0));
        }
        if !places.insert((&start.topic, start.partition)) {
            return Err(format!("{place} is named twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
