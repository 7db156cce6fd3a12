//! What a source has assigned, and where each topic partition stands.
//!
//! A message names its topic by the address of librdkafka's topic handle. Every handle is kept for as long as it has an
//! assignment, so an address means one topic, and a record finds its assignment without a string. The last answer is
//! kept, since records come in runs of one topic partition.

use std::collections::{BTreeMap, HashMap};
use std::ffi::CStr;
use std::sync::{Arc, Weak};

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};

use crate::kafka::client::KafkaClient;
use crate::kafka::native::Topic;
use crate::kafka::source::{Position, Start, Token};

/// Where an assignment is in its life. One that ended is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// librdkafka has it, but its epoch is still to be checked by a seek. Nothing is delivered.
    Unvalidated,
    /// Records flow.
    Live,
    /// librdkafka does not have it.
    Paused,
}

/// One assigned topic partition.
pub(super) struct Assignment {
    pub(super) token: Token,
    pub(super) topic: Arc<Topic>,
    pub(super) partition: Partition,
    pub(super) phase: Phase,
    /// Next offset to deliver.
    pub(super) next: Offset,
    /// Highest leader epoch seen.
    pub(super) newest_epoch: LeaderEpoch,
    /// Epoch of the record directly before `next`, if there is one.
    epoch_before: LeaderEpoch,
}

impl Assignment {
    pub(super) fn new(topic: Arc<Topic>, start: &Start) -> Self {
        let mut new = Self {
            token: start.token,
            topic,
            partition: start.partition,
            phase: Phase::Live,
            next: start.offset,
            newest_epoch: start.leader_epoch,
            epoch_before: start.leader_epoch,
        };
        new.phase = new.first_phase();
        new
    }

    /// The phase in which reading begins here: librdkafka checks no epoch at offset 0, and none that is unknown.
    pub(super) fn first_phase(&self) -> Phase {
        if self.epoch_before.0 >= 0 && self.next > Offset(0) { Phase::Unvalidated } else { Phase::Live }
    }

    pub(super) fn position(&self) -> Position {
        Position { offset: self.next, leader_epoch: self.epoch_before }
    }

    /// A record was delivered.
    pub(super) fn advance(&mut self, offset: Offset, epoch: LeaderEpoch) {
        self.next = Offset(offset.0 + 1);
        self.epoch_before = epoch;
        self.newest_epoch = self.newest_epoch.max(epoch);
    }

    /// The log holds nothing between the position and `end`.
    pub(super) fn reach(&mut self, end: Offset) {
        if end > self.next {
            self.next = end;
            self.epoch_before = LeaderEpoch::UNKNOWN;
        }
    }
}

type Place = (usize, Partition);

/// All assignments of a source.
pub(super) struct Assignments {
    client: KafkaClient,
    slots: Vec<Option<Assignment>>,
    free: Vec<usize>,
    places: HashMap<Place, usize>,
    tokens: BTreeMap<Token, usize>,
    topics: BTreeMap<String, Weak<Topic>>,
    unvalidated: usize,
    last: Option<(Place, usize)>,
}

impl Assignments {
    pub(super) fn new(client: KafkaClient) -> Self {
        Self {
            client,
            slots: Vec::new(),
            free: Vec::new(),
            places: HashMap::new(),
            tokens: BTreeMap::new(),
            topics: BTreeMap::new(),
            unvalidated: 0,
            last: None,
        }
    }

    /// The handle of a topic; `None` if there can be no such topic.
    pub(super) fn topic(&mut self, name: &str) -> Option<Arc<Topic>> {
        if let Some(topic) = self.topics.get(name).and_then(Weak::upgrade) {
            return Some(topic);
        }
        let topic = Arc::new(Topic::new(&self.client, name)?);
        self.topics.insert(name.to_owned(), Arc::downgrade(&topic));
        Some(topic)
    }

    pub(super) fn insert(&mut self, new: Assignment) {
        let place = (new.topic.address(), new.partition);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.unvalidated += usize::from(new.phase == Phase::Unvalidated);
        self.places.insert(place, slot);
        self.tokens.insert(new.token, slot);
        self.slots[slot] = Some(new);
        self.last = None;
    }

