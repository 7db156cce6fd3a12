//! The format's tests: golden files, round trips of random values, and damage of every kind.

mod damage;
mod examples;
mod generators;
mod golden;
mod round_trip;
