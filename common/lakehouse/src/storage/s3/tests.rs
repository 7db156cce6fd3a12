use std::collections::BTreeMap;

use object_store::aws::AmazonS3ConfigKey as Key;

use super::*;
use crate::secret::Secret;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn value(builder: &AmazonS3Builder, key: Key) -> Option<String> {
    builder.get_config_value(&key)
}

fn keys(settings: &mut S3Settings) {
    settings.access_key_id = Some("id".into());
    settings.secret_access_key = Some(Secret::new("secret"));
}

#[test]
fn settings_win_over_the_environment() {
    let mut settings = S3Settings {
        endpoint: Some("http://store:9000/".into()),
        region: Some("eu-west-1".into()),
        ..S3Settings::default()
    };
    keys(&mut settings);
    let environment = environment(&[
        ("AWS_ENDPOINT_URL", "https://elsewhere"),
        ("AWS_ENDPOINT_URL_S3", "https://elsewhere-too"),
        ("AWS_REGION", "us-west-2"),
        ("AWS_ACCESS_KEY_ID", "other"),
        ("AWS_SECRET_ACCESS_KEY", "other"),
        ("AWS_SESSION_TOKEN", "token of the other keys"),
    ]);
    let built = builder(&settings, "bucket", &environment).unwrap();
    assert_eq!(value(&built, Key::S3Endpoint).unwrap(), "http://store:9000");
    assert_eq!(value(&built, Key::Region).unwrap(), "eu-west-1");
    assert_eq!(value(&built, Key::AccessKeyId).unwrap(), "id");
    assert_eq!(value(&built, Key::Token).unwrap(), "");
    assert_eq!(value(&built, Key::UnsignedPayload).unwrap(), "false");
    built.build().unwrap();
}

#[test]
fn the_environment_is_enough() {
    let environment = environment(&[
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:5555"),
        ("AWS_ACCESS_KEY_ID", "from env"),
        ("AWS_SECRET_ACCESS_KEY", "from env"),
        ("AWS_REGION", "eu-central-1"),
    ]);
    let built = builder(&S3Settings::default(), "bucket", &environment).unwrap();
    assert_eq!(value(&built, Key::S3Endpoint).unwrap(), "http://127.0.0.1:5555");
    assert_eq!(value(&built, Key::AccessKeyId).unwrap(), "from env");
    assert_eq!(value(&built, Key::Region).unwrap(), "eu-central-1");
    built.build().unwrap();
}

#[test]
fn amazon_itself_gets_unsigned_payloads() {
    let mut settings = S3Settings::default();
    keys(&mut settings);
    let built = builder(&settings, "bucket", &environment(&[])).unwrap();
    assert_eq!(value(&built, Key::UnsignedPayload).unwrap(), "true");
    assert_eq!(value(&built, Key::S3Endpoint), None);
}

#[test]
fn virtual_hosts_carry_the_bucket() {
    let mut settings = S3Settings {
        endpoint: Some("https://store.example:9000".into()),
        path_style: Some(false),
        ..S3Settings::default()
    };
    keys(&mut settings);
    let built = builder(&settings, "bucket", &environment(&[])).unwrap();
    assert_eq!(value(&built, Key::S3Endpoint).unwrap(), "https://bucket.store.example:9000");
    assert_eq!(value(&built, Key::VirtualHostedStyleRequest).unwrap(), "true");
}

#[test]
fn half_a_key_pair_is_refused() {
    let settings = S3Settings { access_key_id: Some("id".into()), ..S3Settings::default() };
    let error = builder(&settings, "bucket", &environment(&[])).unwrap_err();
    assert!(error.to_string().contains("secret access key"), "{error}");
}

fn profiles() -> (tempfile::TempDir, BTreeMap<String, String>) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    let credentials = "[default]\naws_access_key_id = d\naws_secret_access_key = ds\n\n\
                       # a comment\n[work]\naws_access_key_id=w\naws_secret_access_key=ws=\naws_session_token=wt\n";
    std::fs::write(folder.join("credentials"), credentials).unwrap();
    let config = "[profile work]\nregion = eu-north-1\ns3 =\n  region = nested\n[profile sso]\nsso_session = x\n";
    std::fs::write(folder.join("config"), config).unwrap();
    let environment = environment(&[("HOME", home.path().to_str().unwrap())]);
    (home, environment)
}

#[test]
fn profiles_fill_in_what_is_missing() {
    let (_home, mut environment) = profiles();
    let settings = S3Settings::default();
    let built = builder(&settings, "bucket", &environment).unwrap();
    assert_eq!(value(&built, Key::AccessKeyId).unwrap(), "d");

    environment.insert("AWS_PROFILE".into(), "work".into());
    let built = builder(&settings, "bucket", &environment).unwrap();
    assert_eq!(value(&built, Key::AccessKeyId).unwrap(), "w");
    assert_eq!(value(&built, Key::SecretAccessKey).unwrap(), "ws=");
    assert_eq!(value(&built, Key::Token).unwrap(), "wt");
    assert_eq!(value(&built, Key::Region).unwrap(), "eu-north-1");

    environment.insert("AWS_REGION".into(), "us-east-2".into());
    let built = builder(&settings, "bucket", &environment).unwrap();
    assert_eq!(value(&built, Key::Region).unwrap(), "us-east-2");
}

#[test]
fn a_profile_that_was_named_must_be_usable() {
    let (_home, environment) = profiles();
    for (name, word) in [("nobody", "none of the shared"), ("sso", "other ways")] {
        let settings = S3Settings { profile: Some(name.into()), ..S3Settings::default() };
        let error = builder(&settings, "bucket", &environment).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}
