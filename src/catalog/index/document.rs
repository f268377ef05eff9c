//! Documents: what the index knows of a listing, and of a tool.

use super::prior::prior;
use super::words::{Stems, is_empty_word, pairs};
use crate::catalog::artifact::Artifact;
use crate::catalog::category::Category;
use crate::catalog::entry::{Entry, Tool};
use crate::catalog::launch::{LaunchOption, Run};
use crate::catalog::merge::Listing;
use crate::catalog::search::{Hit, ToolHit};

/// The fields that words are looked for in. A match weighs the more the nearer it is to the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    Tags,
    Tools,
    About,
    Detail,
    Pairs,
}

impl Field {
    pub(super) const ALL: [Self; 6] = [
        Self::Name,
        Self::Tags,
        Self::Tools,
        Self::About,
        Self::Detail,
        Self::Pairs,
    ];

    /// Those that hold single words.
    pub(super) const WORDS: [Self; 5] = [
        Self::Name,
        Self::Tags,
        Self::Tools,
        Self::About,
        Self::Detail,
    ];

    /// Its name in the index and in explanations.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Tags => "tags",
            Self::Tools => "tools",
            Self::About => "description",
            Self::Detail => "details",
            Self::Pairs => "pairs",
        }
    }
}

/// The most words of a field that are indexed: a readme of a hundred pages is no better found than one of ten.
const WORDS_MAX: usize = 2_000;

/// A document.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The words of each field, in the order of [`Field::ALL`], joined by blanks.
    pub(super) texts: [String; 6],
    /// Everything it can be called exactly, in lower case: ids.
    pub(super) ids: Vec<String>,
    /// Short names, in lower case.
    pub(super) names: Vec<String>,
    pub(super) sources: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) flags: u64,
    pub(super) prior: f64,
    /// The hit, as JSON.
    pub(super) hit: String,
    /// The listing, as JSON.
    pub(super) record: String,
}

/// The bits of a document's flags.
pub(super) mod flag {
    pub(crate) const OFFICIAL: u64 = 1;
    pub(crate) const FEATURED: u64 = 1 << 1;
    pub(crate) const RUNNABLE: u64 = 1 << 2;
    pub(crate) const NO_KEY: u64 = 1 << 3;
    /// A curated source has it.
    pub(crate) const CURATED: u64 = 1 << 4;
    /// The bit of the first category; the others follow.
    pub(crate) const CATEGORIES: u32 = 8;
}

/// The bit of a category.
pub(super) fn category_flag(category: Category) -> u64 {
    let place = Category::ALL.iter().position(|other| *other == category);
    place
        .and_then(|place| u32::try_from(place).ok())
        .map_or(0, |place| 1 << (flag::CATEGORIES + place))
}

/// The document of a listing.
pub(super) fn of_listing(listing: &Listing, stems: &Stems) -> serde_json::Result<Document> {
    let Listing { entry, members } = listing;
    let all: Vec<&Entry> = if members.is_empty() {
        vec![entry]
    } else {
        members.iter().collect()
    };
    let mut fields: [Vec<String>; 6] = Default::default();
    let [name, tags, tools, about, detail, neighbours] = &mut fields;
    for member in &all {
        let short = member.id.native().rsplit('/').next().unwrap_or_default();
        add(name, stems.of_identifier(&member.name));
        add(name, stems.of_identifier(short));
        neighbours.extend(pairs(&stems.of_text(&member.name)));
        if let Some(text) = &member.title {
            let words = stems.of_text(text);
            neighbours.extend(pairs(&words));
            add(name, words);
        }
        for tag in &member.tags {
            let words = stems.of_text(tag);
            neighbours.extend(pairs(&words));
            add(tags, words);
        }
        if let Some(text) = &member.description {
            let words: Vec<String> = stems
                .of_text(text)
                .into_iter()
                .filter(|word| !is_empty_word(word))
                .collect();
            neighbours.extend(pairs(&words));
            if about.is_empty() || !all.iter().any(|other| std::ptr::eq(*other, *member)) {
                about.extend(words);
            } else {
                add(about, words);
            }
        }
        if let Some(publisher) = &member.publisher {
            detail.extend(stems.of_identifier(publisher));
        }
        if let Some(repository) = &member.repository {
            let path = repository.url.rsplit('/').next().unwrap_or_default();
            detail.extend(stems.of_identifier(path));
        }
        for option in &member.launch {
            detail.extend(artifact_words(option, stems));
        }
    }
    for category in &entry.categories {
        add(tags, stems.of_text(category.as_str()));
    }
    for tool in &entry.tools {
        let words = stems.of_identifier(&tool.name);
        neighbours.extend(pairs(&words));
        add(tools, words);
        if let Some(text) = &tool.description {
            detail.extend(stems.of_text(text));
        }
    }
    if let Some(readme) = &entry.readme {
        detail.extend(stems.of_text(readme));
    }
    let lower = |text: &str| text.to_lowercase();
    Ok(Document {
        texts: fields.map(|words| {
            words
                .get(..WORDS_MAX.min(words.len()))
                .unwrap_or_default()
                .join(" ")
        }),
        ids: all
            .iter()
            .map(|member| lower(&member.id.to_string()))
            .collect(),
        names: unique(
            all.iter()
                .flat_map(|member| [lower(&member.name), lower(member.id.native())]),
        ),
        sources: sources(listing),
        tags: unique(entry.tags.iter().map(|tag| lower(tag))),
        flags: flags(entry),
        prior: prior(listing).iter().map(|(_, factor)| factor).product(),
        hit: serde_json::to_string(&Hit::new(entry, 0.0))?,
        record: serde_json::to_string(listing)?,
    })
}

