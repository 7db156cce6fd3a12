//! Every key of the configuration, once: name, type, default and reference text.
//!
//! A new key needs a user who would set it. Its unit is part of its name.

use std::path::PathBuf;

use super::choice::{
    AccessDelegation, CatalogType, LogFormat, LogLevel, OnNullValue, OnUnknownField, RecordFormat, SaslMechanism,
    SecurityProtocol, Start, StorageType, Switch,
};
use super::column::Columns;
use super::problem::{Place, Sourced};
use super::secret::SecretSource;
use super::section::{Input, Key, Section, full_key, join, key_name, read, section};
use super::value::{ConfigValue, Properties, Reader, TextList, Whole};

section! {
    /// Keys that stand above the first section.
    "" RawTop Top {
        /// Folder for everything that K2I keeps on this machine. One process at a time uses it.
        data_dir: PathBuf = PathBuf::from("./k2i-data");
        /// Name under which this cluster marks its progress in each table. Two clusters that write to one table need
        /// two names; changing it makes K2I forget that the rows of before are its own.
        cluster_name: String, unset "`kafka.group_id`", example "\"k2i\"";
    }
}

section! {
    /// The Kafka brokers and what to read from them.
    "kafka" RawKafka Kafka {
        /// Brokers to ask first, each `host:port`.
        bootstrap_servers: TextList, required true, example "\"localhost:9092\"";
        /// The topic to read. Give this or `topics`.
        topic: String, required true, example "\"events\"",
            elsewhere "write `topic` in the [[tables]] entry itself";
        /// The topics to read into one table. Give this or `topic`.
        topics: TextList, unset "`topic` alone", example "[\"events\", \"events-eu\"]",
            elsewhere "write `topics` in the [[tables]] entry itself";
        /// Consumer group under which committed offsets are published, so that lag tools see them. K2I never reads them
        /// back: a table's own watermark says where to go on.
        group_id: String, required true, example "\"k2i-ingestion\"";
        /// Where to begin in a topic that the table knows nothing of yet. Topic partitions added later begin at 0.
        start: Start = Start::Earliest;
        /// What the brokers' listener speaks: in the clear or with TLS (`ssl`), with a login or without (`sasl_`). With
        /// TLS the broker's certificate has to be for the host that was connected to.
        security_protocol: SecurityProtocol, unset "`plaintext`", example "\"sasl_ssl\"";
        /// How to log in. Together with `sasl_username` and `sasl_password`.
        sasl_mechanism: SaslMechanism, unset "no login", example "\"SCRAM-SHA-512\"";
        /// Who logs in.
        sasl_username: String, unset "no login", example "\"k2i\"";
        /// The password of `sasl_username`.
        sasl_password: SecretSource, unset "no login", example "\"env:K2I_KAFKA_PASSWORD\"";
        /// Authorities that may sign the brokers' certificates: a PEM file, or a folder made by `openssl rehash`.
        ssl_ca_location: PathBuf, unset "those that this system trusts", example "\"/etc/k2i/kafka-ca.pem\"";
        /// Certificate that is shown to the brokers, a PEM file. Together with `ssl_key_location`.
        ssl_certificate_location: PathBuf, unset "none is shown", example "\"/etc/k2i/kafka-client.pem\"";
        /// Private key of `ssl_certificate_location`, a PEM file.
        ssl_key_location: PathBuf, unset "none", example "\"/etc/k2i/kafka-client.key\"";
        /// Password of an encrypted `ssl_key_location`.
        ssl_key_password: SecretSource, unset "the key is not encrypted", example "\"env:K2I_KAFKA_KEY_PASSWORD\"";
        /// Further settings, handed to librdkafka as they are. Values may be secrets by reference: `env:NAME` or
        /// `file:/path`. What a key above says is not said again here, and settings that exactly-once or the memory limit
        /// depend on are refused by name.
        properties: Properties, unset "none", example "{ \"client.rack\" = \"eu-1a\" }";
    }
}

