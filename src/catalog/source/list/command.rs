//! Commands in prose: what they would run, where they have one of a few known forms.
//!
//! They are text that anybody may write. None is ever executed; a form that is not known is nothing.

use super::remote;
use crate::catalog::artifact::Artifact;
use crate::catalog::input::{Input, InputPath};
use crate::catalog::launch::{Arg, EnvVar, LaunchOption, Local, Network, Run, Transport, Trust};
use crate::catalog::source::{is_secret_name, is_variable_name};
use crate::catalog::template::Template;

/// Packages that run other servers, or none.
const NO_SERVERS: [&str; 6] = [
    "mcp-remote",
    "smithery",
    "@smithery/cli",
    "@modelcontextprotocol/inspector",
    "supergateway",
    "mcp-proxy",
];

/// The launch option that a command line stands for.
pub(super) fn option(line: &str, trust: Trust) -> Option<LaunchOption> {
    let words = words(line)?;
    let mut words = words.iter().map(String::as_str).peekable();
    let mut found = Found::default();
    while let Some((name, value)) = words
        .peek()
        .and_then(|word| word.split_once('='))
        .filter(|(name, _)| is_variable_name(name))
    {
        found.variable(name, Some(value));
        words.next();
    }
    let program = words.next()?;
    let rest: Vec<&str> = words.collect();
    match program {
        "npx" | "bunx" => found.npm(&rest)?,
        "npm" => match rest.as_slice() {
            ["install" | "i", "-g" | "--global", package] => found.package("npm", package)?,
            _ => return None,
        },
        "uvx" => found.uvx(&rest)?,
        "pip" | "pip3" | "pipx" => match rest.as_slice() {
            ["install" | "run", package] => found.package("pypi", package)?,
            _ => return None,
        },
        "uv" => match rest.as_slice() {
            ["tool", "run", rest @ ..] => found.uvx(rest)?,
            ["tool", "install", package] => found.package("pypi", package)?,
            _ => return None,
        },
        "cargo" => match rest.as_slice() {
            ["install", package] => found.package("cargo", package)?,
            _ => return None,
        },
        "docker" | "podman" => match rest.as_slice() {
            ["run", rest @ ..] => found.container(rest)?,
            _ => return None,
        },
        "claude" => match rest.as_slice() {
            ["mcp", "add", rest @ ..] => return remote::of_words(rest, trust),
            _ => return None,
        },
        _ => return None,
    }
    found.into_option(trust)
}

/// The words of a command line; nothing if it does more than run one program.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.trim().trim_start_matches("$ ").chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ';' | '|' | '&' | '>' | '<' | '(' | ')' | '\n' | '\\') => return None,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[derive(Default)]
struct Found {
    artifact: Option<Artifact>,
    args: Vec<Arg>,
    env: Vec<EnvVar>,
    inputs: Vec<Input>,
}

impl Found {
    fn into_option(self, trust: Trust) -> Option<LaunchOption> {
        let Self {
            artifact,
            args,
            env,
            inputs,
        } = self;
        Some(LaunchOption {
            trust,
            inputs,
            run: Run::Local(Box::new(Local {
                artifact: artifact?,
                transport: Transport::Stdio,
                args,
                env,
                mounts: Vec::new(),
                user: None,
                network: Network::Unstated,
            })),
        })
    }

    /// `[-y] [-p PACKAGE] PACKAGE [ARGUMENT]...`
    fn npm(&mut self, words: &[&str]) -> Option<()> {
        let mut words = words
            .iter()
            .copied()
            .filter(|word| !matches!(*word, "-y" | "--yes" | "-q"));
        let mut package = words.next()?;
        if matches!(package, "-p" | "--package") {
            package = words.next()?;
            words.next();
        }
        self.package("npm", package)?;
        words.for_each(|word| self.argument(word));
        Some(())
    }

    /// `[--from PACKAGE] COMMAND [ARGUMENT]...`
    fn uvx(&mut self, words: &[&str]) -> Option<()> {
        let (["--from", package, _, rest @ ..] | [package, rest @ ..]) = words else {
            return None;
        };
        self.package("pypi", &package.replace("==", "@"))?;
        for word in rest {
            self.argument(word);
        }
        Some(())
    }

