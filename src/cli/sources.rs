//! `mcpod sources`: where the catalog comes from, and how that does.

use std::process::ExitCode;

use super::output::{Failure, Output};
use super::refresh::of_host;
use crate::catalog::refresh::Report;
use crate::host::Host;
use jiff::Timestamp;

/// The most refused records of a source that are shown; `--json` has more.
const REFUSED_MAX: usize = 5;

/// Show the sources of the catalog: how many servers they have, how old that is, what went wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod sources
  mcpod sources --json | jq '.[] | {name, entries, age}'")]
pub(super) struct Arguments {
    /// Print a JSON list
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(_: &Arguments, host: &Host, output: &Output) -> Result<ExitCode, Failure> {
    let reports = of_host(host)?.reports();
    if output.is_json() {
        output.json(&reports)?;
    } else {
        show(&reports, output);
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows how sources do.
pub(super) fn show(reports: &[Report], output: &Output) {
    let rows: Vec<Vec<String>> = reports.iter().map(row).collect();
    output.table(&["SOURCE", "SERVERS", "REFUSED", "AGE", "FROM"], &rows);
    for report in reports {
        for refused in report.refused.iter().take(REFUSED_MAX) {
            output.note(&format!("{}: refused: {refused}", report.name));
        }
        if let Some(error) = report.last_error.as_ref().filter(|_| report.enabled) {
            let again = report.again_at.map(again).unwrap_or_default();
            output.note(&format!("{}: {error}{again}", report.name));
        }
    }
}

/// When a source that failed is asked again, as it stands behind the error.
fn again(at: Timestamp) -> String {
    let left = at.duration_since(Timestamp::now()).as_mins();
    match left {
        ..0 => String::new(),
        0 => "; it is left alone for a minute, or --force asks".to_owned(),
        left => format!("; it is left alone for {left} min, or --force asks"),
    }
}

fn row(report: &Report) -> Vec<String> {
    let age = match report.age {
        _ if !report.enabled => "off".to_owned(),
        _ if report.name == "builtin" => "-".to_owned(),
        None => "never".to_owned(),
        Some(seconds) if seconds < 3600 => format!("{} min", seconds / 60),
        Some(seconds) if seconds < 2 * 86_400 => format!("{} h", seconds / 3600),
        Some(seconds) => format!("{} days", seconds / 86_400),
    };
    vec![
        report.name.clone(),
        report.entries.to_string(),
        report.refused_count.to_string(),
        age,
        report.urls.join(" "),
    ]
}
