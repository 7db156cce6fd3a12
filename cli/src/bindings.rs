//! From the validated configuration to what coordinator and worker are made of.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use k2i_coordinator::{CatalogPace, TableBinding};
use k2i_domain::state::{StartAt, TableSpec};
use k2i_lakehouse::catalog::{CatalogKind, CatalogSettings, ClientCredentials, HoldOff, RestAuth, RestSettings};
use k2i_lakehouse::schema::{Column, ColumnType, schema_of, schema_to_json};
use k2i_lakehouse::storage::{S3Settings, StorageSettings, UploadMemory};
use k2i_lakehouse::{Connection, LakehouseSettings, NamespaceIdent, Secret, TableIdent};
use k2i_runtime::config::{
    self, AccessDelegation, CatalogConfig, Config, KafkaConfig, OnNullValue, OnUnknownField, Start, StorageConfig,
    TableConfig,
};
use k2i_worker::Shares;
use k2i_worker::decode::{self, DecodeOptions, MetadataColumns};
use k2i_worker::kafka::ConnectionSettings;
use k2i_worker::table::{TableSettings, WriterLimits};

/// The tenant of tables that name none.
const DEFAULT_TENANT: &str = "default";
/// Rows of a cut where the configuration does not say.
const RECORDS: u64 = u64::MAX;

/// One table of the configuration, for both sides.
pub(crate) struct Bound {
    pub(crate) coordinator: TableBinding,
    pub(crate) worker: TableSettings,
    /// The reader that it shares with others, numbered from 0.
    pub(crate) reader: usize,
}

