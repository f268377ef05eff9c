//! `mcpod show`: what an entry of the catalog is, needs and would run.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::output::{Failure, Output};
use crate::catalog::{Artifact, Entry, LaunchOption, Network, Run, Status, Transport};
use crate::orchestrator::reference;

/// Show what a server of the catalog is, needs and would run
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The entry's id, or a name that it alone has
    id: String,
    /// Print the whole entry as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<ExitCode, Failure> {
    let entry = reference::entry(&arguments.id)?;
    if output.is_json() {
        output.json(&entry)?;
    } else {
        output.text(&describe(&entry));
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(entry: &Entry) -> String {
    let mut text = format!("{}\n", entry.title.as_ref().unwrap_or(&entry.name));
    let mut line = |head: &str, value: &str| {
        // Writing to a String cannot fail.
        writeln!(text, "{head:>12}: {value}").ok();
    };
    line("Id", &entry.id.to_string());
    for (head, value) in [
        ("What", &entry.description),
        ("Publisher", &entry.publisher),
        ("Website", &entry.website),
        ("Licence", &entry.license),
        (
            "Code",
            &entry
                .repository
                .as_ref()
                .map(|repository| repository.url.clone()),
        ),
    ] {
        if let Some(value) = value {
            line(head, value);
        }
    }
    if let Status::Deprecated(why) = &entry.status {
        line("Deprecated", why);
    }
    let categories: Vec<String> = entry.categories.iter().map(ToString::to_string).collect();
    line("Categories", &categories.join(", "));
    for (number, option) in (1..).zip(&entry.launch) {
        line(&format!("Runs as {number}"), &launch(option));
        for input in &option.inputs {
            let mut needs = vec![if input.required {
                "required"
            } else {
                "optional"
            }];
            if input.secret {
                needs.push("secret");
            }
            let about = input.description.as_ref().or(input.title.as_ref());
            let about = about.map(|about| format!(": {about}")).unwrap_or_default();
            line("", &format!("{} ({}){about}", input.path, needs.join(", ")));
        }
    }
    for tool in &entry.tools {
        line(
            "Tool",
            &format!(
                "{}: {}",
                tool.name,
                tool.description.as_deref().unwrap_or_default()
            ),
        );
    }
    text
}

/// One way to run a server, in a line.
fn launch(option: &LaunchOption) -> String {
    match &option.run {
        Run::Remote(remote) => format!("remote server at {}", remote.endpoint.url),
        Run::Local(local) => {
            let what = match &local.artifact {
                Artifact::Image(image) => format!("image {image}"),
                Artifact::Package(package) => format!("package {package}"),
                Artifact::Git(git) => format!("built from {}", git.url),
                Artifact::Bundle(bundle) => format!("bundle {}", bundle.url),
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
            format!("{what}, {spoken}, {network}")
        }
    }
}
