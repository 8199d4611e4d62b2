//! Trees to expectations.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::decode::{Context, clause, rules};
use super::fields::{BLOCK, CORS, ERROR, ERROR_ELEMENTS, FIELD_CONDITIONS, HOST_ID, TEXT_CONDITIONS};
use super::{
    Alternative, BrowserVerdict, CorsExpectation, ErrorExpectation, Expectation, FieldCondition, Name, StatusPattern,
    TextCondition,
};
use crate::diagnostic::{Diagnostic, Span};
use crate::dialect::{Behaviours, Level};
use crate::yaml::{Decoder, Node, Value};

/// Largest compiled regular expression in bytes: files may come from strangers.
const MAX_REGEX: usize = 1 << 20;

/// One block or a list of blocks.
pub(super) fn blocks(decoder: &mut Decoder, node: &Node, context: &Context<'_>) -> Vec<Expectation> {
    let items = match &node.value {
        Value::Seq(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        asserts_nothing(decoder, node);
    }
    items.iter().filter_map(|item| block(decoder, item, context, None)).collect()
}

fn asserts_nothing(decoder: &mut Decoder, node: &Node) {
    let found = decoder
        .error(&node.span, "this step asserts nothing")
        .label("a step must say what its answer is")
        .help("for example `expect: {status: 200}`");
    decoder.push(found);
}

/// `alternative_of` is the clause of the open point whose allowed answer this is.
fn block(
    decoder: &mut Decoder,
    node: &Node,
    context: &Context<'_>,
    alternative_of: Option<&str>,
) -> Option<Expectation> {
    let found_before = decoder.found();
    let fields = decoder.fields(node, &BLOCK)?;
    let own = fields.get("clause").map(|node| (node, clause(decoder, node, context.catalogue)));
    let cited = match (&own, alternative_of) {
        (Some((node, _)), Some(_)) => {
            let found = decoder.error(&node.span, "an alternative has no clause of its own");
            decoder.push(found);
            return None;
        }
        (Some((_, cited)), None) => cited.clone()?,
        (None, Some(outer)) => outer.to_owned(),
        (None, None) => context.clause.to_owned(),
    };
    let declared = context.catalogue.get(&cited);
    let mut expectation = Expectation { clause: cited.clone().into(), ..Expectation::default() };
    if let Some(node) = fields.get("answer") {
        let number = decoder.integer(node, 100);
        expectation.answer =
            number.and_then(|number| usize::try_from(number).ok()).and_then(|number| number.checked_sub(1));
        if alternative_of.is_some() || number == Some(0) {
            let found = decoder
                .error(&node.span, "`answer` does not fit here")
                .label("a number from 1, beside the conditions of a whole block");
            decoder.push(found);
        }
    }
    if let Some(node) = fields.get("status") {
        expectation.status = statuses(decoder, node);
    }
    if let Some(node) = fields.get("headers") {
        let exact = declared.is_some_and(|clause| clause.exact);
        for (key, value) in decoder.map(node, "a map from header field to condition").unwrap_or_default() {
            let name = key.text.to_ascii_lowercase();
            let conditions = field_conditions(decoder, value, context, exact);
            let wild = name.ends_with('*');
            let valid = http::HeaderName::from_bytes(name.trim_end_matches('*').as_bytes()).is_ok();
            if !valid || (wild && !conditions.iter().all(|condition| matches!(condition, FieldCondition::Absent))) {
                let found = decoder
                    .error(&key.span, format!("`{}` is not a header field name", key.text))
                    .help("a name may end in `*` where the condition is `absent`");
                decoder.push(found);
            }
            expectation.headers.push((name.into(), conditions));
        }
    }
    expectation.error = fields.get("error").and_then(|node| error(decoder, node));
    expectation.cors = fields.get("cors").and_then(|node| cors(decoder, node));
    if let Some(node) = fields.get("body") {
        expectation.body = text_conditions(decoder, node);
    }
    expectation.same_as = fields.get("same_as").and_then(|node| context.step(decoder, node));
    expectation.browser = fields
        .get("browser")
        .and_then(|node| decoder.word(node, &[("allows", BrowserVerdict::Allows), ("blocks", BrowserVerdict::Blocks)]));
    if let Some(node) = fields.get("any_of") {
        if alternative_of.is_some() {
            let found = decoder.error(&node.span, "alternatives inside an alternative");
            decoder.push(found);
        } else {
            expectation.any_of = alternatives(decoder, node, context, &cited);
        }
    }
    // What is wrong with a condition was said at its place.
    if !expectation.asserts() && decoder.found() == found_before {
        asserts_nothing(decoder, node);
    }
    let plain = fields.names().any(|name| !matches!(name, "clause" | "any_of" | "answer"));
    let open = declared.is_some_and(|clause| clause.level == Level::May);
    if open && plain && alternative_of.is_none() {
        let found = decoder
            .error(&fields.span, format!("clause `{cited}` is open, so no single answer is right"))
            .label("this asserts one")
            .help("list the allowed answers under `any_of`, or cite another clause");
        decoder.push(found);
    }
    Some(expectation)
}

fn statuses(decoder: &mut Decoder, node: &Node) -> Vec<StatusPattern> {
    let texts = decoder.texts(node, "a status or a list of them").unwrap_or_default();
    let mut found = Vec::new();
    for text in texts {
        let class =
            text.strip_suffix("xx").and_then(|digit| digit.parse::<u16>().ok()).filter(|digit| (1..=5).contains(digit));
        let code = text.parse::<u16>().ok().filter(|code| (100..=599).contains(code));
        match (class, code) {
            (Some(class), _) => found.push(StatusPattern::Class(class)),
            (None, Some(code)) => found.push(StatusPattern::Code(code)),
            (None, None) => {
                let problem =
                    decoder.error(&node.span, format!("`{text}` is not a status")).label("such as 403, or 4xx");
                decoder.push(problem);
            }
        }
    }
    found
}

fn regex(decoder: &mut Decoder, node: &Node, whole: bool) -> Option<Arc<Regex>> {
    let text = decoder.text(node, "a regular expression")?;
    let pattern = if whole { format!("^(?:{text})$") } else { text };
    match RegexBuilder::new(&pattern).size_limit(MAX_REGEX).build() {
        Ok(regex) => Some(Arc::new(regex)),
        Err(error) => {
            let message = error.to_string();
            let last = message.lines().last().unwrap_or_default().trim().to_owned();
            let found = decoder.error(&node.span, "not a regular expression").label(last);
            decoder.push(found);
            None
        }
    }
}

fn field_conditions(decoder: &mut Decoder, node: &Node, context: &Context<'_>, exact: bool) -> Vec<FieldCondition> {
    if !matches!(node.value, Value::Map(_)) {
        return match decoder.text(node, "a value or a condition").as_deref() {
            Some("absent") => vec![FieldCondition::Absent],
            Some("present") => vec![FieldCondition::Present],
            Some(text) => vec![FieldCondition::Equals(text.to_owned())],
            None => Vec::new(),
        };
    }
    let Some(fields) = decoder.fields(node, &FIELD_CONDITIONS) else { return Vec::new() };
    let mut found = Vec::new();
    let list = |decoder: &mut Decoder, name: &str| {
        fields.get(name).and_then(|node| decoder.texts(node, "a text or a list of texts"))
    };
    if let Some(members) = list(decoder, "list") {
        found.push(FieldCondition::List(members));
    }
    found.extend(list(decoder, "contains").unwrap_or_default().into_iter().map(FieldCondition::Contains));
    found.extend(list(decoder, "lacks").unwrap_or_default().into_iter().map(FieldCondition::Lacks));
    if let Some(node) = fields.get("matches") {
        found.extend(regex(decoder, node, true).map(FieldCondition::Matches));
    }
    if let Some(node) = fields.get("literal") {
        found.extend(decoder.text(node, "text").map(FieldCondition::Equals));
    }
    if let Some(node) = fields.get("exact") {
        if !exact {
            let problem = decoder
                .error(&node.span, "`exact` under a clause that does not fix bytes")
                .help("compare the value itself, which is compared the way HTTP means it");
            decoder.push(problem);
        }
        found.extend(decoder.text(node, "text").map(FieldCondition::Exact));
    }
    if let Some(node) = fields.get("differs_from") {
        found.extend(context.step(decoder, node).map(FieldCondition::DiffersFrom));
    }
    if let Some(node) = fields.get("same_as") {
        found.extend(context.step(decoder, node).map(FieldCondition::SameAs));
    }
    if let Some(node) = fields.get("keeps") {
        found.extend(context.step(decoder, node).map(FieldCondition::Keeps));
    }
    if found.is_empty() {
        let problem = decoder.error(&node.span, "an empty condition").label("it asserts nothing");
        decoder.push(problem);
    }
    found
}

fn text_conditions(decoder: &mut Decoder, node: &Node) -> Vec<TextCondition> {
    match &node.value {
        Value::Map(_) => {}
        Value::Seq(_) => {
            let texts = decoder.texts(node, "a list of texts").unwrap_or_default();
            return vec![TextCondition::OneOf(texts)];
        }
        _ => {
            return match decoder.text(node, "a text or a condition").as_deref() {
                Some("empty") => vec![TextCondition::Empty],
                Some("present") => vec![TextCondition::Present],
                Some(text) => vec![TextCondition::Equals(text.to_owned())],
                None => Vec::new(),
            };
        }
    }
    let Some(fields) = decoder.fields(node, &TEXT_CONDITIONS) else { return Vec::new() };
    let mut found = Vec::new();
    let list = |decoder: &mut Decoder, name: &str| {
        let texts = fields.get(name).and_then(|node| decoder.texts(node, "a text or a list of texts"));
        texts.unwrap_or_default()
    };
    found.extend(list(decoder, "contains").into_iter().map(TextCondition::Contains));
    found.extend(list(decoder, "lacks").into_iter().map(TextCondition::Lacks));
    found.extend(list(decoder, "prefix").into_iter().map(TextCondition::Prefix));
    found.extend(list(decoder, "literal").into_iter().map(TextCondition::Equals));
    if let Some(node) = fields.get("matches") {
        found.extend(regex(decoder, node, false).map(TextCondition::Matches));
    }
    if found.is_empty() {
        let problem = decoder.error(&node.span, "an empty condition").label("it asserts nothing");
        decoder.push(problem);
    }
    found
}

fn error(decoder: &mut Decoder, node: &Node) -> Option<ErrorExpectation> {
    let fields = decoder.fields(node, &ERROR)?;
    let mut expectation = ErrorExpectation::default();
    for (name, element) in ERROR_ELEMENTS {
        if let Some(node) = fields.get(name) {
            expectation.elements.push((element.into(), text_conditions(decoder, node)));
        }
    }
    let mut flag = |name: &str, word: &'static str| {
        fields.get(name).and_then(|node| decoder.word(node, &[(word, true)])).unwrap_or(false)
    };
    expectation.request_id_is_header = flag("request_id", "header");
    expectation.ec_agrees = flag("ec", "header");
    let host_id = fields.get("host_id").and_then(|node| decoder.word(node, &[("host", true), ("present", false)]));
    expectation.host_id_is_host = host_id == Some(true);
    if host_id == Some(false) {
        expectation.elements.push((HOST_ID.into(), vec![TextCondition::Present]));
    }
    if let Some(node) = fields.get("order") {
        let names = decoder.texts(node, "a list of element names").unwrap_or_default();
        expectation.order = names.into_iter().map(Name::from).collect();
    }
    if fields.names().next().is_none() {
        asserts_nothing(decoder, node);
    }
    Some(expectation)
}

