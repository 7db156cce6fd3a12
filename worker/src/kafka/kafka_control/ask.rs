//! One question after another to the brokers, each answered or failed before a common deadline.
//!
//! The objects of librdkafka's admin calls live here and nowhere else; what leaves is plain values.

mod rights;

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::ptr;
use std::time::{Duration, Instant};

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};
use rdkafka::metadata::MetadataBroker;
use rdkafka_sys as rd;

use super::owned::{Event, GroupOffsets, Options, TopicNames};
use crate::kafka::client::KafkaClient;
use crate::kafka::code::KafkaCode;
use crate::kafka::native::{NativeError, PartitionList, Queue, list_entries, millis, partition_entry};

/// How long one wait for an answer is before the client's callbacks are served.
const SLICE: Duration = Duration::from_millis(50);

/// The longest single wait for metadata, during which no callback is served.
const LONGEST_SLICE: Duration = Duration::from_secs(5);

/// The longest pause between two attempts to find a broker. Each makes librdkafka connect at once, whatever pause it keeps
/// by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// librdkafka answers at the deadline by itself; so much later we no longer believe in it.
const GRACE: Duration = Duration::from_secs(2);

/// A topic as its brokers describe it.
pub(super) struct Described {
    pub(super) topic_id: Option<String>,
    /// We have the right to read it; unknown where the broker does not say.
    pub(super) may_read: Option<bool>,
    pub(super) partitions: Vec<Partition>,
}

/// One end of a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogEnd {
    pub(super) offset: Offset,
    pub(super) epoch: LeaderEpoch,
}

/// One end of many logs, each found or refused.
pub(super) type Ends = BTreeMap<(String, Partition), Result<LogEnd, NativeError>>;

/// Which end of the logs is asked for.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// The log start.
    Start,
    /// The last stable offset.
    LastStable,
}

/// Questions with a common deadline.
pub(super) struct Ask<'a> {
    client: &'a KafkaClient,
    deadline: Instant,
    /// Who is asked about the cluster and topics; the controller if nobody is named.
    broker: Option<i32>,
}

impl<'a> Ask<'a> {
    pub(super) fn new(client: &'a KafkaClient, deadline: Instant) -> Self {
        Self { client, deadline, broker: None }
    }

    /// Finds a broker that answers, to put the questions to. librdkafka would wait for the controller, which some
    /// servers do not name. It asks by a topic, because a request without one may create topics that were deleted.
    pub(super) fn find_broker(&mut self, topic: &str) -> Result<(), NativeError> {
        let (mut slice, mut pause) = (4 * SLICE, SLICE);
        loop {
            let metadata = self.client.fetch_metadata(Some(topic), slice.min(self.remaining()));
            // SAFETY: the client is alive. Serves its callbacks, which some ways to authenticate need.
            unsafe { rd::rd_kafka_poll(self.client.native_ptr(), 0) };
            match metadata {
                Ok(found) => {
                    let known = found.brokers().iter().map(MetadataBroker::id);
                    let answered = Some(found.orig_broker_id()).filter(|id| *id >= 0);
                    self.broker = answered.or_else(|| known.min());
                    return Ok(());
                }
                Err(_) if !self.remaining().is_zero() => {
                    slice = (slice * 2).min(LONGEST_SLICE);
                    // An error may come at once.
                    std::thread::sleep(pause.min(self.remaining()));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    let code = error.rdkafka_error_code().map_or(KafkaCode::TIMED_OUT, |code| KafkaCode(code as i32));
                    return Err(NativeError { code, text: "no broker answers".to_owned() });
                }
            }
        }
    }

    /// The Kafka cluster's id.
    pub(super) fn cluster_id(&self) -> Result<String, NativeError> {
        let event = self.cluster()?;
        // SAFETY: the event is alive, and what it answers lives as long; a result of another kind is null.
        let id = unsafe {
            let result = rd::rd_kafka_event_DescribeCluster_result(event.as_ptr());
            let id =
                if result.is_null() { ptr::null() } else { rd::rd_kafka_DescribeCluster_result_cluster_id(result) };
            (!id.is_null()).then(|| CStr::from_ptr(id).to_string_lossy().into_owned())
        };
        id.filter(|id| !id.is_empty()).ok_or_else(|| unexpected("the brokers report no cluster id"))
    }

    /// What the cluster is.
    fn cluster(&self) -> Result<Event, NativeError> {
        use rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER;
        let options = self.options(RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, self.broker)?;
        self.answer(|queue| {
            // SAFETY: client, options and queue are alive; the options are copied.
            unsafe { rd::rd_kafka_DescribeCluster(self.client.native_ptr(), options.as_ptr(), queue.as_ptr()) }
        })
    }

