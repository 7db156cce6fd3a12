//! End to end: orders into a real Kafka, `k2i ingest` as a child, the table read back by DuckDB and PyIceberg;
//! once, with a year of flights, by Spark too.

mod bad_input;
mod checker;
mod drain;
mod failpoints;
mod feed;
mod flights;
mod line;
mod old_copies;
mod quickstart;
mod restarts;
mod table;
mod thin_line;
mod two_tables;
