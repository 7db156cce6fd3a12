//! End to end: orders into a real Kafka, `k2i ingest` as a child, the table read back by DuckDB and PyIceberg;
//! once, with a year of flights, by Spark too.

mod bad_input;
mod checker;
mod demo;
mod drain;
mod failpoints;
mod feed;
mod flights;
mod foreign_tables;
mod line;
mod old_copies;
mod quickstart;
mod restarts;
mod resumes;
mod several;
mod table;
mod terminal;
mod thin_line;
mod topics;
mod topics_many;
mod two_tables;
