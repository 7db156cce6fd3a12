use std::sync::Mutex as PlainMutex;

use super::*;

/// Gives what is next in its list, with a life in seconds.
#[derive(Debug, Default, Clone)]
struct Listed(Arc<PlainMutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    next: Vec<Result<(&'static str, Option<u64>), &'static str>>,
    changed: bool,
    refused: Vec<bool>,
}

#[async_trait]
impl Source for Listed {
    async fn fetch(&self, refused: bool) -> Result<Lease, String> {
        let mut inner = self.0.lock().unwrap();
        inner.refused.push(refused);
        inner.changed = false;
        let (id, life) = inner.next.remove(0).map_err(str::to_owned)?;
        let keys = AwsCredential { key_id: id.to_owned(), secret_key: "s".to_owned(), token: None };
        Ok(Lease { keys: Arc::new(keys), life: life.map(Duration::from_secs) })
    }

    fn has_changed(&self) -> bool {
        self.0.lock().unwrap().changed
    }
}

fn renewed(next: &[Result<(&'static str, Option<u64>), &'static str>]) -> (Renewed<Listed>, Listed) {
    let source = Listed::default();
    source.0.lock().unwrap().next = next.to_vec();
    (Renewed::new(source.clone()), source)
}

/// The keys so many seconds after `began`.
async fn id(keys: &Renewed<Listed>, began: Instant, seconds: u64) -> Result<String, String> {
    let keys = keys.get(began + Duration::from_secs(seconds)).await;
    keys.map(|keys| keys.key_id.clone()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn keys_are_fetched_again_before_they_run_out() {
    let (keys, source) = renewed(&[Ok(("a", Some(100))), Ok(("b", None))]);
    let began = Instant::now();
    for (seconds, expected) in [(0, "a"), (79, "a"), (81, "b"), (1_000_000, "b")] {
        assert_eq!(id(&keys, began, seconds).await.unwrap(), expected, "after {seconds} s");
    }
    assert_eq!(source.0.lock().unwrap().refused, [false, false]);
}

#[tokio::test]
async fn a_failed_renewal_costs_nothing_while_the_old_keys_are_good() {
    let (keys, _) = renewed(&[Ok(("a", Some(100))), Err("away"), Err("away"), Ok(("b", None))]);
    let began = Instant::now();
    assert_eq!(id(&keys, began, 0).await.unwrap(), "a");
    assert_eq!(id(&keys, began, 81).await.unwrap(), "a");
    assert_eq!(id(&keys, began, 82).await.unwrap(), "a", "not asked again at once");
    assert!(id(&keys, began, 102).await.unwrap_err().contains("away"));
    assert_eq!(id(&keys, began, 103).await.unwrap(), "b");
}

#[tokio::test]
async fn a_refusal_and_a_change_make_it_look_again() {
    let (keys, source) = renewed(&[Ok(("a", None)), Ok(("b", None)), Ok(("c", None))]);
    let began = Instant::now();
    assert_eq!(id(&keys, began, 0).await.unwrap(), "a");
    keys.refused();
    assert_eq!(id(&keys, began, 0).await.unwrap(), "a", "it was fetched this very moment");
    assert_eq!(id(&keys, began, 2).await.unwrap(), "b");
    source.0.lock().unwrap().changed = true;
    assert_eq!(id(&keys, began, 3).await.unwrap(), "b", "again at once");
    assert_eq!(id(&keys, began, 4).await.unwrap(), "c");
    assert_eq!(source.0.lock().unwrap().refused, [false, true, false]);
}
