//! Units: the properties that the fake has of each, and of services and sockets.

use std::sync::{Arc, Mutex};

#[derive(Debug)]
pub(super) struct Unit {
    pub(super) state: Arc<Mutex<&'static str>>,
}

#[zbus::interface(name = "org.freedesktop.systemd1.Unit")]
impl Unit {
    #[zbus(property)]
    fn load_state(&self) -> &'static str {
        "loaded"
    }
    #[zbus(property)]
    fn active_state(&self) -> &'static str {
        *self.state.lock().unwrap()
    }
    #[zbus(property)]
    fn sub_state(&self) -> &'static str {
        "failed"
    }
    #[zbus(property)]
    fn need_daemon_reload(&self) -> bool {
        true
    }
    #[zbus(property)]
    fn state_change_timestamp(&self) -> u64 {
        1_000_000
    }
    #[zbus(property, name = "InvocationID")]
    fn invocation_id(&self) -> Vec<u8> {
        (0..16).collect()
    }
}

#[derive(Debug)]
pub(super) struct Service;

#[zbus::interface(name = "org.freedesktop.systemd1.Service")]
impl Service {
    #[zbus(property)]
    fn result(&self) -> &'static str {
        "oom-kill"
    }
    #[zbus(property)]
    fn exec_main_code(&self) -> i32 {
        2
    }
    #[zbus(property)]
    fn exec_main_status(&self) -> i32 {
        9
    }
    #[zbus(property, name = "MainPID")]
    fn main_pid(&self) -> u32 {
        4321
    }
    #[zbus(property)]
    fn memory_current(&self) -> u64 {
        u64::MAX
    }
    #[zbus(property)]
    fn memory_max(&self) -> u64 {
        512 << 20
    }
    #[zbus(property, name = "CPUUsageNSec")]
    fn cpu_usage(&self) -> u64 {
        1_500_000_000
    }
    #[zbus(property)]
    fn tasks_current(&self) -> u64 {
        3
    }
    #[zbus(property)]
    fn tasks_max(&self) -> u64 {
        u64::MAX
    }
}

#[derive(Debug)]
pub(super) struct Socket {
    listen: Vec<(&'static str, String)>,
}

impl Socket {
    pub(super) fn at(address: &str) -> Self {
        let other = ("FIFO", "/run/fifo".to_owned());
        Self {
            listen: vec![other, ("Stream", address.to_owned())],
        }
    }
}

#[zbus::interface(name = "org.freedesktop.systemd1.Socket")]
impl Socket {
    #[zbus(property)]
    fn listen(&self) -> Vec<(&'static str, String)> {
        self.listen.clone()
    }
    #[zbus(property, name = "NConnections")]
    fn connections(&self) -> u32 {
        2
    }
    #[zbus(property, name = "NAccepted")]
    fn accepted(&self) -> u32 {
        40
    }
    #[zbus(property, name = "NRefused")]
    fn refused(&self) -> u32 {
        1
    }
}
