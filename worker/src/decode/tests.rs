//! The decoder against records written by hand; [`oracle`] compares it with a slow one on random records,
//! [`hostile`] brings what should break it.

mod any;
mod hostile;
mod infer;
mod oracle;
mod random;
mod rules;
mod support;
