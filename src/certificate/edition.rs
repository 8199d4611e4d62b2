//! The suite that a certificate is about, to the byte: [`Edition`].

use std::collections::BTreeMap;

use super::{Bundle, CERTIFICATE, Edited, Score, manifest};
use crate::case::{self, Suite, strength};
use crate::dialect::Dialect;

/// A suite, a dialect, and the digests of their files.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a value")]
pub struct Edition {
    /// The cases that apply to the dialect.
    pub suite: Suite,
    /// Whose clauses they cite.
    pub dialect: Dialect,
    /// SHA-256 of every file, by path.
    pub files: BTreeMap<String, String>,
    /// How strong it is.
    pub score: Score,
}

impl Edition {
    /// The bundled suite, for a bundled dialect.
    pub fn bundled(dialect: &str) -> Option<Self> {
        let source = Dialect::source(dialect)?;
        let dialect = Dialect::bundled(dialect)?.clone();
        let mut files = case::bundled();
        let mut suite = case::load(&files, &dialect).suite;
        suite.cases.retain(|case| case.applies(&dialect));
        files.push(source);
        let digests = files.iter().map(|file| (file.path.clone(), manifest::digest(file.text.as_bytes())));
        // A test holds that every fault counted there is caught.
        let faults = strength(&dialect.name)?.faults;
        let score = Score { faults, caught: faults };
        Some(Self { suite, files: digests.collect(), dialect, score })
    }

    /// The bundled one that a certificate names.
    pub fn named_by(bundle: &Bundle) -> Option<Self> {
        let text = bundle.get(CERTIFICATE)?;
        let named = serde_json::from_slice::<serde_json::Value>(text).ok();
        let named = named.as_ref().and_then(|value| value.pointer("/suite/dialect")?.as_str());
        named.and_then(Self::bundled)
    }

    pub(super) fn edited(&self) -> Edited {
        Edited {
            digest: case::digest(&self.suite),
            dialect: self.dialect.name.clone(),
            files: self.files.clone(),
            cases: self.suite.cases.iter().map(|case| case.id.clone()).collect(),
        }
    }
}
