//! `mcpod show`: what an entry of the catalog is, needs and would run.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::output::{Failure, Output};
use super::search::catalog;
use crate::catalog::words::{launch, needs};
use crate::catalog::{Entry, Line, Listing, Popularity};
use crate::host::Host;
use crate::orchestrator::reference;
use crate::text::markdown;

/// The most tools that are shown; `--json` has them all.
const TOOLS_MAX: usize = 40;

/// Show what a server of the catalog is, needs and would run
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod show time
  mcpod show docker:github
  mcpod show time --json | jq .launch")]
pub(super) struct Arguments {
    /// The entry's id, or a name that it alone has
    id: String,
    /// Print everything that is known as JSON, the records of all sources among it
    #[arg(long)]
    pub(super) json: bool,
}

impl Arguments {
    /// Those of an entry that was picked.
    pub(super) fn of(id: String) -> Self {
        Self { id, json: false }
    }
}

pub(super) fn run(
    arguments: &Arguments,
    host: &Host,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let listing = reference::listing(&catalog(host)?, &arguments.id)?;
    if output.is_json() {
        output.json(&listing)?;
    } else {
        output.text(&describe(&listing, output.has_color()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A listing in words. The picker shows it too.
pub(super) fn describe(listing: &Listing, color: bool) -> String {
    let Listing { entry, members } = listing;
    let (bold, plain) = if color {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    };
    let mut text = format!(
        "{bold}{}{plain}\n",
        entry.title.as_ref().unwrap_or(&entry.name)
    );
    let mut line = |head: &str, value: &str| {
        // Writing to a String cannot fail.
        writeln!(text, "{head:>12}: {value}").ok();
    };
    line("Id", &entry.id.to_string());
    facts(entry, &mut line);
    for (number, option) in (1..).zip(&entry.launch) {
        line(&format!("Runs as {number}"), &launch(option));
        for input in &option.inputs {
            line("", &needs(input));
        }
    }
    for warning in &entry.warnings {
        line("Note", warning);
    }
    for tool in entry.tools.iter().take(TOOLS_MAX) {
        match &tool.description {
            Some(description) => line("Tool", &format!("{}: {description}", tool.name)),
            None => line("Tool", &tool.name),
        }
    }
    if let Some(more) = entry
        .tools
        .len()
        .checked_sub(TOOLS_MAX)
        .filter(|more| *more > 0)
    {
        line("Tool", &format!("and {more} more; --json shows them"));
    }
    for member in members.iter().filter(|member| member.id != entry.id) {
        line("Also", &member.id.to_string());
        for option in &member.launch {
            line("", &format!("runs as {}", launch(option)));
        }
    }
    for related in &entry.related {
        line("May be", &related.to_string());
    }
    let shown: Vec<&Entry> = if members.is_empty() {
        vec![entry]
    } else {
        members.iter().collect()
    };
    for record in shown.iter().flat_map(|entry| &entry.records) {
        line("Read from", &record.place);
    }
    if let Some(readme) = &entry.readme {
        writeln!(text, "\n{}", markdown::readable(readme, color)).ok();
    }
    text
}

/// What the entry says about itself.
fn facts(entry: &Entry, line: &mut impl FnMut(&str, &str)) {
    let code = entry
        .repository
        .as_ref()
        .map(|repository| match &repository.folder {
            Some(folder) => format!("{} in {folder}", repository.url),
            None => repository.url.to_string(),
        });
    for (head, value) in [
        ("What", entry.description.as_deref()),
        ("Publisher", entry.publisher.as_deref()),
        ("Version", entry.version.as_deref()),
        ("Website", entry.website.as_deref()),
        ("Licence", entry.license.as_deref()),
        ("Code", code.as_deref()),
    ] {
        if let Some(value) = value {
            line(head, value);
        }
    }
    if let Some(why) = entry.status.deprecation() {
        line("Deprecated", why);
    }
    let Popularity { stars, downloads } = entry.popularity;
    for (count, what) in [(stars, "stars"), (downloads, "downloads")] {
        if let Some(count) = count {
            line("Popularity", &format!("{count} {what}"));
        }
    }
    let flags = [
        (entry.official, "by the maker of what it serves"),
        (entry.featured, "recommended by its source"),
    ];
    for (_, flag) in flags.iter().filter(|(is, _)| *is) {
        line("Is", flag);
    }
    let categories: Vec<String> = entry.categories.iter().map(ToString::to_string).collect();
    if !categories.is_empty() {
        line("Categories", &categories.join(", "));
    }
    if !entry.tags.is_empty() {
        let tags: Vec<&str> = entry.tags.iter().map(Line::as_str).collect();
        line("Tags", &tags.join(", "));
    }
    for needed in &entry.requires {
        line("Needs", needed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, Resolution, source};

    fn shown(sources: &[(&str, &str)], id: &str) -> String {
        let parsed = sources.iter().map(|(name, text)| {
            let parsed = source::toml::parse(name, text);
            assert_eq!(parsed.refused, []);
            parsed.entries
        });
        let catalog = Catalog::of(parsed.collect()).unwrap();
        let Resolution::Found(listing) = catalog.find(id).unwrap() else {
            panic!("{id}")
        };
        describe(&listing, false)
    }

    #[test]
    fn an_input_says_what_it_takes() {
        let text = "[[server]]\nname = 'x'\nstars = 12\ndeprecated = 'gone'\n[[server.launch]]\nimage = 'a/b'\nargs = ['{{level}}', '{{folders|into}}', '{{key}}']\n\
            [[server.input]]\npath = 'level'\nkind = 'integer'\nchoices = ['1', \"2\\u001b[31m\"]\ndefault = '1'\n\
            [[server.input]]\npath = 'folders'\nkind = 'path'\nmany = true\nrequired = true\n\
            [[server.input]]\npath = 'key'\nsecret = true";
        let shown = shown(&[("mine", text)], "mine:x");
        for part in [
            "level (optional, a whole number, one of 1 | 2[31m, 1 if not set)",
            "folders (required, one or more: a file or folder of this host)",
            "key (optional, secret, a text)",
            "Popularity: 12 stars",
            "Deprecated: gone",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains('\u{1b}'));
    }

    #[test]
    fn what_others_claim_stands_behind_their_own_ids() {
        let ours = "[[server]]\nname = 'x'\n[[server.launch]]\nimage = 'a/b'";
        let theirs = "[[server]]\nname = 'y'\n[[server.launch]]\nimage = 'a/b'\n[[server.launch]]\npackage = 'npm:evil'";
        let shown = shown(&[("docker", ours), ("official", theirs)], "x");
        let (own, also) = shown.split_once("Also: official:y").unwrap();
        assert!(own.contains("docker:x") && !own.contains("evil"), "{own}");
        assert!(also.contains("runs as package npm:evil"), "{also}");
    }
}
