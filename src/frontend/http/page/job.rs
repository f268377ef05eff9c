//! Jobs: what takes long, done on the server while browsers come and go, with what it has to say.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::document::{Document, Place, failure, go, part, shown};
use super::events::{Event, stream};
use super::fields::{Fields, address};
use super::{Here, Visitor, add, form, form_key};
use crate::frontend::parking;
use crate::frontend::voice::lock;
use crate::orchestrator::add::Request as AddRequest;

/// How many jobs are kept, those that are over among them.
const JOBS: usize = 64;

/// How many of the last lines of a job are kept.
const LINES: usize = 200;

/// How long a job that asked waits for its user before nobody counts on the answer any more.
const ANSWER: Duration = Duration::from_mins(30);

/// How often a browser is told at most that a job went on.
const PACE: Duration = Duration::from_millis(150);

/// The jobs, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<BTreeMap<u64, Arc<Job>>>);

/// A job.
#[derive(Debug)]
pub(super) struct Job {
    /// What nobody guesses who was not told.
    id: String,
    title: String,
    place: Place,
    /// Where it was begun: an address, and what to call it.
    back: (String, String),
    state: watch::Sender<Standing>,
    stop: Notify,
}

/// How a job stands.
#[derive(Debug, Default)]
struct Standing {
    lines: VecDeque<String>,
    outcome: Option<Outcome>,
    /// When it ended.
    ended: Option<Instant>,
}

/// How a job ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is done.
    Done {
        /// What came of it, in a line.
        text: String,
        /// What it brought, as it is to be read.
        result: Option<String>,
        /// Where to go from here: addresses, and what to call them.
        links: Vec<(String, String)>,
    },
    /// It failed.
    Failed {
        /// What went wrong.
        message: String,
        /// What can be done about it.
        hint: Option<String>,
    },
    /// The user has to agree to something first.
    Asks {
        /// To what.
        question: String,
        /// What is done then; taken by whoever answers first.
        request: Box<Mutex<Option<AddRequest>>>,
    },
}

impl Jobs {
    /// Begins a job that nothing is done of yet; nothing where too many run.
    pub(super) fn begin(
        &self,
        title: &str,
        place: Place,
        back: (String, String),
    ) -> Option<Arc<Job>> {
        let job = Arc::new(Job {
            id: parking::handle().ok()?,
            title: title.to_owned(),
            place,
            back,
            state: watch::channel(Standing::default()).0,
            stop: Notify::new(),
        });
        let mut jobs = lock(&self.0);
        if jobs.len() >= JOBS {
            let over = jobs.iter().find(|(_, job)| job.is_over());
            let over = over.map(|(number, _)| *number)?;
            jobs.remove(&over);
        }
        let number = jobs.keys().next_back().map_or(0, |last| last + 1);
        jobs.insert(number, Arc::clone(&job));
        Some(job)
    }

    /// Whether any of them goes on, or will when its user has answered.
    pub(super) fn are_under_way(&self) -> bool {
        lock(&self.0).values().any(|job| job.is_under_way())
    }

    fn find(&self, id: &str) -> Option<Arc<Job>> {
        let jobs = lock(&self.0);
        jobs.values().find(|job| job.id == id).map(Arc::clone)
    }
}

impl Job {
    /// Where it is looked at.
    pub(super) fn address(&self) -> String {
        address("job", &[("id", &self.id)])
    }

    /// Notes what is going on. A line that only counts on takes the place of the one before.
    pub(super) fn say(&self, line: String) {
        self.state.send_modify(|state| {
            let counts = |line: &str| line.starts_with("pulling: ");
            if state.lines.back().is_some_and(|last| counts(last)) && counts(&line) {
                state.lines.pop_back();
            }
            state.lines.push_back(line);
            if state.lines.len() > LINES {
                state.lines.pop_front();
            }
        });
    }

