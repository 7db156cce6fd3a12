//! Settings of librdkafka that `kafka.properties` may not hold, each with the reason.
//!
//! They are those on which exactly-once rests (offsets, isolation, CRCs, the version of the protocol), which bound
//! memory, which another key sets, which run code, or which would hide why a connection fails. The list was made from
//! `CONFIGURATION.md` of librdkafka 2.12; whatever is not on it may be set.

const ASSIGNS: &str = "K2I assigns topic partitions itself";
const CODE: &str = "K2I runs no code that a configuration names";
const FETCHES: &str = "it follows from buffer.max_size_mb";
const LOGS: &str = "it is set in [log], and by the variable RUST_LOG";
const OFFSETS: &str = "K2I keeps positions in the table, and publishes offsets after the Iceberg commit";
const PROGRAM: &str = "it is for programs, not for a configuration";
const SERVERS: &str = "set kafka.bootstrap_servers";
const TESTS: &str = "it is for tests of librdkafka";
const VERSION: &str = "older versions of the protocol lack what exactly-once needs";

/// Ascending by name.
const REFUSED: &[(&str, &str)] = &[
    ("allow.auto.create.topics", "K2I never creates a topic"),
    ("api.version.fallback.ms", VERSION),
    ("api.version.request", VERSION),
    ("auto.commit.enable", OFFSETS),
    ("auto.commit.interval.ms", OFFSETS),
    ("auto.offset.reset", "set kafka.start; K2I never jumps over a gap"),
    ("bootstrap.servers", SERVERS),
    ("broker.version.fallback", VERSION),
    ("check.crcs", "it is always on"),
    ("client.id", "K2I sets it from cluster_name"),
    ("consume.callback.max.messages", "it has no effect here"),
    ("debug", LOGS),
    ("default_topic_conf", PROGRAM),
    ("enable.auto.commit", OFFSETS),
    ("enable.auto.offset.store", OFFSETS),
    ("enable.partition.eof", "K2I needs it to find the end of a topic partition"),
    ("enabled_events", PROGRAM),
    ("fetch.max.bytes", FETCHES),
    ("fetch.message.max.bytes", FETCHES),
    ("group.id", "set kafka.group_id"),
    ("group.instance.id", ASSIGNS),
    ("group.protocol", ASSIGNS),
    ("group.protocol.type", ASSIGNS),
    ("group.remote.assignor", ASSIGNS),
    ("interceptors", CODE),
    ("internal.termination.signal", PROGRAM),
    ("isolation.level", "K2I reads committed records only"),
    ("log.connection.close", "K2I learns from it why a connection fails"),
    ("log.queue", LOGS),
    ("log_level", LOGS),
    ("max.partition.fetch.bytes", FETCHES),
    ("message.max.bytes", "it is for producers, and a larger one would not fit what K2I fetches at a time"),
    ("metadata.broker.list", SERVERS),
    ("msg_order_cmp", PROGRAM),
    ("offset.store.method", OFFSETS),
    ("offset.store.path", OFFSETS),
    ("offset.store.sync.interval.ms", OFFSETS),
    ("opaque", PROGRAM),
    ("partition.assignment.strategy", ASSIGNS),
    ("plugin.library.paths", CODE),
    ("queued.max.messages.kbytes", FETCHES),
    ("queued.min.messages", FETCHES),
    ("sasl.kerberos.kinit.cmd", CODE),
    ("ssl.engine.id", CODE),
    ("ssl.engine.location", CODE),
    ("ssl_ca", PROGRAM),
    ("ssl_certificate", PROGRAM),
    ("ssl_engine_callback_data", PROGRAM),
    ("ssl_key", PROGRAM),
    ("statistics.interval.ms", "K2I has its own metrics"),
    ("test.mock.broker.rtt", TESTS),
    ("test.mock.num.brokers", TESTS),
    ("topic.blacklist", "a topic that is not to be read is left out of kafka.topics"),
];

/// Why `kafka.properties` may not set this one, and what to do instead; `None`: it may.
#[must_use]
pub fn refused_kafka_property(name: &str) -> Option<&'static str> {
    if name.ends_with("_cb") {
        return Some(PROGRAM);
    }
    REFUSED.binary_search_by(|(refused, _)| (*refused).cmp(name)).ok().map(|found| REFUSED[found].1)
}

#[cfg(test)]
mod tests {
    use super::{REFUSED, refused_kafka_property};

    #[test]
    fn every_name_of_the_list_is_found_and_others_are_not() {
        assert!(REFUSED.is_sorted_by_key(|(name, _)| *name), "the list is searched as if it were sorted");
        for (name, why) in REFUSED {
            assert_eq!(refused_kafka_property(name), Some(*why), "{name}");
        }
        assert!(refused_kafka_property("ssl.certificate.verify_cb").is_some());
        for free in ["client.rack", "fetch.wait.max.ms", "receive.message.max.bytes", "sasl.password", "ssl.ca.pem"] {
            assert_eq!(refused_kafka_property(free), None, "{free}");
        }
    }
}
