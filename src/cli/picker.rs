//! `mcpod search` without words on a terminal: all servers, narrowed down while one types.

use std::borrow::Cow;
use std::sync::Arc;

use skim::prelude::{
    ItemPreview, PreviewContext, Skim, SkimItem, SkimItemReceiver, SkimItemSender, SkimOptions,
    SkimOptionsBuilder, unbounded,
};

use super::output::Failure;
use super::show::describe;
use crate::catalog::{Catalog, Filters, Hit, Query, Resolution};
use crate::orchestrator;

/// The servers that are handed over at once: enough to fill a screen at the first.
const BATCH: usize = 500;

/// The key that adds the server under the cursor.
const ADD: char = 'g';

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

/// A server in the list.
struct Item {
    id: String,
    text: String,
    catalog: Arc<Catalog>,
}

/// Lets the user choose among the servers that the filters admit.
pub(super) fn pick(catalog: Catalog, filters: &Filters) -> Result<Picked, Failure> {
    let catalog = Arc::new(catalog);
    let (sender, receiver) = unbounded();
    let feed = {
        let (catalog, filters) = (Arc::clone(&catalog), filters.clone());
        std::thread::spawn(move || feed(&catalog, &filters, &sender))
    };
    // On a thread of its own: the picker makes a runtime, and inside ours that would panic.
    let chosen = std::thread::spawn(move || choose(receiver)).join();
    let chosen = chosen.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    feed.join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    Ok(chosen)
}

/// Hands all servers over, the most trusted first.
fn feed(
    catalog: &Arc<Catalog>,
    filters: &Filters,
    sender: &SkimItemSender,
) -> Result<(), orchestrator::Error> {
    let mut query = Query {
        filters: filters.clone(),
        limit: BATCH,
        ..Query::default()
    };
    loop {
        let hits = catalog.search(&query)?.hits;
        let is_last = hits.len() < BATCH;
        let items: Vec<Arc<dyn SkimItem>> = hits
            .iter()
            .map(|hit| Arc::new(item(hit, catalog)) as Arc<dyn SkimItem>)
            .collect();
        // Nobody takes them any more once the choice is made.
        if sender.send(items).is_err() || is_last {
            return Ok(());
        }
        query.offset += BATCH;
    }
}

fn item(hit: &Hit, catalog: &Arc<Catalog>) -> Item {
    let title = hit.title.as_ref().unwrap_or(&hit.name);
    let description = hit.description.as_deref().unwrap_or_default();
    Item {
        id: hit.id.to_string(),
        text: format!("{}  {title}  {description}", hit.id),
        catalog: Arc::clone(catalog),
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
            Err(error) => ItemPreview::Text(error.to_string()),
        }
    }

    fn output(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }
}

fn options() -> Result<SkimOptions, Failure> {
    SkimOptionsBuilder::default()
        .prompt("search> ")
        .header(format!(
            "Enter shows, Ctrl-{} adds, Escape leaves",
            ADD.to_ascii_uppercase()
        ))
        // Without it no preview is shown at all.
        .preview("")
        .preview_window("down:60%:wrap")
        .bind(vec![format!("ctrl-{ADD}:accept")])
        .build()
        .map_err(|error| {
            anyhow::Error::new(error)
                .context("cannot make the picker")
                .into()
        })
}

fn choose(receiver: SkimItemReceiver) -> Result<Picked, Failure> {
    let output = Skim::run_with(options()?, Some(receiver))
        .map_err(|error| Failure::from(anyhow::anyhow!("the picker failed: {error}")))?;
    // After Escape the item under the cursor still counts as chosen.
    let chosen = output.selected_items.first().filter(|_| !output.is_abort);
    let Some(id) = chosen.map(|item| item.output().into_owned()) else {
        return Ok(Picked::Nothing);
    };
    let key = output.final_key;
    let adds = format!("{:?}", key.code).contains(&format!("Char('{ADD}')"));
    Ok(if adds {
        Picked::Add(id)
    } else {
        Picked::Show(id)
    })
}
