//! The check itself is checked: a table that PyIceberg wrote passes, and each known fault is found by each engine.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::Python;
use k2i_tests::scene::{Scene, scene};

use super::table::{ENGINES, Table, check};

const ORDERS: &str = "3001";

#[test]
fn a_right_table_passes() {
    scene("a_right_table_passes", |scene| judge(scene, "right", None));
}

#[test]
fn a_doubled_row_is_found() {
    scene("a_doubled_row_is_found", |scene| judge(scene, "doubled", Some("1 rows doubled; examples: ")));
}

#[test]
fn a_missing_row_is_found() {
    scene("a_missing_row_is_found", |scene| judge(scene, "missing", Some("1 rows missing; examples: ")));
}

#[test]
fn two_rows_at_each_others_offsets_are_found() {
    // Every count and every sum is right here: only the comparison with the acknowledgements can tell.
    scene("two_rows_at_each_others_offsets_are_found", |scene| {
        judge(scene, "swapped", Some("2 rows alien; examples: "))
    });
}

fn judge(scene: &Scene, fault: &str, complaint: Option<&str>) -> Result<()> {
    let (catalog, acks) = (scene.path("catalog.db"), scene.path("acks.csv"));
    let text = |path: &Path| path.to_str().map(str::to_owned).context("the cache folder's name is text");
    let warehouse = format!("file://{}", text(&scene.path("warehouse"))?);
    let written = Python::shared()?.ask(
        scene,
        "write_reference.py",
        &[&warehouse, &text(&catalog)?, "shop.orders", &text(&acks)?, ORDERS, fault],
    )?;
    let table = Table::in_sqlite(&catalog, "shop.orders")?;
    for engine in ENGINES {
        let found = table.read(scene, engine, std::slice::from_ref(&acks))?;
        match (check(&found, &written), complaint) {
            (Ok(()), None) => {}
            (Err(error), Some(complaint)) => {
                let said = format!("{error:#}");
                ensure!(said.starts_with(complaint), "{engine} complains of something else: {said}");
            }
            (Ok(()), Some(complaint)) => anyhow::bail!("{engine} does not say {complaint:?}"),
            (Err(error), None) => return Err(error.context(engine)),
        }
    }
    Ok(())
}
