//! The `mcpod` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcpod::cli::run()
}
