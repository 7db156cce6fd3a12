//! The generated types, as they come from the `.proto` files. Only the conversions of this crate see them.

// Generated: what prost offers beyond what we call stays, and its layout is prost's.
#![allow(dead_code, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/k2i.replicated.v1.rs"));
