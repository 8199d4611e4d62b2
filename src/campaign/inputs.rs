//! The inputs of a campaign: [`block`].
//!
//! Input *i* is a function of the seed and of *i* alone, whatever was found before and however many machines share the work. Inputs
//! are made a block at a time; within a block each is chosen, of a few candidates, for the features that the block has not had yet.

use std::collections::BTreeSet;

use arbitrary::Unstructured;

use super::features::features;
use crate::case::Case;
use crate::dialect::Dialect;
use crate::generate::{self, BYTES};

/// Inputs of a block: enough to be steered, few enough to be lost in a crash without regret.
pub const BLOCK: u64 = 16;
/// Candidates for each input.
const CANDIDATES: u64 = 3;

/// The inputs of a block, with what the oracle expects under the dialect's behaviours.
pub fn block(seed: u64, number: u64, dialect: &Dialect) -> Vec<Case> {
    let mut had: BTreeSet<String> = BTreeSet::new();
    let first = number.saturating_mul(BLOCK);
    (first..first.saturating_add(BLOCK))
        .filter_map(|index| {
            let made = (0..CANDIDATES).map(|candidate| {
                let bytes = generate::bytes(seed, index.wrapping_mul(CANDIDATES).wrapping_add(candidate), BYTES);
                let case = generate::case(&mut Unstructured::new(&bytes), &format!("input-{seed}-{index}"), dialect);
                let features = features(&case, dialect);
                (features.difference(&had).count(), case, features)
            });
            // The first of equals: `max_by_key` would take the last.
            let (_, case, features) = made.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
            had.extend(features);
            Some(case)
        })
        .collect()
}
