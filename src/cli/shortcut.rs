//! Commands that are read without the parser of all others.

use std::ffi::OsString;

use super::{Cli, Command, attach, guard, search, serve};

/// What was typed, if it is a command that agents and units keep running, or that scripts and pickers start for each key that is typed:
/// it does without the parser of all others, the time that takes at the start, and the memory. Whatever is wrong with it, the whole
/// parser says.
pub(super) fn quick(words: &[OsString]) -> Option<Cli> {
    let (command, rest) = words.split_first()?;
    let command = match (command.to_str()?, rest) {
        ("attach", [name]) => {
            let name = name.to_str()?;
            if name.starts_with('-') {
                return None;
            }
            Command::Attach(attach::Arguments::of(name.to_owned()))
        }
        ("serve", []) => Command::Serve(serve::Arguments::default()),
        ("serve", [http]) if http == "--http" => Command::Serve(serve::Arguments::over_http("")?),
        ("serve", [http, address]) if http == "--http" => {
            Command::Serve(serve::Arguments::over_http(address.to_str()?)?)
        }
        ("serve", [_, ..]) => Command::Serve(alone(words)?),
        ("bridge", [_, ..]) => Command::Bridge(alone(words)?),
        ("egress", [_, ..]) => Command::Egress(alone(words)?),
        ("guard", []) => Command::Guard(guard::Arguments::default()),
        ("guard", [_, ..]) => Command::Guard(alone(words)?),
        ("search", [_, ..]) => {
            Command::Search(search::Arguments::of_words(rest).map_or_else(|| alone(words), Some)?)
        }
        _ => return None,
    };
    Some(Cli { command })
}

/// The arguments of a command, its own name first, if they are as it wants them.
fn alone<A: clap::Args>(words: &[OsString]) -> Option<A> {
    let parser = A::augment_args(clap::Command::new("mcpod").disable_help_flag(true));
    let matches = parser.try_get_matches_from(words);
    A::from_arg_matches(&matches.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn what_is_read_without_the_whole_parser_is_what_it_would_read() {
        for line in [
            "attach time",
            "serve",
            "serve --lazy",
            "serve --server time",
            "serve --http",
            "serve --http 127.0.0.1:1",
            "guard",
            "search a database --limit 3 --json",
            "search postgres --json",
            "search --json query a database",
            "search --json",
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let quick = quick(&words).unwrap();
            let whole = Cli::try_parse_from(["mcpod".into()].iter().chain(&words)).unwrap();
            assert_eq!(format!("{quick:?}"), format!("{whole:?}"), "{line}");
        }
        for line in [
            "serve --help",
            "serve --lazy --server x",
            "serve --http nowhere",
            "attach --help",
            "search --no-such",
            "search --json --json",
            "guard -v",
            "list",
            "",
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert!(quick(&words).is_none(), "{line}");
        }
    }
}
