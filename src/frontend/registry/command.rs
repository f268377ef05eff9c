//! What the user can type instead of a tool call, word for word, to give to the user.
//!
//! A value that may be a secret is left out, whoever gave it: the command asks for it.

use crate::activation::inputs::names_secret;
use crate::orchestrator::add::Request;
use crate::orchestrator::config::Change;
use crate::quadlet::name::ServerName;
use crate::quadlet::value::Assignment;

/// `mcpod add` for a request, of whose inputs these are secrets.
pub(super) fn add(request: &Request, secrets: &[String]) -> String {
    let Request {
        reference,
        name,
        choices,
        probe: _,
        consent: _,
        agreed: _,
    } = request;
    let mut words = vec!["mcpod".to_owned(), "add".to_owned(), quoted(reference)];
    if let Some(name) = name {
        words.extend(["--name".to_owned(), name.to_string()]);
    }
    if let Some(launch) = choices.launch {
        words.extend(["--launch".to_owned(), launch.to_string()]);
    }
    for (flag, assignments) in [("--set", &choices.inputs), ("--env", &choices.environment)] {
        for assignment in assignments {
            if secrets.contains(&assignment.name) || names_secret(&assignment.name) {
                words.extend(["--secret".to_owned(), quoted(&assignment.name)]);
            } else {
                words.extend([flag.to_owned(), assigned(assignment)]);
            }
        }
    }
    if let Some(network) = &choices.network {
        words.extend(["--network".to_owned(), quoted(&network.to_string())]);
    }
    words.join(" ")
}

/// `mcpod config` for a change.
pub(super) fn config(server: &ServerName, change: &Change) -> String {
    let Change {
        set,
        environment,
        unset,
        network,
    } = change;
    let mut words = vec!["mcpod".to_owned(), "config".to_owned(), server.to_string()];
    words.extend(set.iter().map(assigned));
    for variable in environment {
        words.extend(["--env".to_owned(), assigned(variable)]);
    }
    for name in unset {
        words.extend(["--unset".to_owned(), quoted(name)]);
    }
    if let Some(network) = network {
        words.extend(["--network".to_owned(), quoted(&network.to_string())]);
    }
    words.join(" ")
}

/// `mcpod accept`.
pub(super) fn accept(server: &ServerName) -> String {
    format!("mcpod accept {server}")
}

/// `mcpod remove`.
pub(super) fn remove(server: &ServerName) -> String {
    format!("mcpod remove {server}")
}

/// `mcpod secret set` for an input or a variable of a server, which is active or to be added from this entry. It asks for the value.
pub(super) fn secret(server: &ServerName, key: &str, entry: Option<&str>) -> String {
    let set = format!("mcpod secret set {}", quoted(&format!("{server}_{key}")));
    match entry {
        Some(entry) => format!("{set} --for {}", quoted(entry)),
        None => set,
    }
}

fn assigned(assignment: &Assignment) -> String {
    quoted(&format!("{}={}", assignment.name, assignment.value))
}

/// A word as a shell reads it back, with nothing hidden in it.
fn quoted(word: &str) -> String {
    let word = crate::text::one_line(word);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::choices::{Choices, Network};
    use crate::orchestrator::add::Consent;

    #[test]
    fn the_command_is_what_a_shell_reads_back_and_holds_no_secret() {
        let inputs = [
            ("a", "it's; rm"),
            ("b", "2"),
            ("pass phrase", "s3cret"),
            ("b", "3"),
        ];
        let variables = [("X", "$HOME"), ("API_KEY", "s3cret")];
        let all = |given: &[(&str, &str)]| {
            let given = given.iter();
            given
                .map(|(name, value)| Assignment::new(*name, *value))
                .collect()
        };
        let request = Request {
            reference: "docker://x/y".to_owned(),
            name: Some("n".parse().unwrap()),
            choices: Choices {
                inputs: all(&inputs),
                environment: all(&variables),
                network: Some(Network::Open),
                ..Choices::default()
            },
            probe: true,
            consent: Consent::Nothing,
            agreed: None,
        };
        assert_eq!(
            add(&request, &["pass phrase".to_owned()]),
            r"mcpod add docker://x/y --name n --set 'a=it'\''s; rm' --set b=2 --secret 'pass phrase' --set b=3 --env 'X=$HOME' --secret API_KEY --network open"
        );
        let change = Change {
            set: all(&[("a", "b c")]),
            environment: all(&[("TZ", "UTC")]),
            unset: vec!["x".to_owned()],
            network: Some("allow:*.b:1,[::1]".parse().unwrap()),
        };
        let server = "n".parse().unwrap();
        assert_eq!(
            config(&server, &change),
            "mcpod config n 'a=b c' --env TZ=UTC --unset x --network 'allow:*.b:1,[::1]'"
        );
        assert_eq!(secret(&server, "TOKEN", None), "mcpod secret set n_TOKEN");
        assert_eq!(
            secret(&server, "TOKEN", Some("official:io.x/y")),
            "mcpod secret set n_TOKEN --for official:io.x/y"
        );
    }
}
