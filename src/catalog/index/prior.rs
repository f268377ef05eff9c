//! What speaks for a server whatever is looked for.

use std::borrow::Cow;

use crate::catalog::entry::{Popularity, Status};
use crate::catalog::launch::Trust;
use crate::catalog::merge::Listing;

/// The reasons, each with the factor by which it raises or lowers the score.
///
/// They are of two kinds: somebody looked at the server (a curated source, its maker, a recommendation, several sources),
/// and one can run it.
pub(super) fn prior(listing: &Listing) -> Vec<(Cow<'static, str>, f64)> {
    let Listing { entry, members } = listing;
    let sources: Vec<&str> = if members.is_empty() {
        vec![entry.id.source()]
    } else {
        members.iter().map(|member| member.id.source()).collect()
    };
    let mut reasons: Vec<(&str, f64)> = Vec::new();
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
    let popular = popular(entry.popularity);
    let reasons = reasons
        .into_iter()
        .map(|(reason, factor)| (Cow::from(reason), factor));
    reasons.chain(popular).collect()
}

/// What its use says for a server. Ten times as many count for a little more, and whoever can count wrongly cannot win by it.
fn popular(popularity: Popularity) -> Option<(Cow<'static, str>, f64)> {
    const TENFOLD: f64 = 0.02;
    const DIGITS_MAX: u32 = 6;
    let worth =
        |count: u64| TENFOLD * f64::from(count.checked_ilog10().unwrap_or(0).min(DIGITS_MAX));
    let Popularity { stars, downloads } = popularity;
    let reasons = [(stars, "stars"), (downloads, "downloads")];
    let known = reasons
        .into_iter()
        .filter_map(|(count, what)| Some((count?, what)));
    let (count, what) = known.max_by_key(|(count, _)| *count)?;
    let factor = 1.0 + worth(count);
    (factor > 1.0).then(|| (Cow::from(format!("popular: {count} {what}")), factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{merge, source};

    #[test]
    fn what_is_used_much_goes_before_what_is_used_little() {
        let factor = |line: &str| -> f64 {
            let text = format!("[[server]]\nname = 'x'\n{line}");
            let listings = merge(vec![source::toml::parse("mine", &text).entries]);
            let reasons = prior(&listings[0]);
            let popular = reasons
                .iter()
                .filter(|(reason, _)| reason.starts_with("popular"));
            popular.map(|(_, factor)| *factor).product()
        };
        assert!((factor("") - 1.0).abs() < 1e-9 && (factor("stars = 0") - 1.0).abs() < 1e-9);
        assert!(factor("stars = 500") > factor("downloads = 20"));
        let most = factor("stars = 9223372036854775807");
        assert!(most > factor("stars = 500") && most < 1.2, "{most}");
    }
}