    /// These topics, each described or refused.
    pub(super) fn topics(
        &self,
        names: &[CString],
    ) -> Result<BTreeMap<String, Result<Described, NativeError>>, NativeError> {
        use rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let options = self.options(RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, self.broker)?;
        // A broker that does not know this part of the question leaves it out of its answer.
        options.include_rights()?;
        let names = TopicNames::new(names);
        let event = self.answer(|queue| {
            // SAFETY: client, names, options and queue are alive; names and options are copied.
            unsafe {
                rd::rd_kafka_DescribeTopics(self.client.native_ptr(), names.as_ptr(), options.as_ptr(), queue.as_ptr());
            }
        })?;
        let mut count = 0;
        // SAFETY: the event is alive, and the array that it answers has `count` descriptions that live as long.
        unsafe {
            let result = rd::rd_kafka_event_DescribeTopics_result(event.as_ptr());
            if result.is_null() {
                return Err(unexpected("another answer than topics"));
            }
            let first = rd::rd_kafka_DescribeTopics_result_topics(result, &mut count);
            Ok((0..count).map(|i| described(*first.add(i))).collect())
        }
    }

    /// One end of each of these logs.
    pub(super) fn ends(&self, places: &[(CString, Partition)], end: End) -> Result<Ends, NativeError> {
        use rd::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED;
        use rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS;
        let options = self.options(RD_KAFKA_ADMIN_OP_LISTOFFSETS, None)?;
        // SAFETY: the options are alive.
        unsafe {
            let level = RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED;
            NativeError::check(rd::rd_kafka_AdminOptions_set_isolation_level(options.as_ptr(), level))?;
        }
        let spec = match end {
            End::Start => rd::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_EARLIEST,
            End::LastStable => rd::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST,
        };
        let mut list = PartitionList::new(places.len());
        for (topic, partition) in places {
            list.push(topic, partition.0, spec as i64, LeaderEpoch::UNKNOWN.0);
        }
        let event = self.answer(|queue| {
            // SAFETY: client, list, options and queue are alive; list and options are copied.
            unsafe {
                rd::rd_kafka_ListOffsets(self.client.native_ptr(), list.as_ptr(), options.as_ptr(), queue.as_ptr());
            }
        })?;
        let mut count = 0;
        // SAFETY: the event is alive, and the array that it answers has `count` results that live as long.
        unsafe {
            let result = rd::rd_kafka_event_ListOffsets_result(event.as_ptr());
            if result.is_null() {
                return Err(unexpected("another answer than offsets"));
            }
            let first = rd::rd_kafka_ListOffsets_result_infos(result, &mut count);
            Ok((0..count).map(|i| log_end(*first.add(i))).collect())
        }
    }

    /// Publishes next offsets under a group; answers the topic partitions that were refused.
    pub(super) fn publish(
        &self,
        group: &CStr,
        offsets: &PartitionList,
    ) -> Result<Vec<(Partition, KafkaCode)>, NativeError> {
        use rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS;
        let options = self.options(RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, None)?;
        let request = GroupOffsets::new(group, offsets);
        let event = self.answer(|queue| {
            let mut requests = [request.as_ptr()];
            // SAFETY: client, request, options and queue are alive; request and options are copied.
            unsafe {
                rd::rd_kafka_AlterConsumerGroupOffsets(
                    self.client.native_ptr(),
                    requests.as_mut_ptr(),
                    requests.len(),
                    options.as_ptr(),
                    queue.as_ptr(),
                );
            }
        })?;
        let mut count = 0;
        // SAFETY: the event is alive, and the array that it answers has `count` groups that live as long.
        unsafe {
            let result = rd::rd_kafka_event_AlterConsumerGroupOffsets_result(event.as_ptr());
            if result.is_null() {
                return Err(unexpected("another answer than group offsets"));
            }
            let first = rd::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &mut count);
            let mut refused = Vec::new();
            for i in 0..count {
                refused.extend(refused_of(*first.add(i))?);
            }
            Ok(refused)
        }
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn options(&self, operation: rd::rd_kafka_admin_op_t, broker: Option<i32>) -> Result<Options, NativeError> {
        let options = Options::new(self.client, operation);
        options.set_timeout(self.remaining())?;
        if let Some(broker) = broker {
            options.set_broker(broker)?;
        }
        Ok(options)
    }

    /// Sends a question and waits for its answer, serving the client's callbacks meanwhile.
    fn answer(&self, send: impl FnOnce(&Queue)) -> Result<Event, NativeError> {
        let queue = Queue::new(self.client);
        send(&queue);
        loop {
            // SAFETY: client and queue are alive; the event becomes ours.
            let event = unsafe {
                rd::rd_kafka_poll(self.client.native_ptr(), 0);
                Event::take(self.client, rd::rd_kafka_queue_poll(queue.as_ptr(), millis(SLICE)))
            };
            if let Some(event) = event {
                // The error callback may have come with the answer.
                // SAFETY: the client is alive.
                unsafe { rd::rd_kafka_poll(self.client.native_ptr(), 0) };
                return event.checked();
            }
            if Instant::now() > self.deadline + GRACE {
                return Err(NativeError { code: KafkaCode::TIMED_OUT, text: "no answer in time".to_owned() });
            }
        }
    }
}

fn unexpected(text: &str) -> NativeError {
    NativeError { code: KafkaCode::BAD_MSG, text: text.to_owned() }
}

