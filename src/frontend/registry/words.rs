//! Ranking tools by the words of a query.

/// The worth of a word in a tool's name, against one in its description.
const IN_NAME: usize = 4;

/// How well a tool fits the words; nothing if a word of weight fits nowhere.
pub(super) fn fit(words: &[String], name: &str, description: &str) -> Option<usize> {
    let (name, description) = (name.to_lowercase(), description.to_lowercase());
    let worth = |word: &String| {
        let stem = stem(word);
        if name.contains(stem) {
            IN_NAME
        } else {
            usize::from(description.contains(stem))
        }
    };
    let met: Vec<usize> = words.iter().map(worth).collect();
    let fitting = met.iter().filter(|worth| **worth > 0).count();
    // Half of the words must be met, so that one common word is not enough.
    (fitting > 0 && fitting * 2 >= words.len()).then(|| met.iter().sum::<usize>() + fitting)
}

/// The words of a query that say something, in lower case.
pub(super) fn of(query: &str) -> Vec<String> {
    const EMPTY: [&str; 14] = [
        "a", "an", "and", "for", "from", "in", "of", "on", "or", "the", "to", "tool", "which",
        "with",
    ];
    let mut words: Vec<String> = query
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| !word.is_empty() && !EMPTY.contains(&word.as_str()))
        .collect();
    words.dedup();
    words
}

/// A word without the endings that English gives it.
fn stem(word: &str) -> &str {
    ["ing", "es", "s"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.len() >= 3))
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_more_than_descriptions_and_one_common_word_is_not_enough() {
        let words = of("convert the times between zones");
        assert_eq!(words, ["convert", "times", "between", "zones"]);
        let by_name = fit(&words, "convert_time", "Between time zones").unwrap();
        let by_description = fit(&words, "calculate", "Converts time between zones").unwrap();
        assert!(by_name > by_description);
        assert_eq!(fit(&words, "time", ""), None);
        assert_eq!(fit(&of(""), "x", "y"), None);
    }
}
