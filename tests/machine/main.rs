//! mcpod on a real container host: systemd, Podman and servers that others wrote.
//!
//! Each test enters the test machine (`tests/machine/machine`), which must be booted and hold the binary under test;
//! `tests/run` sees to both. One at a time: they share the machine.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a failing unwrap is a failing test"
)]

mod agent;
mod bundles;
mod calls;
mod catalog;
mod chain;
mod changes;
mod command;
mod compiled;
mod doctor;
mod documents;
mod escaping;
mod export;
mod failures;
mod git;
mod host;
mod hostile;
mod http;
mod idle;
mod inputs;
mod interrupted;
mod limits;
mod machine;
mod network;
mod orphans;
mod other_user;
mod packages;
mod readme;
mod reboot;
mod refresh;
mod remote;
mod remotely;
mod running;
mod sandbox;
mod secrets;
mod serve;
mod server;
#[path = "../fixtures/shapes.rs"]
mod shapes;
mod shared;
mod signatures;
mod tool_containers;
mod trust;
mod watching;
mod web;
