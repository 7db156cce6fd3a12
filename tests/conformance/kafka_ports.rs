//! The suites of the two Kafka ports on Apache Kafka.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Result, ensure};
use k2i_tests::components::Kafka;
use k2i_tests::scene::scene;
use k2i_worker::kafka::conformance::{ASKING, Broker, Case, Named, READING};

#[test]
fn sources_conform_on_apache_kafka() {
    scene("sources_conform_on_apache_kafka", |scene| run(READING, scene.name()));
}

#[test]
fn control_clients_conform_on_apache_kafka() {
    scene("control_clients_conform_on_apache_kafka", |scene| run(ASKING, scene.name()));
}

/// Every case, on topics of its own; all that fail are named.
fn run(cases: &[Named], name: &str) -> Result<()> {
    let broker = Broker::new(&Kafka::shared()?.bootstrap());
    let failed = |(number, (case, run)): (usize, &Named)| {
        let prefix = format!("{name}-{number}-");
        // A panic has said on standard error what was wrong.
        catch_unwind(AssertUnwindSafe(|| run(&Case::new(&broker, &prefix)))).is_err().then_some(*case)
    };
    let failed: Vec<&str> = cases.iter().enumerate().filter_map(failed).collect();
    ensure!(failed.is_empty(), "of {} cases these fail: {failed:?}", cases.len());
    Ok(())
}