/// # Safety
/// `topic` is a live description.
unsafe fn described(topic: *const rd::rd_kafka_TopicDescription_t) -> (String, Result<Described, NativeError>) {
    let mut count = 0;
    // SAFETY: everything that is read belongs to the description; the array has `count` live entries.
    unsafe {
        let name = CStr::from_ptr(rd::rd_kafka_TopicDescription_name(topic)).to_string_lossy().into_owned();
        let error = rd::rd_kafka_TopicDescription_error(topic);
        if !error.is_null() {
            let error = NativeError::borrowed(error);
            if error.code.is_error() {
                return (name, Err(error));
            }
        }
        let first = rd::rd_kafka_TopicDescription_partitions(topic, &mut count);
        let number = |i| Partition(rd::rd_kafka_TopicPartitionInfo_partition(*first.add(i)));
        let partitions = (0..count).map(number).collect();
        let topic_id = topic_id(rd::rd_kafka_TopicDescription_topic_id(topic));
        (name, Ok(Described { topic_id, may_read: may_read(topic), partitions }))
    }
}

/// # Safety
/// `topic` is a live description.
unsafe fn may_read(topic: *const rd::rd_kafka_TopicDescription_t) -> Option<bool> {
    let mut count = 0;
    // SAFETY: the array, where the broker gave one, belongs to the description and has `count` entries.
    unsafe {
        let first = rd::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
        lists_read(first, count)
    }
}

/// Whether reading is among the operations that a broker lists as allowed (KIP-430); `None` where it lists none.
///
/// # Safety
/// `first` is null, or the first of `count` live entries.
unsafe fn lists_read(first: *const rd::rd_kafka_AclOperation_t, count: usize) -> Option<bool> {
    use rd::rd_kafka_AclOperation_t::{RD_KAFKA_ACL_OPERATION_ALL, RD_KAFKA_ACL_OPERATION_READ};
    const READING: [u32; 2] = [RD_KAFKA_ACL_OPERATION_READ as u32, RD_KAFKA_ACL_OPERATION_ALL as u32];
    // Who may describe it has one right at least, so none means that nothing was said.
    if first.is_null() || count == 0 {
        return None;
    }
    let first = first.cast::<u32>();
    // SAFETY: as the caller says. Read as numbers: a newer broker may list one that the enum does not have.
    Some((0..count).any(|at| READING.contains(&unsafe { first.add(at).read() })))
}

/// A topic id in Kafka's text form. librdkafka writes base64's standard alphabet, Kafka the URL-safe one.
///
/// # Safety
/// `id` is null or a live UUID.
unsafe fn topic_id(id: *const rd::rd_kafka_Uuid_t) -> Option<String> {
    if id.is_null() {
        return None;
    }
    // SAFETY: the UUID is alive and its text, where there is one, is zero-terminated and belongs to it.
    unsafe {
        if rd::rd_kafka_Uuid_most_significant_bits(id) == 0 && rd::rd_kafka_Uuid_least_significant_bits(id) == 0 {
            return None;
        }
        let text = rd::rd_kafka_Uuid_base64str(id);
        (!text.is_null()).then(|| kafka_text(&CStr::from_ptr(text).to_string_lossy()))
    }
}

/// From base64's standard alphabet to the URL-safe one.
pub(super) fn kafka_text(standard: &str) -> String {
    standard.replace('+', "-").replace('/', "_")
}

/// # Safety
/// `info` is a live result.
unsafe fn log_end(
    info: *const rd::rd_kafka_ListOffsetsResultInfo_t,
) -> ((String, Partition), Result<LogEnd, NativeError>) {
    // SAFETY: the entry belongs to the result.
    let entry = unsafe { partition_entry(rd::rd_kafka_ListOffsetsResultInfo_topic_partition(info)) };
    let place = (entry.topic.to_string_lossy().into_owned(), Partition(entry.partition));
    let end = LogEnd { offset: Offset(entry.offset), epoch: LeaderEpoch(entry.epoch) };
    (place, found(entry.code, Partition(entry.partition), end))
}

/// The end of a log, if it is one. While a topic partition changes its leader, librdkafka answers a negative offset and no
/// error; taken for an end, it would make a good log look cut off.
pub(super) fn found(code: KafkaCode, partition: Partition, end: LogEnd) -> Result<LogEnd, NativeError> {
    let code = if code.is_error() || end.offset.0 >= 0 { code } else { KafkaCode::OFFSET_NOT_AVAILABLE };
    if code.is_error() {
        return Err(NativeError { code, text: format!("no offset for partition {partition}") });
    }
    Ok(end)
}

/// # Safety
/// `group` is a live result.
unsafe fn refused_of(group: *const rd::rd_kafka_group_result_t) -> Result<Vec<(Partition, KafkaCode)>, NativeError> {
    // SAFETY: error and list, where there are any, belong to the result.
    unsafe {
        let error = rd::rd_kafka_group_result_error(group);
        if !error.is_null() {
            return Err(NativeError::borrowed(error));
        }
        let entries = list_entries(rd::rd_kafka_group_result_partitions(group));
        Ok(entries.filter(|e| e.code.is_error()).map(|e| (Partition(e.partition), e.code)).collect())
    }
}
