//! The suite that comes with the program.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use sha2::{Digest as _, Sha256};

use super::{Case, Suite};
use crate::diagnostic::SourceFile;

macro_rules! embed {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../cases/", $path)))),*]
    };
}

/// Path below `cases/` and text of every case file; a test compares the list with the folder.
const FILES: &[(&str, &str)] = embed![
    "config/capacity.yaml",
    "config/changes.yaml",
    "config/digest.yaml",
    "config/get-delete.yaml",
    "config/grammar.yaml",
    "config/length.yaml",
    "config/lexical.yaml",
    "config/limits.yaml",
    "config/more-documents.yaml",
    "config/overwrite.yaml",
    "config/positions.yaml",
    "config/put.yaml",
    "config/rounds.yaml",
    "config/s3.yaml",
    "config/sample.yaml",
    "config/several-faults.yaml",
    "config/spellings.yaml",
    "config/values.yaml",
    "config/well-formed.yaml",
    "config/xml-equal.yaml",
    "config/xml.yaml",
    "preflight/answer.yaml",
    "preflight/authentication.yaml",
    "preflight/bytes.yaml",
    "preflight/match.yaml",
    "preflight/methods.yaml",
    "preflight/names.yaml",
    "preflight/origins.yaml",
    "preflight/patterns.yaml",
    "preflight/refusal.yaml",
    "preflight/requested-headers.yaml",
    "preflight/rule-choice.yaml",
    "preflight/s3.yaml",
    "preflight/shortcuts.yaml",
    "preflight/values.yaml",
    "actual/agreement.yaml",
    "actual/alike.yaml",
    "actual/errors.yaml",
    "actual/everywhere.yaml",
    "actual/headers.yaml",
    "actual/operations.yaml",
    "actual/origins.yaml",
    "actual/s3.yaml",
    "vary/answers.yaml",
    "vary/everywhere.yaml",
    "vary/granted.yaml",
    "vary/states.yaml",
    "vary/vary.yaml",
    "errors/bytes.yaml",
    "errors/document.yaml",
    "errors/kinds.yaml",
    "auth/auth.yaml",
    "auth/effect.yaml",
    "recorded/configurations.yaml",
    "recorded/tables.yaml",
    "regressions/campaigns.yaml",
];

/// The files of the bundled suite.
pub fn bundled() -> Vec<Arc<SourceFile>> {
    FILES.iter().map(|(path, text)| SourceFile::new(format!("cases/{path}"), *text)).collect()
}

/// A digest of the cases: of path and text of their files, in order.
pub fn digest(suite: &Suite) -> String {
    let mut hash = Sha256::new();
    let mut before: Option<&Arc<SourceFile>> = None;
    for case in &suite.cases {
        if before.is_none_or(|file| !Arc::ptr_eq(file, &case.file)) {
            hash.update(case.file.path.as_bytes());
            hash.update([0]);
            hash.update(case.file.text.as_bytes());
            hash.update([0]);
        }
        before = Some(&case.file);
    }
    written(hash)
}

/// A digest of the ids of cases, in order.
pub fn digest_of_ids(cases: &[Case]) -> String {
    let mut hash = Sha256::new();
    for case in cases {
        hash.update(case.id.as_bytes());
        hash.update([0]);
    }
    written(hash)
}

fn written(hash: Sha256) -> String {
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// What measuring the bundled suite gave (`corsuite mutants`); a test measures anew and compares.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "a generated file")]
pub struct Strength {
    /// Faults that count, all of which are caught.
    pub faults: usize,
    /// Faults that an assertion about each clause catches.
    pub clauses: BTreeMap<String, usize>,
    /// A small set of cases that catches every fault under its clause.
    pub minimal: Vec<String>,
}

/// What measuring the bundled suite gave for a bundled dialect; none for any other.
pub fn strength(dialect: &str) -> Option<&'static Strength> {
    static READ: OnceLock<Vec<(&str, Strength)>> = OnceLock::new();
    let all = READ.get_or_init(|| {
        let files = [
            ("oss", include_str!("../../cases/strength/oss.json")),
            ("s3", include_str!("../../cases/strength/s3.json")),
        ];
        // The files are part of the program, and tests read them.
        let read = |text| serde_json::from_str(text).unwrap_or_else(|error| unreachable!("cases/strength: {error}"));
        files.map(|(name, text)| (name, read(text))).into()
    });
    all.iter().find(|(name, _)| *name == dialect).map(|(_, strength)| strength)
}
