//! YAML, as far as it is written by lines: the entry is a block of lines below the block of servers.
//!
//! There is one agent that needs it. What is written in another way, such as `extensions: {a: ...}`, is not edited.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// By how much what stands in a block is indented where there is nothing to go by.
const INDENT: usize = 2;

pub(super) fn read(text: &str) -> Result<Value, String> {
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

pub(super) fn set(
    text: &str,
    servers: &str,
    name: &str,
    entry: &Map<String, Value>,
) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let Some(block) = block(&lines, 0, lines.len(), 0, servers) else {
        // The key is there in another form, or not at all.
        let mut text = ended(text);
        writeln!(text, "{servers}:").ok()?;
        text.push_str(&rendered(name, entry, INDENT)?);
        return Some(text);
    };
    let inner = indent_within(&lines, &block).unwrap_or(INDENT);
    let (from, to) = match self::block(&lines, block.first + 1, block.end, inner, name) {
        Some(present) => (present.first, present.end),
        None => (block.end, block.end),
    };
    let mut edited = ended(&lines.get(..from)?.concat());
    edited.push_str(&rendered(name, entry, inner)?);
    edited.push_str(&lines.get(to..)?.concat());
    Some(edited)
}

pub(super) fn remove(text: &str, servers: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let block = block(&lines, 0, lines.len(), 0, servers)?;
    let inner = indent_within(&lines, &block)?;
    let present = self::block(&lines, block.first + 1, block.end, inner, name)?;
    let mut edited = lines.get(..present.first)?.concat();
    edited.push_str(&lines.get(present.end..)?.concat());
    Some(edited)
}

/// The lines of a key and of what stands in it.
struct Block {
    first: usize,
    end: usize,
}

/// Finds the block of a key that is indented so, among these lines.
fn block(lines: &[&str], from: usize, to: usize, indent: usize, key: &str) -> Option<Block> {
    let is_head = |line: &str| {
        let rest = line
            .get(indent..)
            .filter(|_| indentation(line) == Some(indent));
        rest.is_some_and(|rest| {
            [
                format!("{key}:"),
                format!("\"{key}\":"),
                format!("'{key}':"),
            ]
            .iter()
            .any(|head| rest.trim_end() == head)
        })
    };
    let first = (from..to).find(|at| lines.get(*at).copied().is_some_and(is_head))?;
    let mut end = first + 1;
    // Blank lines and comments at the end belong to what follows.
    for at in first + 1..to {
        match lines.get(at).copied().and_then(indentation) {
            Some(deeper) if deeper > indent => end = at + 1,
            Some(_) => break,
            None => {}
        }
    }
    Some(Block { first, end })
}

/// How far the lines in a block are indented.
fn indent_within(lines: &[&str], block: &Block) -> Option<usize> {
    (block.first + 1..block.end).find_map(|at| lines.get(at).copied().and_then(indentation))
}

/// The blanks before a line's text; none for a line without any, or with a comment alone.
fn indentation(line: &str) -> Option<usize> {
    let text = line.trim_start_matches(' ');
    let is_text = !text.trim().is_empty() && !text.starts_with('#');
    is_text.then(|| line.len() - text.len())
}

/// An entry as a block. What is in it is written as JSON, which YAML takes too.
fn rendered(name: &str, entry: &Map<String, Value>, indent: usize) -> Option<String> {
    let mut text = String::new();
    writeln!(text, "{:indent$}{name}:", "").ok()?;
    for (key, value) in entry {
        let value = serde_json::to_string(value).ok()?;
        writeln!(text, "{:indent$}  {key}: {value}", "").ok()?;
    }
    Some(text)
}

/// A text that ends its last line.
fn ended(text: &str) -> String {
    let mut text = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
