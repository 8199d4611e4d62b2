//! What a campaign is asked for, and what it tells: [`Plan`], [`Event`], [`Record`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Kind, Reach};
use crate::report::MismatchReport;

/// What is to be done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Plan {
    /// All inputs are made from it.
    pub seed: u64,
    /// This part of the inputs, from 1 …
    pub part: u64,
    /// … of so many; whole blocks.
    pub parts: u64,
    /// Requests of generated cases after which no new input is made.
    pub requests: Option<u64>,
    /// Findings after which no new input is made.
    pub stop_after: Option<usize>,
    /// Most candidates tried to shrink a finding.
    pub shrink: usize,
    /// What there is to send from and to.
    pub reach: Reach,
}

/// What has happened, for a log.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a line of the log")]
pub enum Event {
    /// An input was judged.
    Judged {
        /// Its index.
        index: u64,
        /// Requests of its case.
        requests: u64,
        /// Findings that it shows.
        kinds: Vec<Kind>,
        /// Features that no input had before.
        features: Vec<String>,
        /// Entries of the allowlist that it falls under.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        allowed: Vec<usize>,
    },
    /// An input could not be judged, and why.
    Unjudged {
        /// Its index.
        index: u64,
        /// Why.
        reason: String,
    },
    /// A finding is finished: confirmed and shrunk, or unstable.
    Finished(Box<Record>),
}

/// What is known of a finding.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "a line of the log")]
pub struct Record {
    /// What it is.
    pub kind: Kind,
    /// The input that showed it first.
    pub index: u64,
    /// When it was first seen.
    pub seen: Timestamp,
    /// How often it showed …
    pub shown: u32,
    /// … when tried again this often.
    pub tried: u32,
    /// Kinds that came with it, at the same step.
    pub companions: BTreeSet<Kind>,
    /// The smallest case that shows it, as a case file.
    pub case: String,
    /// What was seen of it last.
    pub mismatch: MismatchReport,
}
