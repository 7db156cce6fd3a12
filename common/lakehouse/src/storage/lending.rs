//! Keys that a catalog lends for the files of its tables ("vended credentials").
//!
//! The catalog's client notes here what every load of a table brought; the store looks here for each location, and asks
//! the catalog again when keys are about to run out or were refused. Which keys are for a location: those of the table
//! that it lies in, and among them those with the longest prefix that fits, as the REST specification has it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use iceberg::TableIdent;
use tokio::time::Instant;

use crate::secret::Secret;

/// Keys to S3, with what the catalog says of how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LentKeys {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: Secret,
    /// Session token; temporary keys have one.
    pub session_token: Option<Secret>,
    /// How long they are good from now on; `None`: the catalog does not say.
    pub life: Option<Duration>,
    /// Where they are good; what the configuration says wins.
    pub place: LentPlace,
}

/// What a catalog says of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LentPlace {
    /// Region.
    pub region: Option<String>,
    /// Address of the store.
    pub endpoint: Option<String>,
    /// Bucket in the path rather than in the host name.
    pub path_style: Option<bool>,
}

impl LentPlace {
    /// Takes from `other` what it does not say itself.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            region: self.region.or_else(|| other.region.clone()),
            endpoint: self.endpoint.or_else(|| other.endpoint.clone()),
            path_style: self.path_style.or(other.path_style),
        }
    }
}

/// All that a catalog lends for one table.
#[derive(Debug, Clone)]
pub struct Loan {
    /// Folders that the table's files are in, as locations.
    pub folders: Vec<String>,
    /// Keys by the prefix of the locations that they are for; the empty one is for all.
    pub keys: Vec<(String, LentKeys)>,
}

/// Who lends.
#[async_trait]
pub trait Lender: std::fmt::Debug + Send + Sync {
    /// What it lends for a table now, instead of what it lent before; `None`: nothing any more.
    ///
    /// # Errors
    /// Words on why it could not be asked.
    async fn lend(&self, table: &TableIdent, before: &Loan) -> Result<Option<Loan>, String>;
}

/// What is lent within a process. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Lending {
    tables: Arc<Mutex<BTreeMap<TableIdent, Held>>>,
    next: Arc<AtomicU64>,
}

#[derive(Debug, Clone)]
struct Held {
    loan: Loan,
    lender: Arc<dyn Lender>,
    since: Instant,
    /// Another one for each loan.
    number: u64,
}

/// Which keys are for a location: of which table, under which prefix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    pub(crate) table: TableIdent,
    pub(crate) prefix: String,
}

/// Keys as they are held now.
#[derive(Debug, Clone)]
pub(crate) struct Holding {
    pub(crate) keys: LentKeys,
    pub(crate) since: Instant,
    pub(crate) number: u64,
}

impl Lending {
    /// Notes what was lent, instead of what was before.
    pub fn put(&self, table: &TableIdent, loan: Loan, lender: Arc<dyn Lender>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(table.clone(), Held { loan, lender, since: Instant::now(), number });
    }

    /// Nothing is lent for this table (any more).
    pub fn forget(&self, table: &TableIdent) {
        self.lock().remove(table);
    }

    /// The keys for a location.
    pub(crate) fn find(&self, location: &str) -> Option<(Claim, LentPlace)> {
        let location = normal(location);
        let tables = self.lock();
        let fits = |folder: &String| within(&normal(folder), &location).then_some(folder.len());
        let (table, held) = tables
            .iter()
            .filter_map(|(table, held)| Some((held.loan.folders.iter().filter_map(fits).max()?, table, held)))
            .max_by_key(|(length, ..)| *length)
            .map(|(_, table, held)| (table, held))?;
        let keys = held.loan.keys.iter().filter(|(prefix, _)| location.starts_with(&normal(prefix)));
        let (prefix, keys) = keys.max_by_key(|(prefix, _)| prefix.len())?;
        Some((Claim { table: table.clone(), prefix: prefix.clone() }, keys.place.clone()))
    }

    pub(crate) fn holding(&self, claim: &Claim) -> Option<Holding> {
        let tables = self.lock();
        let held = tables.get(&claim.table)?;
        let (_, keys) = held.loan.keys.iter().find(|(prefix, _)| *prefix == claim.prefix)?;
        Some(Holding { keys: keys.clone(), since: held.since, number: held.number })
    }

    /// Asks the lender again.
    pub(super) async fn renew(&self, claim: &Claim) -> Result<(), String> {
        let held = self.lock().get(&claim.table).cloned();
        let held = held.ok_or_else(|| format!("the catalog lends no keys for {} any more", claim.table))?;
        match held.lender.lend(&claim.table, &held.loan).await? {
            Some(loan) => self.put(&claim.table, loan, held.lender),
            None => self.forget(&claim.table),
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TableIdent, Held>> {
        // Each change is one insert or remove: a panic elsewhere leaves nothing half done.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Other engines' names for the same scheme.
fn normal(location: &str) -> String {
    match location.split_once("://") {
        Some(("s3a" | "s3n", rest)) => format!("s3://{rest}"),
        _ => location.to_owned(),
    }
}

fn within(folder: &str, location: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    location.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
