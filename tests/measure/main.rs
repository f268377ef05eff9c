//! Measurements of the catalog, as one table. `cargo test --release --test measure -- --ignored --nocapture`

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failing unwrap is a failing measurement, and its numbers are what this one is for"
)]

mod catalog;
mod data;
mod table;

use std::time::Duration;

use catalog::{Bounds, measure};
use table::Table;

/// The memory that a search may have.
const MEMORY: u64 = 16_000_000;

#[tokio::test]
#[ignore = "its numbers mean something in a release build only"]
async fn the_catalog_is_fast() {
    let Some(unpacked) = data::unpacked() else {
        return;
    };
    let mut table = Table::begun();
    let real = Bounds {
        whole: Some(Duration::from_millis(1500)),
        unchanged: Some(Duration::from_millis(300)),
        query: Some(Duration::from_micros(500)),
        slow_query: Some(Duration::from_millis(2)),
        cold: Some(Duration::from_millis(4)),
        memory: MEMORY,
    };
    measure(unpacked.path(), 1, real, &mut table).await;
    let multiplied = Bounds {
        slow_query: Some(Duration::from_millis(8)),
        cold: Some(Duration::from_millis(6)),
        memory: MEMORY,
        ..Bounds::default()
    };
    measure(unpacked.path(), 11, multiplied, &mut table).await;
    table.end();
}