section! {
    /// How much is held, and how long, before it is committed. A cut is made by whichever limit is reached first.
    "buffer" RawBuffer Buffer {
        /// Memory for rows on their way, of the whole process: Kafka's queues, Arrow, encoders, uploads. When it is full,
        /// reading pauses.
        max_size_mb: Whole<32, 1_048_576> = Whole(500),
            elsewhere "it bounds the whole process: set it in [buffer]";
        /// Longest time between two commits of a table that has new rows.
        flush_interval_seconds: Whole<1, 86_400> = Whole(30);
        /// Rows after which a table is flushed early.
        flush_max_records: Whole<1, 1_000_000_000_000>, unset "no limit", example "1000000";
        /// Size at which a data file is complete and its table is flushed early. Goes before the table's own
        /// `write.target-file-size-bytes`.
        flush_max_size_mb: Whole<1, 65_536>, unset "what the table says, else 512", example "512";
    }
}

section! {
    /// The catalog, the table, and how records become rows.
    "iceberg" RawIceberg Iceberg {
        /// Kind of catalog. `sql` on SQLite needs no server.
        catalog_type: CatalogType = CatalogType::Sql;
        /// Address of a REST catalog, without `/v1`.
        rest_uri: String, unset "needed by `catalog_type = \"rest\"`", example "\"http://localhost:8181\"";
        /// Database of a SQL catalog, `sqlite:` and a path.
        sql_uri: String, unset "`sqlite:<data_dir>/catalog.db`", example "\"sqlite:./k2i-data/catalog.db\"";
        /// Name under which a SQL catalog keeps its tables in the database. Everybody who shares them uses the same:
        /// PyIceberg's `SqlCatalog("name", …)`, the catalog's name in Spark or Trino for `JdbcCatalog`.
        catalog_name: String = "default".to_owned();
        /// Where tables are made, as a location (`s3://bucket/folder`, `file:///folder`, a path); for a REST catalog also
        /// the warehouse's name there.
        warehouse: String, unset "`storage.path` on local storage; the REST catalog's own default",
            example "\"s3://my-bucket/warehouse\"";
        /// The table's namespace; levels are separated by dots. Created if it is missing.
        database: String, required true, example "\"analytics\"",
            elsewhere "write `database` in the [[tables]] entry itself";
        /// The table. Created if it is missing, appended to if it is there.
        table: String, required true, example "\"events\"",
            elsewhere "write `table` in the [[tables]] entry itself";
        /// OAuth2 client credentials for a REST catalog, `client-id:client-secret`.
        credential: SecretSource, unset "none are sent", example "\"env:K2I_CATALOG_CREDENTIAL\"";
        /// Bearer token for a REST catalog, instead of `credential`.
        token: SecretSource, unset "none is sent", example "\"file:/run/secrets/catalog-token\"";
        /// Where `credential` is exchanged for a token.
        oauth2_server_uri: String, unset "`<rest_uri>/v1/oauth/tokens`",
            example "\"https://login.example.com/oauth2/token\"";
        /// OAuth2 scope that is asked for with `credential`.
        scope: String, unset "`catalog`", example "\"PRINCIPAL_ROLE:ALL\"";
        /// Whether a REST catalog is asked for keys to a table's files (`X-Iceberg-Access-Delegation`). Keys that it lends
        /// are used for that table and renewed in time; keys of `[storage]` win over them, and they over the environment's.
        access_delegation: AccessDelegation = AccessDelegation::VendedCredentials;
        /// Requests that the catalog gets in a second at most, of all tables together; a second's worth may come at
        /// once. A commit takes three. Where the tables of one catalog differ, the lowest holds.
        max_requests_per_second: Whole<1, 100_000> = Whole(100);
        /// Columns that say which record a row was: its topic partition, offset and timestamp, and its topic unless the
        /// table has one topic. They let anyone check exactly-once with SQL. The six keys below name them; fields of the
        /// records need other names.
        metadata_columns: Switch = Switch::On;
        /// Column of the topic partition, `int`.
        partition_column: String = "_kafka_partition".to_owned();
        /// Column of the offset, `long`.
        offset_column: String = "_kafka_offset".to_owned();
        /// Column of the record's timestamp, `timestamptz`.
        timestamp_column: String = "_kafka_timestamp".to_owned();
        /// Column of the topic, `string`. Set it for a table of one topic that will get a second one later.
        topic_column: String, unset "`_kafka_topic` where the table has several topics, else none",
            example "\"_kafka_topic\"";
        /// Column of the record's key as it is, `binary`; null where the record has none.
        key_column: String, unset "none", example "\"_kafka_key\"";
        /// Column of the record's headers in their order, `list<struct<key: string, value: binary>>`.
        headers_column: String, unset "none", example "\"_kafka_headers\"";
        /// Schema of a table that K2I creates. Types as in Iceberg: `long`, `decimal(12,2)`, `list<string>`,
        /// `struct<a: long, b: string>`.
        columns: Columns, unset "inferred from the first records",
            example "[{ name = \"id\", type = \"long\", required = true }, { name = \"note\", type = \"string\" }]";
        /// How record values are encoded.
        format: RecordFormat = RecordFormat::Json;
        /// What to do with a field that the table lacks: stop the table there, or leave the field out.
        on_unknown_field: OnUnknownField = OnUnknownField::Stop;
        /// What to do with a record without a value: a row with metadata columns only, no row, or stop the table there.
        on_null_value: OnNullValue = OnNullValue::Row;
    }
}