/// The document of a tool of a listing.
pub(super) fn of_tool(
    tool: &Tool,
    listing: &Listing,
    stems: &Stems,
) -> serde_json::Result<Document> {
    let entry = &listing.entry;
    let mut fields: [Vec<String>; 6] = Default::default();
    let [name, tags, tools, about, _, neighbours] = &mut fields;
    let words = stems.of_identifier(&tool.name);
    neighbours.extend(pairs(&words));
    add(name, words);
    if let Some(text) = &tool.description {
        let words = stems.of_text(text);
        neighbours.extend(pairs(&words));
        about.extend(words);
    }
    add(tags, stems.of_text(&entry.name));
    if let Some(title) = &entry.title {
        add(tags, stems.of_text(title));
    }
    for tag in &entry.tags {
        add(tools, stems.of_text(tag));
    }
    Ok(Document {
        texts: fields.map(|words| {
            words
                .get(..WORDS_MAX.min(words.len()))
                .unwrap_or_default()
                .join(" ")
        }),
        sources: sources(listing),
        tags: unique(entry.tags.iter().map(|tag| tag.to_lowercase())),
        flags: flags(entry),
        prior: prior(listing).iter().map(|(_, factor)| factor).product(),
        hit: serde_json::to_string(&ToolHit::new(tool, entry, 0.0))?,
        ..Document::default()
    })
}

/// The sources that have a listing.
fn sources(listing: &Listing) -> Vec<String> {
    let Listing { entry, members } = listing;
    let ids = std::iter::once(entry)
        .chain(members)
        .map(|member| &member.id);
    unique(ids.map(|id| id.source().to_owned()))
}

fn flags(entry: &Entry) -> u64 {
    let mut flags = 0;
    let mut set = |bit: u64, is: bool| flags |= if is { bit } else { 0 };
    set(flag::OFFICIAL, entry.official);
    set(flag::FEATURED, entry.featured);
    set(flag::RUNNABLE, entry.is_runnable());
    set(flag::NO_KEY, entry.is_runnable() && !entry.requires_key());
    set(flag::CURATED, entry.id.is_curated());
    for category in &entry.categories {
        set(category_flag(*category), true);
    }
    flags
}

/// The words of what an option runs: a package may be called otherwise than its server.
fn artifact_words(option: &LaunchOption, stems: &Stems) -> Vec<String> {
    let name = match &option.run {
        Run::Local(local) => match &local.artifact {
            Artifact::Image(image) => image.to_string(),
            Artifact::Package(package) => package.name.clone(),
            Artifact::Git(_) | Artifact::Bundle(_) | Artifact::Tools(_) | Artifact::Command(_) => {
                return Vec::new();
            }
        },
        Run::Remote(remote) => remote
            .endpoint
            .url
            .literal()
            .and_then(|url| url.split('/').nth(2))
            .unwrap_or_default()
            .to_owned(),
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    let last = last.split(['@', ':']).next().unwrap_or_default();
    stems.of_text(last)
}

/// Adds words that are not there yet: several sources say the same, and that is no more than one saying it.
fn add(field: &mut Vec<String>, words: Vec<String>) {
    for word in words {
        if !field.contains(&word) {
            field.push(word);
        }
    }
}

fn unique(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}
