//! `mcpod token`: what agents show to be let in over HTTP.

use std::process::ExitCode;

use super::output::{Failure, Output};
use crate::frontend::http::token::{TokenError, TokenFile};
use crate::host::Host;

/// Print the token that agents show over HTTP, as `Authorization: Bearer TOKEN`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod token
  mcpod token --renew")]
pub(super) struct Arguments {
    /// Make a new token: agents that show the old one are let in no more
    #[arg(long)]
    renew: bool,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    host: &Host,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let file = TokenFile::below(&super::dirs::of(host).await?.data);
    let token = if arguments.renew {
        file.renew()
    } else {
        file.read_or_make()
    }?;
    if output.is_json() {
        output.json(&serde_json::json!({ "token": token }))?;
    } else {
        output.text(&token);
    }
    Ok(ExitCode::SUCCESS)
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let hint = error.hint();
        let failure = Self::from(anyhow::Error::new(error));
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
