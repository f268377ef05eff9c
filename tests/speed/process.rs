//! Processes: started, timed, and looked at in /proc.

use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs a command, which must succeed, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> Vec<u8> {
    let ran = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        ran.status.success(),
        "{command:?}: {}\n{}",
        ran.status,
        String::from_utf8_lossy(&ran.stderr)
    );
    ran.stdout
}

/// The seconds from the start of a command, which must succeed, until it has ended.
pub(crate) fn time(command: &mut Command) -> f64 {
    let started = Instant::now();
    run(command);
    started.elapsed().as_secs_f64()
}

/// A field of a process's status (proc_pid_status(5)) that is a number of kB, in bytes.
#[expect(
    clippy::cast_precision_loss,
    reason = "shown with two digits behind the point"
)]
pub(crate) fn memory(pid: u32, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kilobytes: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or_else(|| panic!("no {field} of {pid} in {status}"));
    (kilobytes << 10) as f64
}
