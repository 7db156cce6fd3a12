//! What this login may do, in the brokers' own words: the lists of authorized operations (KIP-430), for which nothing is
//! read and nothing written.

use std::ffi::{CStr, c_char};
use std::time::Duration;

use rdkafka_sys as rd;

use super::{Ask, lists_read, unexpected};
use crate::kafka::code::KafkaCode;
use crate::kafka::native::NativeError;

/// Pause before a broker that loads is asked again.
const AGAIN: Duration = Duration::from_millis(200);

impl Ask<'_> {
    /// How many brokers the cluster has now.
    pub(in crate::kafka::kafka_control) fn brokers(&self) -> Result<usize, NativeError> {
        let event = self.cluster()?;
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

    /// Whether offsets may be published under this group; `None` where the broker lists no rights. A group that does not exist is answered too; a broker that
    /// still loads its groups is asked again until the deadline.
    pub(in crate::kafka::kafka_control) fn publishable(&self, group: &CStr) -> Result<Option<bool>, NativeError> {
        loop {
            match self.publishable_now(group) {
                Err(error) if is_loading(error.code) && !self.remaining().is_zero() => {
                    std::thread::sleep(AGAIN.min(self.remaining()));
                }
                answered => return answered,
            }
        }
    }

    fn publishable_now(&self, group: &CStr) -> Result<Option<bool>, NativeError> {
        use rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
        let options = self.options(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, None)?;
        options.include_rights()?;
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

/// # Safety
/// `group` is a live description.
unsafe fn group_publishable(
    group: *const rd::rd_kafka_ConsumerGroupDescription_t,
) -> Result<Option<bool>, NativeError> {
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
        Ok(lists_read(first, count))
    }
}
