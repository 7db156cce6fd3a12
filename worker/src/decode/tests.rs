//! The decoder against records written by hand; [`oracle`] compares it with a slow one on random records.

mod infer;
mod oracle;
mod random;
mod rules;
mod support;
