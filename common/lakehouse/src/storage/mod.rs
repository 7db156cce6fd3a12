//! Object stores behind the locations that Iceberg names.
//!
//! One [`Store`] serves the whole process: uploads of data files, the Iceberg metadata that commits write, and readers.
//! It resolves `file://`, `memory://` and `s3://` locations to `object_store` stores and hands iceberg a `FileIO` over
//! the same stores.
//!
//! Invariants:
//! - **Nothing is overwritten.** Every write creates its object or fails; a repeated write of the same content succeeds.
//!   So every operation here may be repeated after an error whose outcome is unknown.
//! - **`file://` is durable.** When a write returns, content and folder entry are on disk; `object_store`'s own local
//!   store does neither.
//! - Names are taken literally: no percent-encoding or decoding, as other Iceberg engines do.
//!
//! Every store passes [`conformance`].

mod adapter;
#[doc(hidden)]
pub mod conformance;
mod error;
mod explain;
mod lending;
mod local;
mod location;
mod memory;
mod reach;
mod settings;
mod store;
mod upload;
mod upload_memory;

mod s3;

#[cfg(test)]
mod tests;

pub use adapter::StoreFactory;
pub use error::StorageError;
pub use lending::{Lender, Lending, LentKeys, LentPlace, Loan};
pub use local::DurableLocal;
pub use location::{Location, Scheme, absolute_location};
pub use memory::Memory;
pub use settings::{S3Settings, StorageSettings};
pub use store::Store;
pub use upload::{CallbackError, SINGLE_PUT_BYTES, Uploaded};
pub use upload_memory::UploadMemory;
