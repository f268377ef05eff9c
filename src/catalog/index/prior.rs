//! What speaks for a server whatever is looked for.

use crate::catalog::entry::Status;
use crate::catalog::launch::Trust;
use crate::catalog::merge::Listing;

/// The reasons, each with the factor by which it raises or lowers the score.
///
/// They are of two kinds: somebody looked at the server (a curated source, its maker, a recommendation, several sources),
/// and one can run it.
pub(super) fn prior(listing: &Listing) -> Vec<(&'static str, f64)> {
    let Listing { entry, members } = listing;
    let sources: Vec<&str> = if members.is_empty() {
        vec![entry.id.source()]
    } else {
        members.iter().map(|member| member.id.source()).collect()
    };
    let mut reasons = Vec::new();
    if sources
        .iter()
        .any(|source| matches!(*source, "builtin" | "docker"))
    {
        reasons.push(("in a curated source", 1.35));
    }
    if entry.official {
        reasons.push(("made by the maker of what it serves", 1.12));
    }
    if entry.featured {
        reasons.push(("recommended by its source", 1.05));
    }
    match entry.launch.iter().map(|option| option.trust).min() {
        Some(Trust::Declared) => reasons.push(("its source declares how it runs", 1.15)),
        Some(Trust::Sidecar) => reasons.push(("its maker says how it runs", 1.08)),
        Some(Trust::Guessed) => reasons.push(("how it runs is guessed from prose", 1.03)),
        None => {}
    }
    match sources.len() {
        0 | 1 => {}
        2 => reasons.push(("listed by two sources", 1.06)),
        _ => reasons.push(("listed by several sources", 1.1)),
    }
    if entry.description.is_none() && entry.tools.is_empty() {
        reasons.push(("nobody describes it", 0.95));
    }
    let is_archived = |text: &str| text.to_lowercase().contains("(archived)");
    if entry.title.as_deref().is_some_and(is_archived) {
        reasons.push(("archived", 0.85));
    }
    if matches!(entry.status, Status::Deprecated(_)) {
        reasons.push(("deprecated", 0.6));
    }
    reasons
}
