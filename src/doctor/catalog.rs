//! The catalog: whether it is there, how old it is, whether it stays young.

use super::{Check, Finding, Mend};
use crate::catalog::refresh::Report;

/// The catalog changes every day; older than this, servers that are found may be gone, in seconds.
const OLD: i64 = 7 * 86_400;

/// What was seen of it.
#[derive(Debug, Clone)]
pub struct Sources {
    /// How its sources do.
    pub reports: Vec<Report>,
    /// Whether the timer that refreshes it is on; nothing where nobody can be asked.
    pub timer: Option<bool>,
}

impl Sources {
    /// What it means.
    pub fn findings(&self) -> Vec<Finding> {
        let Self { reports, timer } = self;
        let fetched: Vec<&Report> = reports
            .iter()
            .filter(|report| report.enabled && report.name != "builtin")
            .collect();
        let names = |wanted: &dyn Fn(&Report) -> bool| -> Vec<&str> {
            let found = fetched.iter().filter(|report| wanted(report));
            found.map(|report| report.name.as_str()).collect()
        };
        let refresh = || Mend::run(&["mcpod", "refresh"]);
        let mut findings = Vec::new();
        let never = names(&|report| report.age.is_none() && report.last_error.is_none());
        if !never.is_empty() {
            findings.push(
                Finding::warning(
                    Check::Catalog,
                    format!("never fetched: {}", never.join(", ")),
                    "search finds few servers",
                )
                .mend(refresh()),
            );
        }
        let old =
            names(&|report| report.age.is_some_and(|age| age > OLD) && report.last_error.is_none());
        if !old.is_empty() {
            findings.push(
                Finding::warning(
                    Check::Catalog,
                    format!("older than a week: {}", old.join(", ")),
                    "search misses what is new, and finds what is gone",
                )
                .mend(refresh()),
            );
        }
        for report in &fetched {
            if let Some(error) = &report.last_error {
                let means = match report.age {
                    Some(_) => "what it sent before counts",
                    None => "search finds none of its servers",
                };
                findings.push(
                    Finding::warning(
                        Check::Catalog,
                        format!("{} could not be fetched: {error}", report.name),
                        means,
                    )
                    .mend(Mend::hand(format!("mcpod refresh {} --force", report.name))),
                );
            }
        }
        if findings.is_empty() {
            let entries: usize = reports.iter().map(|report| report.entries).sum();
            findings.push(Finding::ok(
                Check::Catalog,
                format!("the catalog is up to date: {entries} servers"),
            ));
        }
        findings.extend(timer.map(|on| {
            if on {
                Finding::ok(Check::RefreshTimer, "the catalog is refreshed every day")
            } else {
                Finding::note(
                    Check::RefreshTimer,
                    "the catalog is not refreshed by itself",
                    "it grows old unless you run mcpod refresh",
                )
                .mend(Mend::hand("mcpod refresh --enable-timer"))
            }
        }));
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::refresh::{Refresh, SourcesFile};
    use crate::doctor::State;

    /// Reports of a host that never fetched anything.
    fn reports() -> Vec<Report> {
        let nowhere = tempfile::tempdir().unwrap();
        let refresh = Refresh {
            store: crate::catalog::Store::below(nowhere.path()),
            sources: SourcesFile::default().sources(),
            limits: crate::catalog::refresh::Limits::default(),
        };
        refresh.reports()
    }

    fn with(change: impl Fn(&mut Report)) -> Vec<Finding> {
        let mut reports = reports();
        reports.iter_mut().for_each(change);
        let timer = Some(true);
        Sources { reports, timer }.findings()
    }

    #[test]
    fn a_catalog_is_judged_by_its_age_and_its_errors() {
        let never = with(|_| {});
        assert!(
            never[0].what.starts_with("never fetched: docker"),
            "{never:?}"
        );
        assert!(
            !never[0].what.contains("mcpservers"),
            "what is off is no fault"
        );
        assert_eq!(never[0].mend, Mend::run(&["mcpod", "refresh"]));
        let young = with(|report| report.age = Some(3600));
        assert_eq!(young[0].state, State::Ok);
        let old = with(|report| report.age = Some(OLD + 1));
        assert_eq!((old[0].state, old.len()), (State::Warning, 2));
        let failed = with(|report| {
            report.age = Some(3600);
            report.last_error = (report.name == "docker").then(|| "no route".to_owned());
        });
        assert!(
            failed[0]
                .what
                .contains("docker could not be fetched: no route")
        );
        assert_eq!(
            failed[0].means.as_deref(),
            Some("what it sent before counts")
        );
        let at_first = with(|report| report.last_error = Some("no route".to_owned()));
        assert_eq!(
            at_first[0].means.as_deref(),
            Some("search finds none of its servers")
        );
    }

    #[test]
    fn a_timer_that_is_off_is_the_users_choice() {
        let off = Sources {
            reports: Vec::new(),
            timer: Some(false),
        };
        let timer = off.findings().pop().unwrap();
        assert_eq!(
            (timer.check, timer.state),
            (Check::RefreshTimer, State::Note)
        );
        assert!(!timer.mend.is_ours());
    }
}
