//! The `mcpod` program: parses what was typed, runs it, exits with its code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    mcpod::cli::run(mcpod::cli::Cli::parse())
}
