//! TLS: which cryptography it is done with.

use reqwest::{Client, ClientBuilder};

/// Chooses ring for every TLS connection of this process. Who connects with TLS by other means than [`client`] calls it
/// first.
pub fn install() {
    // An error says that a choice was made before, which is as good.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
}

/// A new HTTP client, still without settings. Without the choice that is made here, building one panics, even one that
/// will never speak TLS; so clippy.toml forbids the other ways.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where clients come from"
)]
pub fn client() -> ClientBuilder {
    install();
    Client::builder()
}
