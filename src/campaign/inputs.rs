//! The inputs of a campaign: [`block`].
//!
//! Input *i* is a function of the seed and of *i* alone, whatever was found before and however many machines share the work. The
//! first ones are [`known`], the same for every seed; then come generated ones. Inputs are made a block at a time; within a block
//! every fourth is chosen, of a few candidates, for a feature that the block has not had yet.

use std::collections::BTreeSet;

use arbitrary::Unstructured;
use serde::{Deserialize, Serialize};

use super::features::predicted;
use crate::case::{BucketRole, Case, Identity};
use crate::dialect::Dialect;
use crate::generate::{self, BYTES, known};

/// Inputs of a block: enough to be steered, few enough to be lost in a crash without regret.
pub const BLOCK: u64 = 16;
/// Candidates for an input that is chosen. Each costs as much as judging all of its answers, so only a quarter of the inputs is.
const CANDIDATES: u64 = 2;
const CHOSEN: u64 = 4;

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

/// What a campaign has to send from and to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Reach {
    /// A second bucket; else all is asked of one.
    pub second_bucket: bool,
    /// A second account; else nobody is asked to sign for it.
    pub other_account: bool,
}

impl Reach {
    /// All of it.
    pub const FULL: Self = Self { second_bucket: true, other_account: true };

    pub(super) fn within(self, mut case: Case) -> Case {
        for step in &mut case.steps {
            if !self.second_bucket && step.bucket == BucketRole::Second {
                step.bucket = BucketRole::Main;
            }
            if !self.other_account && step.identity == Identity::Other {
                step.identity = Identity::Anonymous;
            }
        }
        case
    }
}

/// The inputs of a block, with what the oracle expects under the dialect's behaviours.
pub fn block(seed: u64, number: u64, reach: Reach, dialect: &Dialect) -> Vec<Input> {
    let mut had: BTreeSet<String> = BTreeSet::new();
    let first = number.saturating_mul(BLOCK);
    let mut inputs = Vec::new();
    for index in first..first.saturating_add(BLOCK) {
        let id = format!("input-{seed}-{index}");
        let mut best: Option<(usize, Input)> = None;
        let mut consider = |draft: Case| {
            let mut case = reach.within(draft);
            let features = predicted(&mut case, dialect);
            let new = features.difference(&had).count();
            if best.as_ref().is_none_or(|(most, _)| new > *most) {
                best = Some((new, Input { index, case, features }));
            }
            new > 0
        };
        if let Some(case) = known(index, &id, dialect) {
            consider(case);
        } else {
            // The first that brings something new will do.
            let candidates = if index % CHOSEN == CHOSEN - 1 { CANDIDATES } else { 1 };
            for candidate in 0..candidates {
                let bytes = generate::bytes(seed, index.wrapping_mul(CANDIDATES).wrapping_add(candidate), BYTES);
                if consider(generate::draft(&mut Unstructured::new(&bytes), &id, dialect)) {
                    break;
                }
            }
        }
        if let Some((_, input)) = best {
            had.extend(input.features.iter().cloned());
            inputs.push(input);
        }
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Acl, Operation};

    #[test]
    fn inputs_are_about_acls_where_buckets_have_them() {
        let about = |case: &Case| {
            let asks = |step: &crate::case::Step| matches!(&step.operation, Operation::Request(request) if request.extra.query.as_deref() == Some("acl"));
            case.acl == Acl::PublicRead || case.steps.iter().any(asks)
        };
        let s3 = Dialect::bundled("s3").unwrap();
        for (dialect, expected) in [(Dialect::oss(), true), (s3, false)] {
            let inputs = (0..12).flat_map(|number| block(7, number, Reach::FULL, dialect));
            assert_eq!(inputs.into_iter().any(|input| about(&input.case)), expected, "{}", dialect.name);
        }
    }
}
