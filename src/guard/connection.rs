//! Whether an instance still has its client: the state of the connection that its processes hold.
//!
//! The connection is found by its name, which is that of the server's socket. What may be looked at differs from process to process:
//! - Of the user's own, `/proc/PID/fd` shows the sockets, and the kernel tells their state ([`diag`]).
//! - Of those that run as another user of a container (all of them with `UserNS=nomap`), it cannot be read. Their descriptors can be
//!   duplicated though (pidfd_getfd(2)), since the user owns the container's user namespace; this holds also where Yama forbids it for
//!   the user's own processes. A duplicate lives for one question, so it does not keep a connection open.
//! - A socket belongs to the network namespace of the client that connected. In another one than ours the kernel does not show it, and
//!   it is duplicated as well.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Timespec;
use rustix::io::Errno;
use rustix::net::sockopt::socket_acceptconn;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::quadlet::name::ServerName;

use super::diag;

/// How many descriptors of a process are tried where they cannot be listed. A server's connection is its stdin and stdout, or was
/// moved from there to one of the next, to keep stray output away from it.
const DESCRIPTORS: i32 = 64;

/// The connection of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    /// Somebody holds the other end, and may yet read if not write.
    Open,
    /// The other end is closed.
    HungUp,
    /// No process of the instance has it.
    Absent,
    /// It was not found, but not everything could be looked at.
    Hidden,
}

/// Looks at the connection that one of an instance's processes has to a client of the server.
pub(super) fn find(server: &ServerName, processes: &[u32]) -> Connection {
    // Only the end of the path is compared, since the directory before it may be written in more than one way.
    let socket = Path::new("mcpod").join(server.socket_file());
    first(processes.iter().map(|&process| held_by(process, &socket)))
}

/// Looks for the connection among the descriptors of one process. All it holds are duplicates of one, so the first found is as good.
fn held_by(process: u32, socket: &Path) -> Connection {
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else {
        return Connection::Absent;
    };
    match sockets_of(process) {
        Ok(sockets) => {
            first(
                sockets
                    .into_iter()
                    .map(|(descriptor, inode)| match diag::look(inode) {
                        Ok(found) if found.listens || !is_ours(found.path.as_deref(), socket) => {
                            Connection::Absent
                        }
                        Ok(found) if found.hung_up => Connection::HungUp,
                        Ok(_) => Connection::Open,
                        Err(_) => duplicate(pid, [descriptor], socket),
                    }),
            )
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            duplicate(pid, 0..DESCRIPTORS, socket)
        }
        // It ended.
        Err(_) => Connection::Absent,
    }
}

/// The descriptors of a process that are sockets, in order, with their inodes.
fn sockets_of(process: u32) -> io::Result<Vec<(i32, u32)>> {
    let folder = PathBuf::from(format!("/proc/{process}/fd"));
    let mut sockets = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // One that was closed meanwhile has no target.
        let Ok(target) = std::fs::read_link(entry.path()) else {
            continue;
        };
        let descriptor = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let inode = target.to_str().and_then(inode);
        sockets.extend(descriptor.zip(inode));
    }
    sockets.sort_unstable();
    Ok(sockets)
}

/// Reads `socket:[INODE]` (proc_pid_fd(5)).
fn inode(target: &str) -> Option<u32> {
    target
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

/// Looks for the connection among some descriptors of a process by duplicating them.
fn duplicate(pid: Pid, descriptors: impl IntoIterator<Item = i32>, socket: &Path) -> Connection {
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH) => return Connection::Absent,
        Err(_) => return Connection::Hidden,
    };
    first(descriptors.into_iter().map(|descriptor| {
        match pidfd_getfd(process.as_fd(), descriptor, PidfdGetfdFlags::empty()) {
            Ok(duplicate) => state(duplicate, socket),
            // Not open, or the process ended.
            Err(Errno::BADF | Errno::SRCH) => Connection::Absent,
            Err(_) => Connection::Hidden,
        }
    }))
}

/// The state of a descriptor that we hold, if it is the connection.
fn state(descriptor: OwnedFd, socket: &Path) -> Connection {
    let stream = UnixStream::from(descriptor);
    // Fails for what is no socket.
    let Ok(name) = stream.local_addr() else {
        return Connection::Absent;
    };
    if !is_ours(name.as_pathname(), socket) || socket_acceptconn(stream.as_fd()).unwrap_or(true) {
        return Connection::Absent;
    }
    match hung_up(stream.as_fd()) {
        Ok(true) => Connection::HungUp,
        Ok(false) => Connection::Open,
        Err(_) => Connection::Hidden,
    }
}

/// Whether a connection is closed both ways, which poll(2) tells without being asked to.
fn hung_up(stream: impl AsFd) -> io::Result<bool> {
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut polled = [PollFd::new(&stream, PollFlags::empty())];
    poll(&mut polled, Some(&at_once))?;
    let [polled] = polled;
    Ok(polled.revents().contains(PollFlags::HUP))
}

