//! When to wait for what comes next without sleeping.
//!
//! To be put to sleep and woken again takes the kernel 10 to 40 µs, which is most of what a call takes that a server answers at once.
//! So whoever passes a message on keeps looking for the next one for a moment, as long as the last one came within such a moment: a
//! slow server, or one on a busy host, costs one moment, and no more until it is quick again.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;

/// How long to keep looking. As much of a processor is lost at most when the other side becomes slow.
const MOMENT: Duration = Duration::from_micros(200);

/// What is known of how soon one message follows another.
#[derive(Debug)]
pub struct Patience {
    /// When the last message was passed on, unless something came since.
    passed: Option<Instant>,
    /// Whether what came next did so within a moment.
    is_quick: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            passed: None,
            is_quick: true,
        }
    }
}

impl Patience {
    /// A message, or a piece of one, was passed on.
    pub fn passed_on(&mut self) {
        self.passed = Some(Instant::now());
    }

    /// Something came.
    pub fn came(&mut self) {
        if let Some(passed) = self.passed.take() {
            self.is_quick = passed.elapsed() < MOMENT;
        }
    }

    /// Whether what comes next is so close that sleeping is not worth it.
    pub fn is_close(&self) -> bool {
        self.is_quick && self.passed.is_some_and(|passed| passed.elapsed() < MOMENT)
    }
}

/// A stream whose reader stays awake while what comes next is close.
///
/// The runtime looks for it between all else that it has to do, and gives the processor away between two looks.
#[derive(Debug)]
pub struct Awake<S> {
    stream: S,
    patience: Patience,
    /// Who waits for what comes, asleep until something is passed on.
    reader: Option<Waker>,
}

impl<S> Awake<S> {
    /// Takes a stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            patience: Patience::default(),
            reader: None,
        }
    }

    /// Notes that something was written, and has the reader look for what follows.
    fn passed_on(&mut self) {
        self.patience.passed_on();
        if self.patience.is_close()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Awake<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            self.patience.came();
        } else if self.patience.is_close() {
            std::thread::yield_now();
            // Has this be asked again, after the runtime has asked the kernel what is ready.
            let again = pin!(yield_now()).poll(cx);
            debug_assert!(again.is_pending(), "it yields once");
        } else {
            self.reader = Some(cx.waker().clone());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Awake<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() {
            self.passed_on();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        if written.is_ready() {
            self.passed_on();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// One that passed a message on so long ago.
    fn passed_before(time: Duration, is_quick: bool) -> Patience {
        Patience {
            passed: Instant::now().checked_sub(time),
            is_quick,
        }
    }

    #[test]
    fn nothing_is_close_unless_something_was_passed_on_just_now() {
        assert!(!Patience::default().is_close());
        assert!(passed_before(Duration::ZERO, true).is_close());
        assert!(!passed_before(MOMENT, true).is_close());
    }

    #[test]
    fn a_slow_side_is_waited_for_asleep_until_it_is_quick_again() {
        let mut patience = passed_before(MOMENT, true);
        patience.came();
        assert!(!patience.is_quick);
        patience.passed_on();
        assert!(!patience.is_close());
        let mut patience = passed_before(Duration::ZERO, false);
        patience.came();
        assert!(patience.is_quick);
        // Nothing is learned from what follows on nothing.
        let mut patience = passed_before(MOMENT, true);
        patience.passed = None;
        patience.came();
        assert!(patience.is_quick);
    }

    /// Counts how often a reader is told to look again.
    #[derive(Default)]
    struct Looks(AtomicUsize);

    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_stream_is_looked_at_again_only_while_something_is_close() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut near = Awake::new(near);
        let mut heard = [0; 3];
        for is_quick in [true, false] {
            near.write_all(b"ask").await.unwrap();
            near.patience = passed_before(Duration::ZERO, is_quick);
            let looks = Arc::new(Looks::default());
            let waker = Waker::from(Arc::clone(&looks));
            let mut room = ReadBuf::new(&mut heard);
            let read = Pin::new(&mut near).poll_read(&mut Context::from_waker(&waker), &mut room);
            assert!(read.is_pending());
            yield_now().await;
            assert_eq!(looks.0.load(Ordering::Relaxed), usize::from(is_quick));
            // Nothing is missed either way.
            far.write_all(b"yes").await.unwrap();
            near.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"yes");
        }
    }
}
