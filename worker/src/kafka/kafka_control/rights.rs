//! [`ControlClient::rights`]: what may be done, asked before anything is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::time::{Duration, Instant};

use super::ask::{Ask, Described};
use super::{ControlClient, LONGEST};
use crate::kafka::control::{ControlError, is_topic_name};
use crate::kafka::native::NativeError;

const ASK_RIGHTS: &str = "ask for the rights";

/// Whether something is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// Yes.
    Granted,
    /// No; the cause as the broker words it, or empty where it only leaves the right out.
    Denied(String),
    /// The broker does not say, or could not be asked: why.
    Unknown(String),
}

/// What one login may do at one Kafka cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Brokers of the cluster now.
    pub brokers: usize,
    /// Records of each topic may be read.
    pub read: BTreeMap<String, Right>,
    /// Offsets may be published under the group.
    pub publish: Right,
}

impl ControlClient {
    /// Asks the brokers what this login may do. Brokers before Kafka 2.3 do not know.
    ///
    /// # Errors
    /// No broker answered within `timeout`.
    pub fn rights(&self, group_id: &str, topics: &[&str], timeout: Duration) -> Result<Rights, ControlError> {
        let mut ask = Ask::new(&self.client, Instant::now() + timeout.min(LONGEST));
        let names: BTreeSet<&str> = topics.iter().copied().filter(|name| is_topic_name(name)).collect();
        let failed = |error: NativeError| self.unanswered(ASK_RIGHTS, &error);
        if let Some(topic) = names.first() {
            ask.find_broker(topic).map_err(failed)?;
        }
        let brokers = ask.brokers().map_err(failed)?;
        let names: Vec<CString> = names.into_iter().filter_map(|name| CString::new(name).ok()).collect();
        let answered = match ask.topics(&names) {
            Ok(answered) => {
                let read = |described: Result<Described, NativeError>| right(described.map(|topic| topic.may_read));
                answered.into_iter().map(|(name, described)| (name, read(described))).collect()
            }
            Err(error) => {
                let unknown = |name: CString| (name.to_string_lossy().into_owned(), right(Err(error.clone())));
                names.into_iter().map(unknown).collect()
            }
        };
        let publish = match CString::new(group_id) {
            Ok(group) => right(ask.publishable(&group)),
            Err(_) => Right::Denied("the group id holds a zero byte".to_owned()),
        };
        Ok(Rights { brokers, read: answered, publish })
    }
}

fn right(allowed: Result<Option<bool>, NativeError>) -> Right {
    match allowed {
        Ok(Some(true)) => Right::Granted,
        Ok(Some(false)) => Right::Denied(String::new()),
        Ok(None) => Right::Unknown("the broker does not list rights".to_owned()),
        Err(error) if error.code.is_denied() => Right::Denied(format!("{} ({})", error.text, error.code)),
        Err(error) => Right::Unknown(format!("{} ({})", error.text, error.code)),
    }
}
