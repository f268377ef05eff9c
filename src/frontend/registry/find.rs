//! `registry-find`: words to servers of the catalog, or to tools.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Failure};
use super::{Registry, browse, words};
use crate::catalog::{Filters, Query, about};
use crate::frontend::offer::{Names, Offer, Origin};
use crate::orchestrator::Error;
use crate::session::lists::List;
use crate::session::splice;
use crate::text::{one_line, shortened};

/// The most of one answer.
const MOST: usize = 100;

/// How much of a description is shown, in characters.
const DESCRIPTION: usize = 300;

/// How much of the schemas of tools one answer holds, in bytes.
const SCHEMAS: usize = 20_000;

/// What the model reads; the catalog's size and sources are part of it.
pub(super) fn description(summary: &str) -> String {
    format!(
        "Search for MCP servers that give you a capability you lack (a database, a browser, time zones, an API, ...) or, with \
         what=tools, for a single tool of any server, active or not; of active ones with the arguments that they take. Use this first when no tool you have fits the task. \
         Give a few words for what you need; with an empty query everything that fits the filters is listed. {summary} Then read one with registry-get-docs or make it active with registry-add."
    )
}

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Arguments {
    /// A few words for the capability, for example "convert time zones" or "postgres".
    query: String,
    /// Servers of the catalog, or single tools of active servers and of the catalog.
    what: What,
    /// Only from these sources of the catalog.
    sources: Vec<String>,
    /// Only of one of these categories; registry-list names them.
    categories: Vec<String>,
    /// Only with all of these tags.
    tags: Vec<String>,
    /// Only servers made by the maker of what they serve.
    official: bool,
    /// Only servers that their source recommends.
    featured: bool,
    /// Only servers that can be run. On by default.
    runnable: bool,
    /// Only servers that work without a key or a login.
    no_key: bool,
    /// How many to give, at most 100.
    limit: usize,
    /// How many of the best to pass over.
    offset: usize,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            query: String::new(),
            what: What::Servers,
            sources: Vec::new(),
            categories: Vec::new(),
            tags: Vec::new(),
            official: false,
            featured: false,
            runnable: true,
            no_key: false,
            limit: 10,
            offset: 0,
        }
    }
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum What {
    Servers,
    Tools,
}

/// What was found, best first.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Found {
    /// Servers of the catalog.
    servers: Vec<FoundServer>,
    /// Tools, where they were asked for.
    tools: Vec<FoundTool>,
    /// Whether there are more behind the offset and limit.
    more: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FoundServer {
    /// What registry-add and registry-get-docs take.
    id: String,
    /// Its name for people.
    title: String,
    /// What it does.
    description: String,
    /// What kind of thing is run: image, npm, pypi, remote, ...; none where it cannot be run.
    launch: Option<String>,
    /// Whether it needs a key or a login.
    requires_key: bool,
    /// Whether the maker of what it serves makes it.
    official: bool,
    /// Why it should not be added any more, if so.
    deprecated: Option<String>,
    /// The names under which it is active already.
    active_as: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FoundTool {
    /// Its full name, which can be called; for a server that is not active, its name there.
    name: String,
    /// The active server, if it is of one.
    server: Option<String>,
    /// The id of the entry to add first, if it is of none.
    add: Option<String>,
    /// What it does.
    description: String,
    /// The schema of its arguments, if it is of an active server and there is room for it here.
    input_schema: Option<JsonObject>,
}

/// Runs the search.
pub(super) fn run(registry: &Registry, arguments: &Arguments) -> Result<Answer, Failure> {
    let query = query(registry, arguments)?;
    let found = match arguments.what {
        What::Servers => servers(registry, &query)?,
        What::Tools => tools(registry, &query)?,
    };
    let text = text(&found);
    Answer::new(&found, text)
}

fn query<'a>(registry: &Registry, arguments: &'a Arguments) -> Result<Query<'a>, Failure> {
    let mut categories = Vec::new();
    for category in &arguments.categories {
        categories.push(category.parse().map_err(|error| {
            Failure::new(format!("{error}")).next("registry-list names the categories")
        })?);
    }
    Ok(Query {
        text: &arguments.query,
        filters: Filters {
            sources: browse::sources(registry, &arguments.sources)?,
            categories,
            tags: arguments.tags.clone(),
            official: arguments.official,
            featured: arguments.featured,
            runnable: arguments.runnable,
            no_key: arguments.no_key,
        },
        offset: arguments.offset,
        limit: arguments.limit.clamp(1, MOST),
        explain: false,
    })
}

fn servers(registry: &Registry, query: &Query<'_>) -> Result<Found, Failure> {
    let catalog = registry.frontend.orchestrator.catalog()?;
    let found = catalog.search(query).map_err(Error::from)?;
    let active = registry.frontend.actives();
    let more = query.offset + found.hits.len() < found.total;
    let servers = found
        .hits
        .into_iter()
        .map(|hit| {
            let id = hit.id.to_string();
            let active_as = active
                .iter()
                .filter(|active| active.record.id == id)
                .map(|active| active.name.to_string())
                .collect();
            FoundServer {
                title: hit.title.as_ref().unwrap_or(&hit.name).to_string(),
                description: described(hit.description.as_deref()),
                launch: hit.launch,
                requires_key: hit.requires_key,
                official: hit.official,
                deprecated: hit.deprecated.map(|why| described(Some(&why))),
                active_as,
                id,
            }
        })
        .collect();
    Ok(Found {
        servers,
        tools: Vec::new(),
        more,
    })
}

