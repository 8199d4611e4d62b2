//! Smaller cases that still show the same: [`Shrinker`].
//!
//! Every candidate is the case with something taken away or made usual: steps, rules, values, header fields, choices. None of these
//! is ever undone, so shrinking ends by itself; the budget ends it earlier. What is expected is predicted anew for each.

mod less;

use self::less::{Less, pieces, smaller_steps};
use crate::case::{Acl, Case, DocumentSource, ObjectRequest, Operation, PutCors};
use crate::dialect::Dialect;
use crate::predict::predict;

/// Gives candidates until none is left, and keeps the smallest case that was told to show the same.
#[derive(Debug)]
pub struct Shrinker {
    best: Case,
    /// What can be taken from the best case, once it was asked for.
    changes: Option<Vec<Change>>,
    /// The next of them.
    at: usize,
    /// Whether one was kept since the candidates were last begun.
    kept: bool,
    /// Candidates that may still be tried.
    budget: usize,
    /// Tried before anything else.
    first: Option<Case>,
    /// What was given last is that.
    gave_first: bool,
}

impl Shrinker {
    /// For a case that shows something; at most `budget` candidates are given.
    pub const fn new(case: Case, budget: usize) -> Self {
        Self { best: case, changes: None, at: 0, kept: false, budget, first: None, gave_first: false }
    }

    /// The same for what shows at one step, from 1: the case [`around`] it is tried first. Where an answer costs a time-out, that saves
    /// most of them.
    #[must_use]
    pub fn around(mut self, step: usize) -> Self {
        self.first = Some(around(&self.best, step)).filter(|case| case.steps.len() < self.best.steps.len());
        self
    }

    /// The smallest case so far.
    pub const fn best(&self) -> &Case {
        &self.best
    }

    /// A smaller case, with what the oracle expects under the dialect's behaviours; none if there is nothing to try any
    /// more.
    pub fn candidate(&mut self, dialect: &Dialect) -> Option<Case> {
        if self.budget == 0 {
            return None;
        }
        self.budget -= 1;
        if let Some(mut first) = self.first.take() {
            self.gave_first = true;
            predict(&mut first, dialect);
            return Some(first);
        }
        let changes = self.changes.get_or_insert_with(|| changes(&self.best));
        let change = changes.get(self.at).or_else(|| {
            // Once more from the start, as long as that helps.
            if !std::mem::take(&mut self.kept) {
                return None;
            }
            self.at = 0;
            changes.first()
        });
        let mut next = change?.of(&self.best);
        predict(&mut next, dialect);
        Some(next)
    }

    /// Whether there is a candidate left.
    pub fn has_more(&mut self) -> bool {
        let count = self.changes.get_or_insert_with(|| changes(&self.best)).len();
        self.budget > 0 && (self.first.is_some() || self.at < count || (self.kept && count > 0))
    }

    /// Whether the last candidate showed the same.
    pub fn tell(&mut self, candidate: Case, same: bool) {
        let first = std::mem::take(&mut self.gave_first);
        if same {
            (self.best, self.changes) = (candidate, None);
            self.kept = !first;
        } else if !first {
            self.at += 1;
        }
    }
}

/// One thing less. There may be thousands of a case, so what is large is made when it is asked for.
#[derive(Debug)]
enum Change {
    /// Without a range of steps.
    Without(usize, usize),
    /// Without an ACL.
    Private,
    /// Less of a step.
    At(usize, Less),
}

impl Change {
    fn of(&self, case: &Case) -> Case {
        match self {
            Self::Without(from, to) => without_steps(case, *from, *to).unwrap_or_else(|| case.clone()),
            Self::Private => Case { acl: Acl::Private, ..case.clone() },
            Self::At(index, less) => {
                let mut case = case.clone();
                if let Some(step) = case.steps.get_mut(*index) {
                    less.apply(step);
                }
                case
            }
        }
    }
}

/// All that can be taken from a case, the ones that take most away first.
fn changes(case: &Case) -> Vec<Change> {
    let mut all = Vec::new();
    for (from, to) in pieces(case.steps.len()) {
        if without_steps(case, from, to).is_some() {
            all.push(Change::Without(from, to));
        }
    }
    if case.acl != Acl::Private {
        all.push(Change::Private);
    }
    let usual = case.objects.first().map(|(key, _)| key.as_str());
    for (index, step) in case.steps.iter().enumerate() {
        all.extend(smaller_steps(step, usual).into_iter().map(|less| Change::At(index, less)));
    }
    all
}

