//! `mcpod attach`: what passes through it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::bare::Bare;

/// A process that is attached to a socket of the test's own.
struct Attached {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    server: UnixStream,
    _host: Bare,
}

impl Attached {
    fn new() -> Self {
        let host = Bare::new();
        host.write("mcpod/none", "");
        let listener = UnixListener::bind(host.path("mcpod/time.sock")).unwrap();
        let mut child = host
            .command(&["attach", "time"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (server, _) = listener.accept().unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
            server,
            _host: host,
        }
    }

    /// Sends a message each way, and checks that it comes as it was sent.
    fn pass(&mut self, message: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        let mut received = vec![0; message.len()];
        std::thread::scope(|scope| {
            scope.spawn(|| stdin.write_all(message).unwrap());
            self.server.read_exact(&mut received).unwrap();
        });
        assert!(received == message);
        let mut received = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| self.server.write_all(message).unwrap());
            self.stdout.read_until(b'\n', &mut received).unwrap();
        });
        assert!(received == message);
    }

    /// A field of the process's status in kB (proc_pid_status(5)).
    fn memory(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number = line.unwrap().trim().strip_suffix(" kB").unwrap();
        number.parse().unwrap()
    }
}

#[test]
fn large_messages_pass_and_are_not_held() {
    let mut attached = Attached::new();
    attached.pass(b"{}\n");
    let before = attached.memory("VmRSS:");
    let message = [&vec![b'x'; 10_000_000], b"\n".as_slice()].concat();
    attached.pass(&message);
    let more = attached.memory("VmHWM:").saturating_sub(before);
    assert!(more < 512, "{more} kB more");
}

/// Messages go both ways at once, however little the kernel holds of each.
#[test]
fn one_direction_does_not_wait_for_the_other() {
    let mut attached = Attached::new();
    let message = vec![b'x'; 4_000_000];
    let (stdin, stdout) = (attached.stdin.as_mut().unwrap(), &mut attached.stdout);
    let server = &attached.server;
    let mut received = vec![0; message.len()];
    std::thread::scope(|scope| {
        scope.spawn(|| stdin.write_all(&message).unwrap());
        scope.spawn(|| {
            let (mut from, mut to) = (server, server);
            // It says a piece for each that it hears, and hears nothing while it speaks.
            let mut piece = vec![0; 1 << 20];
            for _ in 0..4 {
                let piece = piece.get_mut(..1_000_000).unwrap();
                from.read_exact(piece).unwrap();
                to.write_all(piece).unwrap();
            }
        });
        stdout.read_exact(&mut received).unwrap();
    });
    assert!(received == message);
}

#[test]
fn sockets_as_standard_streams_stay_as_they_are() {
    let host = Bare::new();
    host.write("mcpod/none", "");
    let listener = UnixListener::bind(host.path("mcpod/time.sock")).unwrap();
    let (mut client, its) = UnixStream::pair().unwrap();
    let shared = its.try_clone().unwrap();
    let mut child = host
        .command(&["attach", "time"])
        .stdin(OwnedFd::from(its.try_clone().unwrap()))
        .stdout(OwnedFd::from(its))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut piece = [0; 4];
    client.write_all(b"ping").unwrap();
    server.read_exact(&mut piece).unwrap();
    assert_eq!(&piece, b"ping");
    server.write_all(b"pong").unwrap();
    client.read_exact(&mut piece).unwrap();
    assert_eq!(&piece, b"pong");
    // Whoever else has the socket still waits in its reads and writes.
    let flags = rustix::fs::fcntl_getfl(&shared).unwrap();
    assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
    drop(server);
    assert_eq!(child.wait().unwrap().code(), Some(6));
}

#[test]
fn the_end_of_the_input_is_passed_on_and_answers_still_come() {
    let mut attached = Attached::new();
    attached.stdin = None;
    let mut rest = Vec::new();
    attached.server.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
    attached.server.write_all(b"late\n").unwrap();
    let mut line = String::new();
    attached.stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "late\n");
    drop(attached.server);
    // There is no systemd that could stop the instance.
    assert_eq!(attached.child.wait().unwrap().code(), Some(6));
}

#[test]
fn a_server_that_reads_no_more_is_still_heard() {
    let mut attached = Attached::new();
    attached.server.shutdown(std::net::Shutdown::Read).unwrap();
    attached
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"unheard\n")
        .unwrap();
    attached.server.write_all(b"still here\n").unwrap();
    let mut line = String::new();
    attached.stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "still here\n");
    drop(attached.server);
    assert_eq!(attached.child.wait().unwrap().code(), Some(6));
}

#[test]
fn it_ends_with_the_server_and_by_a_signal() {
    let ended = |end: fn(&mut Attached)| {
        let mut attached = Attached::new();
        attached.pass(b"{}\n");
        end(&mut attached);
        attached.child.wait().unwrap().code()
    };
    let server = |attached: &mut Attached| {
        attached.server.shutdown(std::net::Shutdown::Both).unwrap();
    };
    assert_eq!(ended(server), Some(6));
    let signal = |attached: &mut Attached| {
        kill_process(Pid::from_child(&attached.child), Signal::TERM).unwrap();
    };
    assert_eq!(ended(signal), Some(6));
}
