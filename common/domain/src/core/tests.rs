//! [`Core::handle`] by example, in a [`world::World`]: real states, real cores, an Iceberg table and a store in memory.
//!
//! The tests decide in which order effects are carried out and how they end; what comes of it is read from the table.

mod adoption;
mod claims;
mod clock;
mod commits;
mod lake;
mod leaders;
mod observations;
mod resumes;
mod stops;
mod ticks;
mod views;
mod world;

use super::*;
use crate::ids::ChainKey;
use crate::port::StopReason;
use crate::state::{Life, RealignReason};
use world::{FIRST_TABLE, SESSION, World};
