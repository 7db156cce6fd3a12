//! Keys from the shared credentials and config files of the AWS tools, read again whenever they change.
//!
//! Used are `aws_access_key_id`, `aws_secret_access_key`, `aws_session_token`, `region`, `endpoint_url`; and `role_arn`
//! with `source_profile` (`external_id`, `role_session_name`, `duration_seconds`), which is taken on by STS. Other ways to
//! get keys (SSO, `credential_process`, `credential_source`, roles that ask for a second factor) are refused by name.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};

use super::keys::{Lease, Source};
use super::role::{Role, TokenService};

/// How many roles may stand on each other.
const MAX_ROLES: usize = 5;
/// What of a profile says that its keys come in a way that this version does not know.
const OTHER_WAYS: [&str; 6] = [
    "sso_session",
    "sso_start_url",
    "credential_process",
    "credential_source",
    "web_identity_token_file",
    "mfa_serial",
];

type Section = BTreeMap<String, String>;
type Environment = BTreeMap<String, String>;

/// A profile that gives keys.
pub(super) struct Profile {
    name: String,
    environment: Environment,
    /// As it was when the profile was chosen: for region and address.
    section: Section,
    region: Option<String>,
    /// When the files were last changed, as of the last fetch.
    read: Mutex<Option<Stamp>>,
}

type Stamp = [Option<SystemTime>; 2];

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").field("name", &self.name).field("keys", &self.section.keys()).finish()
    }
}

/// Where the keys of a profile come from.
#[derive(PartialEq, Eq)]
enum Origin {
    Keys(Section),
    /// The role, and the profile whose keys ask for it.
    Role(Role, Box<Origin>),
}

/// The profile to use: the named one, else `AWS_PROFILE`, else `default` where nothing else offers keys. `region` is what
/// the settings say.
///
/// # Errors
/// A sentence, when a profile was asked for by name and cannot be used.
pub(super) fn find(
    configured: Option<&str>,
    region: Option<&str>,
    environment: &Environment,
) -> Result<Option<Profile>, String> {
    if configured.is_none() && environment.contains_key("AWS_ACCESS_KEY_ID") {
        return Ok(None);
    }
    let named = configured.or_else(|| environment.get("AWS_PROFILE").map(String::as_str));
    let name = named.unwrap_or("default");
    match resolve(name, environment, MAX_ROLES) {
        Ok(_) => Ok(Some(Profile {
            name: name.to_owned(),
            environment: environment.clone(),
            section: section(name, environment),
            region: region.map(str::to_owned),
            read: Mutex::default(),
        })),
        // Nobody asked for it, and the machine may have keys to offer.
        Err(_) if named.is_none() => Ok(None),
        Err(why) => Err(why),
    }
}

fn resolve(name: &str, environment: &Environment, roles: usize) -> Result<Origin, String> {
    let section = section(name, environment);
    if section.is_empty() {
        return Err(format!("profile {name} is in none of the shared credentials files"));
    }
    let of = |key: &str| section.get(key).cloned();
    if let (Some(arn), Some(source)) = (of("role_arn"), of("source_profile"))
        && !section.contains_key("mfa_serial")
    {
        if roles == 0 {
            return Err(format!("profile {name}: more than {MAX_ROLES} roles stand on each other"));
        }
        let role = Role {
            arn,
            session_name: of("role_session_name").unwrap_or_else(|| "k2i".to_owned()),
            external_id: of("external_id"),
            duration: of("duration_seconds"),
        };
        // A profile that names itself has keys of its own for its role.
        let base = if source == name { plain(name, section)? } else { resolve(&source, environment, roles - 1)? };
        return Ok(Origin::Role(role, Box::new(base)));
    }
    plain(name, section)
}

fn plain(name: &str, section: Section) -> Result<Origin, String> {
    if section.contains_key("aws_access_key_id") && section.contains_key("aws_secret_access_key") {
        return Ok(Origin::Keys(section));
    }
    Err(match OTHER_WAYS.iter().find(|way| section.contains_key(**way)) {
        Some(way) => format!(
            "profile {name} gets its keys by {way}, which is not supported; use aws_access_key_id and \
             aws_secret_access_key, or role_arn and source_profile"
        ),
        None => format!("profile {name} has no aws_access_key_id and aws_secret_access_key"),
    })
}

impl Profile {
    /// Fills in what neither settings nor environment gave of region and address.
    pub(super) fn apply(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        let mut builder = builder;
        for (name, key) in [("region", AmazonS3ConfigKey::Region), ("endpoint_url", AmazonS3ConfigKey::Endpoint)] {
            if let (Some(value), None) = (self.section.get(name), builder.get_config_value(&key)) {
                builder = builder.with_config(key, value);
            }
        }
        builder
    }

    fn token_service(&self) -> TokenService {
        let of = |key: &str| self.environment.get(key).filter(|value| !value.is_empty()).cloned();
        let region = self.region.clone().or_else(|| of("AWS_REGION")).or_else(|| of("AWS_DEFAULT_REGION"));
        let region = region.or_else(|| self.section.get("region").cloned()).unwrap_or_else(|| "us-east-1".to_owned());
        let endpoint = of("AWS_ENDPOINT_URL_STS").or_else(|| of("AWS_ENDPOINT_URL"));
        let endpoint = endpoint.unwrap_or_else(|| format!("https://sts.{region}.amazonaws.com"));
        TokenService { endpoint, region }
    }

    fn stamp(&self) -> Stamp {
        files(&self.environment).map(|path| std::fs::metadata(path?).ok()?.modified().ok())
    }

    async fn lease(&self, origin: &Origin) -> Result<Lease, String> {
        // From the keys outwards, role by role.
        let (mut roles, mut origin) = (Vec::new(), origin);
        let section = loop {
            match origin {
                Origin::Keys(section) => break section,
                Origin::Role(role, base) => {
                    roles.push(role);
                    origin = base;
                }
            }
        };
        let of = |key: &str| section.get(key).cloned();
        let keys = AwsCredential {
            key_id: of("aws_access_key_id").unwrap_or_default(),
            secret_key: of("aws_secret_access_key").unwrap_or_default(),
            token: of("aws_session_token"),
        };
        let mut lease = Lease { keys: Arc::new(keys), life: None };
        for role in roles.into_iter().rev() {
            lease = self.token_service().assume(role, &lease.keys).await?;
        }
        Ok(lease)
    }
}

#[async_trait]
impl Source for Profile {
    async fn fetch(&self, _refused: bool) -> Result<Lease, String> {
        let stamp = self.stamp();
        let origin = resolve(&self.name, &self.environment, MAX_ROLES)?;
        let lease = self.lease(&origin).await?;
        // One plain value: a panic elsewhere cannot have left it half changed.
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(stamp);
        Ok(lease)
    }

    fn has_changed(&self) -> bool {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) != Some(self.stamp())
    }
}

/// The config file and the credentials file.
fn files(environment: &Environment) -> [Option<PathBuf>; 2] {
    let file = |variable: &str, name: &str| match environment.get(variable) {
        Some(path) => Some(PathBuf::from(path)),
        None => environment.get("HOME").map(|home| PathBuf::from(home).join(".aws").join(name)),
    };
    [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")]
}

fn section(profile: &str, environment: &Environment) -> Section {
    let text = |path: Option<PathBuf>| path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let [config, credentials] = files(environment).map(text);
    let mut section = parse(&config, &format!("profile {profile}"));
    if profile == "default" {
        section.extend(parse(&config, "default"));
    }
    section.extend(parse(&credentials, profile));
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
