//! Identifiers, each a type of its own, so that a session can never be passed where a snapshot is meant.
//!
//! Numbers are allocated by the replicated state machine or drawn at the rim; nothing here generates one.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $format:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }
    };
}

number!(
    /// A table as the cluster knows it: allocated by `PutTable`, never used twice.
    TableId(u64), "{}"
);
number!(
    /// A stream within one table's state and property (DESIGN "Words": one topic of one Kafka cluster).
    StreamId(u32), "{}"
);
number!(
    /// A Kafka topic partition's number within its topic.
    Partition(i32), "{}"
);
number!(
    /// One registration of a worker, random; ends with the process or when it expires.
    SessionId(u64), "{:016x}"
);
number!(
    /// A cluster's state since it was last empty, random. Survives a restore, not a loss.
    Instance(u64), "{:016x}"
);
number!(
    /// The life of a table under one cluster name: 1 at the first claim, +1 whenever state was lost, restored or reset.
    Incarnation(u32), "{}"
);
number!(
    /// Fencing number of one chain: +1 per grant or realign, from 1 in each incarnation.
    Epoch(u32), "{}"
);
number!(
    /// Number of a manifest within its (session, table); also of an offer, in a counter of its own.
    Sequence(u64), "{}"
);
number!(
    /// Position in a table's order of acceptance, from 1; 0 is "before the first".
    AcceptanceNumber(u64), "{}"
);
number!(
    /// An Iceberg snapshot id, positive.
    SnapshotId(i64), "{}"
);
number!(
    /// An Iceberg (data) sequence number of a table.
    SequenceNumber(i64), "{}"
);
number!(
    /// An Iceberg schema id.
    SchemaId(i32), "{}"
);
number!(
    /// An Iceberg partition spec id.
    SpecId(i32), "{}"
);
number!(
    /// Milliseconds since the Unix epoch, read at the rim and passed in.
    Timestamp(i64), "{}"
);

impl Timestamp {
    /// This instant moved by `ms` milliseconds.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// An Iceberg table's UUID, big-endian as in its canonical text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableUuid(pub [u8; 16]);

impl fmt::Display for TableUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// The configured name of a worker process; a new registration under it ends the earlier session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub String);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes a stream the same one: a recreated topic, or the same name on another Kafka cluster, is another stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamIdentity {
    /// The Kafka cluster's id as its brokers report it.
    pub kafka_cluster: String,
    /// The topic's id (KIP-516), in Kafka's base64 text form; `None` from a broker too old to have one.
    pub topic_id: Option<String>,
    /// The topic's name.
    pub topic: String,
}

impl StreamIdentity {
    /// True when the two cannot be the same stream. A topic id that one side does not know contradicts nothing: brokers
    /// learn to give ids when they are upgraded.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        let other_id = matches!((&self.topic_id, &other.topic_id), (Some(one), Some(two)) if one != two);
        self.topic != other.topic || self.kafka_cluster != other.kafka_cluster || other_id
    }
}

/// One chain: the accepted ranges of a stream's topic partition within one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainKey {
    /// The stream within the table.
    pub stream: StreamId,
    /// The topic partition.
    pub partition: Partition,
}

impl fmt::Display for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stream, self.partition)
    }
}
