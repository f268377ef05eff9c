//! What the frontend says of itself: the answers to `initialize` and `server/discover`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rmcp::model::ProtocolVersion;
use serde_json::value::RawValue;

use super::offer::Offer;
use super::translate::Speech;
use crate::session::Frame;
use crate::session::splice::{self, Existing, Put, quoted};

/// How long an agent of the modern era may rely on a list, in milliseconds: changes reach it within a second.
pub(super) const TTL: &str = "1000";

/// The key under which results of the modern era name their server.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// What every agent is told to begin with; agents' hosts use it to decide when to look at the tools.
const INSTRUCTIONS: &str = "mcpod finds MCP servers, runs them in sandboxed containers and passes their tools on. \
    Tools of active servers are named SERVER__TOOL. To get a capability that is missing: registry-find searches the \
    catalog (or, with what=tools, for a tool), registry-add makes a server active, and registry-exec calls any tool \
    of any active server even if your list of tools was not refreshed.";

/// The capabilities that do not depend on the servers, since any server may become active.
const COMMON: [(&str, &str); 5] = [
    ("completions", "{}"),
    ("logging", "{}"),
    ("prompts", "{\"listChanged\":true}"),
    ("resources", "{\"subscribe\":true,\"listChanged\":true}"),
    ("tools", "{\"listChanged\":true}"),
];

/// The version to speak with an agent, by its `initialize`.
pub(super) fn version_for(asking: &Frame) -> ProtocolVersion {
    let asked = asking.find(&["protocolVersion"]).ok().flatten();
    let asked: Option<String> = asked.and_then(|text| serde_json::from_str(text).ok());
    version(asked.as_deref())
}

/// The version to speak with an agent that asked for one: that one, or the newest that begins with `initialize`.
fn version(asked: Option<&str>) -> ProtocolVersion {
    ProtocolVersion::KNOWN_VERSIONS
        .iter()
        .find(|known| asked == Some(known.as_str()) && known.has_initialize())
        .unwrap_or(&ProtocolVersion::LATEST_WITH_INITIALIZE)
        .clone()
}

/// What the result of a list bears beyond the list, with a comma in front, where the agent speaks so.
pub(super) fn cacheable(speech: Speech) -> String {
    match speech {
        Speech::Legacy => String::new(),
        Speech::Modern => {
            format!(",\"resultType\":\"complete\",\"ttlMs\":{TTL},\"cacheScope\":\"private\"")
        }
    }
}

/// The result of `initialize`, for all servers together.
pub(super) fn initialized(version: &ProtocolVersion, offer: &Offer) -> String {
    format!(
        "{{\"protocolVersion\":{},\"capabilities\":{},\"serverInfo\":{},\"instructions\":{}}}",
        quoted(version.as_str()),
        capabilities(&offer.capabilities),
        info(),
        quoted(INSTRUCTIONS),
    )
}

/// The result of `server/discover`, for all servers together.
pub(super) fn discovered(offer: &Offer) -> String {
    discovery(
        &capabilities(&offer.capabilities),
        Some(&quoted(INSTRUCTIONS)),
        &info(),
    )
}

/// The result of `initialize` for one server alone, whose own words these are.
pub(super) fn initialized_as(server: &RawValue, version: &ProtocolVersion) -> Option<String> {
    let words = server.get();
    let version = quoted(version.as_str());
    if part(words, &["protocolVersion"]).is_some() {
        let put = Put {
            key: "protocolVersion",
            value: &version,
            existing: Existing::Replace,
        };
        return splice::put(words, &[], &[put]).ok();
    }
    let mut result = format!(
        "{{\"protocolVersion\":{version},\"capabilities\":{},\"serverInfo\":{}",
        part(words, &["capabilities"])?,
        part(words, &["_meta", SERVER_INFO]).map_or_else(info, str::to_owned),
    );
    if let Some(instructions) = part(words, &["instructions"]) {
        // Writing to a String cannot fail.
        write!(result, ",\"instructions\":{instructions}").ok();
    }
    result.push('}');
    Some(result)
}

/// The result of `server/discover` for one server alone, whose own words these are.
pub(super) fn discovered_as(server: &RawValue) -> Option<String> {
    let words = server.get();
    if part(words, &["supportedVersions"]).is_some() {
        return Some(words.to_owned());
    }
    Some(discovery(
        part(words, &["capabilities"])?,
        part(words, &["instructions"]),
        &part(words, &["serverInfo"]).map_or_else(info, str::to_owned),
    ))
}