    pub(super) fn remove(&mut self, slot: usize) -> Assignment {
        let old = self.slots[slot].take().expect("a slot is taken from the maps, which name filled ones only");
        self.unvalidated -= usize::from(old.phase == Phase::Unvalidated);
        self.places.remove(&(old.topic.address(), old.partition));
        self.tokens.remove(&old.token);
        self.free.push(slot);
        self.last = None;
        // Only assignments hold topics: this was the last one.
        if Arc::strong_count(&old.topic) == 1 {
            self.topics.remove(old.topic.name());
        }
        old
    }

    pub(super) fn remove_token(&mut self, token: Token) -> Option<Assignment> {
        let slot = *self.tokens.get(&token)?;
        Some(self.remove(slot))
    }

    pub(super) fn get(&self, slot: usize) -> &Assignment {
        self.slots[slot].as_ref().expect("a slot is taken from the maps, which name filled ones only")
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> &mut Assignment {
        self.slots[slot].as_mut().expect("a slot is taken from the maps, which name filled ones only")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Assignment> {
        self.slots.iter().flatten()
    }

    pub(super) fn by_token(&self, token: Token) -> Option<&Assignment> {
        self.tokens.get(&token).map(|slot| self.get(*slot))
    }

    /// The topic partition that holds a token.
    pub(super) fn holder(&self, token: Token) -> Option<(&str, Partition)> {
        self.by_token(token).map(|one| (one.topic.name(), one.partition))
    }

    /// The token of the assignment that `new` would replace.
    pub(super) fn token_at(&self, new: &Assignment) -> Option<Token> {
        self.places.get(&(new.topic.address(), new.partition)).map(|slot| self.get(*slot).token)
    }

    /// The slots of those tokens that are known and in a phase that `wanted` takes.
    pub(super) fn slots(&self, tokens: &[Token], wanted: impl Fn(Phase) -> bool) -> Vec<usize> {
        let known = tokens.iter().filter_map(|token| self.tokens.get(token).copied());
        known.filter(|slot| wanted(self.get(*slot).phase)).collect()
    }

    pub(super) fn set_phase(&mut self, slot: usize, phase: Phase) {
        let old = std::mem::replace(&mut self.get_mut(slot).phase, phase);
        self.unvalidated -= usize::from(old == Phase::Unvalidated);
        self.unvalidated += usize::from(phase == Phase::Unvalidated);
    }

    pub(super) fn any_unvalidated(&self) -> bool {
        self.unvalidated > 0
    }

    /// librdkafka has taken up the seek of a topic partition.
    pub(super) fn set_validated(&mut self, topic: &CStr, partition: Partition) {
        let known = topic.to_str().ok().and_then(|name| self.topics.get(name)).and_then(Weak::upgrade);
        let Some(topic) = known else { return };
        let Some(slot) = self.places.get(&(topic.address(), partition)).copied() else { return };
        if self.get(slot).phase == Phase::Unvalidated {
            self.set_phase(slot, Phase::Live);
        }
    }

    /// The assignment of a message.
    pub(super) fn slot_of(&mut self, topic_address: usize, partition: Partition) -> Option<usize> {
        let place = (topic_address, partition);
        if let Some((last, slot)) = self.last
            && last == place
        {
            return Some(slot);
        }
        let slot = self.places.get(&place).copied()?;
        self.last = Some((place, slot));
        Some(slot)
    }

    /// The assignment that an error text names in librdkafka's way, `topic [partition]: …`.
    pub(super) fn named_in(&self, text: &str) -> Option<usize> {
        let named = |one: &Assignment| {
            let rest = text.strip_prefix(one.topic.name())?.strip_prefix(" [")?;
            rest.strip_prefix(&one.partition.to_string())?.strip_prefix("]: ")
        };
        self.tokens.values().copied().find(|slot| named(self.get(*slot)).is_some())
    }
}
