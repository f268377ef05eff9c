//! Where log messages go: to the journal when systemd started us, to standard error otherwise.

use std::os::linux::fs::MetadataExt;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The environment variable that chooses what is logged: a level, or levels of modules (`warn,mcpod::session=debug`).
const FILTER: &str = "MCPOD_LOG";

/// Starts logging, unless a command that led to this one has. What cannot be logged is lost: a command never fails for its log.
pub(super) fn start() {
    // Not `EnvFilter`, which compiles regular expressions in every process for what it knows more of: fields of spans.
    let filter = std::env::var(FILTER)
        .ok()
        .and_then(|filter| filter.parse().ok())
        .unwrap_or_else(|| {
            Targets::new()
                .with_default(LevelFilter::WARN)
                .with_target("mcpod", LevelFilter::INFO)
        });
    let registry = tracing_subscriber::registry().with(filter);
    if stderr_is_journal()
        && let Ok(journal) = tracing_journald::layer()
    {
        registry.with(journal).try_init().ok();
    } else {
        let to_stderr = tracing_subscriber::fmt::layer()
            .with_writer(|| super::output::Aside)
            .with_ansi(super::output::stderr_has_color())
            .without_time()
            .with_target(false);
        registry.with(to_stderr).try_init().ok();
    }
}

/// systemd.exec(5): `JOURNAL_STREAM` holds the device and inode of the journal's stream, which a child may inherit
/// although its own standard error goes elsewhere.
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|stderr| stream == format!("{}:{}", stderr.st_dev(), stderr.st_ino()))
}