/// A `DiscoverResult` of parts.
fn discovery(capabilities: &str, instructions: Option<&str>, info: &str) -> String {
    let instructions =
        instructions.map_or(String::new(), |text| format!("\"instructions\":{text},"));
    format!(
        "{{\"resultType\":\"complete\",\"supportedVersions\":[{}],\"capabilities\":{capabilities},{instructions}\
         \"ttlMs\":{TTL},\"cacheScope\":\"private\",\"_meta\":{{\"{SERVER_INFO}\":{info}}}}}",
        quoted(ProtocolVersion::LATEST.as_str()),
    )
}

/// mcpod as an `Implementation`.
fn info() -> String {
    format!(
        "{{\"name\":\"mcpod\",\"title\":\"mcpod\",\"version\":{}}}",
        quoted(env!("CARGO_PKG_VERSION"))
    )
}

/// The common capabilities and those that servers declare beyond them, such as tasks and extensions.
fn capabilities(declared: &BTreeMap<String, Vec<Box<RawValue>>>) -> String {
    let mut all: Vec<(String, String)> = COMMON
        .iter()
        .map(|(name, value)| (quoted(name), (*value).to_owned()))
        .collect();
    for (name, values) in declared {
        if !COMMON.iter().any(|(common, _)| common == name) {
            all.push((quoted(name), merged(values)));
        }
    }
    object(&all)
}

/// Objects that several servers declare under one name, as one; the first to say something is heard.
fn merged(values: &[Box<RawValue>]) -> String {
    let mut members: Vec<(String, String)> = Vec::new();
    for value in values {
        let walked = splice::walk_members(value.get(), |member| {
            if !members.iter().any(|(key, _)| key == member.key) {
                members.push((member.key.to_owned(), member.value.to_owned()));
            }
        });
        if walked.is_err() {
            // It is no object: only one of them can be said.
            return value.get().to_owned();
        }
    }
    object(&members)
}

/// An object of keys, quoted, and values.
fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(key, value)| format!("{key}:{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// A part of what a server said of itself.
fn part<'a>(words: &'a str, path: &[&str]) -> Option<&'a str> {
    splice::find(words, path)
        .ok()?
        .filter(|part| *part != "null")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    fn read(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_agent_gets_the_version_it_asks_for_or_the_newest() {
        for (asked, spoken) in [
            (Some("2024-11-05"), "2024-11-05"),
            (Some("2025-06-18"), "2025-06-18"),
            (Some("2026-07-28"), "2025-11-25"),
            (Some("1999-01-01"), "2025-11-25"),
            (None, "2025-11-25"),
        ] {
            assert_eq!(version(asked).as_str(), spoken);
        }
    }

    #[test]
    fn what_servers_declare_is_declared() {
        let mut offer = Offer::default();
        let declared = [
            ("tools", json!({})),
            ("tasks", json!({"list": {}})),
            ("extensions", json!({"a": {"n": 1}})),
            ("extensions", json!({"a": {"n": 2}, "b": {}})),
        ];
        for (name, value) in declared {
            let values = offer.capabilities.entry(name.to_owned()).or_default();
            values.push(raw(&value));
        }
        let result = read(&initialized(&version(None), &offer));
        let capabilities = &result["capabilities"];
        assert_eq!(capabilities["tools"], json!({"listChanged": true}));
        assert_eq!(capabilities["tasks"], json!({"list": {}}));
        assert_eq!(capabilities["extensions"], json!({"a": {"n": 1}, "b": {}}));
        assert_eq!(read(&discovered(&offer))["capabilities"], *capabilities);
    }

    #[test]
    fn one_server_alone_speaks_for_itself_in_either_era() {
        let old = json!({"protocolVersion": "2024-11-05", "capabilities": {"x": {}}, "serverInfo": {"name": "s"}, "new": 1});
        let words = initialized_as(&raw(&old), &version(Some("2025-11-25"))).unwrap();
        let mut expected = old.clone();
        expected["protocolVersion"] = json!("2025-11-25");
        assert_eq!(read(&words), expected);
        let words = read(&discovered_as(&raw(&old)).unwrap());
        assert_eq!(words["capabilities"], json!({"x": {}}));
        assert_eq!(words["_meta"][SERVER_INFO], json!({"name": "s"}));

        let new = json!({"supportedVersions": ["2026-07-28"], "capabilities": {}, "instructions": "i",
            "_meta": {SERVER_INFO: {"name": "t"}}});
        assert_eq!(read(&discovered_as(&raw(&new)).unwrap()), new);
        let words = read(&initialized_as(&raw(&new), &version(None)).unwrap());
        assert_eq!(words["serverInfo"], json!({"name": "t"}));
        assert_eq!(words["instructions"], "i");
    }
}
