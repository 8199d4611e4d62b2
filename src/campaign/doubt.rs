//! Whether a server keeps to a choice that it seemed to make at an open point: [`doubts`] makes inputs, [`Doubt::denies`] reads what
//! became of them.
//!
//! A bug can look like a choice in the one case that asks about a point. Taken for a choice, it would become what the oracle expects.

use std::collections::BTreeSet;

use arbitrary::Unstructured;

use super::{Kind, Reach};
use crate::case::{Acl, Case};
use crate::dialect::{Behaviours, CONSISTENT, Dialect};
use crate::generate::{self, BYTES, known};
use crate::predict::predict;
use crate::report::CaseReport;

/// Inputs that are asked about a point.
const INPUTS: usize = 12;
/// Inputs among which they are looked for; a point that none of them reaches is not doubted.
const SEARCHED: u64 = 1_500;
/// The seed of those inputs: any will do.
const SEED: u64 = 0;

/// One input, as it would be answered under the choice and under what is documented.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Doubt {
    /// The open point.
    pub point: &'static str,
    /// What is expected under the value that was observed.
    pub chosen: Case,
    /// What is expected under the documented value.
    pub documented: Case,
}

/// Inputs on which the dialects' values part, for each point where they do. Ids of the cases are unlike each other.
pub fn doubts(chosen: &Dialect, documented: &Dialect, reach: Reach) -> Vec<Doubt> {
    let parted: Vec<(&'static str, Dialect)> = Behaviours::POINTS
        .iter()
        .filter(|point| chosen.behaviours.value(point.name) != documented.behaviours.value(point.name))
        .filter_map(|point| {
            let mut other = chosen.clone();
            let value = documented.behaviours.value(point.name)?;
            other.behaviours.set(point.name, value).ok()?;
            Some((point.name, other))
        })
        .collect();
    let mut found: Vec<Doubt> = Vec::new();
    for index in 0..SEARCHED {
        let of = |point: &str| found.iter().filter(|doubt| doubt.point == point).count();
        let wanted: Vec<_> = parted.iter().filter(|(point, _)| of(point) < INPUTS).collect();
        if wanted.is_empty() {
            break;
        }
        let draft = known(index, "doubt").unwrap_or_else(|| {
            let bytes = generate::bytes(SEED, index, BYTES);
            generate::draft(&mut Unstructured::new(&bytes), "doubt", chosen)
        });
        let draft = reach.within(draft);
        // In both kinds of bucket: a bug about one of them is no choice.
        for acl in [Acl::Private, Acl::PublicRead] {
            let mut one = Case { acl, ..draft.clone() };
            let mut other = one.clone();
            predict(&mut one, chosen);
            for (point, dialect) in &wanted {
                predict(&mut other, dialect);
                if expected(&one) != expected(&other) {
                    let name = |value: &str| format!("doubt-{point}-{index}-{acl:?}-{value}").to_ascii_lowercase();
                    let chosen = Case { id: name("chosen"), ..one.clone() };
                    found.push(Doubt { point, chosen, documented: Case { id: name("documented"), ..other.clone() } });
                }
            }
        }
    }
    found
}

impl Doubt {
    /// Whether the answers are not those of the choice, but of the documented value or of none. `chosen` and `documented` are the reports
    /// of the two cases.
    pub fn denies(&self, chosen: &CaseReport, documented: &CaseReport) -> bool {
        let kinds = |report: &CaseReport| -> BTreeSet<Kind> { report.mismatches.iter().map(Kind::of).collect() };
        let (chosen, documented) = (kinds(chosen), kinds(documented));
        let neither = chosen.iter().any(|kind| kind.clause == CONSISTENT);
        neither || (documented.is_subset(&chosen) && documented != chosen)
    }
}

/// What is expected of each step, as text that is the same where the expectation is.
fn expected(case: &Case) -> Vec<String> {
    case.steps.iter().map(|step| format!("{:?}", step.expect)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each point that can be chosen otherwise is doubted by some input, and only that one.
    #[test]
    fn a_choice_is_asked_about_again() {
        let documented = Dialect::oss();
        let mut chosen = documented.clone();
        chosen.behaviours.set("allow_methods", "requested").unwrap();
        let found = doubts(&chosen, documented, Reach::FULL);
        assert_eq!(found.len(), INPUTS);
        assert!(found.iter().all(|doubt| doubt.point == "allow_methods"));
        let ids: BTreeSet<&str> = found.iter().flat_map(|doubt| [&*doubt.chosen.id, &*doubt.documented.id]).collect();
        assert_eq!(ids.len(), 2 * INPUTS);
        assert!(doubts(documented, documented, Reach::FULL).is_empty());
    }
}
