//! Measurements. `cargo test --release --test measure -- --ignored --nocapture`

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failing unwrap is a failing measurement, and its numbers are what this one is for"
)]

mod catalog;

#[tokio::test]
#[ignore = "its numbers mean something in a release build only"]
async fn the_catalog_is_fast() {
    let Some(data) = catalog::unpacked() else {
        return;
    };
    for copies in [1, 11] {
        let measured = catalog::measure(data.path(), copies).await;
        let catalog::Measured {
            servers,
            refresh,
            unchanged,
            median,
            slow,
        } = measured;
        println!(
            "{servers} servers: refresh {refresh:?}, unchanged {unchanged:?}, query p50 {median:?}, p99 {slow:?}"
        );
    }
}
