//! The defaults: what holds where nothing is set.

use std::time::Duration;

use super::{AgentAdd, Build, Http, Login, Policy, Relabel, Sandbox, Sessions, Settings, Trust};
use crate::activation::limits::Memory;
use crate::catalog::refresh::SourcesFile;
use crate::frontend::http::Address;
use crate::image::ImageReference;

impl Default for Settings {
    fn default() -> Self {
        Self {
            sessions: Sessions {
                // A cold Python server on a loaded machine was seen to need 10 s.
                open_timeout: Duration::from_mins(1),
                call_timeout: Duration::from_mins(5),
                max: 16,
                idle: Some(Duration::from_mins(15)),
            },
            sandbox: Sandbox {
                // Real servers on Node and Python rest at 60 to 90 MB.
                memory: Memory::from_mebibytes(1024),
                cpus: None,
                tasks: 512,
                lifetime: None,
                selinux: Relabel::Keep,
            },
            build: Build {
                node: ImageReference::official("node", "22-slim"),
                python: ImageReference::official("python", "3.12-slim"),
                dotnet: ImageReference::known("mcr.microsoft.com", "dotnet/sdk", "10.0"),
                // The slim ones have neither the headers that crates ask for nor the git that modules do.
                rust: ImageReference::official("rust", "1"),
                go: ImageReference::official("golang", "1"),
                ca_bundle: None,
                proxy: None,
                // Installers were seen to need some hundred MB, compilers more.
                memory: Memory::from_mebibytes(4096),
                tasks: 4096,
            },
            policy: Policy {
                agent_add: AgentAdd::Curated,
                allow_host_commands: false,
            },
            trust: Trust::default(),
            login: Login::default(),
            sources: SourcesFile::default(),
            http: Http {
                address: Address::default(),
                hosts: Vec::new(),
                // The servers behind an agent are closed before, by `[sessions] idle`.
                idle: Duration::from_mins(30),
                url: None,
            },
        }
    }
}
