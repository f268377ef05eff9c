//! The Quadlet and systemd unit file format, as a leaf: names, and later sections, keys and escaping.

pub mod name;
