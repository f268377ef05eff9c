//! That something goes on, for what takes longer than a moment.

use std::io::{self, IsTerminal as _, Write};
use std::ops::Deref;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// What takes longer than this is told.
const MOMENT: Duration = Duration::from_millis(500);

/// How often the sign of life moves.
const TICK: Duration = Duration::from_millis(100);

/// The bar that the terminal shows now. What is written to standard error meanwhile must not stand in it.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn set_shown(bar: Option<ProgressBar>) {
    *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}

/// Writes to standard error, which the bar of the moment makes room for.
pub(super) fn aside<T>(write: impl FnOnce() -> T) -> T {
    let bar = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Standard error for whoever writes to it without [`Output`](super::Output): the log.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Aside;

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        aside(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A bar, or what turns in place of one, on a terminal, until this is dropped.
#[derive(Debug)]
pub(in crate::cli) struct Shown(ProgressBar);

impl Shown {
    /// Shows it in this form, a template of [`ProgressStyle`].
    pub(in crate::cli) fn with(template: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        set_shown(Some(bar.clone()));
        Self(bar)
    }
}

impl Deref for Shown {
    type Target = ProgressBar;

    fn deref(&self) -> &ProgressBar {
        &self.0
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        set_shown(None);
        self.0.finish_and_clear();
    }
}

/// Something that goes on, until this is dropped.
#[derive(Debug)]
pub(in crate::cli) struct Busy(Option<(Sender<()>, JoinHandle<()>)>);

impl Busy {
    /// Tells on a terminal what goes on, once it has gone on for a moment.
    pub(super) fn with(what: String) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let (end, ended) = channel();
        let thread = std::thread::spawn(move || {
            if ended.recv_timeout(MOMENT) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = Shown::with("{spinner} {msg} {elapsed}");
            bar.set_message(what);
            // It ends by an error: nothing is ever sent.
            ended.recv().ok();
        });
        Self(Some((end, thread)))
    }

    /// Tells nothing.
    pub(super) fn silent() -> Self {
        Self(None)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.0.take() {
            drop(end);
            // The line is taken away before anything else is written.
            thread.join().ok();
        }
    }
}
