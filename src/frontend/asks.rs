//! What agents wait for: secrets that a server needs before it can be added, asked for by URL elicitation (2025-11-25 and
//! 2026-07-28, Elicitation), so that no value passes through the agent.
//!
//! A question has a number, which stands in the address of its form on the page, and is there for as long as somebody waits for
//! the answer. Where this process serves no page, as for an agent on its standard input, the question is put to
//! [the one that does](elsewhere).

mod elsewhere;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::voice::lock;
use super::{Frontend, parking};
use crate::quadlet::name::ServerName;

pub(super) use elsewhere::{ANSWERED, Put};

/// How many agents may wait at once.
const WAITING: usize = 64;

/// What is waited for, by the number in its address.
#[derive(Debug)]
pub(super) struct Asks {
    /// Where the page is found, with a slash at its end; empty where nobody said.
    page: String,
    waiting: Mutex<BTreeMap<String, Waiting>>,
}

/// An agent that waits.
#[derive(Debug)]
struct Waiting {
    question: Question,
    done: oneshot::Sender<()>,
}

/// What is asked for, by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Question {
    /// The agent, as it calls itself.
    pub(super) agent: String,
    /// The server that is to be added, by its name.
    pub(super) server: ServerName,
    /// The entry that it is.
    pub(super) id: String,
    /// The secrets: what they are called, and what they are for.
    pub(super) secrets: Vec<(String, Option<String>)>,
}

/// A question that was put; it is taken back when this is dropped.
pub(super) struct Asked {
    /// Its number.
    pub(super) id: String,
    /// The address where the user answers.
    pub(super) address: String,
    answered: BoxFuture<'static, bool>,
}

/// Takes a question back that is over.
struct Withdrawal {
    asks: Arc<Asks>,
    id: String,
}

impl Frontend {
    /// Puts a question on the page, whichever process serves it; nothing where none does, or too many wait.
    pub(super) async fn put(&self, question: Question) -> Option<Asked> {
        match self.asks.get() {
            Some(asks) => asks.ask(question),
            None => elsewhere::ask(&self.orchestrator, &question).await,
        }
    }
}

impl Asks {
    /// Questions on a page that is found at this address.
    pub(super) fn new(page: String) -> Self {
        Self {
            page,
            waiting: Mutex::default(),
        }
    }

    /// Puts a question; nothing where too many wait, or nobody could be led to it.
    pub(super) fn ask(self: &Arc<Self>, question: Question) -> Option<Asked> {
        if self.page.is_empty() {
            return None;
        }
        let id = parking::handle().ok()?;
        let address = format!("{}ask?id={id}", self.page);
        let (done, answered) = oneshot::channel();
        {
            let mut waiting = lock(&self.waiting);
            if waiting.len() >= WAITING {
                return None;
            }
            waiting.insert(id.clone(), Waiting { question, done });
        }
        let withdrawal = Withdrawal {
            asks: Arc::clone(self),
            id: id.clone(),
        };
        let answered = Box::pin(async move {
            let _withdrawal = withdrawal;
            answered.await.is_ok()
        });
        Some(Asked {
            id,
            address,
            answered,
        })
    }

    /// What is asked under this number.
    pub(super) fn question(&self, id: &str) -> Option<Question> {
        let waiting = lock(&self.waiting);
        waiting.get(id).map(|waiting| waiting.question.clone())
    }

    /// Lets whoever waits go on.
    pub(super) fn answered(&self, id: &str) {
        let waiting = lock(&self.waiting).remove(id);
        if let Some(waiting) = waiting
            && waiting.done.send(()).is_err()
        {
            tracing::debug!("nobody waits for a secret any more");
        }
    }
}

impl Asked {
    /// Resolves when it was answered; `false` where that will not be.
    pub(super) async fn answered(&mut self) -> bool {
        self.answered.as_mut().await
    }
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        lock(&self.asks.waiting).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            agent: "a".to_owned(),
            server: "github".parse().unwrap(),
            id: "builtin:github".to_owned(),
            secrets: vec![("token".to_owned(), None)],
        }
    }

    #[tokio::test]
    async fn whoever_asks_goes_on_when_it_is_answered_and_is_forgotten_when_gone() {
        let asks = Arc::new(Asks::new("http://x/".to_owned()));
        let mut asked = asks.ask(question()).unwrap();
        assert_eq!(asked.address, format!("http://x/ask?id={}", asked.id));
        assert_eq!(asks.question(&asked.id), Some(question()));
        asks.answered(&asked.id);
        assert!(asked.answered().await);
        assert_eq!(asks.question(&asked.id), None);
        let asked = asks.ask(question()).unwrap();
        let id = asked.id.clone();
        drop(asked);
        assert_eq!(asks.question(&id), None);
    }

    #[test]
    fn nobody_is_led_to_a_page_that_is_nowhere() {
        assert!(Arc::new(Asks::new(String::new())).ask(question()).is_none());
    }

    #[test]
    fn only_so_many_wait() {
        let asks = Arc::new(Asks::new("http://x/".to_owned()));
        let all: Vec<_> = (0..WAITING)
            .map(|_| asks.ask(question()).unwrap())
            .collect();
        assert!(asks.ask(question()).is_none());
        drop(all);
        assert!(asks.ask(question()).is_some());
    }
}