/// The case without a range of its steps; none if a later one refers to one of them.
fn without_steps(case: &Case, from: usize, to: usize) -> Option<Case> {
    let moved = |at: usize| match at {
        at if at < from => Some(at),
        at if at < to => None,
        at => Some(at - (to - from)),
    };
    let mut smaller = case.clone();
    smaller.steps.drain(from..to);
    for step in &mut smaller.steps {
        match &mut step.operation {
            Operation::PutCors(PutCors { body: DocumentSource::From(at), .. })
            | Operation::Request(ObjectRequest { body_from: Some(at), .. }) => *at = moved(*at)?,
            _ => {}
        }
    }
    Some(smaller)
}

/// The case without what comes after a step, from 1, and without what only reads before it. What is expected is not predicted anew.
pub fn around(case: &Case, step: usize) -> Case {
    let mut smaller = case.clone();
    let Some(last) = step.checked_sub(1).filter(|last| *last < case.steps.len()) else { return smaller };
    for at in (0..case.steps.len()).rev() {
        let reads = case.steps.get(at).is_some_and(|step| only_reads(&step.operation));
        if at > last || (at < last && reads) {
            // A later step may refer to it.
            smaller = without_steps(&smaller, at, at + 1).unwrap_or(smaller);
        }
    }
    smaller
}

/// Whether an operation leaves the bucket's rules and objects as they are.
fn only_reads(operation: &Operation) -> bool {
    match operation {
        Operation::PutCors(_) | Operation::DeleteCors(_) | Operation::Raw(_) => false,
        Operation::GetCors(_) | Operation::Preflight(_) => true,
        Operation::Request(request) => matches!(request.method.as_str(), "GET" | "HEAD"),
    }
}

#[cfg(test)]
mod tests {
    use super::less::{LISTS, elements, smaller_texts};
    use crate::case::{ContentMd5, Rule, RuleSet};
    use arbitrary::Unstructured;

    use super::*;
    use crate::generate;

    fn generated(index: u64) -> Case {
        let bytes = generate::bytes(9, index, generate::BYTES);
        generate::case(&mut Unstructured::new(&bytes), "shrunk", Dialect::oss())
    }

    /// Shrinks as far as `shows` lets it.
    fn check(case: Case, shows: impl Fn(&Case) -> bool) -> Case {
        let mut shrinker = Shrinker::new(case, 600);
        while let Some(candidate) = shrinker.candidate(Dialect::oss()) {
            let same = shows(&candidate);
            shrinker.tell(candidate, same);
        }
        shrinker.best().clone()
    }

    fn count(case: &Case, of: impl Fn(&Operation) -> bool) -> usize {
        case.steps.iter().filter(|step| of(&step.operation)).count()
    }

    #[test]
    fn what_shows_nothing_is_left_as_it_is() {
        let mut shrinker = Shrinker::new(generated(1), 60);
        let before = format!("{:?}", shrinker.best());
        while let Some(candidate) = shrinker.candidate(Dialect::oss()) {
            shrinker.tell(candidate, false);
        }
        assert_eq!(format!("{:?}", shrinker.best()), before);
    }

    #[test]
    fn one_step_is_left_of_what_one_step_shows() {
        for index in 0..5 {
            let case = generated(index);
            let smallest = check(case, |case| count(case, |operation| matches!(operation, Operation::PutCors(_))) > 0);
            assert_eq!(smallest.steps.len(), 1, "{index}");
            let Operation::PutCors(put) = &smallest.steps[0].operation else { panic!("{smallest:#?}") };
            let size = match &put.body {
                DocumentSource::Rules { rules, .. } => rules.rules.iter().map(|rule| rule.allowed_headers.len()).sum(),
                DocumentSource::Bytes(bytes) => bytes.len() / 16,
                DocumentSource::From(_) => 0,
            };
            assert_eq!((size, put.content_md5.clone()), (0, ContentMd5::Usual), "{index}: {put:#?}");
        }
    }

    /// References are kept: a document that is put back comes from the step that got it.
    #[test]
    fn references_follow() {
        let back = |operation: &Operation| {
            matches!(operation, Operation::PutCors(PutCors { body: DocumentSource::From(_), .. }))
        };
        let case = (0..400).map(generated).find(|case| count(case, back) > 0).unwrap();
        let smallest = check(case, |case| count(case, back) > 0);
        let gets = count(&smallest, |operation| matches!(operation, Operation::GetCors(_)));
        assert_eq!((smallest.steps.len(), gets), (2, 1), "{smallest:#?}");
        for (index, step) in smallest.steps.iter().enumerate() {
            if let Operation::PutCors(PutCors { body: DocumentSource::From(at), .. }) = step.operation {
                assert!(at < index && matches!(smallest.steps[at].operation, Operation::GetCors(_)));
            }
        }
    }

