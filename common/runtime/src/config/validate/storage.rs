//! Checks of `[storage]`, and of the warehouse against it.

use std::path::Path;

use super::iceberg::check_http;
use super::{Checker, absolute};
use crate::config::choice::{CatalogType, StorageType};
use crate::config::keys::{Iceberg, Storage};
use crate::config::model::{S3AccessKey, S3Config, StorageConfig};
use crate::config::problem::{Place, Sourced};

/// What a warehouse is by its form.
#[derive(Debug, PartialEq, Eq)]
enum Warehouse<'a> {
    /// `s3://bucket/...`
    S3 { bucket: &'a str },
    /// `file:///...`, with the path.
    File { path: &'a str },
    /// No scheme: a path, or a REST catalog's name for it.
    Bare(&'a str),
}

impl<'a> Warehouse<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.starts_with('/') {
                Ok(Self::File { path })
            } else {
                Err(format!("{text:?} must be file:// and an absolute path, for example file:///var/lib/k2i/warehouse"))
            };
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Bare(text));
        };
        match scheme {
            "s3" | "s3a" | "s3n" => match rest.split('/').next() {
                Some(bucket) if !bucket.is_empty() => Ok(Self::S3 { bucket }),
                _ => Err(format!("{text:?} names no bucket: write s3://bucket/folder")),
            },
            "gs" | "gcs" | "abfs" | "abfss" | "wasb" | "wasbs" | "az" => {
                Err(format!("{scheme}:// storage is not in this version; use s3:// or file://"))
            }
            _ => Err(format!("unknown scheme {scheme}://; use s3:// or file://")),
        }
    }

    fn storage_type(&self) -> Option<StorageType> {
        match self {
            Self::S3 { .. } => Some(StorageType::S3),
            Self::File { .. } => Some(StorageType::Local),
            Self::Bare(_) => None,
        }
    }
}

/// The type in force, and who said so (`Place::Nowhere`: the default).
fn storage_type(storage: &Storage, iceberg: &Iceberg) -> Sourced<StorageType> {
    let named = iceberg.warehouse.as_ref().and_then(|at| {
        let value = Warehouse::parse(&at.value).ok()?.storage_type()?;
        Some(Sourced { value, key: at.key.clone(), place: at.place.clone() })
    });
    let default = || Sourced { value: StorageType::Local, key: "storage.type".to_owned(), place: Place::Nowhere };
    storage.r#type.clone().or(named).unwrap_or_else(default)
}

