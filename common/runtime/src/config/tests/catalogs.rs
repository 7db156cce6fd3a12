//! Catalogs, stores and secrets.

use super::*;

#[test]
fn storage_and_warehouse_have_to_agree() {
    let cases = [
        ("type = \"s3\"", "type = \"local\"", "\"s3://my-bucket/warehouse\" does not suit [storage] type = \"local\""),
        ("bucket = \"my-bucket\"", "bucket = \"other\"", "names the bucket \"my-bucket\""),
        ("s3://my-bucket/warehouse", "file:///x", "\"file:///x\" does not suit [storage] type = \"s3\""),
        ("s3://my-bucket/warehouse", "ftp://x", "unknown scheme ftp://"),
        ("http://localhost:8181", "localhost:8181", "must begin with http://"),
        ("rest_uri", "# rest_uri", "iceberg.rest_uri: missing, needed by catalog_type = \"rest\""),
        ("region = \"us-east-1\"", "access_key_id = \"x\"", "secret_access_key is missing"),
    ];
    for (from, to, expected) in cases {
        let found = errors(&sources(&QUICKSTART.replace(from, to)));
        assert!(found.len() == 1 && found[0].contains(expected), "{to}: {found:#?}");
    }
    let named = load(&QUICKSTART.replace("s3://my-bucket/warehouse", "prod"));
    assert!(
        matches!(&named.tables[0].iceberg.catalog, CatalogConfig::Rest(rest) if rest.warehouse.as_deref() == Some("prod"))
    );
}

#[test]
fn s3_takes_what_the_aws_environment_says() {
    let text = QUICKSTART.replace("region = \"us-east-1\"\n", "").replace("type = \"s3\"\n", "");
    let variables = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000/"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "x"),
        ("AWS_ENDPOINT_URL_S3", ""),
    ];
    let config = Config::load(&with_variables(&text, &variables)).unwrap();
    let StorageConfig::S3(s3) = &config.tables[0].storage else { panic!("{config:?}") };
    assert_eq!(s3.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
    assert_eq!(s3.region.as_deref(), Some("eu-west-1"));
    assert_eq!(s3.path_style, None);
}

#[test]
fn sql_catalog_on_s3() {
    let config = load(&local_with("iceberg", "warehouse = \"s3://bucket/folder/\"\nsql_uri = \"sqlite:x/c.db\""));
    let sql = SqlCatalogConfig {
        database: PathBuf::from("/work/dir/x/c.db"),
        name: "default".to_owned(),
        warehouse: "s3://bucket/folder".to_owned(),
    };
    assert_eq!(config.tables[0].iceberg.catalog, CatalogConfig::Sql(sql));
    assert!(matches!(&config.tables[0].storage, StorageConfig::S3(s3) if s3.bucket.as_deref() == Some("bucket")));
}

#[test]
fn keys_come_from_a_profile_or_from_the_file() {
    let profile = QUICKSTART.replace("region =", "profile = \"work\"\nregion =");
    let config = load(&profile);
    let StorageConfig::S3(s3) = &config.tables[0].storage else { panic!("{config:?}") };
    assert_eq!(s3.profile.as_deref(), Some("work"));
    let both = profile.replace("region =", "access_key_id = \"a\"\nsecret_access_key = \"b\"\nregion =");
    assert_errors(&sources(&both), &[&["storage.profile", "stands beside `access_key_id`"]]);
}

#[test]
fn a_rest_catalog_is_asked_for_keys_unless_told_otherwise() {
    let asked = |text: &str| {
        let config = load(text);
        let CatalogConfig::Rest(rest) = &config.tables[0].iceberg.catalog else { panic!("{config:?}") };
        rest.access_delegation
    };
    assert_eq!(asked(QUICKSTART), AccessDelegation::VendedCredentials);
    let off = QUICKSTART.replace("rest_uri", "access_delegation = \"none\"\nrest_uri");
    assert_eq!(asked(&off), AccessDelegation::None);
    let later = errors(&sources(&off.replace("\"none\"", "\"remote-signing\"")));
    assert!(later.iter().any(|error| error.contains("not in this version")), "{later:#?}");
}

