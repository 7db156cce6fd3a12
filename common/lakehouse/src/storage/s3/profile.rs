//! Static keys from the shared credentials and config files of the AWS tools.
//!
//! Only what stands there in plain form is used: `aws_access_key_id`, `aws_secret_access_key`, `aws_session_token`,
//! `region`, `endpoint_url`. A profile that says how to *get* keys (SSO, roles, processes) is refused by name.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::collections::BTreeMap;
use std::path::PathBuf;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

type Section = BTreeMap<String, String>;

/// The settings of one profile.
#[derive(PartialEq, Eq)]
pub(super) struct Profile(Section);

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Profile").field(&self.0.keys()).finish()
    }
}

impl Profile {
    /// Fills in what neither settings nor environment gave.
    pub(super) fn apply(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        const KEYS: [(&str, AmazonS3ConfigKey); 3] = [
            ("aws_access_key_id", AmazonS3ConfigKey::AccessKeyId),
            ("aws_secret_access_key", AmazonS3ConfigKey::SecretAccessKey),
            ("aws_session_token", AmazonS3ConfigKey::Token),
        ];
        let mut builder = builder;
        for (name, key) in KEYS {
            builder = builder.with_config(key, self.0.get(name).cloned().unwrap_or_default());
        }
        for (name, key) in [("region", AmazonS3ConfigKey::Region), ("endpoint_url", AmazonS3ConfigKey::Endpoint)] {
            if let (Some(value), None) = (self.0.get(name), builder.get_config_value(&key)) {
                builder = builder.with_config(key, value);
            }
        }
        builder
    }
}

/// The profile to use: the named one, else `AWS_PROFILE`, else `default` where nothing else offers keys.
///
/// # Errors
/// A sentence, when a profile was asked for by name and cannot be used.
pub(super) fn find(
    configured: Option<&str>,
    environment: &BTreeMap<String, String>,
) -> Result<Option<Profile>, String> {
    if configured.is_none() && environment.contains_key("AWS_ACCESS_KEY_ID") {
        return Ok(None);
    }
    let named = configured.or_else(|| environment.get("AWS_PROFILE").map(String::as_str));
    let section = read(named.unwrap_or("default"), environment);
    if section.contains_key("aws_access_key_id") && section.contains_key("aws_secret_access_key") {
        return Ok(Some(Profile(section)));
    }
    match named {
        None => Ok(None),
        Some(name) if section.is_empty() => Err(format!("profile {name} is in none of the shared credentials files")),
        Some(name) => Err(format!(
            "profile {name} has no aws_access_key_id and aws_secret_access_key; other ways to get keys are not supported"
        )),
    }
}

fn read(profile: &str, environment: &BTreeMap<String, String>) -> Section {
    let file = |variable: &str, name: &str| match environment.get(variable) {
        Some(path) => Some(PathBuf::from(path)),
        None => environment.get("HOME").map(|home| PathBuf::from(home).join(".aws").join(name)),
    };
    let text = |path: Option<PathBuf>| path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let mut section = parse(&text(file("AWS_CONFIG_FILE", "config")), &format!("profile {profile}"));
    if profile == "default" {
        section.extend(parse(&text(file("AWS_CONFIG_FILE", "config")), "default"));
    }
    section.extend(parse(&text(file("AWS_SHARED_CREDENTIALS_FILE", "credentials")), profile));
    section
}

fn parse(text: &str, wanted: &str) -> Section {
    let mut section = Section::new();
    let mut inside = false;
    for line in text.lines().filter(|line| !line.starts_with(char::is_whitespace)) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            inside = name.split_whitespace().eq(wanted.split_whitespace());
        } else if inside
            && !line.starts_with(['#', ';'])
            && let Some((key, value)) = line.split_once('=')
        {
            section.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    section
}
