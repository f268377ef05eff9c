//! Ranking: BM25 over several fields (BM25F), its words weighed by how well they fit.
//!
//! For each word of a query its terms are collected: its own stem, those of its kin, what it is the beginning of, and,
//! where all of that is nowhere, what it may be a misspelling of. Then each document's score is the sum over the words of
//! `idf * tf / (tf + K1)`, where `tf` is the weighted number of times the word's terms occur, field by field; times how
//! much of the query was met; times what speaks for the document anyway.

use std::collections::{HashMap, HashSet};

use tantivy::postings::Postings;
use tantivy::query::FuzzyTermQuery;
use tantivy::schema::{IndexRecordOption, Term};
use tantivy::{DocId, DocSet, TERMINATED};

use super::document::Field;
use super::numbers::Numbers;
use super::segment::Segment;
use super::words::{QueryWord, pair_of};

/// How soon more of the same word is worth no more.
const K1: f32 = 1.2;

/// The most terms that one word is looked up as, of each kind.
const TERMS_MAX: usize = 24;

/// A term that stands for a word of the query, and how well.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weighed {
    pub(super) term: String,
    pub(super) weight: f32,
}

/// A word of the query with its terms.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) word: String,
    pub(super) terms: Vec<Weighed>,
    /// Whether it is two neighbours: it can only add to a score, not miss.
    pub(super) is_pair: bool,
}

/// What a word added to a document's score, and where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Share {
    pub(super) word: String,
    pub(super) score: f32,
    pub(super) found: Vec<(String, &'static str)>,
}

/// The weight of a field, and how much a long one is worth less.
fn weights(field: Field) -> (f32, f32) {
    match field {
        Field::Name => (4.0, 0.4),
        Field::Tags => (2.2, 0.3),
        Field::Tools | Field::About => (1.6, 0.5),
        Field::Detail => (0.5, 0.7),
        Field::Pairs => (1.0, 0.3),
    }
}

/// The terms of a query's words.
pub(super) fn wanted(segment: &Segment, query: &[QueryWord]) -> tantivy::Result<Vec<Wanted>> {
    let mut wanted = Vec::new();
    for (place, word) in (1..).zip(query) {
        wanted.push(Wanted {
            word: word.text.clone(),
            terms: terms(segment, word, place == query.len())?,
            is_pair: false,
        });
    }
    for pair in query.windows(2) {
        let [first, second] = pair else { continue };
        wanted.push(Wanted {
            word: format!("{} {}", first.text, second.text),
            terms: vec![Weighed {
                term: pair_of(&first.stem, &second.stem),
                weight: 1.0,
            }],
            is_pair: true,
        });
    }
    Ok(wanted)
}

fn terms(segment: &Segment, word: &QueryWord, is_last: bool) -> tantivy::Result<Vec<Weighed>> {
    let mut terms = Terms::default();
    terms.add(&word.stem, 1.0);
    let own = segment.frequency(&word.stem)?;
    for kin in &word.kin {
        terms.add(kin, 0.45);
    }
    let length = word.text.chars().count();
    // The last word may be half typed.
    if length >= 3 && (is_last || own == 0) {
        for term in segment.beginning_with(&word.text, TERMS_MAX)? {
            let kept = ratio(length, term.chars().count());
            terms.add(
                &term,
                if own == 0 {
                    0.5 + 0.4 * kept
                } else {
                    0.35 * kept
                },
            );
        }
    }
    let is_met = own > 0 || terms.list.len() > 1;
    if length >= 4 && !is_met {
        misspelt(segment, word, length, &mut terms)?;
    } else if length >= 5 && own > 0 && own <= 2 {
        // A word that only one or two entries have may be their misspelling, too.
        for (term, frequency) in segment.near(&word.stem, 1)? {
            if frequency >= 10 * own {
                terms.add(&term, 0.6);
            }
        }
    }
    Ok(terms.list)
}

