use super::*;
use crate::catalog::{Fault, MemoryCatalog};

struct World {
    catalog: MemoryCatalog,
    store: Store,
    namespace: NamespaceIdent,
}

impl World {
    fn new() -> Self {
        let catalog = MemoryCatalog::new("memory://house");
        Self { catalog, store: Store::default(), namespace: NamespaceIdent::new("shop".to_owned()) }
    }

    fn probe(&self) -> Probe<'_> {
        Probe { backend: &self.catalog, store: &self.store, namespace: &self.namespace }
    }

    async fn table(&self) -> Option<LoadedTable> {
        self.catalog.load(&self.probe().ident()).await.unwrap()
    }

    async fn files(&self) -> usize {
        use futures::StreamExt;
        let (objects, _) = self.store.resolve("memory://house/x").unwrap();
        objects.list(None).count().await
    }

    async fn leave_behind(&self) {
        assert!(self.probe().make(&mut Traces::default()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_catalog_that_refuses_stale_commits_passes_and_nothing_stays() {
    let world = World::new();
    assert_eq!(world.probe().run().await.unwrap(), ProbeVerdict::Refuses);
    assert!(world.table().await.is_none());
    assert_eq!(world.files().await, 0);
}

#[tokio::test]
async fn a_catalog_that_lies_is_found_out_and_nothing_stays() {
    let world = World::new();
    world.catalog.take_stale_commits(true);
    assert_eq!(world.probe().run().await.unwrap(), ProbeVerdict::Accepts);
    assert!(world.table().await.is_none());
    assert_eq!(world.files().await, 0);
}

#[tokio::test]
async fn what_a_killed_process_left_is_used_and_removed() {
    for lies in [false, true] {
        let world = World::new();
        world.leave_behind().await;
        world.catalog.take_stale_commits(lies);
        let expected = if lies { ProbeVerdict::Accepts } else { ProbeVerdict::Refuses };
        assert_eq!(world.probe().run().await.unwrap(), expected);
        assert!(world.table().await.is_none());
        assert_eq!(world.files().await, 0);
    }
}

#[tokio::test]
async fn somebody_s_table_of_that_name_is_left_alone() {
    let world = World::new();
    world.catalog.ensure_namespace(&world.namespace).await.unwrap();
    let unmarked = Draft { properties: HashMap::new(), ..draft().unwrap() };
    let staged = world.catalog.stage(&world.probe().ident(), unmarked).await.unwrap();
    assert_eq!(world.catalog.create(&world.probe().ident(), staged).await, Outcome::Committed);
    let verdict = world.probe().run().await.unwrap();
    assert!(matches!(&verdict, ProbeVerdict::NotAllowed { reason } if reason.contains("rename it")), "{verdict:?}");
    assert!(world.table().await.is_some());
}

#[tokio::test]
async fn no_right_to_make_tables_is_said_and_is_no_error() {
    let world = World::new();
    world.catalog.inject(Fault::Refused);
    let verdict = world.probe().run().await.unwrap();
    assert!(matches!(&verdict, ProbeVerdict::NotAllowed { reason } if reason.contains("on demand")), "{verdict:?}");
}

#[tokio::test]
async fn lost_answers_are_read_back_and_a_lost_stale_commit_decides_nothing() {
    let world = World::new();
    world.catalog.inject(Fault::AnswerLost);
    world.catalog.inject(Fault::AnswerLost);
    assert_eq!(world.probe().run().await.unwrap(), ProbeVerdict::Refuses);

    let world = World::new();
    world.leave_behind().await;
    world.catalog.inject(Fault::AnswerLost);
    world.catalog.inject(Fault::RequestLost);
    let error = world.probe().run().await.unwrap_err();
    assert_eq!(error.recovery(), crate::Recovery::Retry, "{error}");
    assert!(world.table().await.is_none(), "removed also after a failure");
}

#[tokio::test]
async fn two_that_ask_at_once_come_to_the_same_verdict() {
    let world = World::new();
    let (here, there) = (world.probe(), world.probe());
    let (first, second) = tokio::join!(here.run(), there.run());
    assert_eq!((first.unwrap(), second.unwrap()), (ProbeVerdict::Refuses, ProbeVerdict::Refuses));
    assert!(world.table().await.is_none());
}

#[test]
fn only_files_within_the_table_s_own_folder_are_its_own() {
    assert!(within("s3://b/house/shop/probe", "s3://b/house/shop/probe/metadata/x.avro"));
    assert!(!within("s3://b/house/shop/probe", "s3://b/house/shop/probe-2/metadata/x.avro"));
    assert!(!within("s3://b/house/shop/probe", "s3://b/house/shop/orders/x.avro"));
}
