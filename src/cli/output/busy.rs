//! That something goes on, for what takes longer than a moment.

use std::io::IsTerminal as _;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// What takes longer than this is told.
const MOMENT: Duration = Duration::from_millis(500);

/// How often the sign of life moves.
const TICK: Duration = Duration::from_millis(100);

/// Something that goes on, until this is dropped.
#[derive(Debug)]
pub(in crate::cli) struct Busy(Option<(Sender<()>, JoinHandle<()>)>);

impl Busy {
    /// Tells on a terminal what goes on, once it has gone on for a moment.
    pub(super) fn with(what: String) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let (end, ended) = channel();
        let thread = std::thread::spawn(move || {
            if ended.recv_timeout(MOMENT) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::new_spinner().with_message(what);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            // It ends by an error: nothing is ever sent.
            ended.recv().ok();
            bar.finish_and_clear();
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