/// What the type of the configuration cannot say: parts that this version lacks, and what librdkafka does not take.
///
/// # Errors
/// Names the table and what it asks for.
pub(crate) fn check(config: &Config) -> anyhow::Result<()> {
    let (bound, _) = bind(config, Path::new(""))?;
    let problems = |worker: &TableSettings| {
        let named = |problem| format!("{}: {problem}", worker.name);
        worker.kafka.problems().into_iter().map(named).collect::<Vec<_>>()
    };
    let wrong: Vec<String> = bound.iter().flat_map(|bound| problems(&bound.worker)).collect();
    anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Binds every table; with what their uploads may hold together.
///
/// # Errors
/// A part that this version lacks, or a schema that cannot be.
pub(crate) fn bind(config: &Config, spool: &Path) -> anyhow::Result<(Vec<Bound>, UploadMemory)> {
    let connections: Vec<_> = config.tables.iter().map(|table| (table.kafka.clone(), table.topics.clone())).collect();
    let readers = k2i_worker::reader::group(&connections);
    let count = readers.iter().max().map_or(0, |last| last + 1);
    let shares = Shares::of(config.memory_bytes, count, config.tables.len())?;
    let uploads = UploadMemory::new(shares.uploads);
    let mut catalogs = Catalogs::of(config, uploads.clone());
    let bound = config.tables.iter().zip(readers).enumerate().map(|(number, (table, reader))| {
        let (connection, pace) = catalogs.reach(table);
        let folder = spool.join(number.to_string());
        bind_table(config, table, connection, pace, reader, &shares, &folder)
    });
    Ok((bound.collect::<anyhow::Result<_>>()?, uploads))
}

/// The catalogs of a configuration, each with one pace, whatever logins and stores its tables have.
struct Catalogs {
    paces: BTreeMap<String, (CatalogPace, HoldOff)>,
    opened: Vec<(CatalogConfig, StorageConfig, Connection)>,
    uploads: UploadMemory,
}

impl Catalogs {
    fn of(config: &Config, uploads: UploadMemory) -> Self {
        let pace = |(address, per_second)| {
            let hold_off = HoldOff::default();
            (address, (CatalogPace::new(per_second, hold_off.clone()), hold_off))
        };
        Self { paces: slowest(config).into_iter().map(pace).collect(), opened: Vec::new(), uploads }
    }

    /// Tables of one catalog and store share a connection.
    fn reach(&mut self, table: &TableConfig) -> (Connection, CatalogPace) {
        let (catalog, storage) = (&table.iceberg.catalog, &table.storage);
        // `of` has entered the catalog of every table.
        let (pace, hold_off) = &self.paces[&address(catalog)];
        if let Some((_, _, connection)) = self.opened.iter().find(|(c, s, _)| c == catalog && s == storage) {
            return (connection.clone(), pace.clone());
        }
        let catalog_settings = catalog_settings(catalog, hold_off);
        let settings =
            LakehouseSettings { catalog: catalog_settings, storage: storage_settings(storage, &self.uploads) };
        let connection = Connection::new(settings);
        self.opened.push((catalog.clone(), storage.clone(), connection.clone()));
        (connection, pace.clone())
    }
}

/// Requests per second by catalog: where its tables name several paces, the slowest holds.
fn slowest(config: &Config) -> BTreeMap<String, u32> {
    let mut slowest = BTreeMap::new();
    for iceberg in config.tables.iter().map(|table| &table.iceberg) {
        let own = u32::try_from(iceberg.max_requests_per_second).unwrap_or(u32::MAX);
        let pace = slowest.entry(address(&iceberg.catalog)).or_insert(own);
        *pace = own.min(*pace);
    }
    slowest
}

/// What makes two catalogs the same server or database.
fn address(catalog: &CatalogConfig) -> String {
    match catalog {
        CatalogConfig::Sql(sql) => format!("sqlite:{}", sql.database.display()),
        CatalogConfig::Rest(rest) => rest.uri.clone(),
    }
}

fn bind_table(
    config: &Config,
    table: &TableConfig,
    connection: Connection,
    pace: CatalogPace,
    reader: usize,
    shares: &Shares,
    spool: &Path,
) -> anyhow::Result<Bound> {
    let namespace = NamespaceIdent::from_vec(table.iceberg.namespace.clone())?;
    let ident = TableIdent::new(namespace, table.iceberg.table.clone());
    let spec = TableSpec {
        name: table.key.clone(),
        tenant: DEFAULT_TENANT.to_owned(),
        namespace: table.iceberg.namespace.clone(),
        table: table.iceberg.table.clone(),
        topics: table.topics.clone(),
        start: match table.kafka.start {
            Start::Earliest => StartAt::Earliest,
            Start::Latest => StartAt::Latest,
        },
        flush_interval_ms: u64::try_from(table.buffer.flush_interval.as_millis()).unwrap_or(u64::MAX),
    };
    let metadata_columns = metadata_columns(&table.iceberg.metadata_columns);
    let worker = TableSettings {
        name: table.key.clone(),
        ident: ident.clone(),
        connection: connection.clone(),
        kafka: kafka_settings(&table.kafka, &config.cluster_name, shares.receive),
        topics: table.topics.clone(),
        schema: schema(table, &metadata_columns)?,
        metadata_columns,
        decode: decode_options(table),
        files: shares.files(),
        limits: WriterLimits {
            file_bytes: table.buffer.flush_max_bytes,
            records: table.buffer.flush_max_records.unwrap_or(RECORDS),
            queue_bytes: shares.queue,
            encoder_bytes: shares.encoder,
        },
        spool: spool.to_owned(),
    };
    let coordinator = TableBinding { spec, ident, properties: BTreeMap::new(), connection, pace };
    Ok(Bound { coordinator, worker, reader })
}

fn metadata_columns(names: &config::MetadataColumns) -> MetadataColumns {
    let config::MetadataColumns { partition, offset, timestamp, topic, key, headers } = names.clone();
    MetadataColumns { partition, offset, timestamp, topic, key, headers }
}

fn schema(table: &TableConfig, metadata: &MetadataColumns) -> anyhow::Result<Option<String>> {
    let Some(columns) = &table.iceberg.columns else { return Ok(None) };
    let data = columns.iter().map(|column| {
        let kind: ColumnType = column.column_type.to_string().parse()?;
        Ok(Column { name: column.name.clone(), kind, required: column.required, doc: None })
    });
    let all = data.collect::<anyhow::Result<Vec<_>>>()?;
    let schema = schema_of(&[all, k2i_worker::metadata_columns(metadata)].concat())?;
    Ok(Some(schema_to_json(&schema)?))
}

fn decode_options(table: &TableConfig) -> DecodeOptions {
    DecodeOptions {
        on_unknown_field: match table.iceberg.on_unknown_field {
            OnUnknownField::Stop => decode::OnUnknownField::Stop,
            OnUnknownField::Ignore => decode::OnUnknownField::Ignore,
        },
        on_null_value: match table.iceberg.on_null_value {
            OnNullValue::Row => decode::OnNullValue::Row,
            OnNullValue::Skip => decode::OnNullValue::Skip,
            OnNullValue::Stop => decode::OnNullValue::Stop,
        },
        ..DecodeOptions::default()
    }
}

fn kafka_settings(kafka: &KafkaConfig, cluster: &str, receive_memory_bytes: u64) -> ConnectionSettings {
    ConnectionSettings {
        bootstrap_servers: kafka.bootstrap_servers.join(","),
        group_id: kafka.group_id.clone(),
        client_id: format!("k2i-{cluster}"),
        properties: kafka.properties.iter().map(|(key, value)| (key.clone(), value.expose().to_owned())).collect(),
        receive_memory_bytes,
    }
}

fn catalog_settings(catalog: &CatalogConfig, hold_off: &HoldOff) -> CatalogSettings {
    match catalog {
        CatalogConfig::Sql(sql) => CatalogSettings {
            name: sql.name.clone(),
            warehouse: Some(sql.warehouse.clone()),
            kind: CatalogKind::Sqlite { uri: format!("sqlite:{}", sql.database.display()) },
        },
        CatalogConfig::Rest(rest) => CatalogSettings {
            name: rest.uri.clone(),
            warehouse: rest.warehouse.clone(),
            kind: CatalogKind::Rest(RestSettings {
                auth: rest_auth(&rest.auth),
                vended_credentials: rest.access_delegation == AccessDelegation::VendedCredentials,
                hold_off: hold_off.clone(),
                ..RestSettings::new(&rest.uri)
            }),
        },
    }
}

fn rest_auth(auth: &config::RestAuth) -> RestAuth {
    match auth {
        config::RestAuth::None => RestAuth::None,
        config::RestAuth::Token(token) => RestAuth::Bearer(Secret::new(token.expose())),
        config::RestAuth::ClientCredentials { credential, server_uri, scope } => {
            RestAuth::ClientCredentials(ClientCredentials {
                credential: Secret::new(credential.expose()),
                token_uri: server_uri.clone(),
                scope: scope.clone(),
                audience: None,
                resource: None,
            })
        }
    }
}

pub(crate) fn storage_settings(storage: &StorageConfig, uploads: &UploadMemory) -> StorageSettings {
    let s3 = match storage {
        StorageConfig::Local => S3Settings::default(),
        StorageConfig::S3(s3) => S3Settings {
            endpoint: s3.endpoint.clone(),
            region: s3.region.clone(),
            path_style: s3.path_style,
            profile: s3.profile.clone(),
            access_key_id: s3.access_key.as_ref().map(|key| key.id.expose().to_owned()),
            secret_access_key: s3.access_key.as_ref().map(|key| Secret::new(key.secret.expose())),
            ..S3Settings::default()
        },
    };
    StorageSettings { s3, uploads: uploads.clone(), ..StorageSettings::default() }
}
