//! The program as a user starts it, on a host that has no systemd of the user's: what works without one, and what is said.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a failing unwrap is a failing test"
)]

mod attach;
mod bare;
mod catalog;
mod command_line;
mod picker;
mod serve;
mod shapes;
mod terminal;
