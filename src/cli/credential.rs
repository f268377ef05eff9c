//! `mcpod credential`: what Podman's `shell` secret driver runs (podman-secret-create(1)), in Podman's user namespace.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::output::Failure;
use crate::credentials::{CredentialError, Credentials, SERVICE, Store};
use crate::secret::Secret;

/// The variable in which Podman says which secret is meant.
const ID: &str = "SECRET_ID";

/// The most that is read, in bytes: more than Podman takes.
const VALUE_MAX: usize = 1 << 20;

/// Keep secrets for Podman
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    what: What,
    /// The folder with the encrypted secrets
    #[arg(long)]
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    Store,
    Lookup,
    Delete,
    List,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { what, folder } = arguments;
    let store = Store::new(Credentials::at(SERVICE), folder);
    let id = std::env::var(ID).unwrap_or_default();
    match what {
        What::Store => {
            let mut value = Zeroizing::new(String::with_capacity(VALUE_MAX + 1));
            io::stdin()
                .take(VALUE_MAX as u64 + 1)
                .read_to_string(&mut value)
                .context("cannot read the value")?;
            if value.len() > VALUE_MAX {
                return Err(Failure::usage(format!(
                    "the value has more than {VALUE_MAX} bytes"
                )));
            }
            store
                .store(&id, &Secret::from(value.as_str()))
                .map_err(failed)?;
        }
        What::Lookup => {
            let value = store.lookup(&id).map_err(failed)?;
            print(value.expose())?;
        }
        What::Delete => store.delete(&id).map_err(failed)?,
        What::List => {
            let mut ids = store.ids().map_err(failed)?.join("\n");
            ids.push('\n');
            print(&ids)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(text: &str) -> Result<(), Failure> {
    // Not through the standard library's standard output, whose buffer would keep a copy.
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let written = rustix::io::write(io::stdout(), rest)
            .map_err(io::Error::from)
            .context("cannot print")?;
        rest = rest.get(written..).unwrap_or_default();
    }
    io::stdout().flush().context("cannot print")?;
    Ok(())
}

fn failed(error: CredentialError) -> Failure {
    anyhow::Error::new(error).into()
}
