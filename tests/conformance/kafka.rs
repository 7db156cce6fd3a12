//! What the other tests rely on in the broker they share, shown by a client that is not K2I's.

use anyhow::{Result, ensure};
use k2i_tests::components::{Kafka, Python};
use k2i_tests::scene::{Scene, scene};
use serde_json::{Value, json};

#[test]
fn the_broker_keeps_what_it_acknowledged() {
    scene("the_broker_keeps_what_it_acknowledged", |scene| {
        tool(scene, &["create-topic", scene.name(), "3"])?;
        let acks = scene.path("acks.csv");
        let bootstrap = Kafka::shared()?.bootstrap();
        let args = ["--bootstrap", &bootstrap, "--topic", scene.name(), "--orders", "3000", "--acks"];
        let acks = acks.to_str().unwrap_or_default();
        let tally = Python::shared()?.ask(scene, "produce.py", &[&args[..], &[acks]].concat())?;
        ensure!(tally["rows"] == 3_000, "acknowledged {}", tally["rows"]);

        let ends = tool(scene, &["ends", scene.name()])?;
        for partition in ["0", "1", "2"] {
            // Every partition has rows, from offset 0 on, without holes.
            let [rows, first, last] = [0, 1, 2].map(|at| tally["partitions"][partition][at].as_i64().unwrap_or(-1));
            ensure!(
                rows > 0 && first == 0 && last == rows - 1,
                "partition {partition}: {rows} rows, {first} to {last}"
            );
            ensure!(ends[partition] == rows, "partition {partition} ends at {}, not {rows}", ends[partition]);
        }
        ensure!(
            tool(scene, &["committed", "nobody", scene.name()])? == json!({}),
            "a group that nobody used has offsets"
        );
        Ok(())
    });
}

#[test]
fn a_recreated_topic_has_another_id() {
    scene("a_recreated_topic_has_another_id", |scene| {
        let first = tool(scene, &["create-topic", scene.name(), "1"])?;
        tool(scene, &["delete-topic", scene.name()])?;
        let second = tool(scene, &["create-topic", scene.name(), "1"])?;
        ensure!(first["cluster_id"] == second["cluster_id"], "another cluster: {first} and {second}");
        ensure!(first["topic_id"] != second["topic_id"], "the same topic id twice: {first} and {second}");
        Ok(())
    });
}

fn tool(scene: &Scene, args: &[&str]) -> Result<Value> {
    let bootstrap = Kafka::shared()?.bootstrap();
    Python::shared()?.ask(scene, "kafka_tool.py", &[&[bootstrap.as_str()], args].concat())
}
