//! TLS: which cryptography it is done with.

/// Chooses ring for every TLS connection of this process. Who makes an HTTP client calls it first: without a choice,
/// making one panics, even one that will never speak TLS.
pub fn install() {
    // An error says that a choice was made before, which is as good.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
}
