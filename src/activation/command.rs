//! Commands of this host, as a user or an agent writes them. No catalog says so: they run outside of any container.

use std::fmt;
use std::str::FromStr;

use crate::catalog::{
    Arg, Artifact, LaunchOption, Local, Network, Run, Template, Transport, Trust,
};

/// A program of this host and its arguments, written `PROGRAM ARGUMENT...` with words in quotes where they have spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCommand {
    /// Its name, which is looked for where programs lie, or its absolute path.
    pub program: String,
    /// What stands behind it.
    pub arguments: Vec<String>,
}

/// Why a text is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No program is named.
    #[error(
        "no program is named: a command is written command:PROGRAM or \"command:PROGRAM ARGUMENT...\""
    )]
    Empty,
    /// A quote is not closed, or nothing follows a backslash.
    #[error("{text:?} is no command: a quote in it is not closed")]
    Open {
        /// What was given.
        text: String,
    },
    /// The program is neither a name nor an absolute path, or has a character that no path of a unit can have.
    #[error(
        "{program:?} is no program: a command begins with the name of one, or with its absolute path"
    )]
    Program {
        /// What was given.
        program: String,
    },
}

impl HostCommand {
    /// The words of a command, the program first.
    pub fn of_words(words: Vec<String>) -> Result<Self, CommandError> {
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        let program = program.ok_or(CommandError::Empty)?;
        let legal = |c: char| c.is_ascii_alphanumeric() || "._+/-@ ".contains(c);
        let is_path = program.starts_with('/') && !program.ends_with('/');
        let is_name = !program.contains('/') && !program.starts_with(['-', '.', ' ']);
        if !(is_path || is_name) || !program.chars().all(legal) {
            return Err(CommandError::Program { program });
        }
        Ok(Self {
            program,
            arguments: words.collect(),
        })
    }

    /// The way to run it: it speaks on its standard input and output, and gets nothing.
    pub fn launch(self) -> LaunchOption {
        let arguments = self.arguments.iter();
        LaunchOption {
            trust: Trust::Declared,
            inputs: Vec::new(),
            run: Run::Local(Box::new(Local {
                artifact: Artifact::Command(self.program),
                transport: Transport::Stdio,
                args: arguments
                    .map(|word| Arg::Positional(Template::of_text(word)))
                    .collect(),
                env: Vec::new(),
                mounts: Vec::new(),
                user: None,
                network: Network::Unstated,
            })),
        }
    }
}

impl FromStr for HostCommand {
    type Err = CommandError;

    /// Takes a line apart as a shell would, as far as quotes and backslashes go; nothing else has a meaning.
    fn from_str(text: &str) -> Result<Self, CommandError> {
        let open = || CommandError::Open {
            text: text.to_owned(),
        };
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            match (quote, c) {
                (Some(end), c) if c == end => quote = None,
                (None, '"' | '\'') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None | Some('"'), '\\') => {
                    let escaped = characters.next().ok_or_else(open)?;
                    word.get_or_insert_default().push(escaped);
                }
                (None, c) if c.is_whitespace() => words.extend(word.take()),
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        if quote.is_some() {
            return Err(open());
        }
        words.extend(word);
        Self::of_words(words)
    }
}

impl fmt::Display for HostCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
        let words = std::iter::once(&self.program).chain(&self.arguments);
        for (index, word) in words.enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            if !word.is_empty() && word.chars().all(plain) {
                f.write_str(word)?;
            } else {
                write!(f, "'{}'", word.replace('\'', r"'\''"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_command_is_taken_apart_as_a_shell_would() {
        for (text, program, arguments) in [
            ("uvx", "uvx", vec![]),
            (
                "/opt/x/server --at  'a b'",
                "/opt/x/server",
                vec!["--at", "a b"],
            ),
            (
                r#"x "it's" a\ b '$HOME;' """#,
                "x",
                vec!["it's", "a b", "$HOME;", ""],
            ),
        ] {
            let command: HostCommand = text.parse().unwrap();
            assert_eq!(
                (command.program.as_str(), command.arguments.as_slice()),
                (
                    program,
                    &*arguments.into_iter().map(str::to_owned).collect::<Vec<_>>()
                )
            );
        }
        for text in [
            "", "  ", "'x", "x \\", "./x", "a/b", "-x", "/x/", "a=b", "x\u{1b}", "$x", "''",
        ] {
            assert!(text.parse::<HostCommand>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_command_reads_back_as_itself(words in prop::collection::vec("\\PC{0,8}|[ '\"\\\\$a]{0,5}", 0..4)) {
            let words = std::iter::once("/bin/x".to_owned()).chain(words).collect();
            let command = HostCommand::of_words(words).unwrap();
            prop_assert_eq!(command.to_string().parse::<HostCommand>().unwrap(), command);
        }
    }
}
