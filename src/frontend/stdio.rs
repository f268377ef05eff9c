//! The stdio face: messages on lines, in both directions (each version of the specification, Transports).

pub mod standard;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::{Agent, Frontend, Said};
use crate::session::lines::{Line, Lines, MESSAGE_MAX};
use crate::session::{Unreadable, read_line};

/// How many messages may wait for an agent that does not read; behind them the servers wait.
const UNREAD: usize = 16;

/// How long requests may still take when the agent says no more: one that pipes a few of them in reads the answers.
const DRAIN: Duration = Duration::from_secs(1);

/// How long closing the sessions may take; what is not done by then, the guard does.
const CLOSING: Duration = Duration::from_millis(500);

/// How long the agent may take to read what was said to it last. With the two before, it is left within two seconds.
const READING: Duration = Duration::from_millis(300);

/// How often to look whether requests are still on their way.
const LOOK: Duration = Duration::from_millis(10);

/// Serves one agent until it says no more, or `stop` resolves.
pub async fn serve(
    frontend: &Arc<Frontend>,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (said, heard) = mpsc::channel(UNREAD);
    let agent = Agent::new(frontend, said);
    let mut writing = tokio::spawn(write(heard, output));
    let end = tokio::select! {
        ended = read(&agent, input) => End::Said(ended),
        () = stop => End::Stopped,
        // An agent that does not read any more is gone.
        written = &mut writing => End::Unheard(written.unwrap_or_else(|error| Err(error.into()))),
    };
    if matches!(end, End::Said(Ok(()))) {
        drain(&agent).await;
    }
    let closing = async {
        agent.close().await;
        frontend.leave().await;
    };
    if timeout(CLOSING, closing).await.is_err() {
        tracing::debug!("some sessions are left to the guard");
    }
    // Whoever writes is done when nobody can say anything any more.
    drop(agent);
    match end {
        End::Unheard(written) => written,
        End::Stopped => Ok(()),
        End::Said(ended) => {
            // Everybody who speaks is gone by now, or is not waited for.
            if timeout(READING, writing).await.is_err() {
                tracing::debug!("the agent does not read");
            }
            ended
        }
    }
}

/// How it came to an end.
enum End {
    /// The agent says no more.
    Said(io::Result<()>),
    /// It was told to stop.
    Stopped,
    /// The agent does not listen any more.
    Unheard(io::Result<()>),
}

/// Takes what the agent says, until it says no more.
async fn read(agent: &Agent, input: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut lines = Lines::new(input, MESSAGE_MAX);
    while let Some(line) = lines.next().await? {
        match line {
            Line::Whole(line) => {
                for message in read_line(line) {
                    match message {
                        Ok(frame) => agent.take(frame).await,
                        Err(unreadable) => agent.take_unreadable(&unreadable).await,
                    }
                }
            }
            Line::TooLarge { size, outline } => {
                let unreadable = Unreadable {
                    meant_as_message: true,
                    answers: outline.answers().cloned(),
                    asks: outline.asks().cloned(),
                    reason: format!("it has {size} bytes, the most is {MESSAGE_MAX}"),
                    excerpt: String::new(),
                };
                agent.take_unreadable(&unreadable).await;
            }
        }
    }
    Ok(())
}

/// Writes what is said to the agent; what is said at once is written at once.
async fn write(
    mut heard: mpsc::Receiver<Said>,
    mut output: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    while let Some(said) = heard.recv().await {
        let mut text = said.frame.into_string();
        text.push('\n');
        output.write_all(text.as_bytes()).await?;
        if heard.is_empty() {
            output.flush().await?;
        }
    }
    output.flush().await
}

/// Waits a while for the requests that are on their way.
async fn drain(agent: &Agent) {
    let deadline = Instant::now() + DRAIN;
    while agent.is_busy() && Instant::now() < deadline {
        sleep(LOOK).await;
    }
}
