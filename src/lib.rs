//! mcpod: MCP servers as systemd units.
//!
//! There is no daemon and no state file. systemd owns the processes; the unit files are the state; the catalog is a file
//! that can be read. This page is the architecture: the modules in the order that data takes.
//!
//! ```text
//! catalog -> plan -> unit text -> unit directory -> systemd -> session -> frontend -> agent
//!  pure      pure    pure,         atomic write,     D-Bus      one unix     MCP
//!                    escaped       one record                   socket
//! ```
//!
//! | module | what it is | invariant |
//! | --- | --- | --- |
//! | [`text`] | hostile text made fit to be shown | nothing that a reader cannot see is left |
//! | [`secret`] | a text that must be shown nowhere | nothing prints it; its memory is overwritten |
//! | [`image`] | references to container images | no text is read as an option or as another image |
//! | [`tls`] | which cryptography connections are made with | every HTTP client comes from it |
//! | [`settings`] | what an administrator and a user set | an unknown key is an error |
//! | [`host`] | who runs us, where files belong | works with `HOME` and `PATH` alone |
//! | [`catalog`] | what servers exist and how each would run | sources are parsed without I/O: same input, same entries |
//! | [`activation`] | one entry and the user's choices become a plan, the plan becomes unit files | no I/O |
//! | [`quadlet`] | the format of unit files | no text ever adds a key, a section, an option or an argument |
//! | [`containerfile`] | the format of recipes of images | no text ever adds an instruction, an option or a word |
//! | [`unit_dir`] | the two directories we write | files are replaced whole, under one lock, and only ours |
//! | [`podman`] | images, over Podman's socket | only it knows podman-api |
//! | [`repository`] | repositories of git, looked at from afar | nothing of one is run |
//! | [`credentials`] | secrets on disk, encrypted by systemd's service | a value in clear is in memory alone |
//! | [`systemd`] | units and jobs, over D-Bus | only it knows zbus; a job's result is never missed |
//! | [`session`] | a live connection to one server | what passes through is changed only where it must be |
//! | [`login`] | tokens for remote servers (OAuth) | one refresh for all; a token goes to its server alone |
//! | [`bridge`] | one connection to a server that is spoken to over HTTP | whatever the server sends, the client hears JSON-RPC |
//! | [`guard`] | stops instances whose client is gone | looks at connections, not at processes |
//! | [`orchestrator`] | runs the whole chain, a list of steps | killed at any moment, nothing is lost or left half done |
//! | [`doctor`] | what the host has and lacks, and what mends it | facts are judged without I/O; only `--fix` changes anything |
//! | [`frontend`] | the MCP server that agents see | messages are changed only where they must be |
//! | [`client_config`] | agents' own configuration files | what a file says of anything but mcpod stays as it is |
//! | [`cli`] | what a user can type | `cli::output` prints results on stdout, all else on stderr; only questions and secrets go past it |
//!
//! What is deliberately absent: a process that runs while no client is connected; a record of what is active besides the
//! unit files; a way for text from a catalog into a unit file but through [`quadlet`]'s keys; a panic on input.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a failing unwrap is a failing test"
    )
)]

pub mod activation;
pub mod bridge;
pub mod catalog;
pub mod cli;
pub mod client_config;
pub mod containerfile;
pub mod credentials;
pub mod doctor;
pub mod frontend;
pub mod guard;
pub mod host;
pub mod image;
pub mod login;
pub mod orchestrator;
pub mod podman;
pub mod quadlet;
pub mod repository;
pub mod secret;
pub mod session;
pub mod settings;
pub mod systemd;
pub mod text;
pub mod tls;
pub mod unit_dir;
