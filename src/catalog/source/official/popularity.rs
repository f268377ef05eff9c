//! How much a server is used, as far as the registry counts that.
//!
//! The official registry counts nothing. Others that speak its API say so beside the document, in a `_meta` of their own
//! and under names of their own. What publishers say of themselves does not count.

use serde::Deserialize;
use serde_json::Value;

use crate::catalog::entry::Popularity;

/// What publishers write, and the registry passes on.
const PUBLISHERS: &str = "io.modelcontextprotocol.registry/publisher-provided";

/// How deep numbers are looked for.
const DEPTH: usize = 3;

/// The popularity of an item of the list.
pub(super) fn of(item: &str) -> Popularity {
    #[derive(Deserialize)]
    struct Beside {
        /// Without a document inside, what stands beside it is the publisher's.
        #[serde(rename = "server")]
        _document: serde::de::IgnoredAny,
        #[serde(rename = "_meta")]
        meta: serde_json::Map<String, Value>,
    }
    let mut popularity = Popularity::default();
    let beside: Option<Beside> = serde_json::from_str(item).ok();
    for (key, value) in beside.into_iter().flat_map(|beside| beside.meta) {
        if key != PUBLISHERS {
            look(&value, DEPTH, &mut popularity);
        }
    }
    popularity
}

fn look(value: &Value, depth: usize, popularity: &mut Popularity) {
    let Value::Object(fields) = value else { return };
    for (key, value) in fields {
        let plain = key.to_lowercase().replace(['_', '-'], "");
        let place = match plain.as_str() {
            "stars" | "githubstars" | "starcount" | "stargazercount" | "stargazerscount" => {
                &mut popularity.stars
            }
            "downloads" | "downloadcount" | "pulls" | "pullcount" => &mut popularity.downloads,
            _ => {
                if depth > 1 {
                    look(value, depth - 1, popularity);
                }
                continue;
            }
        };
        *place = (*place).max(value.as_u64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_registry_counts_is_known_and_what_publishers_say_is_not() {
        for (item, stars, downloads) in [
            (
                r#"{"server": {}, "_meta": {"com.example/server": {"githubStars": 7, "x": {"download_count": 9}}}}"#,
                Some(7),
                Some(9),
            ),
            (
                r#"{"server": {"_meta": {"a": {"stars": 7}}}, "_meta": {}}"#,
                None,
                None,
            ),
            (
                r#"{"server": {}, "_meta": {"io.modelcontextprotocol.registry/publisher-provided": {"stars": 7}}}"#,
                None,
                None,
            ),
            (
                r#"{"name": "a/b", "_meta": {"x": {"stars": 7}}}"#,
                None,
                None,
            ),
            (
                r#"{"server": {}, "_meta": {"x": {"stars": -7, "pulls": "many", "a": {"b": {"c": {"stars": 1}}}}}}"#,
                None,
                None,
            ),
            ("{", None, None),
        ] {
            assert_eq!(of(item), Popularity { stars, downloads }, "{item}");
        }
    }
}
