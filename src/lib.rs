//! mcpod: MCP servers as systemd units.

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
pub mod catalog;
pub mod podman;
pub mod quadlet;
pub mod settings;
pub mod systemd;
pub mod text;
pub mod unit_dir;
