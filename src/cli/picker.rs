//! `mcpod search` without words on a terminal: servers are found while one types, and one of them is picked.
//!
//! What is typed is answered by the catalog's own search, in its order: the picker that draws the list matches nothing
//! itself. Everything it is given to draw is text that the catalog has already made fit for a terminal.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use skim::prelude::{
    Action, CommandCollector, Event, ItemPreview, PreviewContext, Sender, Skim, SkimItem,
    SkimItemReceiver, SkimOptions, SkimOptionsBuilder, SkimOutput, unbounded,
};

use super::output::Failure;
use super::show::describe;
use crate::catalog::{Catalog, Filters, Hit, IndexError, Query, Resolution, about};
use crate::orchestrator;
use crate::text::one_line;

/// The most servers that are listed: more than anybody looks through, and still found between two keys.
const LISTED_MAX: usize = 500;

/// The key that adds the server under the cursor, and what the picker says of it.
const ADD_KEY: &str = "ctrl-g";
const ADD: &str = "add";

/// What the picker makes into what was typed, as a word for a shell.
const TYPED: &str = "{q}";

/// What was chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Picked {
    /// Nothing.
    Nothing,
    /// This entry is to be shown.
    Show(String),
    /// This entry is to be added.
    Add(String),
}

/// Lets the user choose among the servers that the filters admit.
pub(super) fn pick(catalog: Catalog, filters: Filters) -> Result<Picked, Failure> {
    // On a thread of its own: the picker makes a runtime, and inside ours that would panic.
    let picker = std::thread::spawn(move || {
        let finder = Rc::new(RefCell::new(Finder {
            catalog: Arc::new(catalog),
            filters,
            failed: None,
            answered: String::new(),
            unfinished: None,
        }));
        let output = Skim::run_with(options(Rc::clone(&finder) as _)?, None)
            .map_err(|error| Failure::from(anyhow::anyhow!("the picker failed: {error}")))?;
        let mut finder = finder.borrow_mut();
        let picked = picked(&output, &mut finder);
        match finder.failed.take() {
            Some(error) => Err(orchestrator::Error::from(error).into()),
            None => Ok(picked),
        }
    });
    picker
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn options(finder: Rc<RefCell<dyn CommandCollector>>) -> Result<SkimOptions, Failure> {
    SkimOptionsBuilder::default()
        .cmd_prompt("search> ")
        .header("Enter shows, Ctrl-G adds, Escape leaves")
        .reverse(true)
        .no_sort(true)
        .interactive(true)
        .cmd(TYPED)
        .cmd_collector(finder)
        // Without it no preview is shown at all.
        .preview("")
        .preview_window("down:60%:wrap")
        // What the key does otherwise makes no sense here: it would look for the text of lists.
        .bind(vec![
            format!("{ADD_KEY}:accept({ADD})"),
            "ctrl-q:ignore".to_owned(),
        ])
        .build()
        .map_err(|error| {
            anyhow::Error::new(error)
                .context("cannot make the picker")
                .into()
        })
}

/// What was chosen in the end.
fn picked(output: &SkimOutput, finder: &mut Finder) -> Picked {
    // After Escape the item under the cursor still counts as chosen.
    if output.is_abort {
        return Picked::Nothing;
    }
    let id = match &output.current {
        Some(item) if finder.answered == output.query => Some(item.item.output().into_owned()),
        // Who types fast chooses before the list is there, and means its first.
        _ => finder
            .listed(&output.query)
            .first()
            .map(|item| item.output().into_owned()),
    };
    match (id, &output.final_event) {
        (None, _) => Picked::Nothing,
        (Some(id), Event::Action(Action::Accept(Some(key)))) if key == ADD => Picked::Add(id),
        (Some(id), _) => Picked::Show(id),
    }
}

/// Answers what is typed with what the catalog finds.
struct Finder {
    catalog: Arc<Catalog>,
    filters: Filters,
    /// Why the catalog could not be searched. It is said in the end: the picker has the terminal.
    failed: Option<IndexError>,
    /// What the list on the screen is the answer to.
    answered: String,
    /// Where the items that are listed came through. It stays open, as if there were more to come: once a list has ended,
    /// the picker (skim 5.9) stops looking for items from time to time, and may then miss those of the next one.
    unfinished: Option<Sender<Vec<Arc<dyn SkimItem>>>>,
}

impl CommandCollector for Finder {
    /// Lists what fits a "command", which is what was typed, as a word for a shell. It is all there when this returns, so
    /// that nothing is left to be stopped.
    fn invoke(&mut self, command: &str, _: Arc<AtomicUsize>) -> (SkimItemReceiver, Sender<i32>) {
        let (items, receiver) = unbounded();
        let (stop, _) = unbounded();
        // The picker holds the other end.
        let text = unquoted(command);
        items.send(self.listed(&text)).ok();
        self.answered = text;
        self.unfinished = Some(items);
        (receiver, stop)
    }
}

impl Finder {
    /// What is listed for some words: the servers that fit.
    fn listed(&mut self, text: &str) -> Vec<Arc<dyn SkimItem>> {
        let query = Query {
            text,
            filters: self.filters.clone(),
            limit: LISTED_MAX,
            ..Query::default()
        };
        match self.catalog.search(&query) {
            Ok(answer) => answer
                .hits
                .iter()
                .map(|hit| Arc::new(Item::new(hit, &self.catalog)) as Arc<dyn SkimItem>)
                .collect(),
            Err(error) => {
                self.failed = Some(error);
                Vec::new()
            }
        }
    }
}

/// A server in the list.
struct Item {
    id: String,
    text: String,
    catalog: Arc<Catalog>,
}

impl Item {
    fn new(hit: &Hit, catalog: &Arc<Catalog>) -> Self {
        let title = hit.title.as_ref().unwrap_or(&hit.name);
        let about = about(hit.deprecated.as_ref(), hit.description.as_ref());
        Self {
            id: hit.id.to_string(),
            text: one_line(&format!("{} {title}: {about}", hit.id)),
            catalog: Arc::clone(catalog),
        }
    }
}

impl SkimItem for Item {
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.text)
    }

    fn preview(&self, _: PreviewContext) -> ItemPreview {
        match self.catalog.find(&self.id) {
            Ok(Resolution::Found(listing)) => ItemPreview::AnsiText(describe(&listing, true)),
            Ok(Resolution::Ambiguous(_) | Resolution::Unknown(_)) => {
                ItemPreview::Text(self.text.clone())
            }
            Err(error) => ItemPreview::Text(one_line(&error.to_string())),
        }
    }

    fn output(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }
}

