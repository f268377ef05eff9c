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

pub mod quadlet;
pub mod session;
