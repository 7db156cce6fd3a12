use super::*;

#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Lender for Nobody {
    async fn lend(&self, _table: &TableIdent, _before: &Loan) -> Result<Option<Loan>, String> {
        Ok(None)
    }
}

fn table(name: &str) -> TableIdent {
    TableIdent::from_strs(["shop", name]).unwrap()
}

fn keys(id: &str) -> LentKeys {
    LentKeys {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new("hush"),
        session_token: None,
        life: None,
        place: LentPlace::default(),
    }
}

fn lend(lending: &Lending, name: &str, folders: &[&str], prefixes: &[&str]) {
    let loan = Loan {
        folders: folders.iter().map(|folder| (*folder).to_owned()).collect(),
        keys: prefixes.iter().map(|prefix| ((*prefix).to_owned(), keys(&format!("{name} {prefix}")))).collect(),
    };
    lending.put(&table(name), loan, Arc::new(Nobody));
}

fn found(lending: &Lending, location: &str) -> Option<String> {
    let (claim, _) = lending.find(location)?;
    Some(lending.holding(&claim).unwrap().keys.access_key_id)
}

#[test]
fn the_longest_prefix_within_the_table_s_folders_wins() {
    let lending = Lending::default();
    lend(&lending, "a", &["s3://b/house/a"], &["s3", "s3://b/house/a/data"]);
    lend(&lending, "ab", &["s3://b/house/ab", "s3://elsewhere/ab"], &[""]);
    let cases = [
        ("s3://b/house/a/metadata/1.json", Some("a s3")),
        ("s3://b/house/a/data/1.parquet", Some("a s3://b/house/a/data")),
        ("s3a://b/house/a/data/1.parquet", Some("a s3://b/house/a/data")),
        ("s3://b/house/ab/data/1.parquet", Some("ab ")),
        ("s3://elsewhere/ab/1.parquet", Some("ab ")),
        ("s3://b/house/other/1.parquet", None),
        ("file:///b/house/a/1.parquet", None),
    ];
    for (location, expected) in cases {
        assert_eq!(found(&lending, location).as_deref(), expected, "{location}");
    }
}

#[tokio::test]
async fn what_is_not_lent_any_more_is_forgotten() {
    let lending = Lending::default();
    lend(&lending, "a", &["s3://b/a"], &[""]);
    let (claim, _) = lending.find("s3://b/a/x").unwrap();
    lending.renew(&claim).await.unwrap();
    assert!(lending.find("s3://b/a/x").is_none());
    assert!(lending.renew(&claim).await.unwrap_err().contains("shop.a"));
}

#[test]
fn secrets_do_not_print() {
    assert!(!format!("{:?}", keys("id")).contains("hush"));
}
