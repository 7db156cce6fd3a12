//! A lakehouse that is opened on first use.
//!
//! A process starts with whatever catalogs answer; one that is dead at start is asked again by the tables that need it,
//! and delays no other.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::commit::{Lakehouse, LakehouseSettings};
use crate::error::LakehouseError;

/// Settings of a lakehouse, and the lakehouse once it could be opened. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub struct Connection {
    settings: Arc<LakehouseSettings>,
    opened: Arc<Mutex<Option<Lakehouse>>>,
}

impl Connection {
    /// A connection that is not made yet.
    #[must_use]
    pub fn new(settings: LakehouseSettings) -> Self {
        Self { settings: Arc::new(settings), opened: Arc::default() }
    }

    /// Where new tables go, as configured: a location, a server's own name for a warehouse, or left to the catalog.
    #[must_use]
    pub fn warehouse(&self) -> Option<&str> {
        self.settings.catalog.warehouse.as_deref()
    }

    /// The lakehouse, opened now if it was not. Callers wait for one attempt together.
    ///
    /// # Errors
    /// When it cannot be opened; the next call tries again.
    pub async fn get(&self) -> Result<Lakehouse, LakehouseError> {
        let mut opened = self.opened.lock().await;
        if let Some(lakehouse) = opened.as_ref() {
            return Ok(lakehouse.clone());
        }
        let lakehouse = Lakehouse::open((*self.settings).clone()).await?;
        *opened = Some(lakehouse.clone());
        Ok(lakehouse)
    }
}
