//! Trees to dialects.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Behaviours, Clause, Clauses, Confidence, Dialect, Level, Limits, Problem, wording};
use crate::yaml::{self, Decoder, Field, Fields, Record, Shape};

static DIALECT: Record = Record::new(
    "dialect",
    "a dialect",
    &[
        Field::required("name", Shape::Text, "short name"),
        Field::optional("title", Shape::Text, "name for readers"),
        Field::optional("extends", Shape::Word(Dialect::BUNDLED), "the dialect this one differs from"),
        Field::optional("limits", Shape::Record(&LIMITS), "numbers"),
        Field::optional("names", Shape::Record(&wording::NAMES), "the vendor's names"),
        Field::optional("fixed", Shape::MapOf(&Shape::Text), "points that are not open: what every server does"),
        Field::optional("behaviours", Shape::MapOf(&Shape::Record(&BEHAVIOUR)), "open points"),
        Field::optional("errors", Shape::MapOf(&Shape::Record(&wording::ERROR)), "what errors say"),
        Field::optional("sources", Shape::MapOf(&Shape::Record(&SOURCE)), "where clauses come from, by short name"),
        Field::optional("clauses", Shape::List(&Shape::Record(&CLAUSE)), "what cases may assert"),
        Field::optional("without", Shape::List(&Shape::Text), "clauses of the extended dialect that do not hold"),
    ],
);

static LIMITS: Record = Record::new(
    "limits",
    "the limits",
    &[
        Field::optional("max_rules_certain", Shape::Integer, "this many rules are certainly accepted"),
        Field::optional("max_rules_refused", Shape::Integer, "this many rules are certainly refused"),
        Field::optional("max_body_bytes", Shape::Integer, "largest document, in bytes"),
        Field::optional("max_age_seconds", Shape::Integer, "largest MaxAgeSeconds"),
    ],
);

static BEHAVIOUR: Record = Record::new(
    "behaviour",
    "a behaviour",
    &[
        Field::required("default", Shape::Text, "what the reference does"),
        Field::optional("values", Shape::List(&Shape::Text), "what servers may do; all there is, if it is left out"),
        Field::optional("about", Shape::Text, "why the point is open"),
    ],
);

static SOURCE: Record = Record::new(
    "source",
    "a source",
    &[Field::required(
        "url",
        Shape::Text,
        "its address; `nn` is the number at the end of a short name that ends in `nn`",
    )],
);

static CLAUSE: Record = Record::new(
    "clause",
    "a clause",
    &[
        Field::required("id", Shape::Text, "stable dotted name"),
        Field::required("level", Shape::Word(&["must", "should", "may"]), "how binding"),
        Field::required("text", Shape::Text, "one sentence"),
        Field::required("source", Shape::Text, "where it comes from"),
        Field::required("confidence", Shape::Word(&["documented", "seen", "inferred"]), "how well it is known"),
        Field::optional("exact", Shape::Truth, "the source fixes the bytes"),
    ],
);