/// Whether a socket of this name is the server's, or a connection to it.
fn is_ours(name: Option<&Path>, socket: &Path) -> bool {
    name.is_some_and(|name| name.ends_with(socket))
}

/// The first connection found; without one, whether everything was seen.
fn first(seen: impl Iterator<Item = Connection>) -> Connection {
    let mut found = Connection::Absent;
    for connection in seen {
        match connection {
            Connection::Absent => {}
            Connection::Hidden => found = Connection::Hidden,
            connection => return connection,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;
    use std::os::unix::net::UnixListener;
    use std::process::{Child, Command, Stdio};

    use tempfile::TempDir;

    use super::super::tests::eventually;
    use super::*;

    /// A server's socket, and a process as its instance.
    struct Instance {
        client: Option<UnixStream>,
        process: Child,
        _folder: TempDir,
    }

    impl Instance {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("mcpod")).unwrap();
            let path = folder.path().join("mcpod/time.sock");
            let listener = UnixListener::bind(&path).unwrap();
            let client = UnixStream::connect(&path).unwrap();
            let (server, _) = listener.accept().unwrap();
            Self {
                client: Some(client),
                process: sleep(OwnedFd::from(server)),
                _folder: folder,
            }
        }

        fn client(&self) -> &UnixStream {
            self.client.as_ref().unwrap()
        }

        /// Waits until both ways to look find the same.
        fn becomes(&self, expected: Connection) {
            let pid = self.process.id();
            eventually(|| find(&"time".parse().unwrap(), &[pid]) == expected);
            let socket = Path::new("mcpod/time.sock");
            let pid = Pid::from_child(&self.process);
            assert_eq!(duplicate(pid, 0..DESCRIPTORS, socket), expected);
        }
    }

    impl Drop for Instance {
        fn drop(&mut self) {
            end(&mut self.process);
        }
    }

    fn sleep(stdin: impl Into<Stdio>) -> Child {
        Command::new("sleep")
            .arg("600")
            .stdin(stdin)
            .spawn()
            .unwrap()
    }

    fn end(process: &mut Child) {
        process.kill().unwrap();
        process.wait().unwrap();
    }

    #[test]
    fn a_client_that_closes_is_gone() {
        let mut instance = Instance::new();
        instance.becomes(Connection::Open);
        instance.client = None;
        instance.becomes(Connection::HungUp);
    }

    #[test]
    fn a_client_that_only_listens_is_there() {
        let instance = Instance::new();
        instance.client().shutdown(Shutdown::Write).unwrap();
        instance.becomes(Connection::Open);
        instance.client().shutdown(Shutdown::Both).unwrap();
        instance.becomes(Connection::HungUp);
    }

    #[test]
    fn a_connection_handed_to_a_child_is_open_while_the_child_lives() {
        let mut instance = Instance::new();
        let mut heir = sleep(OwnedFd::from(instance.client.take().unwrap()));
        instance.becomes(Connection::Open);
        end(&mut heir);
        instance.becomes(Connection::HungUp);
    }

    #[test]
    fn a_connection_of_another_server_is_not_taken_for_this_ones() {
        let instance = Instance::new();
        let found = find(&"other".parse().unwrap(), &[instance.process.id()]);
        assert_eq!(found, Connection::Absent);
    }

    #[test]
    fn the_socket_that_listens_is_no_connection() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("mcpod")).unwrap();
        let listener = UnixListener::bind(folder.path().join("mcpod/idle.sock")).unwrap();
        let mut process = sleep(OwnedFd::from(listener));
        assert_eq!(
            find(&"idle".parse().unwrap(), &[process.id()]),
            Connection::Absent
        );
        let pid = Pid::from_child(&process);
        assert_eq!(
            duplicate(pid, 0..3, Path::new("mcpod/idle.sock")),
            Connection::Absent
        );
        end(&mut process);
    }

    #[test]
    fn processes_without_a_connection_have_none() {
        let mut process = sleep(Stdio::null());
        let pid = process.id();
        let time: ServerName = "time".parse().unwrap();
        assert_eq!(find(&time, &[pid]), Connection::Absent);
        end(&mut process);
        // These numbers are nobody's.
        assert_eq!(find(&time, &[0, u32::MAX]), Connection::Absent);
        assert_eq!(find(&time, &[]), Connection::Absent);
    }

    #[test]
    fn one_process_with_the_connection_is_enough() {
        let instance = Instance::new();
        let mut other = sleep(Stdio::null());
        let processes = [other.id(), instance.process.id()];
        assert_eq!(find(&"time".parse().unwrap(), &processes), Connection::Open);
        end(&mut other);
    }

    #[test]
    fn what_could_not_be_seen_is_told() {
        use Connection::{Absent, Hidden, HungUp, Open};
        for (seen, found) in [
            (&[][..], Absent),
            (&[Absent, Absent], Absent),
            (&[Absent, Hidden, Absent], Hidden),
            (&[Hidden, HungUp, Open], HungUp),
            (&[Open, HungUp], Open),
        ] {
            assert_eq!(first(seen.iter().copied()), found, "{seen:?}");
        }
    }
}
