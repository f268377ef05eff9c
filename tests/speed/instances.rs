//! The instances that answer an agent. Each has to be one of the server that was asked, the agent's own, and the same as before: it
//! says which it is and how many calls it has had, so that one that somebody else asked is told by its count.

use std::collections::{HashMap, HashSet};

use crate::echo::BY;

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// What was sent, by the instance that answered before, if any did.
    Right,
    /// What was sent, by a new instance: the one that answered before has to be gone.
    Anew,
    /// An error, in words.
    Refused(String),
    /// Another answer than that to this call, or somebody else's instance.
    Wrong(String),
}

/// What one agent knows of the instances that answered it.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    /// What is known of each server's.
    known: HashMap<String, Known>,
    /// Those that another one took the place of, which must not come back.
    gone: HashSet<String>,
}

#[derive(Debug, Default)]
struct Known {
    /// The one that answered last; empty before the first.
    instance: String,
    /// How many calls it had had then.
    calls: u64,
    /// How many calls were refused since, which it may have had as well.
    refused: u64,
}

/// What an instance says of itself.
struct Signature<'a> {
    server: &'a str,
    instance: &'a str,
    calls: u64,
}

impl Instances {
    /// The instances that answered last, one of each server.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.known.values().map(|known| known.instance.as_str())
    }

    /// Judges what came of two calls that were made at once, each of a server with a message: an answer, or what else came of it.
    pub(crate) fn judge(
        &mut self,
        calls: &[(String, String); 2],
        answers: [Result<String, Outcome>; 2],
    ) -> [Outcome; 2] {
        let count =
            |answer: &Result<String, Outcome>| Some(signature(answer.as_ref().ok()?)?.calls);
        // One server may have had the second call first.
        let second_first = count(&answers[1]) < count(&answers[0]);
        let [one, two] = calls;
        let [to_one, to_two] = answers;
        if second_first {
            let second = self.outcome(two, to_two);
            [self.outcome(one, to_one), second]
        } else {
            [self.outcome(one, to_one), self.outcome(two, to_two)]
        }
    }

    fn outcome(
        &mut self,
        (server, message): &(String, String),
        answer: Result<String, Outcome>,
    ) -> Outcome {
        let known = self.known.entry(server.clone()).or_default();
        let outcome = match answer {
            Ok(answer) if answer.contains(&format!("\"text\":\"{message}\"")) => {
                known.answered(server, answer, &mut self.gone)
            }
            Ok(answer) if answer.contains("\"error\":") => Outcome::Refused(answer),
            Ok(answer) => Outcome::Wrong(answer),
            Err(outcome) => outcome,
        };
        if matches!(outcome, Outcome::Refused(_)) {
            known.refused += 1;
        }
        outcome
    }
}

impl Known {
    /// Judges by whom an answer is that has the right message.
    fn answered(&mut self, server: &str, answer: String, gone: &mut HashSet<String>) -> Outcome {
        let Some(by) = signature(&answer).filter(|by| by.server == server) else {
            return Outcome::Wrong(answer);
        };
        let is_same = by.instance == self.instance;
        let before = if is_same { self.calls } else { 0 };
        if !(before + 1..=before + 1 + self.refused).contains(&by.calls)
            || gone.contains(by.instance)
        {
            return Outcome::Wrong(answer);
        }
        let now = Self {
            instance: by.instance.to_owned(),
            calls: by.calls,
            refused: 0,
        };
        let last = std::mem::replace(self, now).instance;
        if is_same || last.is_empty() {
            return Outcome::Right;
        }
        gone.insert(last);
        Outcome::Anew
    }
}

/// Who gave this answer, if it says so.
fn signature(answer: &str) -> Option<Signature<'_>> {
    let (_, rest) = answer.split_once(&format!("\"text\":\"{BY}"))?;
    let (by, _) = rest.split_once('"')?;
    let mut words = by.split(' ');
    Some(Signature {
        server: words.next()?,
        instance: words.next()?,
        calls: words.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server says to a call of `echo` with the message `m`.
    fn said(by: &str) -> Result<String, Outcome> {
        Ok(format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":"m"}},{{"type":"text","text":"{BY}{by}"}}]}}}}"#
        ))
    }

    fn refused() -> Result<String, Outcome> {
        Ok(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"gone"}}"#.to_owned())
    }

    /// What is made of two answers by two servers, or by one: the words that begin the outcomes.
    fn judged(
        instances: &mut Instances,
        servers: [&str; 2],
        answers: [Result<String, Outcome>; 2],
    ) -> String {
        let calls = servers.map(|server| (server.to_owned(), "m".to_owned()));
        let outcomes = instances.judge(&calls, answers);
        let words = outcomes.map(|outcome| format!("{outcome:?}"));
        words
            .map(|word| word.chars().take(5).collect::<String>())
            .join(" ")
    }

    #[test]
    fn an_instance_has_the_calls_of_one_agent_alone() {
        let mut agent = Instances::default();
        let mut of_two = |a, b| judged(&mut agent, ["a", "b"], [said(a), said(b)]);
        assert_eq!(of_two("a 1 1", "b 2 1"), "Right Right");
        assert_eq!(of_two("a 1 2", "b 2 2"), "Right Right");
        // Somebody else's call was counted; this one was not.
        assert_eq!(of_two("a 1 4", "b 2 2"), "Wrong Wrong");
        // Another server, and another one's instance.
        assert_eq!(of_two("b 1 3", "b 3 7"), "Wrong Wrong");
        assert_eq!(of_two("a 1 3", "b 4 1"), "Right Anew");
        // One that was gone is back.
        assert_eq!(of_two("a 1 4", "b 2 3"), "Right Wrong");
        // Nobody says who it is.
        assert_eq!(of_two("", "b 4 2"), "Wrong Right");
    }

    #[test]
    fn a_server_may_have_two_calls_in_either_order_and_those_that_were_refused() {
        let mut agent = Instances::default();
        let mut of_one = |answers| judged(&mut agent, ["a", "a"], answers);
        assert_eq!(of_one([said("a 1 2"), said("a 1 1")]), "Right Right");
        assert_eq!(of_one([said("a 1 4"), refused()]), "Right Refus");
        assert_eq!(of_one([refused(), refused()]), "Refus Refus");
        assert_eq!(of_one([said("a 1 7"), said("a 1 9")]), "Right Wrong");
    }

    #[test]
    fn another_message_is_wrong() {
        let other = said("a 1 1").map(|answer| answer.replace(r#""m""#, r#""n""#));
        let mut agent = Instances::default();
        assert_eq!(
            judged(&mut agent, ["a", "b"], [other, said("b 2 1")]),
            "Wrong Right"
        );
    }
}
