//! Smaller cases that still show the same: [`Shrinker`].
//!
//! Every candidate is the case with something taken away or made usual: steps, rules, values, header fields, choices. None of these
//! is ever undone, so shrinking ends by itself; the budget ends it earlier. What is expected is predicted anew for each.

use crate::case::{
    Acl, BucketRole, Case, ContentMd5, DocumentSource, Extra, ObjectRequest, Operation, Preflight, PutCors, Rule,
    RuleSet, Step,
};
use crate::cors::xml;
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

/// Less of a step.
#[derive(Debug)]
enum Less {
    /// This one.
    Step(Box<Step>),
    /// Without a range of the rules of a document.
    Rules(usize, usize),
    /// Another rule at a place.
    Rule(usize, Rule),
    /// Without a range of the bytes of a document.
    Bytes(usize, usize),
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

impl Less {
    fn apply(&self, step: &mut Step) {
        if let Self::Step(less) = self {
            step.clone_from(less);
            return;
        }
        let Operation::PutCors(PutCors { body, .. }) = &mut step.operation else { return };
        match (self, body) {
            (Self::Rules(from, to), DocumentSource::Rules { rules, .. }) => drop(rules.rules.drain(*from..*to)),
            (Self::Rule(at, rule), DocumentSource::Rules { rules, .. }) => {
                if let Some(place) = rules.rules.get_mut(*at) {
                    place.clone_from(rule);
                }
            }
            (Self::Bytes(from, to), DocumentSource::Bytes(bytes)) => drop(bytes.drain(*from..*to)),
            _ => {}
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

/// Ranges of a list of this length that may go: halves, quarters, …, each one.
fn pieces(length: usize) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let mut size = length.div_ceil(2);
    while size > 0 {
        pieces.extend((0..length).step_by(size).map(|from| (from, (from + size).min(length))));
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    // The whole list is not there to be shown anything.
    pieces.retain(|(from, to)| to - from < length);
    pieces
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

/// The step with one thing less, or with one thing as usual: an object that exists, if there is one.
fn smaller_steps(step: &Step, object: Option<&str>) -> Vec<Less> {
    let mut all = Vec::new();
    let whole = |step: Step| Less::Step(Box::new(step));
    if step.bucket == BucketRole::Second {
        all.push(whole(Step { bucket: BucketRole::Main, ..step.clone() }));
    }
    let usual = step.operation.usual_identity();
    if step.identity != usual {
        all.push(whole(Step { identity: usual, ..step.clone() }));
    }
    let with = |operation: Operation| whole(Step { operation, ..step.clone() });
    match &step.operation {
        Operation::PutCors(put) => {
            let put_with = |put: PutCors| with(Operation::PutCors(put));
            all.extend(smaller_documents(put, &put_with));
            all.extend(smaller_puts(put).into_iter().map(put_with));
        }
        Operation::GetCors(extra) => all.extend(smaller_extras(extra).into_iter().map(Operation::GetCors).map(with)),
        Operation::DeleteCors(extra) => {
            all.extend(smaller_extras(extra).into_iter().map(Operation::DeleteCors).map(with));
        }
        Operation::Preflight(preflight) => {
            all.extend(smaller_preflights(preflight, object).into_iter().map(Operation::Preflight).map(with));
        }
        Operation::Request(request) => {
            all.extend(smaller_requests(request, object).into_iter().map(Operation::Request).map(with));
        }
        Operation::Raw(_) => {}
    }
    all
}

/// Less of the document.
fn smaller_documents(put: &PutCors, put_with: &dyn Fn(PutCors) -> Less) -> Vec<Less> {
    let with = |body: DocumentSource| put_with(PutCors { body, ..put.clone() });
    match &put.body {
        DocumentSource::Rules { rules, size, pad } => {
            let with_rules = |rules| with(DocumentSource::Rules { rules, size: *size, pad: *pad });
            let size_less = size.map(|_| with(DocumentSource::Rules { rules: rules.clone(), size: None, pad: *pad }));
            size_less.into_iter().chain(smaller_rule_sets(rules, &with_rules)).collect()
        }
        DocumentSource::Bytes(bytes) => {
            // As a client writes them. In another form it may be the form that shows something: less of it, then.
            let plain = as_written(bytes)
                .map(|rules| with(DocumentSource::Rules { rules, size: None, pad: crate::case::Pad::Space }));
            let less = smaller_texts(bytes).into_iter().map(|(from, to)| Less::Bytes(from, to));
            plain.into_iter().chain(less).collect()
        }
        DocumentSource::From(_) => Vec::new(),
    }
}

fn smaller_puts(put: &PutCors) -> Vec<PutCors> {
    let mut all: Vec<PutCors> = Vec::new();
    if put.content_md5 != ContentMd5::Usual {
        all.push(PutCors { content_md5: ContentMd5::Usual, ..put.clone() });
    }
    if put.content_type.as_deref() != Some("application/xml") {
        all.push(PutCors { content_type: Some("application/xml".to_owned()), ..put.clone() });
    }
    all.extend(smaller_extras(&put.extra).into_iter().map(|extra| PutCors { extra, ..put.clone() }));
    all
}

/// The rules that a document states, whatever its form.
fn as_written(bytes: &[u8]) -> Option<RuleSet> {
    let document = xml::parse(bytes).ok()?;
    let texts = |list: &[xml::Text]| list.iter().map(|text| text.value.clone()).collect::<Vec<_>>();
    let rules = document.rules.iter().map(|rule| Rule {
        ids: texts(&rule.ids),
        allowed_origins: texts(&rule.allowed_origins),
        allowed_methods: texts(&rule.allowed_methods),
        allowed_headers: texts(&rule.allowed_headers),
        expose_headers: texts(&rule.expose_headers),
        max_age_seconds: texts(&rule.max_age_seconds),
    });
    Some(RuleSet {
        rules: rules.collect(),
        response_vary: document.response_vary.first().map(|text| text.value.clone()),
    })
}

fn smaller_rule_sets(set: &RuleSet, with: &dyn Fn(RuleSet) -> Less) -> Vec<Less> {
    let mut all: Vec<Less> = pieces(set.rules.len()).into_iter().map(|(from, to)| Less::Rules(from, to)).collect();
    if set.response_vary.is_some() {
        all.push(with(RuleSet { response_vary: None, ..set.clone() }));
    }
    // What takes many rules takes nothing else of them, mostly.
    if set.rules.len() > 1 {
        all.extend(smaller_all_at_once(set).into_iter().map(with));
    }
    for (index, rule) in set.rules.iter().enumerate() {
        all.extend(smaller_rules(rule).into_iter().map(|rule| Less::Rule(index, rule)));
    }
    all
}

/// The lists of a rule; the first ones may be absent altogether.
const LISTS: [fn(&mut Rule) -> &mut Vec<String>; 6] = [
    |rule| &mut rule.ids,
    |rule| &mut rule.allowed_headers,
    |rule| &mut rule.expose_headers,
    |rule| &mut rule.max_age_seconds,
    |rule| &mut rule.allowed_origins,
    |rule| &mut rule.allowed_methods,
];
const OPTIONAL: usize = 4;

/// Each rule with as little as a rule must have, then with one list that short.
fn smaller_all_at_once(set: &RuleSet) -> Vec<RuleSet> {
    let shortened = |numbers: std::ops::Range<usize>| {
        let mut smaller = set.clone();
        for rule in &mut smaller.rules {
            for (number, list) in LISTS.iter().enumerate().filter(|(number, _)| numbers.contains(number)) {
                list(rule).truncate(usize::from(number >= OPTIONAL));
            }
        }
        smaller
    };
    let ranges = std::iter::once(0..LISTS.len()).chain((0..LISTS.len()).map(|one| one..one + 1));
    ranges.map(shortened).filter(|smaller| smaller != set).collect()
}

fn smaller_rules(rule: &Rule) -> Vec<Rule> {
    let mut all = Vec::new();
    for (number, list) in LISTS.into_iter().enumerate() {
        let length = list(&mut rule.clone()).len();
        let mut ranges = pieces(length);
        if number < OPTIONAL && length > 0 {
            ranges.insert(0, (0, length));
        }
        for (from, to) in ranges {
            let mut smaller = rule.clone();
            list(&mut smaller).drain(from..to);
            all.push(smaller);
        }
    }
    all
}

/// What may be cut out of a document: rules, elements, then any piece of its bytes: halves down to what is a few characters.
fn smaller_texts(bytes: &[u8]) -> Vec<(usize, usize)> {
    const SMALLEST: usize = 8;
    let of_elements = |name: &[u8]| {
        let found = elements(bytes, name);
        let cut = |(from, to): (usize, usize)| Some((found.get(from)?.0, found.get(to.checked_sub(1)?)?.1));
        std::iter::once((0, found.len())).chain(pieces(found.len())).filter_map(cut).collect::<Vec<_>>()
    };
    let any = pieces(bytes.len()).into_iter().filter(|(from, to)| to - from >= SMALLEST);
    of_elements(b"CORSRule").into_iter().chain(of_elements(b"")).chain(any).collect()
}

/// Where the elements of a name begin and end, as far as that shows without reading the document; without a name, those that hold no other.
fn elements(bytes: &[u8], name: &[u8]) -> Vec<(usize, usize)> {
    let find = |from: usize, wanted: &[u8]| {
        let rest = bytes.get(from..)?;
        rest.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
    };
    let (opening, closing) = ([b"<", name].concat(), [b"</", name].concat());
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = find(from, &opening) {
        from = start + 1;
        if !bytes.get(from).is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let Some(end) = find(from, &closing).and_then(|close| find(close, b">")) else { break };
        // Another one begins before this one ends.
        if name.is_empty() && bytes.get(from..end).is_some_and(opens) {
            continue;
        }
        found.push((start, end + 1));
        from = end + 1;
    }
    found
}

/// Whether a tag is opened in these bytes.
fn opens(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|two| matches!(two, [b'<', next] if next.is_ascii_alphabetic()))
}

fn smaller_extras(extra: &Extra) -> Vec<Extra> {
    let mut all: Vec<Extra> =
        without_one(&extra.headers).into_iter().map(|headers| Extra { headers, ..extra.clone() }).collect();
    if extra.query.is_some() {
        all.push(Extra { query: None, ..extra.clone() });
    }
    all
}

fn without_one<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    let without =
        |at: usize| list.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, one)| one.clone()).collect();
    (0..list.len()).map(without).collect()
}

fn smaller_preflights(preflight: &Preflight, object: Option<&str>) -> Vec<Preflight> {
    let mut all: Vec<Preflight> = Vec::new();
    if let Some(names) = &preflight.request_headers {
        all.push(Preflight { request_headers: None, ..preflight.clone() });
        let names: Vec<&str> = names.split(',').collect();
        for (from, to) in pieces(names.len()) {
            let kept = names.iter().enumerate().filter(|(at, _)| !(from..to).contains(at)).map(|(_, name)| *name);
            let kept = kept.collect::<Vec<_>>().join(",");
            all.push(Preflight { request_headers: Some(kept), ..preflight.clone() });
        }
    }
    if preflight.body.is_some() {
        all.push(Preflight { body: None, ..preflight.clone() });
    }
    if object.is_some() && preflight.object.as_deref() != object {
        all.push(Preflight { object: object.map(str::to_owned), ..preflight.clone() });
    }
    all.extend(smaller_extras(&preflight.extra).into_iter().map(|extra| Preflight { extra, ..preflight.clone() }));
    all.extend(without_one(&preflight.origin).into_iter().map(|origin| Preflight { origin, ..preflight.clone() }));
    all.extend(without_one(&preflight.method).into_iter().map(|method| Preflight { method, ..preflight.clone() }));
    all
}

fn smaller_requests(request: &ObjectRequest, object: Option<&str>) -> Vec<ObjectRequest> {
    let mut all: Vec<ObjectRequest> = Vec::new();
    let plain = ObjectRequest {
        method: "GET".to_owned(),
        object: object.map(str::to_owned),
        origin: request.origin.clone(),
        ..ObjectRequest::default()
    };
    if *request != plain {
        all.push(plain);
    }
    if request.body.is_some() {
        all.push(ObjectRequest { body: None, ..request.clone() });
    }
    all.extend(smaller_extras(&request.extra).into_iter().map(|extra| ObjectRequest { extra, ..request.clone() }));
    all.extend(without_one(&request.origin).into_iter().map(|origin| ObjectRequest { origin, ..request.clone() }));
    all
}

#[cfg(test)]
mod tests {
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