fn cors(decoder: &mut Decoder, node: &Node) -> Option<CorsExpectation> {
    let fields = decoder.fields(node, &CORS)?;
    let rules = fields.get("rules").map(|node| rules(decoder, node));
    let response_vary = fields.get("response_vary").and_then(|node| decoder.text(node, "text"));
    let verbatim = fields.get("verbatim").and_then(|node| decoder.truth(node)).unwrap_or(false);
    if rules.is_none() && response_vary.is_none() {
        asserts_nothing(decoder, node);
    }
    let rules = match rules {
        Some(rules) => Some(rules?),
        None => None,
    };
    Some(CorsExpectation { rules, response_vary, verbatim })
}

/// What is wrong with a point and a value of it.
pub(super) fn unknown_value(decoder: &Decoder, span: &Span, behaviour: &str, text: &str) -> Option<Diagnostic> {
    let Some(point) = Behaviours::POINTS.iter().find(|point| point.name == behaviour) else {
        let names = Behaviours::POINTS.iter().map(|point| point.name);
        return Some(decoder.error(span, format!("unknown behaviour `{behaviour}`")).suggest(behaviour, names));
    };
    (!point.values.contains(&text)).then(|| {
        let values = point.values.join("`, `");
        let problem = decoder.error(span, format!("`{behaviour}` has no value `{text}`"));
        problem.label(format!("its values are `{values}`"))
    })
}

fn alternatives(decoder: &mut Decoder, node: &Node, context: &Context<'_>, cited: &str) -> Vec<Alternative> {
    let mut found = Vec::new();
    for (key, value) in decoder.map(node, "a map from `behaviour=value` to an answer").unwrap_or_default() {
        let (behaviour, text) = key.text.split_once('=').unwrap_or((&key.text, ""));
        let problem = unknown_value(decoder, &key.span, behaviour, text);
        let expect = block(decoder, value, context, Some(cited));
        match (problem, expect) {
            (Some(problem), _) => decoder.push(problem),
            (None, Some(expect)) => {
                found.push(Alternative { behaviour: behaviour.to_owned(), value: text.to_owned(), expect });
            }
            (None, None) => {}
        }
    }
    found
}