    /// Notes how it ended.
    pub(super) fn end(&self, outcome: Outcome) {
        self.state.send_modify(|state| {
            state.outcome = Some(outcome);
            state.ended = Some(Instant::now());
        });
    }

    /// Resolves when somebody wants it to end.
    pub(super) async fn stopped(&self) {
        self.stop.notified().await;
    }

    /// What it asked about, for whoever answers first.
    fn asked(&self) -> Option<AddRequest> {
        match &self.state.borrow().outcome {
            Some(Outcome::Asks { request, .. }) => lock(request).take(),
            _ => None,
        }
    }

    fn is_over(&self) -> bool {
        self.state.borrow().outcome.is_some()
    }

    fn is_under_way(&self) -> bool {
        let state = self.state.borrow();
        match &state.outcome {
            None => true,
            Some(Outcome::Asks { request, .. }) => {
                lock(request).is_some() && state.ended.is_some_and(|at| at.elapsed() < ANSWER)
            }
            Some(Outcome::Done { .. } | Outcome::Failed { .. }) => false,
        }
    }

    /// How it stands.
    fn shown(&self, visitor: &Visitor) -> Markup {
        let state = self.state.borrow();
        html! {
            section #progress data-job=(address("job-events", &[("id", &self.id)])) data-over[state.outcome.is_some()] aria-live="polite" aria-busy=(state.outcome.is_none()) {
                @if !state.lines.is_empty() {
                    ol.steps {
                        @for line in &state.lines { li { (shown(line)) } }
                    }
                }
                @match &state.outcome {
                    None => {
                        p.working { "Working…" }
                        form method="post" action="job" {
                            (form_key(visitor))
                            input type="hidden" name="id" value=(self.id);
                            button name="do" value="stop" { "Stop" }
                        }
                    }
                    Some(Outcome::Done { text, result, links }) => {
                        p.done role="status" { (shown(text)) }
                        @if let Some(result) = result {
                            pre.result tabindex="0" { (shown(result)) }
                        }
                        ul.links {
                            @for (address, name) in links { li { a href=(address) { (name) } } }
                        }
                    }
                    Some(Outcome::Failed { message, hint }) => (failure(message, hint.as_deref())),
                    Some(Outcome::Asks { question, request }) => {
                        div.question role="alert" { p { (shown(question)) } }
                        @if lock(request).is_some() {
                            form method="post" action="job" {
                                (form_key(visitor))
                                input type="hidden" name="id" value=(self.id);
                                button name="do" value="agree" { "Yes, go on" }
                                " "
                                button.danger name="do" value="decline" { "No" }
                            }
                        } @else {
                            p { "This was answered." }
                        }
                    }
                }
                p { a href=(self.back.0) { (self.back.1) } }
            }
        }
    }
}

/// Shows a job.
pub(super) async fn show((State(face), Extension(visitor)): Here, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    let Some(job) = face.page.jobs.find(fields.get("id")) else {
        return gone();
    };
    let content = job.shown(&visitor);
    if fields.has("part") {
        return part(content);
    }
    Document::new(&job.title, job.place)
        .refreshing(!job.is_over())
        .with(&content)
}

/// Tells whenever a job went on.
pub(super) async fn events((State(face), _): Here, uri: Uri) -> Response {
    let Some(job) = face.page.jobs.find(Fields::of(&uri).get("id")) else {
        return gone();
    };
    stream(Some(job.state.subscribe()), |state| async move {
        let mut state = state?;
        tokio::time::sleep(PACE).await;
        if state.borrow_and_update().outcome.is_none() {
            state.changed().await.ok()?;
        }
        let is_over = state.borrow_and_update().outcome.is_some();
        let name = if is_over { "over" } else { "changed" };
        Some((Event::plain(name), (!is_over).then_some(state)))
    })
}

