//! What can be taken from a step: [`smaller_steps`], each a [`Less`].

use crate::case::{
    BucketRole, ContentMd5, DocumentSource, Extra, ObjectRequest, Operation, Preflight, PutCors, Rule, RuleSet, Step,
};
use crate::cors::xml;

/// Less of a step.
#[derive(Debug)]
pub(super) enum Less {
    /// This one.
    Step(Box<Step>),
    /// Without a range of the rules of a document.
    Rules(usize, usize),
    /// Another rule at a place.
    Rule(usize, Rule),
    /// Without a range of the bytes of a document.
    Bytes(usize, usize),
}

impl Less {
    pub(super) fn apply(&self, step: &mut Step) {
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

/// Ranges of a list of this length that may go: halves, quarters, …, each one.
pub(super) fn pieces(length: usize) -> Vec<(usize, usize)> {
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

/// The step with one thing less, or with one thing as usual: an object that exists, if there is one.
pub(super) fn smaller_steps(step: &Step, object: Option<&str>) -> Vec<Less> {
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
    Some(RuleSet {
        rules: document.rules.iter().map(Rule::from).collect(),
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
pub(super) const LISTS: [fn(&mut Rule) -> &mut Vec<String>; 6] = [
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
pub(super) fn smaller_texts(bytes: &[u8]) -> Vec<(usize, usize)> {
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
pub(super) fn elements(bytes: &[u8], name: &[u8]) -> Vec<(usize, usize)> {
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
