//! Why a table stops, and what a person can decide about it: names, what follows from each, and how the reference tells
//! them.

/// Makes an enum whose variants all have a name and stand in the list of all: none can be left out of either.
macro_rules! named {
    ($(#[$of_enum:meta])+ $vis:vis enum $name:ident { $($(#[$doc:meta])+ $variant:ident = $text:literal,)+ }) => {
        $(#[$of_enum])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $($(#[$doc])+ $variant,)+
        }

        impl $name {
            /// Every one, in the order of the reference.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The name that logs, metrics and commands use.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

named! {
    /// Why a table waits for a person (protocol details, "Stopped tables").
    pub enum StopReason {
        /// A record that this table cannot hold.
        Record = "record",
        /// The table's schema cannot be written by this version.
        Schema = "schema",
        /// What is configured cannot be used as it is: a catalog that rows cannot be entrusted to.
        Config = "config",
        /// Kafka deleted records that were not read yet.
        RetentionGap = "retention_gap",
        /// The topic has another id than the one that was read.
        TopicRecreated = "topic_recreated",
        /// The log ends before our position, or its leader epoch history differs.
        LogTruncated = "log_truncated",
        /// The brokers belong to another Kafka cluster.
        KafkaClusterChanged = "kafka_cluster_changed",
        /// The table has another UUID, or is gone.
        TableRecreated = "table_recreated",
        /// `main` was set back to before our last snapshot.
        RolledBack = "rolled_back",
        /// Snapshots between the head and ours expired, so that the two cannot be compared.
        LineageUnverifiable = "lineage_unverifiable",
        /// The table lacks the watermark that we wrote.
        WatermarkMissing = "watermark_missing",
        /// The catalog keeps answering with a state older than one that it showed before.
        CatalogWentBack = "catalog_went_back",
        /// Another life of this cluster name has taken the table over.
        Replaced = "replaced",
        /// Another cluster name has claimed the same stream.
        StreamClaimed = "stream_claimed",
        /// A person stopped it.
        Operator = "operator",
    }
}

impl StopReason {
    /// What nothing raises yet.
    pub const RESERVED: [Self; 1] = [Self::Operator];

    /// True where the table itself is in doubt, so that nothing more may be committed to it. The other reasons stop
    /// reading only: what was accepted before them is still committed.
    #[must_use]
    pub fn halts_commits(self) -> bool {
        match self {
            Self::Record
            | Self::Schema
            | Self::Config
            | Self::RetentionGap
            | Self::TopicRecreated
            | Self::LogTruncated
            | Self::KafkaClusterChanged
            | Self::Operator => false,
            Self::TableRecreated
            | Self::RolledBack
            | Self::LineageUnverifiable
            | Self::WatermarkMissing
            | Self::CatalogWentBack
            | Self::Replaced
            | Self::StreamClaimed => true,
        }
    }

    /// What happened, as the reference says it.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Record => "a record cannot become a row",
            Self::Schema => "this version cannot write the table correctly",
            Self::Config => "the catalog accepts commits that it has to refuse",
            Self::RetentionGap => "Kafka deleted records that were not read yet",
            Self::TopicRecreated => "the topic has another id",
            Self::LogTruncated => "the log ends before what was read",
            Self::KafkaClusterChanged => "the brokers belong to another cluster",
            Self::TableRecreated => "the table is gone, or another one has its name",
            Self::RolledBack => "`main` was set back to before our last snapshot",
            Self::LineageUnverifiable => "snapshots between the head and ours expired",
            Self::WatermarkMissing => "the table lacks the properties that K2I wrote",
            Self::CatalogWentBack => "the catalog shows an older state than before",
            Self::Replaced => "another life of this cluster name took the table over",
            Self::StreamClaimed => "another cluster name reads this topic into it",
            Self::Operator => "a person stopped it",
        }
    }

    /// True for the reasons that lift themselves once their cause is gone (a restart is a fresh look).
    #[must_use]
    pub fn lifts_itself(self) -> bool {
        matches!(self, Self::Record | Self::Schema | Self::Config)
    }

    /// The decisions that lift it. None: it lifts itself, somebody else owns the table, or what would lift it comes with
    /// the admin commands.
    #[must_use]
    pub fn decisions(self) -> &'static [Decision] {
        match self {
            Self::RetentionGap => &[Decision::Reset],
            Self::TopicRecreated | Self::LogTruncated | Self::KafkaClusterChanged => &[Decision::Keep, Decision::Reset],
            Self::TableRecreated
            | Self::RolledBack
            | Self::LineageUnverifiable
            | Self::WatermarkMissing
            | Self::CatalogWentBack => &[Decision::Keep, Decision::Reingest],
            Self::Record | Self::Schema | Self::Config | Self::Replaced | Self::StreamClaimed | Self::Operator => &[],
        }
    }
}

named! {
    /// What a person decides about a stopped table (protocol details, "Stopped tables"). Each begins a new incarnation.
    pub enum Decision {
        /// The head is accepted as it is, and reading goes on at the recorded positions. What lies between is never read.
        Keep = "keep",
        /// Reading goes on at the positions that the head really holds.
        Reingest = "reingest",
        /// Rows stay, and the stream starts anew at the configured start. Rows may double.
        Reset = "reset",
    }
}

impl Decision {
    /// Where reading goes on, as the reference says it.
    #[must_use]
    pub fn goes_on(self) -> &'static str {
        match self {
            Self::Keep => {
                "where it was: the head is accepted as it is. A position past the end of a topic's log becomes that end"
            }
            Self::Reingest => {
                "where the head's rows end: at the newest snapshot of ours that it has among its ancestors. A table that \
                 was made anew: at `kafka.start`. A table that is gone is created again"
            }
            Self::Reset => "the topic that the stop names begins anew at `kafka.start`; rows stay",
        }
    }

    /// What it costs: rows that are missing or double.
    #[must_use]
    pub fn costs(self) -> &'static str {
        match self {
            Self::Keep => "what the head lacks of what was read before stays missing",
            Self::Reingest => "none",
            Self::Reset => "rows that are read a second time are double",
        }
    }
}
