//! The questions to one Kafka cluster. They block, and change nothing: no group is joined, no offset published.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k2i_domain::range::LeaderEpoch;
use k2i_worker::kafka::settings::MIN_RECEIVE_MEMORY_BYTES;
use k2i_worker::kafka::{
    ConnectionSettings, ControlClient, EndReason, KafkaControl, KafkaSource, KafkaView, Record, RecordSink,
    RecordSource, SourceEvent, Start, Token, TopicState,
};

use super::super::plan::KafkaPlan;
use super::{KafkaFacts, Sample};

/// One wait for a record.
const POLL: Duration = Duration::from_millis(100);

/// Asks one question after the other, each for at most `limit`.
pub(in crate::validate) fn ask(plan: &KafkaPlan, limit: Duration) -> KafkaFacts {
    let settings = ConnectionSettings { receive_memory_bytes: MIN_RECEIVE_MEMORY_BYTES, ..plan.settings.clone() };
    let (servers, group) = (settings.bootstrap_servers.clone(), settings.group_id.clone());
    let topics: Vec<&str> = plan.topics.iter().map(String::as_str).collect();
    let unknown = |why: String| KafkaFacts {
        servers: servers.clone(),
        group: group.clone(),
        rights: Err(why.clone()),
        view: Err(why),
        samples: BTreeMap::new(),
    };
    let control = match ControlClient::new(&settings) {
        Ok(control) => control,
        Err(error) => return unknown(error.to_string()),
    };
    let view = match control.describe(&topics, limit) {
        Ok(view) => view,
        Err(error) => return unknown(error.to_string()),
    };
    let rights = control.rights(&group, &topics, limit).map_err(|error| error.to_string());
    let samples = samples(&settings, &view, limit);
    KafkaFacts { servers, group, view: Ok(view), rights, samples }
}

/// Reads the first record of a topic partition that has any, of each topic.
fn samples(settings: &ConnectionSettings, view: &KafkaView, limit: Duration) -> BTreeMap<String, Sample> {
    let mut reading = Reading::default();
    let mut starts = Vec::new();
    for (topic, state) in &view.topics {
        let Ok(TopicState::Present(present)) = state else { continue };
        let Some(log) = present.partitions.iter().find(|log| log.log_start < log.log_end) else {
            reading.samples.insert(topic.clone(), Sample::Empty);
            continue;
        };
        let token = Token(starts.len() as u64 + 1);
        reading.open.insert(token, (topic.clone(), log.partition.0));
        starts.push(Start {
            topic: topic.clone(),
            partition: log.partition,
            offset: log.log_start,
            leader_epoch: LeaderEpoch::UNKNOWN,
            token,
        });
    }
    if !starts.is_empty()
        && let Err(why) = read(settings, &starts, limit, &mut reading)
    {
        reading.settle_all(&Sample::Refused(why));
    }
    reading.settle_all(&Sample::Silent);
    reading.samples
}

fn read(settings: &ConnectionSettings, starts: &[Start], limit: Duration, reading: &mut Reading) -> Result<(), String> {
    let mut source = KafkaSource::new(settings).map_err(|error| error.to_string())?;
    source.assign(starts).map_err(|error| error.to_string())?;
    let until = Instant::now() + limit;
    while !reading.open.is_empty() && Instant::now() < until {
        source.poll(64, POLL, reading).map_err(|error| error.to_string())?;
        let done: Vec<Token> = std::mem::take(&mut reading.done);
        source.unassign(&done).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What is still waited for, and what came.
#[derive(Default)]
struct Reading {
    open: BTreeMap<Token, (String, i32)>,
    done: Vec<Token>,
    samples: BTreeMap<String, Sample>,
}

impl Reading {
    fn settle(&mut self, token: Token, sample: impl FnOnce(i32) -> Sample) {
        if let Some((topic, partition)) = self.open.remove(&token) {
            self.samples.insert(topic, sample(partition));
            self.done.push(token);
        }
    }

    fn settle_all(&mut self, sample: &Sample) {
        for (topic, _) in std::mem::take(&mut self.open).into_values() {
            self.samples.insert(topic, sample.clone());
        }
    }
}

impl RecordSink for Reading {
    fn record(&mut self, record: &Record<'_>) {
        self.settle(record.token, Sample::Read);
    }

    fn event(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::CaughtUp { token, .. } => self.settle(token, |_| Sample::Empty),
            // Retention was faster than we: that says nothing about the right to read.
            SourceEvent::Ended { token, reason: EndReason::PositionLost { .. }, .. } => {
                self.settle(token, |_| Sample::Empty);
            }
            SourceEvent::Ended { token, reason, .. } => {
                self.settle(token, |partition| Sample::Refused(format!("partition {partition}: {reason}")));
            }
            // It tries again by itself; the time limit decides.
            SourceEvent::Trouble { .. } => {}
        }
    }
}