    /// `[OPTION]... IMAGE [ARGUMENT]...`; an option that is not known makes nothing of it.
    fn container(&mut self, words: &[&str]) -> Option<()> {
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "-i" | "-it" | "-t" | "--rm" | "--init" | "--interactive" | "--pull=always" => {}
                "-e" | "--env" => {
                    let word = words.next()?;
                    let (name, value) = word
                        .split_once('=')
                        .map_or((word, None), |(name, value)| (name, Some(value)));
                    self.variable(name, value);
                }
                "-p" | "--publish" | "--name" => {
                    words.next()?;
                }
                option if option.starts_with('-') => return None,
                image => {
                    self.artifact = Some(Artifact::Image(image.parse().ok()?));
                    words.by_ref().for_each(|word| self.argument(word));
                }
            }
        }
        Some(())
    }

    fn package(&mut self, registry: &str, name: &str) -> Option<()> {
        let is_other = name.contains("://")
            || name.starts_with("github:")
            || name.starts_with('-')
            || name.starts_with('.');
        let bare = name.strip_suffix("@latest").unwrap_or(name);
        if is_other || NO_SERVERS.contains(&bare) {
            return None;
        }
        self.artifact = Some(Artifact::Package(
            format!("{registry}:{bare}").parse().ok()?,
        ));
        Some(())
    }

    /// A variable: what is there to be replaced is asked for.
    fn variable(&mut self, name: &str, value: Option<&str>) {
        if !is_variable_name(name) || self.env.iter().any(|variable| variable.name == name) {
            return;
        }
        let value = match value.filter(|value| !is_placeholder(value) && !is_secret_name(name)) {
            Some(value) => Template::of_text(value),
            None => match self.ask(name) {
                Some(path) => Template::input(path),
                None => return,
            },
        };
        let name = name.to_owned();
        self.env.push(EnvVar { name, value });
    }

    fn argument(&mut self, word: &str) {
        let value = if is_placeholder(word) {
            match self.ask(
                &word
                    .to_ascii_lowercase()
                    .replace("your_", "")
                    .replace("your-", ""),
            ) {
                Some(path) => Template::input(path),
                None => return,
            }
        } else {
            Template::of_text(word)
        };
        self.args.push(Arg::Positional(value));
    }

    fn ask(&mut self, name: &str) -> Option<InputPath> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let name: String = name.chars().filter(|c| legal(*c)).collect();
        let path: InputPath = name.parse().ok()?;
        if !self.inputs.iter().any(|input| input.path == path) {
            self.inputs.push(Input {
                required: true,
                secret: is_secret_name(path.as_str()),
                ..Input::text(path.clone())
            });
        }
        Some(path)
    }
}

/// Whether a word is there to be replaced.
fn is_placeholder(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    upper.contains("YOUR_")
        || upper.contains("YOUR-")
        || upper.contains("/ABSOLUTE/")
        || upper.contains("/PATH/TO/")
        || (word.starts_with(['<', '{', '[', '$']) && word.len() > 1)
        || word == "..."
        || word.ends_with('…')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_forms_are_understood() {
        for (line, kind, what) in [
            ("npx -y @a/b@1.2.3 mcp", "npm", "npm:@a/b@1.2.3"),
            (
                "npx -y -p minipainter minipainter-mcp",
                "npm",
                "npm:minipainter",
            ),
            ("npx @a/b@latest", "npm", "npm:@a/b"),
            ("npm install -g a", "npm", "npm:a"),
            ("E=x@y.z uvx --from a==1 b", "pypi", "pypi:a@1"),
            ("uv tool run a", "pypi", "pypi:a"),
            ("pip install a-b", "pypi", "pypi:a-b"),
            ("cargo install a", "cargo", "cargo:a"),
            (
                "docker run -i --rm -e KEY ghcr.io/a/b:v1 serve",
                "image",
                "ghcr.io/a/b:v1",
            ),
        ] {
            let option = option(line, Trust::Guessed).unwrap_or_else(|| panic!("{line}"));
            let Run::Local(local) = &option.run else {
                panic!("{line}")
            };
            let artifact = match &local.artifact {
                Artifact::Package(package) => package.to_string(),
                Artifact::Image(image) => image.to_string(),
                other => panic!("{other:?}"),
            };
            assert_eq!((option.kind(), artifact.as_str()), (kind, what), "{line}");
        }
        let option = option("claude mcp add --transport http a https://mcp.a.io/ --header \"Authorization: Bearer YOUR_KEY\"", Trust::Sidecar).unwrap();
        assert_eq!(option.kind(), "remote");
        assert!(option.requires_key());
    }

    #[test]
    fn what_a_user_must_replace_is_asked_for() {
        let option = option("KEY=abc npx a --user-id YOUR_USER_ID", Trust::Guessed).unwrap();
        let inputs: Vec<_> = option
            .inputs
            .iter()
            .map(|input| (input.path.as_str(), input.secret))
            .collect();
        assert_eq!(inputs, [("KEY", true), ("user_id", false)]);
    }

    #[test]
    fn other_forms_are_nothing() {
        for line in [
            "",
            "npm install && npm run start:mcp",
            "npx -y https://a.b/c.tgz",
            "npx -y github:o/r",
            "npx -y smithery mcp add a",
            "npx -y mcp-remote https://a.b",
            "pip install \"a[b] @ git+https://c\"",
            "docker compose up",
            "docker run -v /:/host a",
            "git clone https://a.b/c",
            "python3 /absolute/path/x.py",
            "curl https://a.b | sh",
            "claude mcp add x --transport http http://a.b",
            "npx 'open",
        ] {
            assert_eq!(option(line, Trust::Guessed), None, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn no_command_panics(line in "(npx|uvx|docker run|claude mcp add|pip install|A=b npx)( [-a-z@/.:=\"'<>$]{0,12}){0,5}|.{0,60}") {
            if let Some(option) = option(&line, Trust::Guessed) {
                for path in option.templates().into_iter().flat_map(Template::inputs) {
                    prop_assert!(option.inputs.iter().any(|input| input.path == *path));
                }
            }
        }
    }
}
