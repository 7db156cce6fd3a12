use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use futures::TryStreamExt;
use iceberg::spec::{
    DataContentType, DataFileBuilder, DataFileFormat, MAIN_BRANCH, ManifestWriterBuilder, SnapshotReference,
    SnapshotRetention, Struct,
};
use k2i_domain::ids::{SchemaId, SnapshotId, SpecId, Timestamp};
use k2i_domain::lake::{CommitKind, CreatePlan, Facts};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::catalog::{CatalogKind, Fault, MemoryCatalog};
use crate::properties::{Codec, MetricsModes, WriteProperties};
use crate::schema::{Column, ColumnType, arrow_schema, schema_of, schema_to_json};
use crate::statistics::FileStatistics;

/// Years ahead of the clock, so that a test can tell the two apart.
const LATER: Timestamp = Timestamp(4_000_000_000_000);

struct World {
    _folder: tempfile::TempDir,
    lakehouse: Lakehouse,
    table: TableIdent,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = LakehouseSettings {
            catalog: CatalogSettings {
                name: "k2i".into(),
                warehouse: Some(folder.path().join("house").to_str().unwrap().into()),
                kind: CatalogKind::Sqlite { uri: format!("sqlite://{}/catalog.db", folder.path().display()) },
            },
            storage: StorageSettings::default(),
        };
        let lakehouse = Lakehouse::open(settings).await.unwrap();
        Self { _folder: folder, lakehouse, table: ident() }
    }

    async fn with_table() -> Self {
        let world = Self::new().await;
        let outcome = world.lakehouse.create(&world.table, &create_plan(), &BTreeMap::new()).await;
        assert_eq!(outcome, Outcome::Committed);
        world
    }

    async fn load(&self) -> (Facts, Base) {
        match self.lakehouse.load(&self.table).await {
            (Loaded::Found(facts), Some(base)) => (*facts, base),
            other => panic!("the table should be there: {other:?}"),
        }
    }

    /// Writes, uploads and describes one data file with the given ids.
    async fn file(&self, name: &str, ids: std::ops::Range<i64>) -> ManifestFile {
        let target = self.lakehouse.open_table(&self.table).await.unwrap().unwrap();
        let arrow = arrow_schema(&target.schema).unwrap();
        let names: Vec<_> = ids.clone().map(|id| format!("row {id}")).collect();
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from_iter_values(ids.clone())), Arc::new(StringArray::from(names))];
        let local = tempfile::NamedTempFile::new().unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(10)).build();
        let mut writer = ArrowWriter::try_new(local.reopen().unwrap(), arrow.clone(), Some(properties)).unwrap();
        writer.write(&RecordBatch::try_new(arrow, columns).unwrap()).unwrap();
        let metadata = writer.close().unwrap();
        let location = format!("{}/{name}.parquet", target.data_location);
        let refuse = async |_| panic!("small files go in one request");
        let uploaded = self.lakehouse.store().upload(local.path(), &location, refuse).await.unwrap();
        ManifestFile {
            location,
            bytes: uploaded.bytes,
            rows: (ids.end - ids.start) as u64,
            sha256: [0; 32],
            schema: target.schema_id,
            spec: target.spec_id,
            statistics: FileStatistics::from_parquet(
                &target.schema,
                &metadata,
                &BTreeMap::new(),
                &MetricsModes::default(),
            )
            .encode(),
        }
    }

    /// Loads, writes and posts one commit.
    async fn commit(&self, kind: CommitKind, id: i64, files: Vec<ManifestFile>) -> Outcome {
        let (facts, base) = self.load().await;
        let staged = self.lakehouse.write(&base, &plan(&facts, kind, id, files), None).await.unwrap();
        self.lakehouse.post(&base, &staged).await
    }

    /// What iceberg's own scan reads.
    async fn scanned(&self) -> Vec<i64> {
        let (_, base) = self.load().await;
        let table = self.lakehouse.iceberg_table(&base.loaded).unwrap();
        let stream = table.scan().build().unwrap().to_arrow().await.unwrap();
        let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
        let column =
            |batch: &RecordBatch| batch.column_by_name("id").unwrap().as_primitive::<Int64Type>().values().to_vec();
        let mut ids: Vec<i64> = batches.iter().flat_map(column).collect();
        ids.sort_unstable();
        ids
    }

    async fn manifests(&self) -> Vec<iceberg::spec::ManifestFile> {
        let (_, base) = self.load().await;
        let table = self.lakehouse.iceberg_table(&base.loaded).unwrap();
        let head = table.metadata().current_snapshot().unwrap();
        table.manifest_list_reader(head).load().await.unwrap().entries().to_vec()
    }
}

