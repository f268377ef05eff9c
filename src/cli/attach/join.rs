//! Joins a client's standard streams to a server's socket.
//!
//! One thread waits for all of them, since each further one would have a stack and a heap, and agents keep one such process for each
//! session. So no write may wait: a server that does not read until it is read from would wait with us for ever.
//! Not by splice(2), which `std::io::copy` uses between a socket and a pipe: while it waits for the socket it holds the pipe's
//! lock, so that who reads from the pipe does not get what is in it already until the server says something more.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, Mode, OFlags, Timespec, fstat, open};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::session::patience::Patience;

/// How long a server may still write after the client closed its input before it is stopped.
///
/// Most servers end by themselves at the end of their input; some never do. A client that pipes one request in and
/// closes needs the time its server takes to start and answer.
const DRAIN: Duration = Duration::from_secs(8);

/// How much is moved at once, in bytes. Larger messages are not slower with it, and each direction has as much in memory.
const CHUNK: usize = 16 << 10;

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndedBy {
    /// It says no more, does not read any more, or told us to end.
    Client,
    /// It said no more while the client still did.
    Server,
}

/// Joins standard input and output to the socket until the connection is over.
pub(super) fn join(socket: UnixStream) -> io::Result<EndedBy> {
    let (rung, bell) = UnixStream::pair()?;
    for number in [SIGTERM, SIGINT, SIGHUP] {
        pipe::register(number, bell.try_clone()?)?;
    }
    let server = Stream::Socket(socket.try_clone()?);
    let stdin = Stream::of(io::stdin().as_fd(), "/proc/self/fd/0", OFlags::RDONLY)?;
    let stdout = Stream::of(io::stdout().as_fd(), "/proc/self/fd/1", OFlags::WRONLY)?;
    let mut requests = Way::new(stdin, server);
    let mut answers = Way::new(Stream::Socket(socket), stdout);
    let mut patience = Patience::default();
    let mut drained = None;
    loop {
        let mut waited = [
            requests.awaited(),
            answers.awaited(),
            Some(PollFd::new(&rung, PollFlags::IN)),
        ];
        let known = ready(&mut waited, &patience, drained)?;
        let [asks, answers_come, told] = known;
        if told || drained.is_some_and(|drained| drained <= Instant::now()) {
            return Ok(EndedBy::Client);
        }
        if answers_come {
            match answers.step() {
                Ok(Step::Passed) => {
                    patience.came();
                    patience.passed_on();
                }
                Ok(Step::None) => {}
                Ok(Step::Ended) if drained.is_some() => return Ok(EndedBy::Client),
                Ok(Step::Ended) => return Ok(EndedBy::Server),
                // The client does not read any more.
                Err(_) => return Ok(EndedBy::Client),
            }
        }
        if asks {
            match requests.step() {
                Ok(Step::Passed) => {
                    patience.came();
                    patience.passed_on();
                }
                Ok(Step::None) => {}
                Ok(Step::Ended) => {
                    requests.to.shut();
                    drained = Some(Instant::now() + DRAIN);
                }
                // The server reads no more, but may still write; how it ends is seen there.
                Err(_) => requests.drop_all(),
            }
        }
    }
}

