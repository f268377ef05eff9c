//! One index on disk or in memory, and access to its parts.

use std::path::Path;
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::directory::{Directory, MmapDirectory, RamDirectory};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::schema::{
    FAST, Field as SchemaField, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing,
    TextOptions,
};
use tantivy::store::{Compressor, StoreReader};
use tantivy::{DocId, IndexSettings, InvertedIndexReader, SegmentReader, TantivyDocument};

use super::document::{Document, Field};
use super::folder::Folder;
use super::rank::to_f32;
use super::stored;

/// What a factor is a whole number of: a column of small numbers is a small part of one of fractions.
const PRIOR_UNIT: f32 = 10_000.0;

/// The bytes of memory that building may take before it writes.
const BUILD_MEMORY: usize = 64 << 20;

/// The bytes of what documents hold that are read at once: some documents, of which one is wanted.
const BLOCK: usize = 4 << 10;

/// An index: one segment of tantivy.
pub(super) struct Segment {
    reader: SegmentReader,
    store: StoreReader,
    schema: Fields,
    inverted: [Arc<InvertedIndexReader>; 6],
    norms: [FieldNormReader; 6],
    flags: Column<u64>,
    prior: Column<u64>,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// The fields of the schema.
#[derive(Debug, Clone)]
struct Fields {
    schema: Schema,
    words: [SchemaField; 6],
    id: SchemaField,
    called: SchemaField,
    source: SchemaField,
    tag: SchemaField,
    flags: SchemaField,
    prior: SchemaField,
    hit: SchemaField,
    record: SchemaField,
}

impl Fields {
    fn new() -> Self {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("whitespace")
            .set_index_option(IndexRecordOption::WithFreqs);
        let words = TextOptions::default().set_indexing_options(indexing);
        Self {
            words: Field::ALL.map(|field| schema.add_text_field(field.as_str(), words.clone())),
            id: schema.add_text_field("id", STRING),
            called: schema.add_text_field("called", STRING),
            source: schema.add_text_field("source", STRING),
            tag: schema.add_text_field("tag", STRING),
            flags: schema.add_u64_field("flags", FAST),
            prior: schema.add_u64_field("prior", FAST),
            hit: schema.add_text_field("hit", STORED),
            record: schema.add_text_field("record", STORED),
            schema: schema.build(),
        }
    }
}

/// What documents are found by exactly.
#[derive(Debug, Clone, Copy)]
pub(super) enum Exact {
    Id,
    Called,
    Source,
    Tag,
}

impl Segment {
    /// Writes an index into an empty folder.
    pub(super) fn write(
        folder: &Path,
        documents: impl Iterator<Item = serde_json::Result<Document>>,
    ) -> tantivy::Result<()> {
        build(MmapDirectory::open(folder)?, documents).map(drop)
    }

    /// Makes an index in memory.
    pub(super) fn in_memory(
        documents: impl Iterator<Item = serde_json::Result<Document>>,
    ) -> tantivy::Result<Self> {
        let index = build(RamDirectory::create(), documents)?;
        Self::of(&index)
    }

    /// Opens the index in a folder, by memory map.
    pub(super) fn open(folder: &Path) -> tantivy::Result<Self> {
        Self::of(&tantivy::Index::open(Folder::open(folder)?)?)
    }

    fn of(index: &tantivy::Index) -> tantivy::Result<Self> {
        let schema = Fields::new();
        if index.schema() != schema.schema {
            return Err(tantivy::TantivyError::SchemaError(
                "the index is of another version".to_owned(),
            ));
        }
        let segments = index.searchable_segments()?;
        let [segment] = segments.as_slice() else {
            return Err(tantivy::TantivyError::SchemaError(
                "the index is not in one piece".to_owned(),
            ));
        };
        // An index never changes after it was written: none of tantivy's readers that follow changes is needed.
        let segment = SegmentReader::open(segment)?;
        let inverted = |field: Field| segment.inverted_index(schema.words_of(field));
        let norms = |field: Field| segment.get_fieldnorms_reader(schema.words_of(field));
        Ok(Self {
            store: segment.get_store_reader(1)?,
            inverted: [
                inverted(Field::Name)?,
                inverted(Field::Tags)?,
                inverted(Field::Tools)?,
                inverted(Field::About)?,
                inverted(Field::Detail)?,
                inverted(Field::Pairs)?,
            ],
            norms: [
                norms(Field::Name)?,
                norms(Field::Tags)?,
                norms(Field::Tools)?,
                norms(Field::About)?,
                norms(Field::Detail)?,
                norms(Field::Pairs)?,
            ],
            flags: segment.fast_fields().u64("flags")?,
            prior: segment.fast_fields().u64("prior")?,
            reader: segment,
            schema,
        })
    }

    /// How many documents there are.
    pub(super) fn size(&self) -> usize {
        usize::try_from(self.reader.max_doc()).unwrap_or(usize::MAX)
    }

