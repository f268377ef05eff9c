//! What is counted, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;

use super::visits::Present;
use crate::frontend::counts::Counted;
use crate::frontend::voice::lock;
use crate::quadlet::name::ServerName;

/// What happened since the start.
#[derive(Debug)]
pub(super) struct Metrics {
    started: SystemTime,
    /// Answers by their status.
    answers: Mutex<BTreeMap<u16, u64>>,
    /// Connections that are open.
    pub(super) connections: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            started: SystemTime::now(),
            answers: Mutex::default(),
            connections: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// A connection came in, and was taken or not.
    pub(super) fn connected(&self, taken: bool) {
        let counter = if taken { &self.accepted } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was answered.
    pub(super) fn answered(&self, status: StatusCode) {
        *lock(&self.answers).entry(status.as_u16()).or_default() += 1;
    }

    /// All of it as text.
    pub(super) fn text(
        &self,
        present: Present,
        servers: usize,
        calls: &[(ServerName, Counted)],
    ) -> String {
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
            // Writing to a String cannot fail.
            writeln!(
                text,
                "# HELP mcpod_{name} {help}\n# TYPE mcpod_{name} {kind}"
            )
            .ok();
            for (labels, value) in values {
                writeln!(text, "mcpod_{name}{labels} {value}").ok();
            }
        };
        let plain = |value: u64| vec![(String::new(), value)];
        let count = |value: usize| plain(value as u64);
        let version = format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
        metric(
            "build_info",
            "gauge",
            "The version that runs.",
            &[(version, 1)],
        );
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let help = "When the process started, in seconds since 1970.";
        metric(
            "start_time_seconds",
            "gauge",
            help,
            &plain(started.as_secs()),
        );
        metric("servers", "gauge", "Active servers.", &count(servers));
        let help = "Calls of tools that were answered, by server.";
        let counted = by_server(calls, |counted| counted.calls);
        metric("calls_total", "counter", help, &counted);
        let help = "Calls of tools that failed, by server.";
        let counted = by_server(calls, |counted| counted.errors);
        metric("call_errors_total", "counter", help, &counted);
        let Present {
            sessions,
            agents,
            requests,
            streams,
        } = present;
        let help = "Sessions of agents that began with initialize.";
        metric("http_sessions", "gauge", help, &count(sessions));
        let help = "Agents that speak without sessions.";
        metric("http_agents", "gauge", help, &count(agents));
        metric(
            "http_requests_waiting",
            "gauge",
            "Requests that wait for their answer.",
            &count(requests),
        );
        metric(
            "http_streams",
            "gauge",
            "Streams that are listened to.",
            &count(streams),
        );
        let open = self.connections.load(Ordering::Relaxed);
        metric(
            "http_connections",
            "gauge",
            "Connections that are open.",
            &plain(open),
        );
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let accepted = plain(of(&self.accepted));
        metric(
            "http_connections_total",
            "counter",
            "Connections that were taken.",
            &accepted,
        );
        let refused = plain(of(&self.refused));
        let help = "Connections that were refused, since there were too many.";
        metric("http_connections_refused_total", "counter", help, &refused);
        let answers: Vec<(String, u64)> = lock(&self.answers)
            .iter()
            .map(|(status, count)| (format!("{{status=\"{status}\"}}"), *count))
            .collect();
        metric(
            "http_answers_total",
            "counter",
            "Answers by their status.",
            &answers,
        );
        text
    }
}

/// A number of each server, labelled with its name.
fn by_server(
    calls: &[(ServerName, Counted)],
    count: impl Fn(&Counted) -> u64,
) -> Vec<(String, u64)> {
    let label = |name: &ServerName| format!("{{server=\"{name}\"}}");
    let counted = calls.iter();
    counted
        .map(|(name, counted)| (label(name), count(counted)))
        .collect()
}
