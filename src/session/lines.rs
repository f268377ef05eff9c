//! Lines of a stream, at most so long: what the stdio transport of MCP puts each message on.
//!
//! A line that is longer is read to its end without being kept, so the messages behind it still come through.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::outline::Outline;

/// The most bytes a message may have, its line's end not counted: 16 MiB, as in rmcp.
pub const MESSAGE_MAX: usize = 16 * 1024 * 1024;

/// How much room is made for a read at least, in bytes: one page of small messages.
const READ: usize = 8 * 1024;

/// From this size on a message takes the buffer over instead of being copied out of it, in bytes.
const TAKEN_OVER: usize = 16 * 1024;

/// From this size on room is made for the largest message at once, in bytes: what is not written to takes no memory, while to grow is
/// to hold what was read twice.
const LARGE: usize = 128 * 1024;

/// One line of the stream.
#[derive(Debug)]
pub enum Line {
    /// A line that could be kept, without its end.
    Whole(Vec<u8>),
    /// A line that could not.
    TooLarge {
        /// How many bytes it had, without its end.
        size: usize,
        /// What could be told of it.
        outline: Outline,
    },
}

/// Reads lines from a stream.
#[derive(Debug)]
pub struct Lines<R> {
    stream: R,
    limit: usize,
    /// What was read and not yet handed out begins at `start`.
    buffer: Vec<u8>,
    start: usize,
    /// How far the buffer is known to hold no line's end.
    searched: usize,
    dropping: Option<Dropping>,
    ended: bool,
}

/// A line that is too long, on its way out.
#[derive(Debug, Default)]
struct Dropping {
    /// How many bytes of it went by.
    size: usize,
    /// Whether the last of them was a carriage return.
    carriage_return: bool,
    outline: Outline,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads lines of at most `limit` bytes.
    pub fn new(stream: R, limit: usize) -> Self {
        Self {
            stream,
            limit,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            dropping: None,
            ended: false,
        }
    }

    /// The next line, or nothing at the end of the stream; a last line may lack its end.
    ///
    /// Nothing is lost if the future is dropped before it is done.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(self.take_rest());
            }
            self.make_room();
            self.ended = self.stream.read_buf(&mut self.buffer).await? == 0;
        }
    }

    /// Takes the first whole line out of the buffer, if one is there; what belongs to a line too long is dropped.
    fn take_line(&mut self) -> Option<Line> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', unsearched).map(|at| self.searched + at) else {
            self.searched = self.buffer.len();
            // One byte over the limit can still be the `\r` of the line's end.
            let held = self.buffer.len() - self.start;
            if self.dropping.is_some() || held > self.limit + 1 {
                self.drop_up_to(self.buffer.len());
            }
            return None;
        };
        let held = self.buffer.get(self.start..end).unwrap_or_default();
        let carriage_return = held.ends_with(b"\r");
        let size = held.len() - usize::from(carriage_return);
        if self.dropping.is_some() || size > self.limit {
            self.drop_up_to(end);
            self.skip_to(end + 1);
            return self.take_dropped();
        }
        Some(Line::Whole(self.take_bytes(size, end + 1)))
    }

    /// What stands behind the last line's end when the stream is over.
    fn take_rest(&mut self) -> Option<Line> {
        let size = self.buffer.len() - self.start;
        if self.dropping.is_some() || size > self.limit {
            self.drop_up_to(self.buffer.len());
            return self.take_dropped();
        }
        (size > 0).then(|| Line::Whole(self.take_bytes(size, self.buffer.len())))
    }

    /// Hands out `size` bytes from the start and goes on at `next`: small messages are copied to their measure,
    /// large ones take the buffer with them.
    fn take_bytes(&mut self, size: usize, next: usize) -> Vec<u8> {
        if size < TAKEN_OVER || self.start > 0 {
            let from = self.start;
            let bytes = self
                .buffer
                .get(from..from + size)
                .unwrap_or_default()
                .to_vec();
            self.skip_to(next);
            return bytes;
        }
        let rest = self.buffer.split_off(next);
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        bytes.truncate(size);
        self.searched = 0;
        bytes
    }

    /// Goes on at `next`, which is at most the buffer's end.
    fn skip_to(&mut self, next: usize) {
        self.start = next;
        self.searched = next;
        if self.start >= self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
            self.searched = 0;
        }
    }

    /// Drops the line's bytes up to `end`, which stays where it is, having looked at them.
    fn drop_up_to(&mut self, end: usize) {
        let dropped = self.buffer.get(self.start..end).unwrap_or_default();
        let dropping = self.dropping.get_or_insert_default();
        dropping.outline.feed(dropped);
        dropping.size += dropped.len();
        if let Some(last) = dropped.last() {
            dropping.carriage_return = *last == b'\r';
        }
        if end < self.buffer.len() {
            self.start = end;
            return;
        }
        if self.buffer.capacity() > TAKEN_OVER {
            // It grew to the limit, and is not needed for what is dropped.
            self.buffer = Vec::with_capacity(TAKEN_OVER);
        }
        self.skip_to(end);
    }

    /// The line that was dropped, now that its end is known.
    fn take_dropped(&mut self) -> Option<Line> {
        let dropped = self.dropping.take()?;
        Some(Line::TooLarge {
            size: dropped.size - usize::from(dropped.carriage_return),
            outline: dropped.outline,
        })
    }

    /// Makes room for the next read; a buffer that holds part of a long line doubles, so each byte of it moves
    /// but once or twice, up to [`LARGE`].
    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        if self.buffer.capacity() - self.buffer.len() < READ {
            let held = self.buffer.len();
            let room = if held < LARGE {
                held
            } else {
                self.limit.saturating_sub(held)
            };
            self.buffer.reserve(READ.max(room));
        }
    }
}
