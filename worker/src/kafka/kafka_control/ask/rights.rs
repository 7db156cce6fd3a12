//! What this login may do, in the brokers' own words: the lists of authorized operations (KIP-430), for which nothing is
//! read and nothing written.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};
use std::time::Duration;

use rdkafka_sys as rd;

use super::{Ask, unexpected};
use crate::kafka::code::KafkaCode;
use crate::kafka::kafka_control::owned::{Options, TopicNames};
use crate::kafka::native::NativeError;

/// Pause before a broker that loads is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// Whether an operation is among those allowed; `None` where the broker lists none.
pub(in crate::kafka::kafka_control) type Allowed = Option<bool>;

impl Ask<'_> {
    /// How many brokers the cluster has now.
    pub(in crate::kafka::kafka_control) fn brokers(&self) -> Result<usize, NativeError> {
        use rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER;
        let options = self.options(RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, self.broker)?;
        let event = self.answer(|queue| {
            // SAFETY: client, options and queue are alive; the options are copied.
            unsafe { rd::rd_kafka_DescribeCluster(self.client.native_ptr(), options.as_ptr(), queue.as_ptr()) }
        })?;
        let mut count = 0;
        // SAFETY: the event is alive, and what it answers lives as long; a result of another kind is null.
        unsafe {
            let result = rd::rd_kafka_event_DescribeCluster_result(event.as_ptr());
            if result.is_null() {
                return Err(unexpected("another answer than a cluster"));
            }
            rd::rd_kafka_DescribeCluster_result_nodes(result, &mut count);
        }
        Ok(count)
    }

    /// Whether each of these topics may be read.
    pub(in crate::kafka::kafka_control) fn readable(
        &self,
        names: &[CString],
    ) -> Result<BTreeMap<String, Result<Allowed, NativeError>>, NativeError> {
        use rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let options = self.options(RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, self.broker)?;
        with_operations(&options)?;
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
            Ok((0..count).map(|i| topic_readable(*first.add(i))).collect())
        }
    }

    /// Whether offsets may be published under this group. A group that does not exist is answered too; a broker that
    /// still loads its groups is asked again until the deadline.
    pub(in crate::kafka::kafka_control) fn publishable(&self, group: &CStr) -> Result<Allowed, NativeError> {
        loop {
            match self.publishable_now(group) {
                Err(error) if is_loading(error.code) && !self.remaining().is_zero() => {
                    std::thread::sleep(AGAIN.min(self.remaining()));
                }
                answered => return answered,
            }
        }
    }

    fn publishable_now(&self, group: &CStr) -> Result<Allowed, NativeError> {
        use rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
        let options = self.options(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, None)?;
        with_operations(&options)?;
        let event = self.answer(|queue| {
            let mut names: [*const c_char; 1] = [group.as_ptr()];
            // SAFETY: client, name, options and queue are alive; name and options are copied.
            unsafe {
                rd::rd_kafka_DescribeConsumerGroups(
                    self.client.native_ptr(),
                    names.as_mut_ptr(),
                    names.len(),
                    options.as_ptr(),
                    queue.as_ptr(),
                );
            }
        })?;
        let mut count = 0;
        // SAFETY: the event is alive, and the array that it answers has `count` descriptions that live as long.
        unsafe {
            let result = rd::rd_kafka_event_DescribeConsumerGroups_result(event.as_ptr());
            if result.is_null() {
                return Err(unexpected("another answer than groups"));
            }
            let first = rd::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
            if count == 0 {
                return Err(unexpected("the broker left the group out"));
            }
            group_publishable(*first)
        }
    }
}

/// The broker that keeps the group is just starting, or is not known yet.
fn is_loading(code: KafkaCode) -> bool {
    use rd::rd_kafka_resp_err_t::{
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    };
    let loading = [
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    ];
    loading.map(KafkaCode::of).contains(&code)
}

fn with_operations(options: &Options) -> Result<(), NativeError> {
    // SAFETY: the options are alive; the answer is null or an error that is ours.
    unsafe { NativeError::check(rd::rd_kafka_AdminOptions_set_include_authorized_operations(options.as_ptr(), 1)) }
}

/// # Safety
/// `topic` is a live description.
unsafe fn topic_readable(topic: *const rd::rd_kafka_TopicDescription_t) -> (String, Result<Allowed, NativeError>) {
    let mut count = 0;
    // SAFETY: everything that is read belongs to the description.
    unsafe {
        let name = CStr::from_ptr(rd::rd_kafka_TopicDescription_name(topic)).to_string_lossy().into_owned();
        let error = rd::rd_kafka_TopicDescription_error(topic);
        if !error.is_null() {
            let error = NativeError::borrowed(error);
            if error.code.is_error() {
                return (name, Err(error));
            }
        }
        let first = rd::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
        (name, Ok(may_read(first, count)))
    }
}

/// # Safety
/// `group` is a live description.
unsafe fn group_publishable(group: *const rd::rd_kafka_ConsumerGroupDescription_t) -> Result<Allowed, NativeError> {
    let mut count = 0;
    // SAFETY: everything that is read belongs to the description.
    unsafe {
        let error = rd::rd_kafka_ConsumerGroupDescription_error(group);
        if !error.is_null() {
            let error = NativeError::borrowed(error);
            if error.code.is_error() {
                return Err(error);
            }
        }
        // A group's offsets are written under the same right by which it is read.
        let first = rd::rd_kafka_ConsumerGroupDescription_authorized_operations(group, &mut count);
        Ok(may_read(first, count))
    }
}

/// # Safety
/// `first` is null, or the first of `count` live entries.
unsafe fn may_read(first: *const rd::rd_kafka_AclOperation_t, count: usize) -> Allowed {
    if first.is_null() || count == 0 {
        return None;
    }
    const READ: u32 = rd::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ as u32;
    let first = first.cast::<u32>();
    // SAFETY: as the caller says. Read as numbers: a newer broker may list one that the enum does not have.
    Some((0..count).any(|at| unsafe { first.add(at).read() } == READ))
}