/// Ends a job, or goes on with one that asked.
pub(super) async fn act((State(face), Extension(visitor)): Here, request: Request) -> Response {
    let fields = match form(&face, &visitor, request).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let Some(job) = face.page.jobs.find(fields.get("id")) else {
        return gone();
    };
    match fields.get("do") {
        "agree" => {
            if let Some(request) = job.asked() {
                return match add::start(&face, request, job.back.clone()) {
                    Some(next) => go(&next.address()),
                    None => busy(),
                };
            }
        }
        "decline" => {
            // With what was filled in: there may be secrets in it.
            if job.asked().is_some() {
                job.end(Outcome::Done {
                    text: "You said no: nothing was added.".to_owned(),
                    result: None,
                    links: Vec::new(),
                });
            }
        }
        _ => job.stop.notify_one(),
    }
    go(&job.address())
}

fn gone() -> Response {
    let content = html! {
        p { "It is over, and what it said is not kept any more." }
        p { a href="servers" { "The active servers" } }
    };
    Document::new("No such job", Place::Servers)
        .status(StatusCode::NOT_FOUND)
        .with(&content)
}

/// What is answered where too much goes on at once.
pub(super) fn busy() -> Response {
    let content = failure(
        "too much is going on at once",
        Some("wait until something of it is done"),
    );
    Document::new("Busy", Place::Servers)
        .status(StatusCode::SERVICE_UNAVAILABLE)
        .with(&content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::choices::Choices;
    use crate::orchestrator::add::Consent;

    fn begin(jobs: &Jobs) -> Option<Arc<Job>> {
        jobs.begin("t", Place::Servers, ("servers".to_owned(), "b".to_owned()))
    }

    #[test]
    fn the_oldest_job_that_is_over_makes_room() {
        let jobs = Jobs::default();
        let all: Vec<_> = (0..JOBS).map(|_| begin(&jobs).unwrap()).collect();
        assert!(begin(&jobs).is_none());
        all[3].end(Outcome::Failed {
            message: "m".to_owned(),
            hint: None,
        });
        let new = begin(&jobs).unwrap();
        assert!(jobs.find(&all[3].id).is_none() && jobs.find(&new.id).is_some());
        assert!(begin(&jobs).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_is_under_way_until_it_is_over_and_its_question_answered_or_forgotten() {
        let jobs = Jobs::default();
        assert!(!jobs.are_under_way());
        let request = || AddRequest {
            reference: "r".to_owned(),
            name: None,
            choices: Choices::default(),
            probe: true,
            consent: Consent::Nothing,
            agreed: None,
        };
        let asks = || Outcome::Asks {
            question: "q".to_owned(),
            request: Box::new(Mutex::new(Some(request()))),
        };
        let job = begin(&jobs).unwrap();
        assert!(jobs.are_under_way());
        job.end(asks());
        assert!(jobs.are_under_way());
        assert!(job.asked().is_some() && !jobs.are_under_way());
        begin(&jobs).unwrap().end(asks());
        tokio::time::advance(ANSWER / 2).await;
        assert!(jobs.are_under_way());
        tokio::time::advance(ANSWER / 2).await;
        assert!(!jobs.are_under_way());
    }

    #[test]
    fn lines_are_bounded_and_counting_takes_one() {
        let jobs = Jobs::default();
        let job = begin(&jobs).unwrap();
        for n in 0..3 {
            job.say(format!("pulling: {n} of 3"));
        }
        assert_eq!(job.state.borrow().lines, ["pulling: 2 of 3"]);
        for n in 0..2 * LINES {
            job.say(n.to_string());
        }
        assert_eq!(job.state.borrow().lines.len(), LINES);
    }

    #[test]
    fn what_is_said_is_shown_as_text() {
        let jobs = Jobs::default();
        let job = begin(&jobs).unwrap();
        job.say("<script>alert(1)</script>\u{202e}\u{1b}[31m".to_owned());
        let visitor = Visitor {
            form_key: "k".to_owned(),
        };
        let shown = job.shown(&visitor).into_string();
        assert!(
            shown.contains("&lt;script&gt;alert(1)&lt;/script&gt;[31m</li>"),
            "{shown}"
        );
    }
}