fn ident() -> TableIdent {
    TableIdent::from_strs(["shop", "orders"]).unwrap()
}

fn own(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

fn create_plan() -> CreatePlan {
    let columns = [Column::optional("id", ColumnType::Long), Column::optional("name", ColumnType::String)];
    CreatePlan {
        snapshot: SnapshotId(1),
        at: Timestamp(0),
        schema: schema_to_json(&schema_of(&columns).unwrap()).unwrap(),
        properties: own("k2i.orders.state", "first"),
        summary: own("k2i.kind", "create"),
    }
}

fn plan(facts: &Facts, kind: CommitKind, id: i64, files: Vec<ManifestFile>) -> CommitPlan {
    CommitPlan {
        kind,
        snapshot: SnapshotId(id),
        at: facts.last_updated.plus_ms(1),
        base: facts.head().map(|head| head.id),
        files,
        properties: own("k2i.orders.state", &format!("as of {id}")),
        summary: own("k2i.kind", kind.as_str()),
    }
}

#[tokio::test]
async fn a_new_table_has_one_empty_snapshot_and_our_properties() {
    let world = World::new().await;
    let plan = CreatePlan { at: LATER, ..create_plan() };
    assert_eq!(world.lakehouse.create(&world.table, &plan, &BTreeMap::new()).await, Outcome::Committed);
    let (facts, base) = world.load().await;
    assert_eq!(facts.format_version, 2);
    assert_eq!(facts.ancestors.len(), 1);
    let head = facts.head().unwrap();
    assert_eq!((head.id, head.parent, head.sequence.0), (SnapshotId(1), None, 1));
    assert_eq!(head.at, LATER, "the plan's time counts where it is ahead of the clock");
    assert_eq!(head.summary, own("k2i.kind", "create"));
    assert!(facts.root_reached);
    assert_eq!(facts.properties, own("k2i.orders.state", "first"));
    assert_eq!((facts.schema, facts.spec), (SchemaId(0), SpecId(0)));
    assert_eq!((facts.last_sequence.0, facts.last_updated), (1, LATER));
    let property = |key: &str| base.metadata().properties().get(key).map(String::as_str);
    assert_eq!(property("write.parquet.compression-codec"), Some("zstd"));
    assert_eq!(world.manifests().await.len(), 0);
    assert_eq!(world.scanned().await, Vec::<i64>::new());
}

#[tokio::test]
async fn creation_is_refused_where_it_should_be() {
    let world = World::new().await;
    let create = async |plan: CreatePlan, properties: BTreeMap<String, String>| {
        world.lakehouse.create(&world.table, &plan, &properties).await
    };
    let broken = CreatePlan { schema: "{}".into(), ..create_plan() };
    assert!(matches!(create(broken, BTreeMap::new()).await, Outcome::Rejected(why) if why.contains("schema")));
    let outcome = create(create_plan(), own("format-version", "3")).await;
    assert!(matches!(outcome, Outcome::Rejected(why) if why.contains("format-version")));
    assert!(matches!(world.lakehouse.load(&world.table).await, (Loaded::Missing, None)));
    let properties = BTreeMap::from([
        ("format-version".to_owned(), "2".to_owned()),
        ("write.parquet.compression-codec".to_owned(), "snappy".to_owned()),
    ]);
    assert_eq!(create(create_plan(), properties).await, Outcome::Committed);
    assert_eq!(create(create_plan(), BTreeMap::new()).await, Outcome::Conflict);
    let (_, base) = world.load().await;
    assert_eq!(base.metadata().properties()["write.parquet.compression-codec"], "snappy");
    assert!(!base.metadata().properties().contains_key("format-version"));
}

#[tokio::test]
async fn appended_rows_are_read_by_icebergs_own_scan() {
    let world = World::with_table().await;
    let first = vec![world.file("a", 0..25).await, world.file("b", 25..30).await];
    assert_eq!(world.commit(CommitKind::Append, 2, first.clone()).await, Outcome::Committed);
    let second = vec![world.file("c", 30..40).await];
    assert_eq!(world.commit(CommitKind::Append, 3, second.clone()).await, Outcome::Committed);
    assert_eq!(world.scanned().await, (0..40).collect::<Vec<_>>());

    let (facts, base) = world.load().await;
    let lineage: Vec<_> = facts.ancestors.iter().map(|fact| (fact.id.0, fact.sequence.0)).collect();
    assert_eq!(lineage, [(3, 3), (2, 2), (1, 1)]);
    assert_eq!(facts.properties, own("k2i.orders.state", "as of 3"));
    assert_eq!(facts.head().unwrap().summary, own("k2i.kind", "append"));
    let head = base.metadata().current_snapshot().unwrap();
    let entry = |key: &str| head.summary().additional_properties.get(key).map(String::as_str);
    let bytes = |files: &[ManifestFile]| files.iter().map(|file| file.bytes).sum::<u64>();
    assert_eq!((entry("added-data-files"), entry("added-records")), (Some("1"), Some("10")));
    assert_eq!((entry("total-data-files"), entry("total-records")), (Some("3"), Some("40")));
    assert_eq!(entry("total-files-size"), Some((bytes(&first) + bytes(&second)).to_string().as_str()));
    assert_eq!((entry("total-delete-files"), entry("changed-partition-count")), (Some("0"), Some("1")));
}

#[tokio::test]
async fn manifests_carry_bounds_and_sequence_numbers() {
    let world = World::with_table().await;
    assert_eq!(world.commit(CommitKind::Append, 2, vec![world.file("a", 5..30).await]).await, Outcome::Committed);
    let manifests = world.manifests().await;
    assert_eq!(manifests.len(), 1);
    assert_eq!((manifests[0].sequence_number, manifests[0].added_rows_count), (2, Some(25)));
    let manifest = manifests[0].load_manifest(&world.lakehouse.store().file_io()).await.unwrap();
    let entry = &manifest.entries()[0];
    assert_eq!((entry.sequence_number(), entry.snapshot_id()), (Some(2), Some(2)));
    let data = entry.data_file();
    assert_eq!(data.content_type(), DataContentType::Data);
    assert_eq!(data.lower_bounds()[&1], iceberg::spec::Datum::long(5));
    assert_eq!(data.upper_bounds()[&1], iceberg::spec::Datum::long(29));
    assert_eq!(data.split_offsets().unwrap().len(), 3);
}

#[tokio::test]
async fn snapshots_without_files_keep_the_rows() {
    let world = World::with_table().await;
    assert_eq!(world.commit(CommitKind::Append, 2, vec![world.file("a", 0..3).await]).await, Outcome::Committed);
    for (kind, id) in [(CommitKind::Claim, 3), (CommitKind::Fence, 4), (CommitKind::Append, 5)] {
        assert_eq!(world.commit(kind, id, Vec::new()).await, Outcome::Committed);
        let (facts, _) = world.load().await;
        assert_eq!(facts.head().unwrap().id, SnapshotId(id));
        assert_eq!(facts.head().unwrap().summary, own("k2i.kind", kind.as_str()));
        assert_eq!(facts.properties, own("k2i.orders.state", &format!("as of {id}")));
    }
    assert_eq!(world.scanned().await, [0, 1, 2]);
    let (_, base) = world.load().await;
    let head = base.metadata().current_snapshot().unwrap();
    let entry = |key: &str| head.summary().additional_properties.get(key).map(String::as_str);
    assert_eq!((entry("total-records"), entry("added-records")), (Some("3"), None));
    assert_eq!(world.manifests().await.len(), 1);
}

#[tokio::test]
async fn a_request_on_a_base_that_moved_is_refused() {
    let world = World::with_table().await;
    let (facts, base) = world.load().await;
    let ours = plan(&facts, CommitKind::Append, 2, vec![world.file("ours", 0..3).await]);
    let staged = world.lakehouse.write(&base, &ours, None).await.unwrap();
    assert_eq!(world.commit(CommitKind::Fence, 9, Vec::new()).await, Outcome::Committed);
    assert_eq!(world.lakehouse.post(&base, &staged).await, Outcome::Conflict);
    assert_eq!(world.scanned().await, Vec::<i64>::new());
    let (facts, base) = world.load().await;
    assert_eq!(facts.properties, own("k2i.orders.state", "as of 9"));

    let error = world.lakehouse.write(&base, &ours, Some(&staged)).await.unwrap_err();
    assert!(matches!(error, LakehouseError::StaleBase { .. }), "{error}");
    assert_eq!(error.recovery(), crate::Recovery::Refresh);
}

#[tokio::test]
async fn a_retry_reuses_manifests_and_rewrites_the_list() {
    let world = World::with_table().await;
    let files = vec![world.file("a", 0..3).await];
    let (facts, base) = world.load().await;
    let first = world.lakehouse.write(&base, &plan(&facts, CommitKind::Append, 2, files.clone()), None).await.unwrap();
    assert_eq!(world.commit(CommitKind::Fence, 9, Vec::new()).await, Outcome::Committed);

    let (facts, base) = world.load().await;
    let again = plan(&facts, CommitKind::Append, 2, files.clone());
    let second = world.lakehouse.write(&base, &again, Some(&first)).await.unwrap();
    assert_eq!(second.manifests, first.manifests);
    assert_eq!(first.written().len(), 2);
    assert_eq!(second.written().len(), 3, "one more manifest list");
    assert_eq!(second.written()[..2], *first.written());
    assert_eq!(world.lakehouse.post(&base, &second).await, Outcome::Committed);
    assert_eq!(world.lakehouse.post(&base, &second).await, Outcome::Conflict);
    assert_eq!(world.scanned().await, [0, 1, 2]);
    assert_eq!(world.manifests().await[0].sequence_number, 3);
    for location in second.written() {
        assert!(world.lakehouse.store().head(location).await.unwrap().is_some(), "{location} is gone");
    }
}

#[tokio::test]
async fn other_files_or_another_snapshot_reuse_nothing() {
    let world = World::with_table().await;
    let (facts, base) = world.load().await;
    let one = vec![world.file("a", 0..3).await];
    let two = vec![one[0].clone(), world.file("b", 3..5).await];
    let staged = world.lakehouse.write(&base, &plan(&facts, CommitKind::Append, 2, one.clone()), None).await.unwrap();
    let wider = plan(&facts, CommitKind::Append, 2, two);
    let wider = world.lakehouse.write(&base, &wider, Some(&staged)).await.unwrap();
    assert_ne!(wider.manifests, staged.manifests);
    assert_eq!(wider.written().len(), 4);
    let other = plan(&facts, CommitKind::Append, 3, one);
    let other = world.lakehouse.write(&base, &other, Some(&staged)).await.unwrap();
    assert_ne!(other.manifests, staged.manifests);
    assert_eq!(world.lakehouse.post(&base, &wider).await, Outcome::Committed);
    assert_eq!(world.scanned().await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn mains_retention_and_foreign_properties_are_kept() {
    let world = World::with_table().await;
    let (_, base) = world.load().await;
    let retention = SnapshotRetention::branch(Some(7), Some(60_000), None);
    let kept = TableUpdate::SetSnapshotRef {
        ref_name: MAIN_BRANCH.into(),
        reference: SnapshotReference::new(1, retention.clone()),
    };
    let foreign = TableUpdate::SetProperties { updates: [("owner".to_owned(), "somebody".to_owned())].into() };
    let outcome = world.lakehouse.backend.commit(&base.loaded, Vec::new(), vec![kept, foreign]).await;
    assert_eq!(outcome, Outcome::Committed);
    assert_eq!(world.commit(CommitKind::Append, 2, vec![world.file("a", 0..1).await]).await, Outcome::Committed);
    let (facts, base) = world.load().await;
    let json = serde_json::to_value(base.metadata()).unwrap();
    assert_eq!(json["refs"]["main"]["snapshot-id"], 2);
    assert_eq!(json["refs"]["main"]["min-snapshots-to-keep"], 7);
    assert_eq!(json["refs"]["main"]["max-snapshot-age-ms"], 60_000);
    assert_eq!(base.metadata().properties()["owner"], "somebody");
    assert_eq!(facts.properties.len(), 1, "only our own properties are facts");
}

#[tokio::test]
async fn expired_ancestors_end_the_lineage() {
    let world = World::with_table().await;
    assert_eq!(world.commit(CommitKind::Fence, 2, Vec::new()).await, Outcome::Committed);
    assert_eq!(world.commit(CommitKind::Fence, 3, Vec::new()).await, Outcome::Committed);
    let (_, base) = world.load().await;
    let expire = vec![TableUpdate::RemoveSnapshots { snapshot_ids: vec![1] }];
    assert_eq!(world.lakehouse.backend.commit(&base.loaded, Vec::new(), expire).await, Outcome::Committed);
    let (facts, _) = world.load().await;
    assert_eq!(facts.ancestors.iter().map(|fact| fact.id.0).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(facts.ancestors[1].parent, Some(SnapshotId(1)));
    assert!(!facts.root_reached);
}

#[tokio::test]
async fn files_of_an_older_schema_are_legal_and_of_an_unknown_one_are_not() {
    let world = World::with_table().await;
    let old = world.file("old", 0..3).await;
    let (_, base) = world.load().await;
    let columns = [
        Column::optional("id", ColumnType::Long),
        Column::optional("name", ColumnType::String),
        Column::optional("added", ColumnType::Int),
    ];
    let wider = base.metadata().clone().into_builder(None).add_current_schema(schema_of(&columns).unwrap());
    let changes = wider.unwrap().build().unwrap().changes;
    assert_eq!(world.lakehouse.backend.commit(&base.loaded, Vec::new(), changes).await, Outcome::Committed);
    let (facts, base) = world.load().await;
    assert_eq!((facts.schema, facts.schemas.len()), (SchemaId(1), 2));
    let both = vec![old.clone()];
    assert_eq!(world.commit(CommitKind::Append, 2, both).await, Outcome::Committed);
    assert_eq!(world.scanned().await, [0, 1, 2]);

    for (schema, spec) in [(SchemaId(9), old.spec), (old.schema, SpecId(9))] {
        let file = ManifestFile { schema, spec, ..old.clone() };
        let error = world.lakehouse.write(&base, &plan(&facts, CommitKind::Append, 5, vec![file]), None).await;
        let error = error.unwrap_err();
        assert!(matches!(error, LakehouseError::UnknownReference { id: 9, .. }), "{error}");
        assert_eq!(error.recovery(), crate::Recovery::Reject);
    }
}

#[tokio::test]
async fn files_that_vanished_are_told_from_those_that_are_there() {
    let world = World::with_table().await;
    let present = world.file("a", 0..3).await;
    let resized = ManifestFile { bytes: present.bytes + 1, ..present.clone() };
    let gone = ManifestFile { location: format!("{}.gone", present.location), ..present.clone() };
    let checks = world.lakehouse.check_files(&[gone, present, resized]).await.unwrap();
    assert_eq!(checks, [FileCheck::Vanished, FileCheck::Present, FileCheck::Vanished]);
    let elsewhere = ManifestFile { location: "gs://x/y".into(), ..world.file("b", 0..1).await };
    assert!(world.lakehouse.check_files(&[elsewhere]).await.is_err());
}

#[tokio::test]
async fn workers_see_where_and_whether_to_write() {
    let world = World::new().await;
    assert!(world.lakehouse.open_table(&world.table).await.unwrap().is_none());
    let properties = own("write.data.path", "file:///elsewhere/");
    assert_eq!(world.lakehouse.create(&world.table, &create_plan(), &properties).await, Outcome::Committed);
    let (facts, base) = world.load().await;
    let target = world.lakehouse.open_table(&world.table).await.unwrap().unwrap();
    assert_eq!((target.uuid, target.schema_id, target.spec_id), (facts.uuid, facts.schema, facts.spec));
    assert_eq!(target.uuid.to_string(), base.metadata().uuid().to_string());
    assert_eq!(target.data_location, "file:///elsewhere");
    assert!(target.location.ends_with("/house/shop/orders"));
    assert_eq!(target.writable, Ok(WriteProperties { codec: Some(Codec::ZSTD), ..WriteProperties::default() }));
    assert_eq!(target.properties["k2i.orders.state"], "first");
}

#[tokio::test]
async fn a_table_of_another_kind_is_not_written() {
    let world = World::with_table().await;
    let (_, base) = world.load().await;
    let upgrade = vec![TableUpdate::UpgradeFormatVersion { format_version: iceberg::spec::FormatVersion::V3 }];
    assert_eq!(world.lakehouse.backend.commit(&base.loaded, Vec::new(), upgrade).await, Outcome::Committed);
    let (facts, base) = world.load().await;
    assert_eq!(facts.format_version, 3);
    let error = world.lakehouse.write(&base, &plan(&facts, CommitKind::Fence, 2, Vec::new()), None).await.unwrap_err();
    assert!(matches!(error, LakehouseError::Unwritable { .. }), "{error}");
    assert!(world.lakehouse.open_table(&world.table).await.unwrap().unwrap().writable.is_err());
}

#[tokio::test]
async fn on_the_fake_a_lost_answer_has_landed_and_a_lost_request_has_not() {
    let store = Store::default();
    let catalog = MemoryCatalog::new("memory://house");
    let lakehouse = Lakehouse::with_backend(Arc::new(catalog.clone()), store);
    assert_eq!(lakehouse.create(&ident(), &create_plan(), &BTreeMap::new()).await, Outcome::Committed);
    for (fault, id, landed) in [(Fault::RequestLost, 2, false), (Fault::AnswerLost, 3, true)] {
        let (Loaded::Found(facts), Some(base)) = lakehouse.load(&ident()).await else { panic!("no table") };
        let staged = lakehouse.write(&base, &plan(&facts, CommitKind::Fence, id, Vec::new()), None).await.unwrap();
        catalog.inject(fault);
        assert!(matches!(lakehouse.post(&base, &staged).await, Outcome::Unknown(_)));
        let (Loaded::Found(facts), _) = lakehouse.load(&ident()).await else { panic!("no table") };
        assert_eq!(facts.head().unwrap().id == SnapshotId(id), landed);
    }
    catalog.drop_table(&ident());
    assert!(matches!(lakehouse.load(&ident()).await, (Loaded::Missing, None)));
}

#[tokio::test]
async fn metadata_that_cannot_be_read_is_a_failed_load_and_not_a_missing_table() {
    let world = World::with_table().await;
    let (_, base) = world.load().await;
    let location = base.loaded.metadata_location.clone().unwrap();
    world.lakehouse.store().delete(&location).await.unwrap();
    let (loaded, base) = world.lakehouse.load(&world.table).await;
    assert!(matches!(&loaded, Loaded::Failed(why) if why.contains(&location)), "{loaded:?}");
    assert!(base.is_none());
}

#[tokio::test]
async fn the_heads_data_files_are_listed() {
    let world = World::new().await;
    assert_eq!(world.lakehouse.live_files(&world.table).await.unwrap(), None);
    let world = World::with_table().await;
    let empty = world.lakehouse.live_files(&world.table).await.unwrap().unwrap();
    assert_eq!((empty.snapshot, empty.rows(), empty.files.len()), (Some(SnapshotId(1)), 0, 0));
    let first = vec![world.file("b", 0..25).await];
    assert_eq!(world.commit(CommitKind::Append, 2, first.clone()).await, Outcome::Committed);
    let second = vec![world.file("c", 25..30).await, world.file("a", 30..40).await];
    assert_eq!(world.commit(CommitKind::Append, 3, second.clone()).await, Outcome::Committed);

    let live = world.lakehouse.live_files(&world.table).await.unwrap().unwrap();
    let listed: Vec<_> = live.files.iter().map(|file| (file.location.as_str(), file.bytes, file.rows)).collect();
    let wanted = [&second[1], &first[0], &second[0]].map(|file| (file.location.as_str(), file.bytes, file.rows));
    assert_eq!(listed, wanted, "in order of location");
    assert_eq!((live.snapshot, live.rows()), (Some(SnapshotId(3)), 40));
    assert_eq!(live.properties["k2i.orders.state"], "as of 3");
    let location = live.metadata_location.unwrap();
    assert!(world.lakehouse.store().head(&location).await.unwrap().is_some(), "{location}");
}

#[tokio::test]
async fn a_snapshot_with_delete_files_is_not_listed() {
    let world = World::with_table().await;
    assert_eq!(world.commit(CommitKind::Append, 2, vec![world.file("a", 0..3).await]).await, Outcome::Committed);
    let (facts, base) = world.load().await;
    let table = world.lakehouse.iceberg_table(&base.loaded).unwrap();
    let location = format!("{}/data/deletes.parquet", table.metadata().location());
    let delete = DataFileBuilder::default()
        .content(DataContentType::PositionDeletes)
        .file_path(location.clone())
        .file_format(DataFileFormat::Parquet)
        .partition(Struct::empty())
        .record_count(1)
        .file_size_in_bytes(1)
        .build()
        .unwrap();
    let output = table.file_io().new_output(format!("{}/deletes.avro", metadata_folder(table.metadata()))).unwrap();
    let (schema, spec) = (table.metadata().current_schema(), table.metadata().default_partition_spec());
    let builder = ManifestWriterBuilder::new(output, Some(3), schema.clone(), spec.as_ref().clone());
    let mut writer = builder.build_v2_deletes();
    writer.add_file(delete, -1).unwrap();
    let deletes = writer.write_manifest_file().await.unwrap();
    let plan = plan(&facts, CommitKind::Append, 3, Vec::new());
    let list = snapshot::write_with_parent(&table, &plan, 0, &[deletes]).await.unwrap();
    let updates = snapshot::updates(&table, &plan, list).unwrap();
    let requirements = snapshot::requirements(base.metadata());
    assert_eq!(world.lakehouse.backend.commit(&base.loaded, requirements, updates).await, Outcome::Committed);

    let error = world.lakehouse.live_files(&world.table).await.unwrap_err();
    assert!(matches!(&error, LakehouseError::DeleteFiles { location: found, .. } if *found == location), "{error}");
    assert_eq!(error.recovery(), crate::Recovery::Reject);
}