/// Tools of active servers first, since they are there already; then those that the catalog knows.
fn tools(registry: &Registry, query: &Query<'_>) -> Result<Found, Failure> {
    let mut found = active_tools(registry, query.text);
    let actives = registry.frontend.actives();
    let is_active = |id: &str| actives.iter().any(|active| active.record.id == id);
    let catalog = registry.frontend.orchestrator.catalog()?;
    let all = Query {
        offset: 0,
        // What is active as well is passed over below.
        limit: query
            .offset
            .saturating_add(query.limit)
            .saturating_add(MOST),
        ..query.clone()
    };
    let known = catalog.search_tools(&all).map_err(Error::from)?;
    let before = known.hits.len();
    let mut hits = known.hits;
    hits.retain(|hit| !is_active(&hit.id.to_string()));
    let total = found.len() + known.total - (before - hits.len());
    found.extend(hits.into_iter().map(|hit| FoundTool {
        name: hit.tool.to_string(),
        server: None,
        add: Some(hit.id.to_string()),
        description: described(Some(&about(
            hit.deprecated.as_ref(),
            hit.description.as_ref(),
        ))),
        input_schema: None,
    }));
    let mut room = SCHEMAS;
    let tools: Vec<FoundTool> = found
        .into_iter()
        .skip(query.offset)
        .take(query.limit)
        .map(|mut tool| {
            let size = tool.arguments().map_or(0, |written| written.len());
            match room.checked_sub(size) {
                Some(left) => room = left,
                None => tool.input_schema = None,
            }
            tool
        })
        .collect();
    Ok(Found {
        servers: Vec::new(),
        more: query.offset + tools.len() < total,
        tools,
    })
}

fn active_tools(registry: &Registry, query: &str) -> Vec<FoundTool> {
    let words = words::of(query);
    let mut found = Vec::new();
    let offer = Offer::of(&registry.frontend.sources(), Names::Prefixed);
    for (name, item) in offer.items(List::Tools) {
        let Origin::Server(server) = &item.origin else {
            continue;
        };
        let about = splice::find(&item.json, &["description"]).ok().flatten();
        let about: Option<String> = about.and_then(|text| serde_json::from_str(text).ok());
        let tool = FoundTool {
            name: name.to_owned(),
            server: Some(server.to_string()),
            add: None,
            description: described(about.as_deref()),
            input_schema: splice::find(&item.json, &["inputSchema"])
                .ok()
                .flatten()
                .and_then(|schema| serde_json::from_str(schema).ok()),
        };
        let fit = if words.is_empty() {
            Some(0)
        } else {
            words::fit(&words, &tool.name, &tool.description)
        };
        found.extend(fit.map(|fit| (fit, tool)));
    }
    found.sort_by(|(fit, a), (other, b)| other.cmp(fit).then_with(|| a.name.cmp(&b.name)));
    found.into_iter().map(|(_, tool)| tool).collect()
}

/// A description as it is shown.
fn described(text: Option<&str>) -> String {
    shortened(&one_line(text.unwrap_or_default()), DESCRIPTION)
}

fn text(found: &Found) -> String {
    let mut lines: Vec<String> = found.servers.iter().map(FoundServer::line).collect();
    lines.extend(found.tools.iter().map(FoundTool::line));
    if lines.is_empty() {
        return "Nothing fits. Try fewer or other words, or drop a filter.".to_owned();
    }
    lines.extend(
        found
            .more
            .then(|| "There are more: raise offset.".to_owned()),
    );
    lines.join("\n")
}

impl FoundServer {
    fn line(&self) -> String {
        let key = if self.requires_key {
            " (needs a key)"
        } else {
            ""
        };
        let active = match self.active_as.as_slice() {
            [] => String::new(),
            names => format!(" (active as {})", names.join(", ")),
        };
        let deprecated = match &self.deprecated {
            Some(why) => format!(" (deprecated: {why})"),
            None => String::new(),
        };
        format!("{}: {}{key}{deprecated}{active}", self.id, self.description)
    }
}

impl FoundTool {
    fn line(&self) -> String {
        let whence = self.add.as_ref();
        let whence = whence.map_or(String::new(), |id| format!(" (registry-add {id} first)"));
        let takes = self.arguments();
        let takes = takes.map_or(String::new(), |schema| format!("\n  arguments: {schema}"));
        format!("{}: {}{whence}{takes}", self.name, self.description)
    }

    /// The schema of its arguments as a text, on one line.
    fn arguments(&self) -> Option<String> {
        serde_json::to_string(self.input_schema.as_ref()?).ok()
    }
}
