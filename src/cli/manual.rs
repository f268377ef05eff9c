//! The manual pages, which packages install: one for each command, from what its help says, and one for what `--json` prints.

mod json;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::output::{Failure, Output};

/// The program, as it is named in the corners of pages.
const SOURCE: &str = concat!("mcpod ", env!("CARGO_PKG_VERSION"));

/// The book that the pages are of.
const MANUAL: &str = "MCP servers as systemd units";

/// Exit codes, as `output::Outcome` has them.
const CODES: [(&str, &str); 7] = [
    ("0", "It was done."),
    ("1", "It failed."),
    ("2", "It was asked for in a way that makes no sense."),
    ("3", "There is no such server or entry."),
    ("4", "The server needs inputs that were not given."),
    ("5", "The tool reported an error."),
    ("6", "This host lacks something; mcpod doctor says what."),
];

/// Variables of the environment that are looked at.
const VARIABLES: [(&str, &str); 4] = [
    (
        "MCPOD_LOG",
        "What is logged: a level (error, warn, info, debug), or levels of modules, as in warn,mcpod::session=debug.",
    ),
    ("NO_COLOR", "Where it is set, nothing is coloured."),
    (
        "XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_CACHE_HOME",
        "Where settings, secrets and the catalog lie. Units lie where the user's systemd has XDG_CONFIG_HOME.",
    ),
    (
        "XDG_RUNTIME_DIR",
        "Where sockets lie; /run/user/UID where it is not set.",
    ),
];

/// Files that are read and written.
const FILES: [(&str, &str); 6] = [
    (
        "~/.config/systemd/user/mcpod-NAME.socket",
        "The socket of the active server NAME, and its record.",
    ),
    (
        "~/.config/containers/systemd/mcpod-NAME@.container",
        "The template of its sessions. Changes belong into mcpod-NAME@.container.d/*.conf beside it.",
    ),
    (
        "/usr/lib/mcpod/config.d/*.toml, /etc/mcpod/config.d/*.toml, ~/.config/mcpod/config.toml",
        "Settings, a later file winning.",
    ),
    (
        "$XDG_RUNTIME_DIR/mcpod/NAME.sock",
        "Where NAME is spoken to: MCP in lines.",
    ),
    (
        "~/.local/share/mcpod/secrets",
        "Secrets, encrypted by systemd.",
    ),
    (
        "~/.cache/mcpod",
        "The catalog. It may be deleted at any time.",
    ),
];

/// Write the manual pages into a folder, for packages
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder; it is made if it is not there
    folder: PathBuf,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<ExitCode, Failure> {
    let folder = &arguments.folder;
    let failed =
        |error| anyhow::Error::new(error).context(format!("cannot write to {}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    for (name, page) in pages().map_err(failed)? {
        std::fs::write(folder.join(&name), page).map_err(failed)?;
        output.text(&name);
    }
    Ok(ExitCode::SUCCESS)
}

/// All pages, by the names of their files.
fn pages() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = super::Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = vec![("mcpod-json.5".to_owned(), json::page()?)];
    let mut commands = vec![&command];
    while let Some(command) = commands.pop() {
        commands.extend(
            command
                .get_subcommands()
                .filter(|command| !command.is_hide_set()),
        );
        pages.push(page(command)?);
    }
    Ok(pages)
}

/// The page of a command.
fn page(command: &Command) -> std::io::Result<(String, Vec<u8>)> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let is_first = name == "mcpod";
    let man = Man::new(command.clone()).source(SOURCE).manual(MANUAL);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(after) = command.get_after_help() {
        page.extend(remarks(&after.to_string()).to_roff().into_bytes());
    }
    let mut more = Roff::new();
    if is_first {
        described(&mut more, "EXIT STATUS", &CODES);
        described(&mut more, "ENVIRONMENT", &VARIABLES);
        described(&mut more, "FILES", &FILES);
    }
    more.control("SH", ["SEE ALSO"]);
    more.text([roman(if is_first {
        "mcpod-json(5), podman-systemd.unit(5), systemd.socket(5), journalctl(1)"
    } else {
        "mcpod(1), mcpod-json(5)"
    })]);
    page.extend(more.to_roff().into_bytes());
    Ok((format!("{name}.1"), page))
}

/// What stands behind a command's help: words, and examples as they are typed.
fn remarks(after: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["REMARKS"]);
    let mut is_example = false;
    for line in after.lines() {
        if line == "Examples:" {
            roff.control("SH", ["EXAMPLES"]);
        } else if line.starts_with(' ') != is_example {
            is_example = !is_example;
            roff.control(if is_example { "nf" } else { "fi" }, []);
            roff.text([roman(line)]);
        } else if line.is_empty() {
            roff.control("PP", []);
        } else {
            roff.text([roman(line)]);
        }
    }
    if is_example {
        roff.control("fi", []);
    }
    roff
}

/// A section of things and what they are.
fn described(roff: &mut Roff, heading: &str, things: &[(&str, &str)]) {
    roff.control("SH", [heading]);
    for (thing, what) in things {
        item(roff, vec![bold(*thing)], what);
    }
}

/// A thing and what it is.
fn item(roff: &mut Roff, thing: Vec<Inline>, what: &str) {
    roff.control("TP", []);
    roff.text(thing);
    roff.text([roman(what)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_examples() {
        let pages = pages().unwrap();
        let page = |name: &str| {
            let (_, page) = pages.iter().find(|(file, _)| file == name).unwrap();
            String::from_utf8(page.clone()).unwrap()
        };
        let mut command = super::super::Cli::command();
        command.build();
        let visible = command
            .get_subcommands()
            .filter(|command| !command.is_hide_set() && command.get_name() != "help");
        for command in visible {
            let text = page(&format!("mcpod-{}.1", command.get_name()));
            assert!(text.contains(".SH EXAMPLES"), "{text}");
            assert!(
                text.contains(".SH SYNOPSIS") && text.contains(".SH OPTIONS"),
                "{text}"
            );
        }
        assert!(!pages.iter().any(|(file, _)| file.contains("guard")));
        assert!(page("mcpod-secret-set.1").contains("\\-\\-file"));
        let first = page("mcpod.1");
        for (code, what) in CODES {
            assert!(
                first.contains(&format!("\\fB{code}\\fR\n{what}")),
                "{code}: {first}"
            );
        }
    }
}