/// Waits until something is ready, and says what.
fn ready<const N: usize>(
    waited: &mut [Option<PollFd<'_>>; N],
    patience: &Patience,
    drained: Option<Instant>,
) -> io::Result<[bool; N]> {
    let mut places: Vec<PollFd<'_>> = waited.iter().flatten().cloned().collect();
    loop {
        let at_once = patience.is_close();
        let limit = match drained {
            _ if at_once => Some(Duration::ZERO),
            Some(drained) => Some(drained.saturating_duration_since(Instant::now())),
            None => None,
        };
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut places, limit.as_ref()) {
            Ok(0) if at_once => std::thread::yield_now(),
            Ok(_) => break,
            // A signal, which has rung.
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut known = places.into_iter().map(|place| !place.revents().is_empty());
    Ok(std::array::from_fn(|at| {
        let is_waited_for = waited.get(at).is_some_and(Option::is_some);
        is_waited_for && known.next().unwrap_or_default()
    }))
}

/// What became of one step of a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Something came, and was passed on as far as it could be.
    Passed,
    /// Nothing new came.
    None,
    /// There is no more to come.
    Ended,
}

/// One direction: what is read from one stream is written to another.
#[derive(Debug)]
struct Way {
    from: Stream,
    to: Stream,
    chunk: Box<[u8]>,
    /// What of the chunk is not written yet.
    left: Range<usize>,
    is_over: bool,
    /// Whether nobody is there to take what comes.
    is_dropped: bool,
}

impl Way {
    fn new(from: Stream, to: Stream) -> Self {
        Self {
            from,
            to,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            left: 0..0,
            is_over: false,
            is_dropped: false,
        }
    }

    /// What is to be waited for before the next step; nothing if there is none.
    fn awaited(&self) -> Option<PollFd<'_>> {
        if !self.left.is_empty() {
            return Some(PollFd::from_borrowed_fd(self.to.as_fd(), PollFlags::OUT));
        }
        (!self.is_over).then(|| PollFd::from_borrowed_fd(self.from.as_fd(), PollFlags::IN))
    }

    /// Writes what is left, or else reads and writes that. A stream that breaks while it is read from has ended; one that breaks while
    /// it is written to is an error.
    fn step(&mut self) -> io::Result<Step> {
        if !self.left.is_empty() {
            self.write()?;
            return Ok(Step::None);
        }
        match self.from.read(&mut self.chunk) {
            Ok(length) if length > 0 => {
                self.left = 0..length;
                self.write()?;
                Ok(Step::Passed)
            }
            Err(error) if is_for_later(&error) => Ok(Step::None),
            Ok(_) | Err(_) => {
                self.is_over = true;
                Ok(Step::Ended)
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.is_dropped {
            self.left = 0..0;
        }
        while let Some(left) = self.chunk.get(self.left.clone())
            && !left.is_empty()
        {
            match self.to.write(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => self.left.start += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_for_later(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Drops what comes from now on, so that its end is still seen.
    fn drop_all(&mut self) {
        self.left = 0..0;
        self.is_dropped = true;
    }
}

/// Whether to try again when the stream is ready.
fn is_for_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// A stream that does not make its reader or writer wait.
#[derive(Debug)]
enum Stream {
    Socket(UnixStream),
    File(File),
}

impl Stream {
    /// One of the standard streams. Whoever else has it may not expect it to become non-blocking, so a pipe or a terminal is opened
    /// anew, and a socket told so with each call. A file never makes anybody wait for long.
    fn of(stream: BorrowedFd<'_>, path: &str, access: OFlags) -> io::Result<Self> {
        let same = || stream.try_clone_to_owned();
        Ok(match FileType::from_raw_mode(fstat(stream)?.st_mode) {
            FileType::Socket => Self::Socket(same()?.into()),
            FileType::Fifo | FileType::CharacterDevice => {
                let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                let opened = open(path, flags, Mode::empty());
                // Another user's terminal, as after su(1), can be used but not opened.
                Self::File(opened.or_else(|_| same())?.into())
            }
            _ => Self::File(same()?.into()),
        })
    }

    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => Ok(recv(socket, chunk, RecvFlags::DONTWAIT)?.0),
            Self::File(file) => file.read(chunk),
        }
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                Ok(send(socket, chunk, flags)?)
            }
            Self::File(file) => file.write(chunk),
        }
    }

    /// Tells the other side that no more will be written.
    fn shut(&self) {
        if let Self::Socket(socket) = self {
            // Whoever is gone cannot be told.
            socket.shutdown(Shutdown::Write).ok();
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Socket(socket) => socket.as_fd(),
            Self::File(file) => file.as_fd(),
        }
    }
}