    /// All documents, in the order they were added.
    pub(super) fn documents(&self) -> std::ops::Range<DocId> {
        0..self.reader.max_doc()
    }

    pub(super) fn flags(&self, doc: DocId) -> u64 {
        self.flags.first(doc).unwrap_or_default()
    }

    pub(super) fn prior(&self, doc: DocId) -> f32 {
        let prior = self
            .prior
            .first(doc)
            .and_then(|prior| u32::try_from(prior).ok());
        prior.map_or(1.0, |prior| to_f32(prior) / PRIOR_UNIT)
    }

    /// The JSON of a document's hit.
    pub(super) fn hit(&self, doc: DocId) -> tantivy::Result<String> {
        Ok(self.store.get::<stored::Hit>(doc)?.0)
    }

    /// The JSON of a document's record; empty where there is none.
    pub(super) fn record(&self, doc: DocId) -> tantivy::Result<String> {
        Ok(self.store.get::<stored::Record>(doc)?.0)
    }

    /// The documents that are called exactly so, in order.
    pub(super) fn exactly(&self, what: Exact, text: &str) -> tantivy::Result<Vec<DocId>> {
        use tantivy::{DocSet, TERMINATED};
        let field = match what {
            Exact::Id => self.schema.id,
            Exact::Called => self.schema.called,
            Exact::Source => self.schema.source,
            Exact::Tag => self.schema.tag,
        };
        let inverted = self.reader.inverted_index(field)?;
        let Some(info) = inverted.terms().get(text.as_bytes())? else {
            return Ok(Vec::new());
        };
        let mut postings = inverted.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
        let mut documents = Vec::new();
        while postings.doc() != TERMINATED {
            documents.push(postings.doc());
            postings.advance();
        }
        Ok(documents)
    }

    pub(super) fn inverted(&self, field: Field) -> tantivy::Result<&InvertedIndexReader> {
        self.inverted
            .get(field as usize)
            .map(AsRef::as_ref)
            .ok_or_else(no_field)
    }

    pub(super) fn norms(&self, field: Field) -> tantivy::Result<&FieldNormReader> {
        self.norms.get(field as usize).ok_or_else(no_field)
    }

    pub(super) fn field(&self, field: Field) -> SchemaField {
        self.schema.words_of(field)
    }

    /// The mean number of words in a field.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a mean needs no more than the leading digits"
    )]
    pub(super) fn mean_length(&self, field: Field) -> tantivy::Result<f32> {
        Ok(self.inverted(field)?.total_num_tokens() as f32 / self.size().max(1) as f32)
    }
}

impl Fields {
    fn words_of(&self, field: Field) -> SchemaField {
        let [name, tags, tools, about, detail, pairs] = self.words;
        match field {
            Field::Name => name,
            Field::Tags => tags,
            Field::Tools => tools,
            Field::About => about,
            Field::Detail => detail,
            Field::Pairs => pairs,
        }
    }
}

/// A factor as a whole number of its unit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "factors lie between none and ten"
)]
fn in_units(factor: f64) -> u64 {
    (factor * f64::from(PRIOR_UNIT)).round() as u64
}

fn no_field() -> tantivy::TantivyError {
    tantivy::TantivyError::SchemaError("the index lacks a field".to_owned())
}

fn build(
    directory: impl Into<Box<dyn Directory>>,
    documents: impl Iterator<Item = serde_json::Result<Document>>,
) -> tantivy::Result<tantivy::Index> {
    let fields = Fields::new();
    let settings = IndexSettings {
        docstore_compression: Compressor::None,
        docstore_compress_dedicated_thread: false,
        docstore_blocksize: BLOCK,
        ..IndexSettings::default()
    };
    let builder = tantivy::Index::builder()
        .schema(fields.schema.clone())
        .settings(settings);
    let mut writer =
        builder.single_segment_index_writer::<TantivyDocument>(directory, BUILD_MEMORY)?;
    for document in documents {
        let document =
            document.map_err(|error| tantivy::TantivyError::InvalidArgument(error.to_string()))?;
        writer.add_document(fields.document(&document))?;
    }
    writer.finalize()
}

impl Fields {
    fn document(&self, document: &Document) -> TantivyDocument {
        let Document {
            texts,
            ids,
            names,
            sources,
            tags,
            flags,
            prior,
            hit,
            record,
        } = document;
        let mut written = TantivyDocument::new();
        for (field, text) in self.words.iter().zip(texts) {
            written.add_text(*field, text);
        }
        for (field, texts) in [
            (self.id, ids),
            (self.called, names),
            (self.source, sources),
            (self.tag, tags),
        ] {
            for text in texts {
                written.add_text(field, text);
            }
        }
        written.add_u64(self.flags, *flags);
        written.add_u64(self.prior, in_units(*prior));
        written.add_text(self.hit, hit);
        if !record.is_empty() {
            written.add_text(self.record, record);
        }
        written
    }
}
