//! Records become rows: a Kafka record's JSON value, by the table's schema, straight into Arrow columns.
//!
//! One [`DecodePlan`] stands for one schema; a [`Decoder`] fills batches by it. There is no tree of values in between and
//! no heap work per record. Nothing is guessed: a record either becomes exactly the row that it spells, or it is refused
//! with the field's path ([`DecodeError`]) and leaves no trace. Other formats (Avro, Protobuf) get plans of their own
//! beside this one; a place for refused records is the caller's business.
//!
//! | column | takes |
//! |---|---|
//! | `boolean` | `true`, `false` |
//! | `int`, `long` | a number without fraction and exponent (`1.0` and `1e3` are refused) that fits; never a string |
//! | `float`, `double` | any number, as the nearest float; refused where that is infinite |
//! | `decimal(p, s)` | a number, or a string that holds one, that has at most `s` decimals (zeros at the end aside) and `p` digits |
//! | `date` | `"YYYY-MM-DD"` |
//! | `time` | `"HH:MM:SS"`, up to six decimals |
//! | `timestamp` | RFC 3339 without a zone, up to six decimals; a space may stand for the `T` |
//! | `timestamptz` | RFC 3339 with `Z` or an offset, up to six decimals |
//! | `string` | a string; as *JSON text* ([`JSON_TEXT_DOC`]) any value, kept as the record spells it, strings with their quotes |
//! | `uuid` | its usual text form |
//! | `binary`, `fixed` | a base64 string (RFC 4648, section 4, padded), for `fixed` of the exact length |
//! | `struct` | an object |
//! | `list` | an array |
//! | `map` with string keys | an object; names are keys |
//!
//! - Numbers for dates and times are refused: seconds, milliseconds or microseconds is a guess.
//! - `null` and an absent field are the same; both are refused for a required field.
//! - Decimals past the sixth of a time may be zeros. There are no leap seconds. Years are 0000 to 9999.
//! - An object that names one of its fields twice, or a map a key, is refused. Within JSON text, and within fields that
//!   are left out, only the syntax is checked.
//! - A field that the table lacks: [`OnUnknownField`]. A null value, or the JSON text `null`: [`OnNullValue`]. A value of
//!   no bytes is malformed.
//! - Field names are compared as they are, upper and lower case being different.

mod any;
mod column;
mod decoder;
mod error;
mod infer;
mod options;
mod plan;
mod scan;
mod text;
mod value;

#[cfg(test)]
mod tests;

#[doc(hidden)]
pub use any::check_any;
pub use decoder::{Decoder, HeaderRef, Pushed, RecordRef};
pub use error::{DecodeError, DecodeErrorKind, MAX_SHOWN};
pub use infer::{Column, ColumnType, Conflict, InferError, Inference, Inferred, MAX_FIELDS};
pub use options::{DecodeOptions, MetadataColumns, OnNullValue, OnUnknownField};
pub use plan::{DecodePlan, JSON_TEXT_DOC, JSON_TEXT_KEY, PlanError};
pub use scan::MAX_DEPTH;
