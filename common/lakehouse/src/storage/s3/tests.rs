use std::collections::BTreeMap;

use object_store::aws::AmazonS3ConfigKey as Key;

use super::*;
use crate::secret::Secret;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn builder(
    settings: &S3Settings,
    bucket: &str,
    environment: &BTreeMap<String, String>,
) -> Result<AmazonS3Builder, StorageError> {
    parts(settings, bucket, environment).map(|parts| parts.builder)
}

/// The keys that a profile gives, and how long they are good.
async fn keys_of(settings: &S3Settings, environment: &BTreeMap<String, String>) -> Result<(String, String), String> {
    let parts = parts(settings, "bucket", environment).map_err(|error| error.to_string())?;
    let keys = parts.keys.ok_or("no keys that change")?.get_credential().await.map_err(|error| error.to_string())?;
    Ok((keys.key_id.clone(), keys.token.clone().unwrap_or_default()))
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

#[tokio::test]
async fn profiles_fill_in_what_is_missing() {
    let (_home, mut environment) = profiles();
    let settings = S3Settings::default();
    let keys = |id: &str, token: &str| Ok((id.to_owned(), token.to_owned()));
    assert_eq!(keys_of(&settings, &environment).await, keys("d", ""));

    environment.insert("AWS_PROFILE".into(), "work".into());
    assert_eq!(keys_of(&settings, &environment).await, keys("w", "wt"));
    let built = builder(&settings, "bucket", &environment).unwrap();
    assert_eq!(value(&built, Key::Region).unwrap(), "eu-north-1");

    environment.insert("AWS_REGION".into(), "us-east-2".into());
    let built = builder(&settings, "bucket", &environment).unwrap();
    assert_eq!(value(&built, Key::Region).unwrap(), "us-east-2");
}

#[tokio::test]
async fn a_profile_s_keys_are_read_again_when_its_file_changes() {
    let (home, environment) = profiles();
    let keys = Renewed::new(profile::find(None, None, &environment).unwrap().unwrap());
    let began = tokio::time::Instant::now();
    let id = async |seconds| keys.get(began + Duration::from_secs(seconds)).await.unwrap().key_id.clone();
    assert_eq!(id(0).await, "d");
    let file = home.path().join(".aws/credentials");
    std::fs::write(&file, "[default]\naws_access_key_id = new\naws_secret_access_key = s\n").unwrap();
    // A coarse clock of the file system may not tell the two apart.
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
    assert_eq!(id(2).await, "new");

    // In the middle of being written: the keys of before are used on.
    std::fs::write(&file, "").unwrap();
    assert_eq!(id(4).await, "new");
}

#[test]
fn a_profile_that_was_named_must_be_usable() {
    let (home, environment) = profiles();
    let config = home.path().join(".aws/config");
    let more = "[profile process]\ncredential_process = /bin/keys\n[profile empty]\nregion = x\n\
                [profile second-factor]\nrole_arn = a\nsource_profile = work\nmfa_serial = m\n\
                [profile round]\nrole_arn = a\nsource_profile = round-2\n\
                [profile round-2]\nrole_arn = a\nsource_profile = round\n\
                [profile lost]\nrole_arn = a\nsource_profile = nobody\n";
    let text = std::fs::read_to_string(&config).unwrap() + more;
    std::fs::write(&config, text).unwrap();
    let cases = [
        ("nobody", "nobody is in none of the shared"),
        ("sso", "by sso_session, which is not supported"),
        ("process", "by credential_process, which is not supported"),
        ("second-factor", "by mfa_serial, which is not supported"),
        ("empty", "has no aws_access_key_id"),
        ("round", "more than 5 roles"),
        ("lost", "nobody is in none of the shared"),
    ];
    for (name, word) in cases {
        let settings = S3Settings { profile: Some(name.into()), ..S3Settings::default() };
        let error = builder(&settings, "bucket", &environment).unwrap_err();
        assert!(error.to_string().contains(word), "{name}: {error}");
    }
}

#[test]
fn a_role_needs_a_profile_to_ask_with() {
    let (home, environment) = profiles();
    let config = home.path().join(".aws/config");
    let text = std::fs::read_to_string(&config).unwrap()
        + "[profile writer]\nrole_arn = arn:aws:iam::1:role/writer\nsource_profile = work\n";
    std::fs::write(&config, text).unwrap();
    let settings = S3Settings { profile: Some("writer".into()), ..S3Settings::default() };
    assert!(parts(&settings, "bucket", &environment).unwrap().keys.is_some());
}