impl Checker<'_> {
    pub(super) fn storage(&mut self, storage: &Storage, iceberg: &Iceberg) -> Option<StorageConfig> {
        let kind = storage_type(storage, iceberg);
        let bucket = self.agreeing_warehouse(storage, iceberg, &kind);
        match kind.value {
            StorageType::S3 => {
                self.only_for("type", &kind, storage.path.as_ref(), "\"local\"");
                self.s3(storage, bucket).map(StorageConfig::S3)
            }
            StorageType::Local => {
                for text in [&storage.bucket, &storage.region, &storage.endpoint, &storage.profile] {
                    self.only_for("type", &kind, text.as_ref(), "\"s3\"");
                }
                for secret in [&storage.access_key_id, &storage.secret_access_key] {
                    self.only_for("type", &kind, secret.as_ref(), "\"s3\"");
                }
                self.only_for("type", &kind, storage.path_style.as_ref(), "\"s3\"");
                Some(StorageConfig::Local)
            }
        }
    }

    /// Checks the warehouse's scheme and bucket against the storage; answers the bucket.
    fn agreeing_warehouse(
        &mut self,
        storage: &Storage,
        iceberg: &Iceberg,
        kind: &Sourced<StorageType>,
    ) -> Option<String> {
        let configured = storage.bucket.as_ref().map(|bucket| bucket.value.clone());
        let Some(at) = &iceberg.warehouse else { return configured };
        let Some(warehouse) = self.check(at, Warehouse::parse(&at.value)) else { return configured };
        if warehouse.storage_type().is_some_and(|named| named != kind.value) {
            let message = format!("{:?} does not suit [storage] type = {:?}", at.value, kind.value.as_str());
            self.problem(at, message);
            return configured;
        }
        let Warehouse::S3 { bucket } = warehouse else { return configured };
        if let Some(other) = storage.bucket.as_ref().filter(|other| other.value != bucket) {
            let message = format!("is {:?}, but iceberg.warehouse names the bucket {bucket:?}", other.value);
            self.problem(other, message);
        }
        Some(bucket.to_owned())
    }

    fn s3(&mut self, storage: &Storage, bucket: Option<String>) -> Option<S3Config> {
        let region = storage.region.as_ref().map(|region| region.value.clone());
        let region = region.or_else(|| self.variable("AWS_REGION")).or_else(|| self.variable("AWS_DEFAULT_REGION"));
        let endpoint = storage.endpoint.clone().or_else(|| {
            ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().find_map(|name| {
                let value = self.variable(name)?;
                Some(Sourced { value, key: "storage.endpoint".to_owned(), place: Place::Variable((*name).to_owned()) })
            })
        });
        let endpoint = match endpoint {
            Some(endpoint) => Some(self.check(&endpoint, check_http(&endpoint.value))?),
            None => None,
        };
        let access_key = match (&storage.access_key_id, &storage.secret_access_key) {
            (Some(id), Some(secret)) => {
                let (id, secret) = (self.secret(id), self.secret(secret));
                Some(S3AccessKey { id: id?, secret: secret? })
            }
            (Some(lone), None) => {
                self.problem(lone, "stands alone: secret_access_key is missing");
                return None;
            }
            (None, Some(lone)) => {
                self.problem(lone, "stands alone: access_key_id is missing");
                return None;
            }
            (None, None) => None,
        };
        if let (Some(profile), Some(_)) = (&storage.profile, &access_key) {
            self.problem(profile, "stands beside `access_key_id`: give one of the two");
            return None;
        }
        Some(S3Config {
            bucket,
            region,
            path_style: storage.path_style.as_ref().map(|style| style.value),
            endpoint,
            profile: storage.profile.as_ref().map(|profile| profile.value.clone()),
            access_key,
        })
    }

    /// The location under which a SQL catalog makes tables.
    pub(super) fn sql_warehouse(&mut self, storage: &Storage, iceberg: &Iceberg) -> Option<String> {
        debug_assert_eq!(iceberg.catalog_type.value, CatalogType::Sql);
        match storage_type(storage, iceberg).value {
            StorageType::S3 => self.sql_warehouse_on_s3(storage, iceberg),
            StorageType::Local => self.sql_warehouse_here(storage, iceberg),
        }
    }

    fn sql_warehouse_on_s3(&mut self, storage: &Storage, iceberg: &Iceberg) -> Option<String> {
        let Some(at) = &iceberg.warehouse else {
            let bucket = storage.bucket.as_ref().map_or("my-bucket", |bucket| &bucket.value);
            let why = format!(", needed by catalog_type = \"sql\" on S3 (here: \"s3://{bucket}/warehouse\")");
            self.missing("iceberg", "warehouse", &why);
            return None;
        };
        match Warehouse::parse(&at.value) {
            Ok(Warehouse::S3 { .. }) => Some(at.value.trim_end_matches('/').to_owned()),
            Ok(Warehouse::Bare(text)) => {
                self.problem(at, format!("{text:?} must be a location on S3: s3://bucket/folder"));
                None
            }
            // Reported where the warehouse is compared with the storage.
            Ok(Warehouse::File { .. }) | Err(_) => None,
        }
    }

    fn sql_warehouse_here(&mut self, storage: &Storage, iceberg: &Iceberg) -> Option<String> {
        let folder = storage.path.as_ref().map(|path| absolute(self.working_directory, &path.value));
        let Some(at) = &iceberg.warehouse else {
            return Some(location(&folder.unwrap_or_else(|| self.data_dir.join("warehouse"))));
        };
        let named = match Warehouse::parse(&at.value) {
            Ok(Warehouse::File { path } | Warehouse::Bare(path)) => absolute(self.working_directory, Path::new(path)),
            // Reported where the warehouse is compared with the storage.
            Ok(Warehouse::S3 { .. }) | Err(_) => return None,
        };
        if let (Some(folder), Some(path)) = (folder.filter(|folder| *folder != named), &storage.path) {
            let message = format!("is {}, but iceberg.warehouse is {}", folder.display(), named.display());
            self.problem(path, message);
            return None;
        }
        Some(location(&named))
    }
}

/// A folder as an Iceberg location. Not percent-encoded: readers take the rest of the URI as the path.
fn location(folder: &Path) -> String {
    format!("file://{}", folder.display())
}