section! {
    /// The object store that data files go to.
    "storage" RawStorage Storage {
        /// Kind of store.
        r#type: StorageType, unset "what the warehouse's scheme says, else `local`", example "\"local\"";
        /// Folder of the warehouse on local storage.
        path: PathBuf, unset "`<data_dir>/warehouse`", example "\"./k2i-data/warehouse\"";
        /// S3 bucket; has to be the one that the warehouse names.
        bucket: String, unset "the warehouse's bucket", example "\"my-bucket\"";
        /// S3 region.
        region: String, unset "`AWS_REGION`, else `AWS_DEFAULT_REGION`, else what the catalog or the profile says, else `us-east-1`",
            example "\"us-east-1\"";
        /// Address of a store that speaks S3, for example MinIO. An `http://` address is used without encryption.
        endpoint: String, unset "`AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, else Amazon's",
            example "\"http://localhost:9000\"";
        /// Bucket in the path of a request (`true`) or in its host name.
        path_style: bool, unset "`true` where there is an `endpoint`, else `false`", example "true";
        /// Section of the AWS tools' shared credentials and config files to take keys from. They are read again when they
        /// change; a `role_arn` with a `source_profile` is taken on by STS, and again before it runs out.
        profile: String, unset "`AWS_PROFILE`, else `default` where nothing else gives keys", example "\"lake-writer\"";
        /// S3 access key. Together with `secret_access_key`.
        access_key_id: SecretSource, unset "the AWS environment, profile or instance role",
            example "\"env:K2I_S3_ACCESS_KEY_ID\"";
        /// S3 secret key. Together with `access_key_id`.
        secret_access_key: SecretSource, unset "the AWS environment, profile or instance role",
            example "\"env:K2I_S3_SECRET_ACCESS_KEY\"";
    }
}

section! {
    /// Where health and metrics are served. There is no encryption and no login yet, so both listen on this machine only.
    "http" RawHttp Http {
        /// Address of `/health`, `/healthz` and `/readyz`. Port 0 takes a free one and logs it.
        health_address: String = "127.0.0.1:8080".to_owned();
        /// Address of `/metrics` for Prometheus.
        metrics_address: String = "127.0.0.1:9090".to_owned();
        /// Allows addresses that other machines reach; the flag `--insecure-bind` sets it.
        insecure_bind: bool = false;
    }
}

section! {
    /// Logging, to standard error. The variable `RUST_LOG` has the last word.
    "log" RawLog Log {
        /// Least severe level that is logged.
        level: LogLevel = LogLevel::Info;
        /// Form of log lines; `auto` is text on a terminal and JSON elsewhere.
        format: LogFormat = LogFormat::Auto;
    }
}
