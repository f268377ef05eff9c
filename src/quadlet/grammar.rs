//! How the value of a key is written: one function for each kind of key.
//!
//! Each either writes a text that Quadlet and systemd read back as the value, or says why there is none.

mod command;
mod pair;
mod scalar;
mod text;

pub(super) use command::{arguments, command, health_command, json_command, podman_option};
pub(super) use pair::{
    container_variable, label, memory, secret_variable, service_variable, volume, volume_option,
};
pub(super) use scalar::{boolean, cpu_share, mode, number, seconds, span};
pub(super) use text::{
    bound_path, bound_path_if_there, bound_paths, capability, documentation, image, network,
    nothing, path, path_inside, recorded, repository, shown, stream, system_calls, token,
    unit_name,
};
