//! The inputs of a campaign: [`block`].
//!
//! Input *i* is a function of the seed and of *i* alone, whatever was found before and however many machines share the work. Inputs
//! are made a block at a time; within a block each is chosen, of a few candidates, for the features that the block has not had yet.

use std::collections::BTreeSet;

use arbitrary::Unstructured;

use super::features::predicted;
use crate::case::Case;
use crate::dialect::Dialect;
use crate::generate::{self, BYTES};

/// Inputs of a block: enough to be steered, few enough to be lost in a crash without regret.
pub const BLOCK: u64 = 16;
/// Candidates for each input.
const CANDIDATES: u64 = 3;

/// One input.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Input {
    /// Its number, from 0.
    pub index: u64,
    /// What is sent, and what the oracle expects.
    pub case: Case,
    /// Its features.
    pub features: BTreeSet<String>,
}

/// The inputs of a block, with what the oracle expects under the dialect's behaviours.
pub fn block(seed: u64, number: u64, dialect: &Dialect) -> Vec<Input> {
    let mut had: BTreeSet<String> = BTreeSet::new();
    let first = number.saturating_mul(BLOCK);
    let mut inputs = Vec::new();
    for index in first..first.saturating_add(BLOCK) {
        let mut best: Option<(usize, Input)> = None;
        for candidate in 0..CANDIDATES {
            let bytes = generate::bytes(seed, index.wrapping_mul(CANDIDATES).wrapping_add(candidate), BYTES);
            let id = format!("input-{seed}-{index}");
            let mut case = generate::draft(&mut Unstructured::new(&bytes), &id, dialect);
            let features = predicted(&mut case, dialect);
            let new = features.difference(&had).count();
            if best.as_ref().is_none_or(|(most, _)| new > *most) {
                best = Some((new, Input { index, case, features }));
            }
        }
        if let Some((_, input)) = best {
            had.extend(input.features.iter().cloned());
            inputs.push(input);
        }
    }
    inputs
}
