//! Checks of `[kafka]`: addresses, topic names, and settings that are not the user's to make. How the brokers are reached
//! is in [`super::kafka_access`].

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use crate::config::kafka_properties::refused_kafka_property;
use crate::config::keys::Kafka;
use crate::config::model::KafkaConfig;
use crate::config::problem::Sourced;
use crate::config::resolve::ResolvedTable;
use crate::config::secret::{Secret, SecretSource};
use crate::config::value::{Properties, TextList};

/// Longest topic name that Kafka allows, in bytes.
const MAX_TOPIC: usize = 249;

/// Properties that weaken what a certificate proves, the value that does, and what it then proves no more.
const WEAKENS: [(&str, &str, &str); 2] = [
    ("ssl.endpoint.identification.algorithm", "none", "the broker's certificate may be for any host"),
    ("enable.ssl.certificate.verification", "false", "any certificate of a broker is taken, also a forged one"),
];

impl Checker<'_> {
    pub(super) fn kafka(&mut self, kafka: &Kafka, cluster_name: Option<&str>) -> Option<KafkaConfig> {
        let servers = self.servers(kafka.bootstrap_servers.as_ref());
        let properties = self.properties(kafka.properties.as_ref());
        let access = self.access(kafka);
        let group_id = kafka.group_id.as_ref().map(|group| group.value.as_str()).or(cluster_name);
        Some(KafkaConfig {
            bootstrap_servers: servers?,
            group_id: group_id?.to_owned(),
            start: kafka.start.value,
            properties: properties?.into_iter().chain(access?).collect(),
        })
    }

    fn servers(&mut self, servers: Option<&Sourced<TextList>>) -> Option<Vec<String>> {
        let Some(servers) = servers else {
            self.missing("kafka", "bootstrap_servers", "");
            return None;
        };
        let mut good = true;
        for server in &servers.value.0 {
            good &= self.check(servers, check_server(server)).is_some();
        }
        good.then(|| servers.value.0.clone())
    }

    fn properties(&mut self, properties: Option<&Sourced<Properties>>) -> Option<BTreeMap<String, Secret>> {
        let mut resolved = BTreeMap::new();
        for (name, source) in properties.iter().flat_map(|properties| &properties.value.0) {
            if let Some(why) = refused_kafka_property(name) {
                self.problem(source, format!("cannot be set: {why}"));
                continue;
            }
            // Most settings are no secrets, so only the telling names are warned about.
            let value = match &source.value {
                SecretSource::Plain(value) if !is_secret(name) => Some(value.clone()),
                _ => self.secret(source),
            };
            let weak = |(weak, off, _): &&(&str, &str, &str)| {
                weak == name && value.as_ref().is_some_and(|value| value.expose().eq_ignore_ascii_case(off))
            };
            if let Some((_, _, lost)) = WEAKENS.iter().find(weak) {
                self.warnings.insert(format!("{}: {lost}", source.key));
            }
            resolved.insert(name.clone(), value);
        }
        resolved.into_iter().map(|(name, value)| Some((name, value?))).collect()
    }

    pub(super) fn topics(&mut self, table: &ResolvedTable) -> Option<Vec<String>> {
        let topics = match (&table.kafka.topic, &table.kafka.topics) {
            (Some(topic), None) => topic_list(topic),
            (None, Some(topics)) => Sourced { value: topics.value.0.clone(), ..place_of(topics) },
            (Some(_), Some(topics)) => {
                self.problem(topics, "stands beside `topic`: give one of the two");
                return None;
            }
            (None, None) => {
                self.missing_in_table(table, "kafka", "topic");
                return None;
            }
        };
        let mut seen = BTreeSet::new();
        let mut good = true;
        for topic in &topics.value {
            good &= self.check(&topics, check_topic(topic)).is_some();
            if !seen.insert(topic) {
                self.problem(&topics, format!("names {topic:?} twice"));
                good = false;
            }
        }
        good.then(|| topics.value.clone())
    }
}

fn topic_list(topic: &Sourced<String>) -> Sourced<Vec<String>> {
    Sourced { value: vec![topic.value.clone()], ..place_of(topic) }
}

fn place_of<T>(at: &Sourced<T>) -> Sourced<Vec<String>> {
    Sourced { value: Vec::new(), key: at.key.clone(), place: at.place.clone() }
}

fn is_secret(name: &str) -> bool {
    ["password", "secret", "key.pem"].iter().any(|part| name.contains(part))
}

/// `[protocol://]host[:port]`, as librdkafka takes it.
fn check_server(server: &str) -> Result<(), String> {
    let address = server.split_once("://").map_or(server, |(_, address)| address);
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (address, None),
    };
    let port_is_good = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let host_is_good = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
    let one_host = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
    if port_is_good && host_is_good && one_host {
        return Ok(());
    }
    Err(format!("{server:?} is not host:port, for example \"localhost:9092\""))
}

/// Kafka's rule for topic names.
fn check_topic(topic: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.len() > MAX_TOPIC {
        return Err(format!("topic name is {} bytes long, Kafka allows {MAX_TOPIC}", topic.len()));
    }
    if matches!(topic, "." | "..") || !topic.chars().all(legal) {
        return Err(format!("{topic:?} is no topic name: letters, digits, '.', '_' and '-' are allowed"));
    }
    Ok(())
}
