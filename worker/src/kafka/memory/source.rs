//! [`RecordSource`] on the in-memory cluster.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};

use super::log::Stored;
use super::{MemoryKafka, State};
use crate::kafka::kafka_source::check_starts;
use crate::kafka::record::{RawHeaders, Record};
use crate::kafka::source::{
    EndReason, Polled, Position, RecordSink, RecordSource, SourceError, SourceEvent, Start, Token,
};

struct Assigned {
    topic: String,
    partition: Partition,
    position: Position,
    paused: bool,
    /// The end that was reported last.
    caught_up: Option<Offset>,
}

/// Reads from a [`MemoryKafka`], whose lock it holds while the sink runs: a sink must not call the cluster.
pub struct MemorySource {
    kafka: MemoryKafka,
    assigned: BTreeMap<Token, Assigned>,
    /// Who is served first in the next poll, so that a full topic partition does not starve the others.
    first: usize,
}

impl MemorySource {
    pub(super) fn new(kafka: MemoryKafka) -> Self {
        Self { kafka, assigned: BTreeMap::new(), first: 0 }
    }

    fn set_paused(&mut self, tokens: &[Token], paused: bool) {
        for token in tokens {
            if let Some(assigned) = self.assigned.get_mut(token) {
                assigned.paused = paused;
                assigned.caught_up = None;
            }
        }
    }

    /// One look at everything assigned; true if it found anything.
    fn round(&mut self, state: &State, left: &mut usize, sink: &mut dyn RecordSink, polled: &mut Polled) -> bool {
        let tokens: Vec<Token> = self.assigned.keys().copied().collect();
        if tokens.is_empty() {
            return false;
        }
        self.first = (self.first + 1) % tokens.len();
        let mut found = false;
        for i in 0..tokens.len() {
            let token = tokens[(self.first + i) % tokens.len()];
            found |= self.serve(token, state, left, sink, polled);
        }
        found
    }

    fn serve(
        &mut self,
        token: Token,
        state: &State,
        left: &mut usize,
        sink: &mut dyn RecordSink,
        polled: &mut Polled,
    ) -> bool {
        let Some(assigned) = self.assigned.get_mut(&token).filter(|assigned| !assigned.paused) else { return false };
        let reason = match state.log(&assigned.topic, assigned.partition) {
            None => Some(EndReason::UnknownTopic { detail: format!("{} [{}]", assigned.topic, assigned.partition) }),
            Some(log) => log
                .lost(assigned.position.offset, assigned.position.leader_epoch)
                .map(|detail| EndReason::PositionLost { detail }),
        };
        if let Some(reason) = reason {
            let position = assigned.position;
            self.assigned.remove(&token);
            sink.event(SourceEvent::Ended { token, position, reason });
            return true;
        }
        let Some(log) = state.log(&assigned.topic, assigned.partition) else { return false };
        let mut found = false;
        while *left > 0 {
            let Some(stored) = log.first_from(assigned.position.offset) else { break };
            sink.record(&record(token, assigned, stored));
            assigned.position = Position { offset: Offset(stored.offset.0 + 1), leader_epoch: stored.epoch };
            polled.records += 1;
            polled.bytes +=
                [&stored.key, &stored.value].iter().map(|b| b.as_ref().map_or(0, Vec::len) as u64).sum::<u64>();
            *left -= 1;
            found = true;
        }
        if *left > 0 && assigned.caught_up != Some(log.end) {
            if assigned.position.offset < log.end {
                assigned.position = Position { offset: log.end, leader_epoch: LeaderEpoch::UNKNOWN };
            }
            assigned.caught_up = Some(log.end);
            sink.event(SourceEvent::CaughtUp { token, position: assigned.position });
            found = true;
        }
        found
    }
}

fn record<'a>(token: Token, assigned: &'a Assigned, stored: &'a Stored) -> Record<'a> {
    Record {
        token,
        topic: &assigned.topic,
        partition: assigned.partition,
        offset: stored.offset,
        leader_epoch: stored.epoch,
        timestamp: stored.timestamp,
        key: stored.key.as_deref(),
        value: stored.value.as_deref(),
        headers: RawHeaders::Slice(&stored.headers),
    }
}

impl RecordSource for MemorySource {
    fn assign(&mut self, starts: &[Start]) -> Result<(), SourceError> {
        let holder = |token: Token| self.assigned.get(&token).map(|one| (one.topic.as_str(), one.partition));
        check_starts(starts, holder)
            .map_err(|detail| SourceError::Invalid { what: "assign topic partitions", detail })?;
        for start in starts {
            self.assigned.retain(|_, one| one.topic != start.topic || one.partition != start.partition);
            let position = Position { offset: start.offset, leader_epoch: start.leader_epoch };
            self.assigned.insert(
                start.token,
                Assigned {
                    topic: start.topic.clone(),
                    partition: start.partition,
                    position,
                    paused: false,
                    caught_up: None,
                },
            );
        }
        Ok(())
    }

    fn unassign(&mut self, tokens: &[Token]) -> Result<(), SourceError> {
        self.assigned.retain(|token, _| !tokens.contains(token));
        Ok(())
    }

    fn pause(&mut self, tokens: &[Token]) -> Result<(), SourceError> {
        self.set_paused(tokens, true);
        Ok(())
    }

    fn resume(&mut self, tokens: &[Token]) -> Result<(), SourceError> {
        self.set_paused(tokens, false);
        Ok(())
    }

    fn position(&self, token: Token) -> Option<Position> {
        self.assigned.get(&token).map(|assigned| assigned.position)
    }

    fn poll(
        &mut self,
        max_records: usize,
        timeout: Duration,
        sink: &mut dyn RecordSink,
    ) -> Result<Polled, SourceError> {
        let began = Instant::now();
        let kafka = self.kafka.clone();
        let mut state = kafka.lock();
        let (mut polled, mut left) = (Polled::default(), max_records);
        while left > 0 && !self.round(&state, &mut left, sink, &mut polled) {
            let wait = timeout.saturating_sub(began.elapsed());
            if wait.is_zero() {
                break;
            }
            let waited = kafka.shared.changed.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(polled)
    }
}
