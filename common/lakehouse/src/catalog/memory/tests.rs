use super::*;
use crate::catalog::conformance::Suite;
use crate::storage::Store;

#[tokio::test]
async fn it_conforms() {
    let (catalog, store) = (MemoryCatalog::new("memory://house"), Store::default());
    Suite { backend: &catalog, store: &store, namespace: "suite" }.run().await;
}

#[tokio::test]
async fn faults_do_what_they_say() {
    let (catalog, store) = (MemoryCatalog::new("memory://house"), Store::default());
    let suite = Suite { backend: &catalog, store: &store, namespace: "suite" };
    suite.namespaces_are_made_once().await;
    let table = TableIdent::from_strs(["suite", "t"]).unwrap();
    let draft = || Draft { schema: iceberg::spec::Schema::builder().build().unwrap(), properties: Default::default() };
    let staged = catalog.stage(&table, draft()).await.unwrap();

    for (fault, landed) in [(Fault::RequestLost, false), (Fault::Refused, false), (Fault::AnswerLost, true)] {
        catalog.inject(fault);
        let outcome = catalog.create(&table, staged.clone()).await;
        assert!(!matches!(outcome, Outcome::Committed), "{fault:?}");
        assert_eq!(catalog.load(&table).await.unwrap().is_some(), landed, "{fault:?}");
    }
    catalog.drop_table(&table);
    assert!(catalog.load(&table).await.unwrap().is_none());
}
