//! Words for people: what a launch option runs, what an input takes.

use super::{Artifact, Input, InputKind, InputValue, LaunchOption, Network, Run, Transport, Trust};
use crate::text::one_line;

/// An input, in a line.
pub fn needs(input: &Input) -> String {
    let mut is = vec![
        if input.required {
            "required"
        } else {
            "optional"
        }
        .to_owned(),
    ];
    if input.secret {
        is.push("secret".to_owned());
    }
    let one_or_more = if input.many { "one or more: " } else { "" };
    is.push(format!("{one_or_more}{}", kind(input.kind)));
    if !input.choices.is_empty() {
        let choices: Vec<String> = input
            .choices
            .iter()
            .map(|choice| one_line(choice))
            .collect();
        is.push(format!("one of {}", choices.join(" | ")));
    }
    if let Some(pattern) = &input.pattern {
        is.push(format!("matching {pattern}"));
    }
    match &input.default {
        Some(InputValue::One(value)) => is.push(format!("{} if not set", one_line(value))),
        Some(InputValue::Many(values)) => {
            is.push(format!("{} if not set", one_line(&values.join(" "))));
        }
        None => {}
    }
    if let Some(example) = &input.example {
        is.push(format!("such as {example}"));
    }
    let about = input.description.as_ref().or(input.title.as_ref());
    let about = about.map(|about| format!(": {about}")).unwrap_or_default();
    format!("{} ({}){about}", input.path, is.join(", "))
}

/// What the value of an input is.
fn kind(kind: InputKind) -> &'static str {
    match kind {
        InputKind::Text => "a text",
        InputKind::Number => "a number",
        InputKind::Integer => "a whole number",
        InputKind::Boolean => "true or false",
        InputKind::Path => "a file or folder of this host",
    }
}

/// One way to run a server, in a line.
pub fn launch(option: &LaunchOption) -> String {
    let trust = match option.trust {
        Trust::Declared => "",
        Trust::Sidecar => " (says its maker, in the list)",
        Trust::Guessed => " (guessed from prose)",
    };
    match &option.run {
        Run::Remote(remote) => {
            let login = if remote.login { ", after a login" } else { "" };
            format!("remote server at {}{login}{trust}", remote.endpoint.url)
        }
        Run::Local(local) => {
            let what = match &local.artifact {
                Artifact::Image(image) => format!("image {image}"),
                Artifact::Package(package) => format!("package {package}"),
                Artifact::Git(git) => format!("built from {}", git.url),
                Artifact::Bundle(bundle) => format!("bundle {}", bundle.url),
                Artifact::Tools(tools) => {
                    format!("a container for each call of {} tools", tools.len())
                }
                Artifact::Command(program) => format!("command {program}"),
            };
            let network = match &local.network {
                Network::None => "no network".to_owned(),
                Network::Open => "open network".to_owned(),
                Network::Unstated => "network not stated".to_owned(),
                Network::Allow(hosts) => {
                    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                    format!("network to {}", hosts.join(", "))
                }
            };
            let spoken = match local.transport {
                Transport::Stdio => "stdio",
                Transport::Http(_) => "HTTP",
            };
            format!("{what}, {spoken}, {network}{trust}")
        }
    }
}
