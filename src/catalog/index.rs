//! The index: where listings are looked up, by words and by name.
//!
//! It is written once, into a fresh folder, and never changed. Readers map it into memory, so that a new process answers in
//! a millisecond, whatever the size of the catalog.

mod document;
mod folder;
mod numbers;
mod prior;
mod rank;
mod segment;
mod stored;
mod words;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tantivy::DocId;

use self::document::{category_flag, flag};
use self::segment::{Exact, Segment};
use self::words::Stems;
use super::entry::Entry;
use super::find::Resolution;
use super::merge::Listing;
use super::search::{Answer, Found, Hit, Query, Reason, ToolHit, Why};

/// The folders of the two parts of an index.
const ENTRIES: &str = "entries";
const TOOLS: &str = "tools";

/// What an exact name multiplies a score by.
const EXACT_NAME: f32 = 1.6;

/// The most ids that are offered where a name is not clear.
const CANDIDATES: usize = 10;

/// Why the index does not answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It cannot be read or written.
    #[error("the catalog's index cannot be used")]
    Index(#[from] tantivy::TantivyError),
    /// What is in it is no entry.
    #[error("a record of the catalog's index cannot be read")]
    Record(#[from] serde_json::Error),
    /// A folder of it cannot be made.
    #[error("the folder {path} cannot be made")]
    Folder {
        /// Which.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

/// The index of all listings, and the one of their tools.
#[derive(Debug)]
pub(super) struct Index {
    entries: Segment,
    tools: OnceLock<Segment>,
    /// Where the tools are, which are opened when somebody asks for one: hardly any search does.
    folder: PathBuf,
}

impl Index {
    /// Writes the index of some listings into an empty folder.
    pub(super) fn write(folder: &Path, listings: &[Listing]) -> Result<(), IndexError> {
        let [entries, tools] = [ENTRIES, TOOLS].map(|part| folder.join(part));
        for part in [&entries, &tools] {
            std::fs::create_dir_all(part).map_err(|source| IndexError::Folder {
                path: part.display().to_string(),
                source,
            })?;
        }
        // The tools are few beside the entries; both are written at once where there are two processors.
        std::thread::scope(|scope| {
            let tools = scope.spawn(|| Segment::write(&tools, tool_documents(listings)));
            Segment::write(&entries, documents(listings))?;
            match tools.join() {
                Ok(written) => written,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })?;
        Ok(())
    }

    /// The index of some listings, in memory.
    pub(super) fn in_memory(listings: &[Listing]) -> Result<Self, IndexError> {
        Ok(Self {
            entries: Segment::in_memory(documents(listings))?,
            tools: OnceLock::from(Segment::in_memory(tool_documents(listings))?),
            folder: PathBuf::new(),
        })
    }

    /// Opens the index in a folder.
    pub(super) fn open(folder: &Path) -> Result<Self, IndexError> {
        Ok(Self {
            entries: Segment::open(&folder.join(ENTRIES))?,
            tools: OnceLock::new(),
            folder: folder.to_owned(),
        })
    }

    /// How many listings there are.
    pub(super) fn size(&self) -> usize {
        self.entries.size()
    }

    pub(super) fn search(&self, query: &Query) -> Result<Answer<Hit>, IndexError> {
        answer(&self.entries, query, |json, score, why| {
            let mut hit: Hit = serde_json::from_str(json)?;
            (hit.score, hit.why) = (score, why);
            Ok(hit)
        })
    }

    pub(super) fn search_tools(&self, query: &Query) -> Result<Answer<ToolHit>, IndexError> {
        answer(self.tools()?, query, |json, score, why| {
            let mut hit: ToolHit = serde_json::from_str(json)?;
            (hit.score, hit.why) = (score, why);
            Ok(hit)
        })
    }

    fn tools(&self) -> Result<&Segment, IndexError> {
        if let Some(tools) = self.tools.get() {
            return Ok(tools);
        }
        let opened = Segment::open(&self.folder.join(TOOLS))?;
        Ok(self.tools.get_or_init(|| opened))
    }

    /// The listing that a reference means; see [`Resolution`].
    pub(super) fn find(&self, reference: &str) -> Result<Resolution, IndexError> {
        let lower = reference.trim().to_lowercase();
        if let Some(doc) = self.entries.exactly(Exact::Id, &lower)?.first() {
            return Ok(Resolution::Found(Box::new(meant(
                self.listing(*doc)?,
                &lower,
            ))));
        }
        let named = self.entries.exactly(Exact::Called, &lower)?;
        // Anybody can publish under any name; of those that somebody looked at, one alone is meant.
        let curated: Vec<DocId> = named
            .iter()
            .copied()
            .filter(|doc| self.entries.flags(*doc) & flag::CURATED != 0)
            .collect();
        match (named.as_slice(), curated.as_slice()) {
            ([doc], _) | (_, [doc]) => Ok(Resolution::Found(Box::new(self.listing(*doc)?))),
            ([], _) => Ok(Resolution::Unknown(self.nearest(&lower)?)),
            (several, _) => {
                let mut several = several.to_vec();
                several.sort_by(|a, b| {
                    self.entries
                        .prior(*b)
                        .total_cmp(&self.entries.prior(*a))
                        .then_with(|| a.cmp(b))
                });
                let ids = several
                    .iter()
                    .take(CANDIDATES)
                    .map(|doc| Ok(self.listing(*doc)?.entry.id.to_string()));
                Ok(Resolution::Ambiguous(
                    ids.collect::<Result<_, IndexError>>()?,
                ))
            }
        }
    }

    /// What a source says, entry by entry.
    pub(super) fn entries_of(&self, source: &str) -> Result<Vec<Entry>, IndexError> {
        let mut entries = Vec::new();
        for doc in self.entries.exactly(Exact::Source, source)? {
            let Listing { entry, members } = self.listing(doc)?;
            let said = if members.is_empty() {
                vec![entry]
            } else {
                members
            };
            entries.extend(said.into_iter().filter(|entry| entry.id.source() == source));
        }
        Ok(entries)
    }

    /// The ids that come nearest to a reference that is nothing's.
    fn nearest(&self, reference: &str) -> Result<Vec<String>, IndexError> {
        let words = reference.rsplit(':').next().unwrap_or_default();
        if words.trim().is_empty() {
            return Ok(Vec::new());
        }
        let query = Query {
            text: words,
            limit: 3,
            ..Query::default()
        };
        Ok(self
            .search(&query)?
            .hits
            .iter()
            .map(|hit| hit.id.to_string())
            .collect())
    }

    fn listing(&self, doc: DocId) -> Result<Listing, IndexError> {
        Ok(serde_json::from_str(&self.entries.record(doc)?)?)
    }
}

/// The documents of a segment that fit a query, best first.
fn answer<T>(
    segment: &Segment,
    query: &Query,
    hit: impl Fn(&str, f64, Option<Why>) -> Result<T, IndexError>,
) -> Result<Answer<T>, IndexError> {
    let words = Stems::new().of_query(query.text);
    let admitted = Admission::of(segment, query)?;
    let is_empty = query.text.trim().is_empty();
    let wanted = rank::wanted(segment, &words)?;
    let mut ranked: Vec<(DocId, f32)> = if is_empty {
        segment
            .documents()
            .map(|doc| (doc, segment.prior(doc)))
            .collect()
    } else {
        rank::scores(segment, &wanted)?
    };
    ranked.retain(|(doc, _)| admitted.admits(segment, *doc));
    let exact = exactly_named(segment, query.text)?;
    for (doc, score) in &mut ranked {
        if exact.contains(doc) {
            *score *= EXACT_NAME;
        }
    }
    let total = ranked.len();
    let order =
        |a: &(DocId, f32), b: &(DocId, f32)| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0));
    let end = query.offset.saturating_add(query.limit);
    if end < ranked.len() {
        // Only the hits of this page and those before it need an order.
        ranked.select_nth_unstable_by(end, order);
        ranked.truncate(end);
    }
    ranked.sort_unstable_by(order);
    let mut hits = Vec::new();
    for (doc, score) in ranked.into_iter().skip(query.offset) {
        let score = if is_empty { 0.0 } else { f64::from(score) };
        let why = if query.explain && !is_empty {
            Some(why(segment, &wanted, doc, exact.contains(&doc))?)
        } else {
            None
        };
        hits.push(hit(&segment.hit(doc)?, score, why)?);
    }
    Ok(Answer { hits, total })
}

/// The reasons for a document's place.
fn why(
    segment: &Segment,
    wanted: &[rank::Wanted],
    doc: DocId,
    exact: bool,
) -> Result<Why, IndexError> {
    let shares = rank::shares(segment, wanted, doc)?
        .into_iter()
        .map(|share| Found {
            word: share.word,
            score: f64::from(share.score),
            places: share
                .found
                .into_iter()
                .map(|(term, field)| format!("{field}: {term}"))
                .collect(),
        });
    let record = segment.record(doc)?;
    let reasons = if record.is_empty() {
        let factor = f64::from(segment.prior(doc));
        vec![("what speaks for its server".into(), factor)]
    } else {
        prior::prior(&serde_json::from_str(&record)?)
    };
    let exact = exact.then(|| ("it is called so".into(), f64::from(EXACT_NAME)));
    Ok(Why {
        words: shares.collect(),
        factors: reasons
            .into_iter()
            .chain(exact)
            .map(|(reason, factor)| Reason {
                reason: reason.into_owned(),
                factor,
            })
            .collect(),
    })
}

/// The listing with the entry of that id in front: whoever names a source's entry means what that source says.
fn meant(mut listing: Listing, id: &str) -> Listing {
    let is_meant = |member: &&Entry| member.id.to_string().to_lowercase() == id;
    if listing.entry.id.to_string().to_lowercase() != id
        && let Some(member) = listing.members.iter().find(is_meant)
    {
        listing.entry = member.clone();
    }
    listing
}

fn documents(listings: &[Listing]) -> impl Iterator<Item = serde_json::Result<document::Document>> {
    let stems = Stems::new();
    listings
        .iter()
        .map(move |listing| document::of_listing(listing, &stems))
}

fn tool_documents(
    listings: &[Listing],
) -> impl Iterator<Item = serde_json::Result<document::Document>> {
    let stems = Stems::new();
    let tools = listings
        .iter()
        .flat_map(|listing| listing.entry.tools.iter().map(move |tool| (tool, listing)));
    tools.map(move |(tool, listing)| document::of_tool(tool, listing, &stems))
}

/// The documents that are called as the query says.
fn exactly_named(segment: &Segment, text: &str) -> Result<HashSet<DocId>, IndexError> {
    let text = text.trim().to_lowercase();
    let mut exact = HashSet::new();
    for name in [text.clone(), text.replace(' ', "-"), text.replace(' ', "_")] {
        exact.extend(segment.exactly(Exact::Called, &name)?);
    }
    Ok(exact)
}

/// Which documents the filters of a query admit.
struct Admission {
    /// All of these bits.
    all: u64,
    /// One of these bits; any, if there is none.
    any: u64,
    /// One of these documents, for each of the sets.
    sets: Vec<HashSet<DocId>>,
}

impl Admission {
    fn of(segment: &Segment, query: &Query) -> Result<Self, IndexError> {
        let filters = &query.filters;
        let bit = |is: bool, bit: u64| if is { bit } else { 0 };
        let mut sets = Vec::new();
        if !filters.sources.is_empty() {
            let mut documents = HashSet::new();
            for source in &filters.sources {
                documents.extend(segment.exactly(Exact::Source, source)?);
            }
            sets.push(documents);
        }
        for tag in &filters.tags {
            sets.push(
                segment
                    .exactly(Exact::Tag, &tag.to_lowercase())?
                    .into_iter()
                    .collect(),
            );
        }
        Ok(Self {
            all: bit(filters.official, flag::OFFICIAL)
                | bit(filters.featured, flag::FEATURED)
                | bit(filters.runnable, flag::RUNNABLE)
                | bit(filters.no_key, flag::NO_KEY),
            any: filters
                .categories
                .iter()
                .map(|category| category_flag(*category))
                .fold(0, |bits, bit| bits | bit),
            sets,
        })
    }

    fn admits(&self, segment: &Segment, doc: DocId) -> bool {
        if self.all == 0 && self.any == 0 && self.sets.is_empty() {
            return true;
        }
        let flags = segment.flags(doc);
        flags & self.all == self.all
            && (self.any == 0 || flags & self.any != 0)
            && self.sets.iter().all(|set| set.contains(&doc))
    }
}
