//! Whether a server keeps to a choice that it seemed to make at an open point: [`doubts`] makes inputs, [`denies`] reads what became
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
                if parting(&chosen, &documented).is_some() {
                    found.push(Doubt { point, chosen, documented });
                }
            }
        }
    }
    found
}

/// Whether the answers to a [`Doubt`] are not those of the choice, but of the documented value or of none, from what was wrong with them under
/// the one and under the other.
pub fn denies(chosen: &[MismatchReport], documented: &[MismatchReport]) -> bool {
    let kinds = |list: &[MismatchReport]| -> BTreeSet<Kind> { list.iter().map(Kind::of).collect() };
    let (chosen, documented) = (kinds(chosen), kinds(documented));
    let neither = chosen.iter().any(|kind| kind.clause == CONSISTENT);
    neither || (documented.is_subset(&chosen) && documented != chosen)
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

    /// A server that answers as documented, or like neither, has not chosen otherwise; one that is wrong besides may have.
    #[test]
    fn what_denies_a_choice() {
        let wrong = |list: &[(&str, &str)]| -> Vec<MismatchReport> {
            let one = |(clause, expected): &(&str, &str)| {
                MismatchReport::bare(Mismatch::new(clause, "status", *expected, "500"), 1)
            };
            list.iter().map(one).collect()
        };
        let check = |chosen: &[(&str, &str)], documented: &[(&str, &str)], expected: bool| {
            assert_eq!(denies(&wrong(chosen), &wrong(documented)), expected, "{chosen:?} {documented:?}");
        };
        check(&[], &[("limit.rules", "200")], false);
        check(&[("limit.rules", "400")], &[], true);
        check(&[(CONSISTENT, "4xx")], &[("config.put", "200")], true);
        check(&[("error.form", "xml")], &[("config.put", "200")], false);
        check(&[("error.form", "xml")], &[("error.form", "xml")], false);
    }
}
