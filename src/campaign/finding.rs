//! What a campaign found, and how far it is with it: [`Finding`].

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::kind::Kind;
use crate::case::Case;
use crate::report::MismatchReport;
use crate::shrink::Shrinker;

/// How far a finding is.
#[derive(Debug)]
pub(super) enum Stage {
    Confirming,
    /// With the milliseconds that it took so far.
    Shrinking(Box<Shrinker>, u64),
    /// Tried once more without what only this server's choices at open points fix.
    Plain,
    Finished,
}

/// Something that a server does otherwise than the oracle.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// The input that showed it first.
    pub index: u64,
    /// When it was first seen.
    pub seen: Timestamp,
    /// Inputs that showed it.
    pub count: u64,
    /// How often it showed …
    pub shown: u32,
    /// … when tried again this often.
    pub tried: u32,
    /// The smallest case that shows it.
    pub case: Arc<Case>,
    /// What was seen of it last.
    pub mismatch: MismatchReport,
    /// Kinds that came with it, at the same step.
    pub(super) companions: BTreeSet<Kind>,
    pub(super) stage: Stage,
    /// It showed not each time while other cases ran, so it is tried while none does: a bug may reach across buckets.
    pub(super) alone: bool,
}

impl Finding {
    /// Whether it is confirmed and shrunk, or given up as unstable.
    pub const fn is_finished(&self) -> bool {
        matches!(self.stage, Stage::Finished)
    }

    /// Whether it showed each time it was tried.
    pub const fn is_stable(&self) -> bool {
        self.shown == self.tried
    }
}
