//! The stdio face: messages on lines, in both directions (each version of the specification, Transports).

pub mod standard;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::greeting::{self, Greeting};
use super::{Agent, Frontend, Said, Shape};
use crate::orchestrator::Orchestrator;
use crate::session::lines::{Line, Lines, MESSAGE_MAX};
use crate::session::{Frame, Unreadable, read_client_line};

/// How many messages may wait for an agent that does not read; behind them the servers wait.
const UNREAD: usize = 16;

/// How long requests may still take when the agent says no more: one that pipes a few of them in reads the answers.
const DRAIN: Duration = Duration::from_millis(900);

/// How long the agent may take to read what was said to it last. With what came before, and closing the sessions, it is left within
/// two seconds.
const READING: Duration = Duration::from_millis(200);

/// How often to look whether requests are still on their way.
const LOOK: Duration = Duration::from_millis(10);

/// Serves one agent from before the frontend is there, until it says no more, or `stop` resolves: the answer to its `initialize` does
/// not wait for systemd to say which servers listen. An error of the start ends it.
pub async fn serve_at_once<E>(
    orchestrator: &Orchestrator,
    shape: &Shape,
    starting: impl Future<Output = Result<Arc<Frontend>, E>>,
    input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin + Send + 'static,
    stop: impl Future<Output = ()>,
) -> Result<io::Result<()>, E> {
    let mut lines = Lines::new(input, MESSAGE_MAX);
    let (mut starting, mut stop) = (pin!(starting), pin!(stop));
    let first = tokio::select! {
        biased;
        () = &mut stop => return Ok(Ok(())),
        first = lines.next() => first,
        started = &mut starting => return Ok(serve_lines(&started?, None, lines, output, stop).await),
    };
    let opened = match first {
        Ok(Some(Line::Whole(line))) => match greeting::greet(line, shape, orchestrator) {
            Ok(Greeting { met, answer }) => match say(&mut output, answer).await {
                Ok(()) => Opened::Greeted(met),
                Err(error) => return Ok(Err(error)),
            },
            Err(line) => Opened::Said(Line::Whole(line)),
        },
        Ok(Some(line)) => Opened::Said(line),
        // It says no more.
        Ok(None) => return Ok(Ok(())),
        Err(error) => return Ok(Err(error)),
    };
    // A systemd that does not answer must not keep anybody who ends us waiting.
    let frontend = tokio::select! {
        biased;
        () = &mut stop => return Ok(Ok(())),
        started = starting => started?,
    };
    Ok(serve_lines(&frontend, Some(opened), lines, output, stop).await)
}

/// Serves one agent of a frontend that is there, until it says no more, or `stop` resolves.
#[cfg(test)]
pub(super) async fn serve(
    frontend: &Arc<Frontend>,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let lines = Lines::new(input, MESSAGE_MAX);
    serve_lines(frontend, None, lines, output, stop).await
}

/// How a conversation began before the frontend was there.
enum Opened {
    /// The agent said who it is, and was answered.
    Greeted(Frame),
    /// It said something else.
    Said(Line),
}

/// Serves an agent whose conversation may have begun, until it says no more, or `stop` resolves.
async fn serve_lines(
    frontend: &Arc<Frontend>,
    opened: Option<Opened>,
    mut lines: Lines<impl AsyncRead + Unpin>,
    output: impl AsyncWrite + Unpin + Send + 'static,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (said, heard) = mpsc::channel(UNREAD);
    let agent = Agent::new(frontend, said);
    let mut writing = tokio::spawn(write(heard, output));
    let reading = async {
        match opened {
            Some(Opened::Greeted(met)) => agent.meet(&met),
            Some(Opened::Said(line)) => take(&agent, line).await,
            None => {}
        }
        read(&agent, &mut lines).await
    };
    let end = tokio::select! {
        ended = reading => End::Said(ended),
        () = stop => End::Stopped,
        // An agent that does not read any more is gone.
        written = &mut writing => End::Unheard(written.unwrap_or_else(|error| Err(error.into()))),
    };
    if matches!(end, End::Said(Ok(()))) {
        drain(&agent).await;
    }
    // An agent that does not read is not waited for.
    if timeout(READING, agent.end_subscriptions()).await.is_err() {
        tracing::debug!("the agent does not hear that its subscriptions end");
    }
    agent.close().await;
    frontend.leave().await;
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
async fn read(agent: &Agent, lines: &mut Lines<impl AsyncRead + Unpin>) -> io::Result<()> {
    while let Some(line) = lines.next().await? {
        take(agent, line).await;
    }
    Ok(())
}

/// Takes a line of the agent's.
async fn take(agent: &Agent, line: Line) {
    match line {
        Line::Whole(line) => {
            for message in read_client_line(line) {
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

/// Writes what is said to the agent; what is said at once is written at once.
async fn write(
    mut heard: mpsc::Receiver<Said>,
    mut output: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    while let Some(said) = heard.recv().await {
        write_line(&mut output, said.frame).await?;
        if heard.is_empty() {
            output.flush().await?;
        }
    }
    output.flush().await
}

/// Says one thing at once.
async fn say(output: &mut (impl AsyncWrite + Unpin), frame: Frame) -> io::Result<()> {
    write_line(output, frame).await?;
    output.flush().await
}

async fn write_line(output: &mut (impl AsyncWrite + Unpin), frame: Frame) -> io::Result<()> {
    let mut text = frame.into_string();
    text.push('\n');
    output.write_all(text.as_bytes()).await
}

/// Waits a while for the requests that are on their way.
async fn drain(agent: &Agent) {
    let deadline = Instant::now() + DRAIN;
    while agent.is_busy() && Instant::now() < deadline {
        sleep(LOOK).await;
    }
}
