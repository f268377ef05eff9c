//! systemd's own part of opening a session: the way from a socket to a program, with no container behind it.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::peer::Peer;
use crate::place::{POLL, Place};
use crate::process::run;

/// A socket with a unit behind it that does nothing but start the server of this program; removed when dropped.
#[derive(Debug)]
pub(crate) struct Empty {
    units: PathBuf,
    socket: PathBuf,
}

/// The units' file names.
const FILES: [&str; 2] = ["bench-empty.socket", "bench-empty@.service"];

impl Empty {
    /// Makes it.
    pub(crate) fn make(place: &Place) -> Self {
        let units = place.runtime.join("systemd/user");
        let socket = place.runtime.join("bench-empty.sock");
        let program = std::env::current_exe().unwrap();
        let texts = [
            format!(
                "[Socket]\nListenStream={}\nAccept=yes\nRemoveOnStop=yes\n",
                socket.display()
            ),
            format!(
                "[Unit]\nCollectMode=inactive-or-failed\n\
                 [Service]\nStandardInput=socket\nStandardOutput=socket\nExecStart={} echo\n",
                program.display()
            ),
        ];
        std::fs::create_dir_all(&units).unwrap();
        for (file, text) in FILES.iter().zip(texts) {
            std::fs::write(units.join(file), text).unwrap();
        }
        systemctl(&["daemon-reload"]);
        systemctl(&["start", FILES[0]]);
        Self { units, socket }
    }

    /// The seconds from connecting to the answer of `initialize`.
    pub(crate) fn open(&self) -> f64 {
        let started = Instant::now();
        let socket = UnixStream::connect(&self.socket).unwrap();
        let mut peer = Peer::new(socket.try_clone().unwrap(), socket);
        peer.initialize();
        let opened = started.elapsed().as_secs_f64();
        drop(peer);
        while !run(Command::new("systemctl").args([
            "--user",
            "list-units",
            "--no-legend",
            "bench-empty@*.service",
        ]))
        .is_empty()
        {
            std::thread::sleep(POLL);
        }
        opened
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        systemctl(&["stop", FILES[0]]);
        for file in FILES {
            std::fs::remove_file(self.units.join(file)).ok();
        }
        systemctl(&["daemon-reload"]);
    }
}

fn systemctl(words: &[&str]) {
    run(Command::new("systemctl").arg("--user").args(words));
}
