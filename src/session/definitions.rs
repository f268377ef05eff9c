//! Definitions of tools: which of them a user accepted, and how others differ from those.
//!
//! What a model reads of a tool is its definition, so a definition that changes behind the user's back can make a model do
//! anything. Two definitions are the same whatever the order of members in their objects and however strings are escaped;
//! nothing else of them may differ.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::lists::canonical;

/// The most definitions that are kept of one server, and the most bytes of them: more were never written by anybody in earnest.
const MOST: usize = 20_000;
const BYTES: usize = 64 << 20;

/// A set of definitions, of one tool perhaps several: a server may write other ones for other clients.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Box<RawValue>>", into = "Vec<Box<RawValue>>")]
pub struct Definitions {
    /// As the server wrote them.
    written: BTreeSet<Box<str>>,
    /// Their canonical texts, once something is asked for that was written otherwise: most servers write the same each time, and
    /// to read hundreds of definitions takes longer than all else at a start.
    canonical: OnceLock<BTreeSet<String>>,
    bytes: usize,
}

/// How a tool differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// There was no tool of this name.
    Added,
    /// It is defined in another way.
    Changed,
    /// It is there no longer.
    Removed,
}

/// A tool that differs.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// Its name, as the server has it; empty where it has none that can be read.
    pub tool: String,
    /// How it differs.
    pub change: Difference,
    /// The members of its definition that differ, sorted; only of one that is defined in another way.
    pub parts: Vec<String>,
    /// Its definition before, as the server wrote it.
    pub before: Option<Box<RawValue>>,
    /// Its definition now, as the server wrote it.
    pub after: Option<Box<RawValue>>,
}

impl Definitions {
    /// The definitions in a list.
    pub fn of(tools: &[Box<RawValue>]) -> Self {
        let mut definitions = Self::default();
        for tool in tools {
            definitions.insert(tool.get());
        }
        definitions
    }

    /// Adds those of a list; says whether any was new. What is too much is not taken.
    pub fn add(&mut self, tools: &[Box<RawValue>]) -> bool {
        let before = self.written.len();
        for tool in tools {
            // A server that writes the same otherwise each time adds nothing.
            if !self.contains(tool) && self.insert(tool.get()) {
                let text = canonical(tool.get());
                self.canonical.get_mut().map(|known| known.insert(text));
            }
        }
        self.written.len() > before
    }

    /// Puts one in as it is written, if there is room for it; says whether it did.
    fn insert(&mut self, text: &str) -> bool {
        let has_room = self.written.len() < MOST && self.bytes + text.len() <= BYTES;
        let inserted = has_room && self.written.insert(text.into());
        if inserted {
            self.bytes += text.len();
        }
        inserted
    }

    /// Whether this very definition is among them.
    pub fn contains(&self, tool: &RawValue) -> bool {
        self.written.contains(tool.get()) || self.canonical_texts().contains(&canonical(tool.get()))
    }

    fn canonical_texts(&self) -> &BTreeSet<String> {
        let of_all = || self.written.iter().map(|text| canonical(text)).collect();
        self.canonical.get_or_init(of_all)
    }

    /// The definitions, in no particular order; one that came in several forms may be there in each.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        self.written.iter().map(AsRef::as_ref)
    }

    /// The tools of a list that are not defined as they are here: added or changed. Nothing is said of those that are missing.
    pub fn differing(&self, tools: &[Box<RawValue>]) -> Vec<Change> {
        let differing = tools.iter().filter(|tool| !self.contains(tool));
        let mut changes: Vec<Change> = differing
            .map(|tool| {
                let name = name_of(tool);
                let before = self.tools().find(|known| name_in(known) == name);
                let before = before.and_then(|text| RawValue::from_string(text.to_owned()).ok());
                change(name, before, tool)
            })
            .collect();
        changes.sort_by(|a, b| a.tool.cmp(&b.tool));
        changes
    }

    /// How a list differs from that which a server had before, those that are gone included.
    pub fn changes(before: &[Box<RawValue>], after: &[Box<RawValue>]) -> Vec<Change> {
        let mut changes = Self::of(before).differing(after);
        let names: BTreeSet<String> = after.iter().map(|tool| name_of(tool)).collect();
        let gone = before.iter().filter(|tool| !names.contains(&name_of(tool)));
        changes.extend(gone.map(|tool| Change {
            tool: name_of(tool),
            change: Difference::Removed,
            parts: Vec::new(),
            before: Some(tool.clone()),
            after: None,
        }));
        changes.sort_by(|a, b| a.tool.cmp(&b.tool));
        changes
    }
}

impl From<Vec<Box<RawValue>>> for Definitions {
    fn from(tools: Vec<Box<RawValue>>) -> Self {
        Self::of(&tools)
    }
}

impl From<Definitions> for Vec<Box<RawValue>> {
    fn from(definitions: Definitions) -> Self {
        let written = definitions.written.into_iter();
        // What was raw JSON still is.
        written
            .filter_map(|text| RawValue::from_string(text.into()).ok())
            .collect()
    }
}

