//! Numbers and the like: their types hold nothing that could not be written.

#![expect(
    clippy::unnecessary_wraps,
    clippy::trivially_copy_pass_by_ref,
    reason = "a key holds a function of this form"
)]

use std::time::Duration;

use super::super::error::Reason;
use super::super::value::{CpuShare, FileMode};

/// Yes or no.
pub(in crate::quadlet) fn boolean(value: &bool) -> Result<String, Reason> {
    Ok(value.to_string())
}

/// A number; bytes, tasks, times.
pub(in crate::quadlet) fn number(value: &u64) -> Result<String, Reason> {
    Ok(value.to_string())
}

/// A span of time to the microsecond, in a form that systemd (systemd.time(7)) and podman both read.
pub(in crate::quadlet) fn span(value: &Duration) -> Result<String, Reason> {
    Ok(match value.subsec_micros() {
        0 => format!("{}s", value.as_secs()),
        micros => format!("{}s{micros}us", value.as_secs()),
    })
}

/// A span of time as podman reads it, in whole seconds: never shorter than it was given.
pub(in crate::quadlet) fn seconds(value: &Duration) -> Result<String, Reason> {
    let begun = u64::from(value.subsec_nanos() > 0);
    Ok(value.as_secs().saturating_add(begun).to_string())
}

/// Permissions in octal.
pub(in crate::quadlet) fn mode(value: &FileMode) -> Result<String, Reason> {
    Ok(format!("{:04o}", value.0 & 0o7777))
}

/// A percentage of one processor. systemd knows no specifiers there.
pub(in crate::quadlet) fn cpu_share(value: &CpuShare) -> Result<String, Reason> {
    Ok(format!("{}%", value.0))
}