    /// Of a document that is not as clients write it, whole rules and whole elements go.
    #[test]
    fn elements_are_cut_out() {
        let document = b"<CORSConfiguration ><CORSRule><AllowedOrigin >*</AllowedOrigin\n><AllowedMethod>GET</AllowedMethod></CORSRule> <CORSRule><!-- <AllowedOrigin> --></CORSRule></CORSConfiguration>";
        let shown = |name: &[u8]| -> Vec<String> {
            let found = elements(document, name).into_iter();
            found.map(|(from, to)| String::from_utf8_lossy(&document[from..to]).into_owned()).collect()
        };
        assert_eq!(
            shown(b""),
            [
                "<AllowedOrigin >*</AllowedOrigin\n>",
                "<AllowedMethod>GET</AllowedMethod>",
                "<AllowedOrigin> --></CORSRule>"
            ]
        );
        assert_eq!(shown(b"CORSRule").len(), 2);
        let written = b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
        let without = |(from, to): (usize, usize)| [&written[..from], &written[to..]].concat();
        let smaller: Vec<Vec<u8>> = smaller_texts(written).into_iter().map(without).collect();
        assert_eq!(smaller[0], b"<CORSConfiguration></CORSConfiguration>");
        assert_eq!(smaller[1], b"<CORSConfiguration><CORSRule></CORSRule></CORSConfiguration>");
        assert!(smaller_texts(b"<a><").len() < 3 && elements(b"</", b"").is_empty());
    }

    /// What was read before a step, and all that comes after it, is gone in one candidate.
    #[test]
    fn one_candidate_leaves_a_step_and_what_it_takes() {
        let shown = |case: &Case| case.steps.iter().rposition(|step| matches!(step.operation, Operation::Preflight(_)));
        let case = (0..400).map(generated).find(|case| shown(case).is_some_and(|at| at > 4)).unwrap();
        let last = shown(&case).unwrap();
        let writes = case.steps.iter().take(last).filter(|step| !only_reads(&step.operation)).count();
        let mut shrinker = Shrinker::new(case, 600).around(last + 1);
        let first = shrinker.candidate(Dialect::oss()).unwrap();
        assert_eq!((first.steps.len(), shown(&first)), (writes + 1, Some(writes)));
        // What does not show there is sought in the whole.
        shrinker.tell(first, false);
        assert!(shrinker.candidate(Dialect::oss()).unwrap().steps.len() > writes);
    }

    /// What takes twenty-one rules is left with as little as twenty-one rules can have, soon.
    #[test]
    fn many_rules_are_shortened_at_once() {
        let rule = |number: usize| Rule {
            ids: vec![number.to_string()],
            allowed_origins: vec![format!("https://{number}.example"), "*".to_owned()],
            allowed_methods: vec!["GET".to_owned(), "PUT".to_owned()],
            allowed_headers: vec!["x-a".to_owned(), "x-b".to_owned()],
            expose_headers: vec!["etag".to_owned()],
            max_age_seconds: vec!["5".to_owned()],
        };
        let rules_of = |case: &Case| match &case.steps.first().unwrap().operation {
            Operation::PutCors(PutCors { body: DocumentSource::Rules { rules, .. }, .. }) => rules.rules.clone(),
            other => panic!("{other:?}"),
        };
        let puts = |case: &Case| count(case, |operation| matches!(operation, Operation::PutCors(_))) > 0;
        let mut case = check((0..400).map(generated).find(puts).unwrap(), puts);
        let rules = RuleSet { rules: (0..21).map(rule).collect(), response_vary: None };
        let Operation::PutCors(put) = &mut case.steps[0].operation else { panic!("{case:?}") };
        put.body = DocumentSource::Rules { rules, size: None, pad: crate::case::Pad::Space };
        let mut shrinker = Shrinker::new(case, 130);
        while let Some(candidate) = shrinker.candidate(Dialect::oss()) {
            let same = candidate.steps.len() == 1 && rules_of(&candidate).len() == 21;
            shrinker.tell(candidate, same);
        }
        assert!(!shrinker.has_more(), "the budget is spent");
        let lengths = |rule: &Rule| LISTS.map(|list| list(&mut rule.clone()).len());
        assert!(rules_of(shrinker.best()).iter().all(|rule| lengths(rule) == [0, 0, 0, 0, 1, 1]));
    }

    #[test]
    fn every_piece_once() {
        assert_eq!(pieces(3), [(0, 2), (2, 3), (0, 1), (1, 2), (2, 3)]);
        assert_eq!(pieces(1), []);
        assert_eq!(pieces(0), []);
    }

    #[test]
    fn the_budget_is_kept() {
        let mut shrinker = Shrinker::new(generated(2), 3);
        let mut given = 0;
        while let Some(candidate) = shrinker.candidate(Dialect::oss()) {
            given += 1;
            shrinker.tell(candidate, true);
        }
        assert_eq!(given, 3);
    }
}