impl Change {
    /// On one line, fit to be shown: what differs, and what the tool says of itself now.
    pub fn line(&self) -> String {
        let name = crate::text::shortened(&crate::text::one_line(&self.tool), 100);
        match self.change {
            Difference::Removed => format!("- {name}"),
            Difference::Added => format!("+ {name}: {}", self.description()),
            Difference::Changed => {
                let parts: Vec<String> = self
                    .parts
                    .iter()
                    .take(10)
                    .map(|part| crate::text::shortened(&crate::text::one_line(part), 40))
                    .collect();
                format!("~ {name} ({}): {}", parts.join(", "), self.description())
            }
        }
    }

    /// On one line, fit to be shown: what differs, whole, as the tool has it now.
    pub fn whole(&self) -> String {
        let members = self.after.as_deref().map(members).unwrap_or_default();
        let is_new = |part: &String| match self.change {
            Difference::Changed => self.parts.contains(part),
            Difference::Added | Difference::Removed => part != "name",
        };
        let parts = members.iter().filter(|(part, _)| is_new(part));
        let parts = parts.map(|(part, value)| format!("{part} {value}"));
        let gone = self
            .parts
            .iter()
            .filter(|part| !members.contains_key(*part));
        let gone = gone.map(|part| format!("no {part}"));
        let parts: Vec<String> = parts.chain(gone).collect();
        let sign = match self.change {
            Difference::Added => '+',
            Difference::Changed => '~',
            Difference::Removed => '-',
        };
        crate::text::one_line(&format!("{sign} {}: {}", self.tool, parts.join(", ")))
    }

    fn description(&self) -> String {
        let members = self.after.as_deref().map(members).unwrap_or_default();
        let said = members.get("description").and_then(Value::as_str);
        crate::text::shortened(
            &crate::text::one_line(said.unwrap_or("no description")),
            200,
        )
    }
}

/// The name of a tool; empty where it has none that can be read.
pub fn name_of(tool: &RawValue) -> String {
    name_in(tool.get())
}

fn name_in(tool: &str) -> String {
    let found = super::splice::find(tool, &["name"]).ok().flatten();
    found
        .and_then(|name| serde_json::from_str(name).ok())
        .unwrap_or_default()
}

/// What became of a tool whose definition is new.
fn change(name: String, before: Option<Box<RawValue>>, after: &RawValue) -> Change {
    let parts = before.as_deref().map(|before| {
        let (before, after) = (members(before), members(after));
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let differing = keys
            .into_iter()
            .filter(|key| before.get(*key) != after.get(*key));
        differing.cloned().collect()
    });
    Change {
        tool: name,
        change: if before.is_some() {
            Difference::Changed
        } else {
            Difference::Added
        },
        parts: parts.unwrap_or_default(),
        before,
        after: Some(after.to_owned()),
    }
}

fn members(tool: &RawValue) -> Map<String, Value> {
    serde_json::from_str(tool.get()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(texts: &[&str]) -> Vec<Box<RawValue>> {
        let raw = |text: &&str| RawValue::from_string((*text).to_owned()).unwrap();
        texts.iter().map(raw).collect()
    }

    #[test]
    fn only_what_is_defined_otherwise_differs() {
        let accepted = Definitions::of(&tools(&[
            r#"{"name":"read","description":"Reads","inputSchema":{"a":1,"b":2}}"#,
            r#"{"name":"gone","description":"Was"}"#,
        ]));
        // Another order, other escapes, other blanks: the same.
        let same =
            tools(&[r#"{"inputSchema":{"b":2,"a":1}, "description":"\u0052eads","name":"read"}"#]);
        assert!(accepted.differing(&same).is_empty());
        let now = tools(&[
            r#"{"name":"read","description":"Reads\nand sends \u001b[31mit","inputSchema":{"a":1,"b":3}}"#,
            r#"{"name":"new","description":"Comes"}"#,
            r#"{"name":7}"#,
        ]);
        let lines: Vec<String> = accepted.differing(&now).iter().map(Change::line).collect();
        assert_eq!(
            lines,
            [
                "+ : no description",
                "+ new: Comes",
                "~ read (description, inputSchema): Reads and sends [31mit"
            ]
        );
        let whole: Vec<String> = accepted.differing(&now).iter().map(Change::whole).collect();
        assert_eq!(
            whole,
            [
                "+ :",
                r#"+ new: description "Comes""#,
                r#"~ read: description "Reads\nand sends \u001b[31mit", inputSchema {"a":1,"b":3}"#
            ]
        );
        let before: Vec<Box<RawValue>> = accepted.clone().into();
        let all: Vec<Difference> = Definitions::changes(&before, &now)
            .iter()
            .map(|change| change.change)
            .collect();
        assert_eq!(
            all,
            [
                Difference::Added,
                Difference::Removed,
                Difference::Added,
                Difference::Changed
            ]
        );
    }

    #[test]
    fn all_that_was_ever_accepted_is_and_it_is_kept() {
        let mut accepted = Definitions::of(&tools(&[r#"{"name":"a","description":"1"}"#]));
        let other = tools(&[r#"{"name":"a","description":"2"}"#]);
        assert!(!accepted.contains(&other[0]));
        assert!(accepted.add(&other) && !accepted.add(&other));
        // The same in another form is nothing new.
        assert!(!accepted.add(&tools(&[r#"{"description":"2", "name":"a"}"#])));
        let text = serde_json::to_string(&accepted).unwrap();
        let read: Definitions = serde_json::from_str(&text).unwrap();
        assert!(read.differing(&other).is_empty());
        assert_eq!(read.tools().count(), 2);
    }
}
