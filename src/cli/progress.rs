//! How far `add` or `upgrade` is.

use std::io::IsTerminal;
use std::sync::Mutex;

use indicatif::ProgressStyle;

use super::output::{Output, Shown};
use crate::orchestrator::add::Step;
use crate::podman::PullEvent;
use crate::podman::progress::{PullProgress, PullSnapshot};
use crate::text;

/// How much of a line of a build's output is shown, in characters.
const OUTPUT_WIDTH: usize = 100;

/// Shows how far `add` or `upgrade` is: a bar on a terminal, plain lines otherwise.
pub(super) struct Progress {
    bar: Option<Shown>,
    pull: Mutex<(PullProgress, PullSnapshot)>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = Shown::with("{spinner} {msg}");
            bar.set_message("looking");
            bar
        });
        Self {
            bar,
            pull: Mutex::default(),
        }
    }

    pub(super) fn show(&self, step: &Step, output: &Output) {
        match step {
            Step::Pulling(image) => self.say(format!("pulling {image}"), output),
            Step::Pull(event) => self.show_pull(event, output),
            Step::Pulled => self.say("pulled".to_owned(), output),
            Step::Asking(package) => self.say(format!("looking for {package}"), output),
            Step::Building(what) => self.say(format!("building an image of {what}"), output),
            // Without a terminal the steps are enough.
            Step::Output(line) if self.bar.is_some() || line.starts_with("STEP ") => {
                self.say(text::shortened(line, OUTPUT_WIDTH), output);
            }
            Step::Output(_) => {}
            Step::Waiting => self.say(
                "waiting for another mcpod that changes units".to_owned(),
                output,
            ),
            Step::Unencrypted => output.note(super::secret::UNENCRYPTED),
            Step::Starting => self.say("writing units".to_owned(), output),
            Step::Trying => self.say("trying the server".to_owned(), output),
        }
    }

    fn say(&self, message: String, output: &Output) {
        match &self.bar {
            Some(bar) => bar.set_message(message),
            None => output.note(&message),
        }
    }

    fn show_pull(&self, event: &PullEvent, output: &Output) {
        let Ok(mut pull) = self.pull.lock() else {
            return;
        };
        let (progress, last) = &mut *pull;
        progress.apply(event);
        let now = progress.snapshot();
        if let Some(bar) = &self.bar {
            if now.bytes_total > 0 {
                bar.set_length(now.bytes_total);
                bar.set_position(now.bytes_done);
                if let Ok(style) =
                    ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {bytes}/{total_bytes}")
                {
                    bar.set_style(style);
                }
            }
            bar.set_message(format!("layers {}/{}", now.layers_done, now.layers_total));
        } else if now.layers_done > last.layers_done {
            output.note(&format!("layers {}/{}", now.layers_done, now.layers_total));
        }
        *last = now;
    }
}
