//! Something for each document, where most have nothing.

use std::collections::HashMap;

use tantivy::DocId;

/// The share of documents above which a place for each takes less time and hardly more memory than a map.
const DENSE: usize = 16;

/// A value for each document; the default value where none was set.
pub(super) enum Numbers<T> {
    /// Of few documents: a query for a rare word must not touch memory for all.
    Few { size: usize, of: HashMap<DocId, T> },
    /// Of any.
    All(Vec<T>),
}

impl<T: Copy + Default> Numbers<T> {
    /// For so many documents.
    pub(super) fn new(size: usize) -> Self {
        Self::Few {
            size,
            of: HashMap::new(),
        }
    }

    /// The value of a document; nothing if there is no such document.
    pub(super) fn at(&mut self, doc: DocId) -> Option<&mut T> {
        if let Self::Few { size, of } = self
            && of.len() > *size / DENSE
        {
            let mut all = vec![T::default(); *size];
            for (doc, value) in of.drain() {
                if let Some(place) = place(doc).and_then(|at| all.get_mut(at)) {
                    *place = value;
                }
            }
            *self = Self::All(all);
        }
        match self {
            Self::Few { size, of } => {
                let is_there = place(doc).is_some_and(|at| at < *size);
                is_there.then(|| of.entry(doc).or_default())
            }
            Self::All(all) => all.get_mut(place(doc)?),
        }
    }
}

fn place(doc: DocId) -> Option<usize> {
    usize::try_from(doc).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_when_they_become_many() {
        let mut numbers = Numbers::new(100);
        for doc in 0..100 {
            *numbers.at(doc).unwrap() += f64::from(doc);
        }
        assert!(matches!(numbers, Numbers::All(_)));
        for doc in 0..100 {
            assert_eq!(numbers.at(doc).copied(), Some(f64::from(doc)));
        }
        assert_eq!(numbers.at(100), None);
        assert_eq!(Numbers::<f32>::new(0).at(0), None);
    }
}
