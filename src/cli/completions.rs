//! `mcpod completions`: what a shell reads to complete commands.

use std::process::ExitCode;

use clap::CommandFactory as _;

use super::output::{Failure, Output};
use crate::doctor::installation::Shell;

/// Print what a shell reads to complete commands of mcpod
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Packages install them; `mcpod doctor --fix` does for you alone.

Examples:
  mcpod completions bash > ~/.local/share/bash-completion/completions/mcpod
  mcpod completions fish > ~/.config/fish/completions/mcpod.fish
  source <(mcpod completions zsh)"
)]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<ExitCode, Failure> {
    output.text(&text(arguments.shell)?);
    Ok(ExitCode::SUCCESS)
}

/// What each shell that `doctor` cares for is to read.
pub(super) fn all() -> Result<Vec<(Shell, String)>, Failure> {
    let of = |shell| match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    Shell::ALL
        .into_iter()
        .map(|shell| Ok((shell, text(of(shell))?)))
        .collect()
}

fn text(shell: clap_complete::Shell) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut super::Cli::command(), "mcpod", &mut bytes);
    String::from_utf8(bytes).map_err(|error| anyhow::Error::new(error).into())
}