/// Adds what a word may be a misspelling of: the words one slip away, or two in a long word if there is none.
fn misspelt(
    segment: &Segment,
    word: &QueryWord,
    length: usize,
    terms: &mut Terms,
) -> tantivy::Result<()> {
    for (slips, weight) in [(1, 0.8), (2, 0.6)] {
        if slips == 2 && length < 7 {
            break;
        }
        let mut near = segment.near(&word.stem, slips)?;
        if word.text != word.stem {
            near.extend(segment.near(&word.text, slips)?);
        }
        // Of the words as near as that, the common ones are meant.
        near.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let most = near.first().map_or(0, |(_, frequency)| *frequency);
        for (term, frequency) in near.iter().take(TERMS_MAX) {
            let common = ratio(
                usize::try_from(*frequency).unwrap_or(usize::MAX),
                usize::try_from(most).unwrap_or(usize::MAX),
            );
            terms.add(term, weight * (0.4 + 0.6 * common));
        }
        if !near.is_empty() {
            break;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Terms {
    list: Vec<Weighed>,
}

impl Terms {
    fn add(&mut self, term: &str, weight: f32) {
        if !self.list.iter().any(|own| own.term == term) {
            self.list.push(Weighed {
                term: term.to_owned(),
                weight,
            });
        }
    }
}

/// What the words that a document met so far add up to.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    score: f32,
    met: f32,
}

/// The scores of all documents that at least one of the words meets.
pub(super) fn scores(segment: &Segment, wanted: &[Wanted]) -> tantivy::Result<Vec<(DocId, f32)>> {
    let size = segment.size();
    let mut sums: Numbers<Sum> = Numbers::new(size);
    let mut counts: Numbers<f32> = Numbers::new(size);
    let mut touched: Vec<DocId> = Vec::new();
    let mut possible = 0.0;
    for word in wanted {
        let mut here: Vec<DocId> = Vec::new();
        for_each_count(segment, word, |doc, count, _, _| {
            if let Some(own) = counts.at(doc) {
                if *own == 0.0 {
                    here.push(doc);
                }
                *own += count;
            }
        })?;
        let idf = idf(here.len(), size);
        // A pair is a bonus of at most half a word.
        let worth = if word.is_pair { 0.35 * idf } else { idf };
        if !word.is_pair {
            possible += idf;
        }
        for doc in here {
            let (Some(count), Some(sum)) = (counts.at(doc), sums.at(doc)) else {
                continue;
            };
            if sum.score == 0.0 {
                touched.push(doc);
            }
            sum.score += worth * *count / (*count + K1);
            if !word.is_pair {
                sum.met += idf * (*count / 0.8).min(1.0);
            }
            *count = 0.0;
        }
    }
    let score = |doc: DocId| {
        let Sum { score, met } = *sums.at(doc)?;
        Some((doc, score * coverage(met, possible) * segment.prior(doc)))
    };
    Ok(touched.into_iter().filter_map(score).collect())
}

/// What part of the query a document must meet to keep its score.
fn coverage(met: f32, possible: f32) -> f32 {
    if possible > 0.0 {
        0.25 + 0.75 * met / possible
    } else {
        1.0
    }
}

/// Where each word was found in a document, and what it added.
pub(super) fn shares(
    segment: &Segment,
    wanted: &[Wanted],
    doc: DocId,
) -> tantivy::Result<Vec<Share>> {
    let mut shares = Vec::new();
    for word in wanted {
        let mut documents: HashSet<DocId> = HashSet::new();
        let mut own = 0.0;
        let mut found = Vec::new();
        for_each_count(segment, word, |at, count, term, field| {
            documents.insert(at);
            if at == doc {
                own += count;
                found.push((term.to_owned(), field.as_str()));
            }
        })?;
        if own > 0.0 {
            let idf = idf(documents.len(), segment.size());
            let worth = if word.is_pair { 0.35 * idf } else { idf };
            shares.push(Share {
                word: word.word.clone(),
                score: worth * own / (own + K1),
                found,
            });
        }
    }
    Ok(shares)
}

/// Calls back with every document that a word's terms occur in, and the weighted number of times that one does in a field.
fn for_each_count(
    segment: &Segment,
    word: &Wanted,
    mut found: impl FnMut(DocId, f32, &str, Field),
) -> tantivy::Result<()> {
    let fields: &[Field] = if word.is_pair {
        &[Field::Pairs]
    } else {
        &Field::WORDS
    };
    for field in fields {
        let (weight, b) = weights(*field);
        let inverted = segment.inverted(*field)?;
        let norms = segment.norms(*field)?;
        // A field without words has a mean of its own; one keeps the division sane.
        let mean = segment.mean_length(*field)?.max(1.0);
        for Weighed { term, weight: fit } in &word.terms {
            let Some(info) = inverted.terms().get(term.as_bytes())? else {
                continue;
            };
            let mut postings =
                inverted.read_postings_from_terminfo(&info, IndexRecordOption::WithFreqs)?;
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                let length = to_f32(norms.fieldnorm(doc));
                let count = to_f32(postings.term_freq()) / (1.0 - b + b * length / mean);
                found(doc, weight * fit * count, term, *field);
                postings.advance();
            }
        }
    }
    Ok(())
}

/// How rare a word is that `met` of `all` documents have.
fn idf(met: usize, all: usize) -> f32 {
    let (met, all) = (count(met), count(all));
    (1.0 + (all - met + 0.5) / (met + 0.5)).ln()
}

fn ratio(part: usize, whole: usize) -> f32 {
    if whole == 0 {
        0.0
    } else {
        (count(part) / count(whole)).min(1.0)
    }
}

fn count(number: usize) -> f32 {
    to_f32(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The nearest number; documents and words are too few for the difference to matter.
#[expect(
    clippy::cast_precision_loss,
    reason = "a score needs no more than the leading digits"
)]
pub(super) fn to_f32(number: u32) -> f32 {
    number as f32
}

impl Segment {
    /// How many documents have a term in one of the fields, at most.
    fn frequency(&self, term: &str) -> tantivy::Result<u32> {
        let mut frequency = 0;
        for field in Field::WORDS {
            let info = self.inverted(field)?.terms().get(term.as_bytes())?;
            frequency = frequency.max(info.map_or(0, |info| info.doc_freq));
        }
        Ok(frequency)
    }

    /// Terms that begin with a text, the most frequent first, of the fields that people know words from.
    fn beginning_with(&self, beginning: &str, most: usize) -> tantivy::Result<Vec<String>> {
        // Enough to find the frequent ones among; a beginning of three letters can have thousands.
        const STREAM_MAX: usize = 400;
        let mut found: HashMap<String, u32> = HashMap::new();
        for field in [Field::Name, Field::Tags, Field::About] {
            let inverted = self.inverted(field)?;
            let mut end = beginning.as_bytes().to_vec();
            // No byte of UTF-8 is as high as this.
            end.push(0xff);
            let mut stream = inverted
                .terms()
                .range()
                .ge(beginning.as_bytes())
                .lt(end)
                .into_stream()?;
            let mut seen = 0;
            while let Some((term, info)) = stream.next() {
                if let Ok(term) = str::from_utf8(term) {
                    *found.entry(term.to_owned()).or_default() += info.doc_freq;
                }
                seen += 1;
                if seen == STREAM_MAX {
                    break;
                }
            }
        }
        let mut found: Vec<(String, u32)> = found.into_iter().collect();
        found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(found.into_iter().take(most).map(|(term, _)| term).collect())
    }

    /// Terms a few slips of the hand away from a word, each with how many documents have it at most.
    fn near(&self, word: &str, slips: u8) -> tantivy::Result<Vec<(String, u32)>> {
        let mut found: HashMap<String, u32> = HashMap::new();
        for field in [Field::Name, Field::Tags, Field::About] {
            let query =
                FuzzyTermQuery::new(Term::from_field_text(self.field(field), word), slips, true);
            let inverted = self.inverted(field)?;
            let mut stream = inverted.terms().search(query.automaton()?).into_stream()?;
            while let Some((term, info)) = stream.next() {
                if let Ok(term) = str::from_utf8(term) {
                    let own = found.entry(term.to_owned()).or_default();
                    *own = info.doc_freq.max(*own);
                }
            }
        }
        Ok(found.into_iter().collect())
    }
}