/// What a word for a shell stands for, as the picker quotes it: in single quotes, each one inside as `'\''`.
fn unquoted(word: &str) -> String {
    let inside = word
        .strip_prefix('\'')
        .and_then(|word| word.strip_suffix('\''));
    inside.unwrap_or(word).replace(r"'\''", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finder() -> Finder {
        let source = "[[server]]\nname = 'evil'\ntitle = \"a\\u001b[31mb\"\ndescription = \"c\\u202ed {q} \\u0007\\ne\"";
        let parsed = crate::catalog::source::toml::parse("mine", source);
        Finder {
            catalog: Arc::new(Catalog::of(vec![parsed.entries]).unwrap()),
            filters: Filters::default(),
            failed: None,
            answered: String::new(),
            unfinished: None,
        }
    }

    #[test]
    fn what_is_typed_is_what_is_looked_for() {
        for (word, typed) in [
            ("''", ""),
            ("'query a db'", "query a db"),
            (r"'it'\''s'", "it's"),
            (r"''\'''", "'"),
            ("plain", "plain"),
            ("'", "'"),
        ] {
            assert_eq!(unquoted(word), typed, "{word}");
        }
        assert_eq!(finder().listed("evil").len(), 1);
        assert_eq!(finder().listed("").len(), 1);
        assert_eq!(finder().listed("qqqqqqqq").len(), 0);
    }

    #[test]
    fn nothing_hidden_is_drawn() {
        let items = finder().listed("evil");
        assert_eq!(items[0].text(), "mine:evil a[31mb: cd {q} e");
        assert_eq!(items[0].output(), "mine:evil");
    }
}