pub(super) fn dialect(decoder: &mut Decoder, root: &yaml::Node) -> Option<Dialect> {
    let fields = decoder.fields(root, &DIALECT)?;
    let name = fields.get("name").and_then(|node| decoder.text(node, "a name"));
    let base = fields.get("extends").and_then(|node| {
        let names: Vec<(&str, &str)> = Dialect::BUNDLED.iter().map(|name| (*name, *name)).collect();
        decoder.word(node, &names).and_then(Dialect::bundled)
    });
    let title = fields.get("title").and_then(|node| decoder.text(node, "a title"));

    let mut limits = base.map(|base| base.limits);
    if let Some(node) = fields.get("limits") {
        limits = decode_limits(decoder, node, limits);
    }
    let points = points(decoder, &fields, base);
    let wording = wording::decode(
        decoder,
        &fields.span,
        (fields.get("names"), fields.get("errors")),
        base.map(|base| &*base.wording),
    );

    let mut sources = base.map_or_else(BTreeMap::new, |base| base.sources.clone());
    if let Some(node) = fields.get("sources") {
        for (key, body) in decoder.map(node, "a map of sources").unwrap_or_default() {
            let Some(fields) = decoder.fields(body, &SOURCE) else { continue };
            let Some(node) = fields.get("url") else { continue };
            let Some(url) = decoder.text(node, "an address") else { continue };
            // It becomes a link in reports.
            if url.starts_with("https://") && !url.contains(|c: char| c.is_whitespace() || "\"'<>".contains(c)) {
                sources.insert(key.text.clone(), url);
            } else {
                let found = decoder.error(&node.span, "not an https address");
                decoder.push(found);
            }
        }
    }
    let mut clauses = base.map_or_else(Vec::new, |base| base.clauses.list.clone());
    if let Some(node) = fields.get("without") {
        for gone in decoder.texts(node, "a list of clause ids").unwrap_or_default() {
            if clauses.iter().any(|clause| clause.id == gone) {
                clauses.retain(|clause| clause.id != gone);
            } else {
                let found = decoder
                    .error(&node.span, format!("no clause `{gone}` to leave out"))
                    .suggest(&gone, clauses.iter().map(|clause| clause.id.as_str()));
                decoder.push(found);
            }
        }
    }
    let own_from = clauses.len();
    if let Some(node) = fields.get("clauses") {
        for item in decoder.list(node, "a list of clauses").unwrap_or_default() {
            let Some(clause) = decode_clause(decoder, item) else {
                continue;
            };
            let known = clauses.iter().position(|before| before.id == clause.id);
            match known {
                Some(at) if at < own_from => {
                    if let Some(place) = clauses.get_mut(at) {
                        *place = clause;
                    }
                }
                Some(_) => {
                    let found = decoder.error(&item.span, format!("clause `{}` is given twice", clause.id));
                    decoder.push(found);
                }
                None => clauses.push(clause),
            }
        }
    }
    let alone = fields.get("extends").is_none();
    if alone && fields.get("limits").is_none() || clauses.is_empty() && (alone || base.is_some()) {
        let found = decoder
            .error(&fields.span, "a dialect needs `limits` and `clauses`")
            .help("or `extends:` a bundled dialect and state only what differs");
        decoder.push(found);
    }
    let name = name?;
    let points = points?;
    Some(Dialect {
        title: title.unwrap_or_else(|| name.clone()),
        name,
        limits: limits?,
        behaviours: points.behaviours,
        open: points.open,
        about: points.about,
        wording: Arc::new(wording?),
        sources,
        clauses: Clauses::new(clauses),
    })
}

/// The points of a dialect.
struct Points {
    behaviours: Behaviours,
    open: BTreeMap<&'static str, Vec<&'static str>>,
    about: BTreeMap<String, String>,
}

/// The sections `fixed` and `behaviours`. What a dialect that extends another says about a point closes it, unless it lists values.
fn points(decoder: &mut Decoder, fields: &Fields<'_>, base: Option<&Dialect>) -> Option<Points> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut about = base.map_or_else(BTreeMap::new, |base| base.about.clone());
    let mut open = base.map_or_else(BTreeMap::new, |base| base.open.clone());
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for point in Behaviours::POINTS {
        let value = base.and_then(|base| base.behaviours.value(point.name));
        values.extend(value.map(|value| (point.name.to_owned(), value.to_owned())));
    }
    for (key, body) in
        fields.get("fixed").map(|node| decoder.map(node, "a map of values").unwrap_or_default()).unwrap_or_default()
    {
        places.insert(key.text.clone(), Place { name: key.span.clone(), value: body.span.clone() });
        if let Some(value) = decoder.text(body, "a value") {
            values.insert(key.text.clone(), value);
            open.remove(key.text.as_str());
        }
    }
    let node = fields.get("behaviours");
    for (key, body) in node.map(|node| decoder.map(node, "a map of behaviours").unwrap_or_default()).unwrap_or_default()
    {
        let Some(fields) = decoder.fields(body, &BEHAVIOUR) else {
            continue;
        };
        let given = fields.get("default");
        let value = given.map_or(&key.span, |node| &node.span).clone();
        places.insert(key.text.clone(), Place { name: key.span.clone(), value });
        if let Some(value) = given.and_then(|node| decoder.text(node, "a value")) {
            values.insert(key.text.clone(), value);
        }
        if let Some(why) = fields.get("about").and_then(|node| decoder.text(node, "a sentence")) {
            about.insert(key.text.clone(), why);
        }
        let listed =
            fields.get("values").map(|node| (node, decoder.texts(node, "a list of values").unwrap_or_default()));
        let Some(point) = Behaviours::POINTS.iter().find(|point| point.name == key.text) else { continue };
        if base.is_some() && listed.is_none() {
            open.remove(point.name);
            continue;
        }
        let mut may = point.values.to_vec();
        if let Some((node, listed)) = listed {
            for value in listed.iter().filter(|value| !point.values.contains(&value.as_str())) {
                let message = format!("behaviour `{}` has no value `{value}`", point.name);
                let found = decoder.error(&node.span, message).help(values_of(point.name));
                decoder.push(found);
            }
            may.retain(|value| listed.iter().any(|listed| listed == value));
        }
        if values
            .get(point.name)
            .is_some_and(|value| point.values.contains(&value.as_str()) && !may.contains(&value.as_str()))
        {
            let found = decoder.error(&body.span, "the default is none of the values");
            decoder.push(found);
        }
        open.insert(point.name, may);
    }
    let behaviours = Behaviours::from_values(&values)
        .map_err(|problems| {
            for problem in problems {
                let message = problem.to_string();
                let place = |name: &str| places.get(name);
                let found = match &problem {
                    Problem::Unknown(name) => decoder
                        .error(place(name).map_or(&fields.span, |place| &place.name), message)
                        .suggest(name, Behaviours::POINTS.iter().map(|point| point.name)),
                    Problem::Value { name, .. } => decoder
                        .error(place(name).map_or(&fields.span, |place| &place.value), message)
                        .help(values_of(name)),
                    Problem::Missing(name) => {
                        decoder.error(place(name).map_or(&fields.span, |place| &place.name), message)
                    }
                };
                decoder.push(found);
            }
        })
        .ok()?;
    Some(Points { behaviours, open, about })
}