#[test]
fn a_sql_catalog_has_a_name_and_a_rest_catalog_has_not() {
    let config = load(&local_with("iceberg", "catalog_name = \"lake\""));
    let CatalogConfig::Sql(sql) = &config.tables[0].iceberg.catalog else { panic!("{config:?}") };
    assert_eq!(sql.name, "lake");
    let long = format!("catalog_name = \"{}\"", "x".repeat(256));
    assert_errors(&sources(&local_with("iceberg", &long)), &[&["iceberg.catalog_name", "256 bytes long"]]);
    let idle = load(&QUICKSTART.replace("rest_uri", "catalog_name = \"lake\"\nrest_uri"));
    assert!(idle.warnings.len() == 1 && idle.warnings[0].contains("iceberg.catalog_name"), "{:?}", idle.warnings);
    assert_eq!(load(QUICKSTART).warnings, Vec::<String>::new());
}

#[test]
fn the_pace_of_a_catalog_has_bounds() {
    let pace = |line: &str| load(&local_with("iceberg", line)).tables[0].iceberg.max_requests_per_second;
    assert_eq!((pace(""), pace("max_requests_per_second = 5")), (100, 5));
    let none = sources(&local_with("iceberg", "max_requests_per_second = 0"));
    assert_errors(&none, &[&["iceberg.max_requests_per_second", "from 1 to 100000"]]);
}

#[test]
fn a_local_warehouse_in_each_form() {
    let forms = [
        ("iceberg", "warehouse = \"wh\"", "file:///work/dir/wh"),
        ("iceberg", "warehouse = \"/abs/wh/\"", "file:///abs/wh"),
        ("iceberg", "warehouse = \"file:///abs/wh\"", "file:///abs/wh"),
        ("iceberg", "warehouse = \"file:/abs/wh\"", "file:///abs/wh"),
        ("storage", "path = \"./wh\"", "file:///work/dir/wh"),
    ];
    for (section, line, expected) in forms {
        let config = load(&local_with(section, line));
        let CatalogConfig::Sql(sql) = &config.tables[0].iceberg.catalog else { panic!("{config:?}") };
        assert_eq!(sql.warehouse, expected, "{line}");
    }
    let text = format!("{}[storage]\npath = \"a\"\n", local_with("iceberg", "warehouse = \"b\""));
    assert_errors(&sources(&text), &[&["storage.path: is /work/dir/a, but iceberg.warehouse is /work/dir/b"]]);
}

#[test]
fn catalog_logins() {
    let auth = |lines: &str| {
        let text = QUICKSTART.replace("rest_uri", &format!("{lines}\nrest_uri"));
        Config::load(&with_variables(&text, &[("T", "abc")])).map(|config| {
            let CatalogConfig::Rest(rest) = &config.tables[0].iceberg.catalog else { panic!("{config:?}") };
            (rest.auth.clone(), config.warnings.clone())
        })
    };
    assert_eq!(auth("token = \"env:T\"").unwrap(), (RestAuth::Token(Secret::new("abc")), vec![]));
    let (plain, warnings) = auth("token = \"xyz\"").unwrap();
    assert_eq!(plain, RestAuth::Token(Secret::new("xyz")));
    assert!(warnings.len() == 1 && warnings[0].contains("iceberg.token") && !warnings[0].contains("xyz"));
    let (client, _) = auth("credential = \"env:T\"\nscope = \"all\"").unwrap();
    let expected =
        RestAuth::ClientCredentials { credential: Secret::new("abc"), server_uri: None, scope: Some("all".to_owned()) };
    assert_eq!(client, expected);
    for (lines, message) in [
        ("token = \"env:T\"\ncredential = \"env:T\"", "iceberg.token: stands beside `credential`"),
        ("scope = \"all\"", "iceberg.scope: has no effect without `credential`"),
        ("token = \"env:\"", "iceberg.token: names no variable"),
    ] {
        let error = auth(lines).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_secret_file_loses_its_line_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "abc\n").unwrap();
    let text = QUICKSTART.replace("rest_uri", &format!("token = \"file:{}\"\nrest_uri", path.display()));
    let CatalogConfig::Rest(rest) = &load(&text).tables[0].iceberg.catalog else { panic!("not REST") };
    assert_eq!(rest.auth, RestAuth::Token(Secret::new("abc")));
    std::fs::write(&path, "\n").unwrap();
    assert!(errors(&sources(&text))[0].contains("is empty"));
}

#[test]
fn secrets_are_never_printed() {
    let secret = Secret::new("hunter2");
    assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    let text = QUICKSTART.replace("rest_uri", "token = \"hunter2\"\ncredential = \"hunter2\"\nrest_uri");
    assert!(!errors(&sources(&text)).join("\n").contains("hunter2"));
}
