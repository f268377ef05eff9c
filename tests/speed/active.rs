//! A server that is active while something is measured.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::echo;
use crate::image::{Cgroups, ECHO, podman_run};
use crate::peer::Peer;
use crate::place::Place;
use crate::process;

/// An active server; removed when dropped.
#[derive(Debug)]
pub(crate) struct Active<'a> {
    place: &'a Place,
    pub(crate) name: String,
    socket: PathBuf,
}

impl<'a> Active<'a> {
    /// Adds a server, and waits until all that ran for it is gone.
    pub(crate) fn add(place: &'a Place, reference: &str, name: &str) -> Self {
        Self::add_with(place, reference, name, &[])
    }

    /// Adds a server of [`ECHO`] that can say its name.
    pub(crate) fn add_named(place: &'a Place, name: &str, options: &[&str]) -> Self {
        let knows = format!("{}={name}", echo::SERVER);
        Self::add_with(place, ECHO, name, &[&["--env", &knows], options].concat())
    }

    fn add_with(place: &'a Place, reference: &str, name: &str, options: &[&str]) -> Self {
        place.mcpod(&[&["add", reference, "--name", name], options].concat());
        place.quiet(0);
        Self {
            place,
            name: name.to_owned(),
            socket: place.runtime.join(format!("mcpod/{name}.sock")),
        }
    }

    /// Connects to its socket; nothing is said yet.
    pub(crate) fn connect(&self) -> Peer<UnixStream, UnixStream> {
        let socket = UnixStream::connect(&self.socket).unwrap();
        Peer::new(socket.try_clone().unwrap(), socket)
    }

    /// Stops its sessions, as whoever closes one does, and waits until they have ended.
    pub(crate) fn stop_sessions(&self) {
        let sessions = format!("mcpod-{}@*.service", self.name);
        process::run(Command::new("systemctl").args(["--user", "stop", &sessions]));
    }

    /// `mcpod attach` of it, not started yet.
    pub(crate) fn attach(&self) -> Command {
        let mut command = Command::new(&self.place.mcpod);
        command.args(["attach", &self.name]);
        command
    }

    /// Starts `mcpod attach` with pipes, as most programs do.
    pub(crate) fn attach_by_pipes(&self) -> (Child, Peer<ChildStdout, ChildStdin>) {
        let mut command = self.attach();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let peer = Peer::new(child.stdout.take().unwrap(), child.stdin.take().unwrap());
        (child, peer)
    }

    /// Starts `mcpod attach` with a pair of sockets for each stream, as Node.js does.
    pub(crate) fn attach_by_sockets(&self) -> (Child, Peer<UnixStream, UnixStream>) {
        let (input, its_input) = UnixStream::pair().unwrap();
        let (output, its_output) = UnixStream::pair().unwrap();
        let mut command = self.attach();
        let child = command
            .stdin(std::os::fd::OwnedFd::from(its_input))
            .stdout(std::os::fd::OwnedFd::from(its_output))
            .spawn()
            .unwrap();
        (child, Peer::new(output, input))
    }

    /// `podman run` of the same image with the same options, not started yet.
    pub(crate) fn podman_run(&self, cgroups: Cgroups) -> Command {
        let unit = format!("systemd/generator/mcpod-{}@.service", self.name);
        let unit = std::fs::read_to_string(self.place.runtime.join(unit)).unwrap();
        podman_run(&unit, cgroups)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.place.mcpod(&["remove", &self.name]);
        }
    }
}
