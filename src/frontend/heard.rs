//! What a server says of its own accord, from its first word on.
//!
//! Nobody takes it to the agent before the session is open, and a server may say much until then. It is kept meanwhile: a channel that
//! nobody reads would hold up the answer that opens the session.

use std::collections::VecDeque;
use std::pin::pin;

use tokio::sync::mpsc;

use crate::session::Incoming;

/// How much is kept at most until the session is open, in messages and in bytes. What is said beyond that is dropped.
const EARLY: usize = 1024;
const EARLY_BYTES: usize = 4 << 20;

/// What a server says, in its order.
#[derive(Debug)]
pub(super) struct Heard {
    early: VecDeque<Incoming>,
    bytes: usize,
    incoming: mpsc::Receiver<Incoming>,
}

impl Heard {
    /// Keeps what is said while a session is opened.
    pub(super) async fn during<T>(
        incoming: mpsc::Receiver<Incoming>,
        opening: impl Future<Output = T>,
    ) -> (T, Self) {
        let mut heard = Self {
            early: VecDeque::new(),
            bytes: 0,
            incoming,
        };
        let mut opening = pin!(opening);
        let opened = loop {
            tokio::select! {
                biased;
                opened = &mut opening => break opened,
                Some(said) = heard.incoming.recv() => heard.keep(said),
            }
        };
        (opened, heard)
    }

    /// The next thing that is said; nothing when the session has ended.
    pub(super) async fn recv(&mut self) -> Option<Incoming> {
        match self.early.pop_front() {
            Some(said) => Some(said),
            None => self.incoming.recv().await,
        }
    }

    fn keep(&mut self, said: Incoming) {
        let frame = match &said {
            Incoming::Notification(frame) | Incoming::Progress { frame, .. } => Some(frame),
            Incoming::Request(request) => Some(request.frame()),
            Incoming::Answer { answer, .. } => answer.as_ref().ok(),
        };
        let bytes = frame.map_or(0, |frame| frame.as_str().len());
        if self.early.len() < EARLY && self.bytes + bytes <= EARLY_BYTES {
            self.bytes += bytes;
            self.early.push_back(said);
        } else {
            tracing::debug!("a server says too much before it is open");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Frame;

    #[tokio::test]
    async fn what_is_said_while_a_session_is_opened_holds_nothing_up_and_keeps_its_order() {
        let (says, incoming) = mpsc::channel(1);
        let say = |number: usize| {
            let method = format!("notifications/{number}");
            says.send(Incoming::Notification(Frame::notification(&method, None)))
        };
        let opening = async {
            for number in 0..EARLY + 10 {
                say(number).await.unwrap();
            }
            "open"
        };
        let (opened, mut heard) = Heard::during(incoming, opening).await;
        assert_eq!(opened, "open");
        // The last one may still be in the channel, as it would be if it had been said then.
        let mut numbers = Vec::new();
        drop(says);
        while let Some(Incoming::Notification(frame)) = heard.recv().await {
            numbers.push(frame.method().to_owned());
        }
        let expected = (0..EARLY).map(|number| format!("notifications/{number}"));
        assert!(numbers.iter().take(EARLY).cloned().eq(expected));
        assert!(numbers.len() <= EARLY + 1, "{}", numbers.len());
    }
}
