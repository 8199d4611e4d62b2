//! Whether a server keeps to a choice that it seemed to make at an open point: [`doubts`] makes inputs, [`Doubt::denies`] reads what became
//! of them.
//!
//! A bug can look like a choice in the one case that asks about a point. Taken for a choice, it would become what the oracle expects.

use std::collections::BTreeSet;

use arbitrary::Unstructured;

use super::{Kind, Reach};
use crate::case::{Acl, Case};
use crate::dialect::{Behaviours, CONSISTENT, Dialect};
use crate::generate::{self, BYTES, known};
use crate::predict::predict;
use crate::report::MismatchReport;
use crate::shrink::around;

/// Inputs that are asked about a point.
const INPUTS: usize = 12;
/// Inputs among which they are looked for; a point that none of them reaches is not doubted.
const SEARCHED: u64 = 800;
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
    /// The step, from 1, of which not the same is expected.
    pub step: usize,
}

/// Short cases in which what is expected under the server's values and under the documented ones parts, for each point where these do;
/// each with an id of its own.
pub fn doubts(server: &Dialect, documented: &Dialect, reach: Reach) -> Vec<Doubt> {
    let parted: Vec<(&'static str, Dialect)> = Behaviours::POINTS
        .iter()
        .filter(|point| server.behaviours.value(point.name) != documented.behaviours.value(point.name))
        .filter_map(|point| {
            let mut other = server.clone();
            let value = documented.behaviours.value(point.name)?;
            other.behaviours.set(point.name, value).ok()?;
            Some((point.name, other))
        })
        .collect();
    let mut found: Vec<Doubt> = Vec::new();
    for index in 0..SEARCHED {
        let of = |point: &str| found.iter().filter(|doubt| doubt.point == point).count();
        let wanted: Vec<&(&str, Dialect)> = parted.iter().filter(|(point, _)| of(point) < INPUTS).collect();
        if wanted.is_empty() {
            break;
        }
        let draft = known(index, "doubt", server).unwrap_or_else(|| {
            let bytes = generate::bytes(SEED, index, BYTES);
            generate::draft(&mut Unstructured::new(&bytes), "doubt", server)
        });
        let draft = reach.within(draft);
        let mut one = Case { acl: Acl::Private, ..draft };
        let mut other = one.clone();
        predict(&mut one, server);
        for (point, dialect) in wanted {
            predict(&mut other, dialect);
            let Some(step) = parting(&one, &other) else { continue };
            // In both kinds of bucket: a bug about one of them is no choice.
            let kinds = [Acl::Private, Acl::PublicRead];
            for acl in kinds.into_iter().filter(|acl| server.has_acls() || *acl == Acl::Private) {
                let id = format!("doubt-{point}-{index}-{acl:?}").to_ascii_lowercase();
                let mut chosen = Case { id, acl, ..around(&one, step + 1) };
                let mut documented = chosen.clone();
                predict(&mut chosen, server);
                predict(&mut documented, dialect);
                // Where nothing is expected of the one, the other cannot be told from it.
                let says = |case: &Case, step: usize| {
                    case.steps.get(step).is_some_and(|step| step.expect.iter().any(|block| !block.status.is_empty()))
                };
                if let Some(step) = parting(&chosen, &documented)
                    && says(&chosen, step)
                    && says(&documented, step)
                {
                    found.push(Doubt { point, chosen, documented, step: step + 1 });
                }
            }
        }
    }
    found
}

impl Doubt {
    /// Whether the answers are not those of the choice, but of the documented value or of none, from what was wrong with them under the one
    /// and under the other.
    pub fn denies(&self, chosen: &[MismatchReport], documented: &[MismatchReport]) -> bool {
        // A server that did something else before, such as to store what it must refuse, was asked another question.
        let strays =
            |found: &MismatchReport| found.step < self.step && ["status", "transport"].contains(&&*found.field);
        if chosen.iter().any(strays) {
            return false;
        }
        let kinds = |list: &[MismatchReport]| -> BTreeSet<Kind> {
            list.iter().filter(|found| found.step == self.step).map(Kind::of).collect()
        };
        let (chosen, documented) = (kinds(chosen), kinds(documented));
        let neither = chosen.iter().any(|kind| kind.clause == CONSISTENT);
        neither || (documented.is_subset(&chosen) && documented != chosen)
    }
}

/// The first step, from 0, of which not the same is expected.
fn parting(one: &Case, other: &Case) -> Option<usize> {
    let texts = |case: &Case| -> Vec<String> { case.steps.iter().map(|step| format!("{:?}", step.expect)).collect() };
    texts(one).iter().zip(&texts(other)).position(|(one, other)| one != other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::expect::Mismatch;

    #[test]
    fn a_choice_is_asked_about_again() {
        let documented = Dialect::oss();
        let mut chosen = documented.clone();
        chosen.behaviours.set("allow_methods", "requested").unwrap();
        let found = doubts(&chosen, documented, Reach::FULL);
        assert!(found.len() >= INPUTS && found.iter().all(|doubt| doubt.point == "allow_methods"));
        let ids: BTreeSet<&str> = found.iter().map(|doubt| &*doubt.chosen.id).collect();
        assert_eq!(ids.len(), found.len());
        assert!(found.iter().all(|doubt| doubt.chosen.steps.len() < 10));
        assert!(doubts(documented, documented, Reach::FULL).is_empty());
    }

    /// Step, clause, field, and what was expected.
    type Wrong = (usize, &'static str, &'static str, &'static str);

    /// A server that answers as documented, or like neither, has not chosen otherwise; one that is wrong besides may have.
    #[test]
    fn what_denies_a_choice() {
        let case = known(0, "doubt", Dialect::oss()).unwrap();
        let doubt = Doubt { point: "max_rules", chosen: case.clone(), documented: case, step: 2 };
        let wrong = |list: &[Wrong]| -> Vec<MismatchReport> {
            let one = |(step, clause, field, expected): &Wrong| {
                let found = MismatchReport::bare(Mismatch::new(clause, field, *expected, "500"), 1);
                MismatchReport { step: *step, ..found }
            };
            list.iter().map(one).collect()
        };
        let check = |chosen: &[Wrong], documented: &[Wrong], expected: bool| {
            assert_eq!(doubt.denies(&wrong(chosen), &wrong(documented)), expected, "{chosen:?} {documented:?}");
        };
        check(&[], &[(2, "limit.rules", "status", "200")], false);
        check(&[(2, "limit.rules", "status", "400")], &[], true);
        check(&[(2, CONSISTENT, "status", "4xx")], &[(2, "config.put", "status", "200")], true);
        let form = (2, "error.form", "headers.content-type", "xml");
        check(&[form], &[(2, "config.put", "status", "200")], false);
        check(&[form], &[form], false);
        // What is wrong at another step is about something else, or has put another question.
        check(&[(1, CONSISTENT, "headers.vary", "absent")], &[(2, "config.put", "status", "200")], false);
        check(&[(3, CONSISTENT, "status", "4xx")], &[(2, "config.put", "status", "200")], false);
        check(&[(1, "digest.bad", "status", "400"), (2, CONSISTENT, "status", "4xx")], &[], false);
    }
}
