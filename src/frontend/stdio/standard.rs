//! The standard streams of this process, waited for by the runtime itself where they are pipes or sockets.
//!
//! A runtime cannot wait for every kind of file, so in general it has threads for them, and each message takes two ways between
//! threads. The agent's are pipes (most programs) or sockets (Node.js), which need none.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;

use rustix::fs::{FileType, fstat};
use tokio::io::{AsyncRead, AsyncWrite, join, split};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use crate::session::patience::Awake;

/// What the agent says.
type Input = Box<dyn AsyncRead + Send + Unpin>;

/// What is said to the agent.
type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// Standard input and output.
pub fn streams() -> (
    impl AsyncRead + Send + Unpin,
    impl AsyncWrite + Send + Unpin,
) {
    split(Awake::new(join(input(), output())))
}

/// Standard input.
fn input() -> Input {
    let stream = io::stdin();
    let ready = match kind(stream.as_fd()) {
        // Opened anew, since whoever else has this end may not expect it to be non-blocking.
        Some(FileType::Fifo) => pipe::OpenOptions::new()
            .open_receiver("/proc/self/fd/0")
            .map(|pipe| Box::new(pipe) as Input),
        Some(FileType::Socket) => socket(stream.as_fd()).map(|socket| Box::new(socket) as Input),
        _ => return Box::new(tokio::io::stdin()),
    };
    ready.unwrap_or_else(|error| {
        tracing::debug!(%error, "standard input is read by a thread");
        Box::new(tokio::io::stdin())
    })
}

/// Standard output.
fn output() -> Output {
    let stream = io::stdout();
    let ready = match kind(stream.as_fd()) {
        Some(FileType::Fifo) => pipe::OpenOptions::new()
            .open_sender("/proc/self/fd/1")
            .map(|pipe| Box::new(pipe) as Output),
        Some(FileType::Socket) => socket(stream.as_fd()).map(|socket| Box::new(socket) as Output),
        _ => return Box::new(tokio::io::stdout()),
    };
    ready.unwrap_or_else(|error| {
        tracing::debug!(%error, "standard output is written by a thread");
        Box::new(tokio::io::stdout())
    })
}

/// What kind of file it is.
fn kind(stream: BorrowedFd<'_>) -> Option<FileType> {
    let known = fstat(stream).ok()?;
    Some(FileType::from_raw_mode(known.st_mode))
}

/// A socket, which cannot be opened anew: this end of it is ours.
fn socket(stream: BorrowedFd<'_>) -> io::Result<UnixStream> {
    let stream: OwnedFd = stream.try_clone_to_owned()?;
    let stream = StdStream::from(stream);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}