/// Where a point stands in a file.
struct Place {
    name: yaml::Span,
    value: yaml::Span,
}

fn values_of(name: &str) -> String {
    let point = Behaviours::POINTS.iter().find(|point| point.name == name);
    format!("its values are `{}`", point.map_or(&[][..], |point| point.values).join("`, `"))
}

fn decode_limits(decoder: &mut Decoder, node: &yaml::Node, base: Option<Limits>) -> Option<Limits> {
    let fields = decoder.fields(node, &LIMITS)?;
    let mut number = |name: &str, base: Option<u64>| {
        if let Some(node) = fields.get(name) {
            decoder.integer(node, u64::MAX)
        } else {
            if base.is_none() {
                let found = decoder.error(&fields.span, format!("the limits need `{name}`"));
                decoder.push(found);
            }
            base
        }
    };
    let wide = |value: usize| value as u64;
    let max_rules_certain = number("max_rules_certain", base.map(|base| wide(base.max_rules_certain)));
    let max_rules_refused = number("max_rules_refused", base.map(|base| wide(base.max_rules_refused)));
    let max_body_bytes = number("max_body_bytes", base.map(|base| wide(base.max_body_bytes)));
    let max_age_seconds = number("max_age_seconds", base.map(|base| base.max_age_seconds));
    Some(Limits {
        max_rules_certain: usize::try_from(max_rules_certain?).ok()?,
        max_rules_refused: usize::try_from(max_rules_refused?).ok()?,
        max_body_bytes: usize::try_from(max_body_bytes?).ok()?,
        max_age_seconds: max_age_seconds?,
    })
}

fn decode_clause(decoder: &mut Decoder, node: &yaml::Node) -> Option<Clause> {
    let fields = decoder.fields(node, &CLAUSE)?;
    let mut text = |name: &str| fields.get(name).and_then(|node| decoder.text(node, "text"));
    let (id, sentence, source) = (text("id"), text("text"), text("source"));
    let level = fields
        .get("level")
        .and_then(|node| decoder.word(node, &[("must", Level::Must), ("should", Level::Should), ("may", Level::May)]));
    let confidence = fields.get("confidence").and_then(|node| {
        decoder.word(
            node,
            &[("documented", Confidence::Documented), ("seen", Confidence::Seen), ("inferred", Confidence::Inferred)],
        )
    });
    let exact = fields.get("exact").and_then(|node| decoder.truth(node)).unwrap_or(false);
    Some(Clause { id: id?, level: level?, text: sentence?, source: source?, confidence: confidence?, exact })
}
