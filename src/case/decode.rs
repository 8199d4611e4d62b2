//! Trees to cases: files, cases, steps. Each function reports all that is wrong with its part.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;

use super::catalogue::Catalogue;
use super::decode_sent::{extra, lines, object, object_key};
use super::fields::{
    BODY, CASE, COUNTED, EXTRA, FILE, OPERATIONS, PREFLIGHT, PUT_CORS, REQUEST, RULE, RULE_FILE, STEP, XML,
};
use super::{
    Acl, BucketRole, Case, ContentMd5, DocumentSource, Expectation, Extra, Identity, Name, ObjectRequest, Operation,
    Pad, Preflight, PutCors, Rule, RuleSet, STANDING_OBJECT, StatusPattern, Step, decode_expect, decode_raw, document,
};
use crate::dialect::Level;
use crate::yaml::{Decoder, Fields, Node, Value};

/// Most rules of a counted set: enough to go far over every vendor's limit.
const MAX_COUNT: u64 = 2000;
/// Largest document in bytes: a thousand times the limit of OSS.
const MAX_SIZE: u64 = 16 << 20;
/// Most repetitions of a step.
const MAX_REPEAT: u64 = 1000;

/// The clause of the implicit first `put_cors`, where the case's own is open.
const PUT: &str = "config.put";

pub(super) fn file(decoder: &mut Decoder, root: &Node, catalogue: &Catalogue<'_>) -> Vec<Case> {
    let Some(fields) = decoder.fields(root, &FILE) else { return Vec::new() };
    if let Some(node) = fields.get("about") {
        decoder.text(node, "one sentence");
    }
    let inherited = clauses(decoder, &fields, catalogue);
    let Some(node) = fields.get("cases") else { return Vec::new() };
    let items = decoder.list(node, "a list of cases").unwrap_or_default();
    if items.is_empty() {
        let found = decoder.error(&node.span, "a file without cases").label("it has one at least");
        decoder.push(found);
    }
    let mut cases: Vec<Case> = items.iter().filter_map(|item| case(decoder, item, &inherited, catalogue)).collect();
    let file = decoder.file();
    let theme = Path::new(&file.path).parent().and_then(Path::file_name).and_then(|name| name.to_str());
    for case in &mut cases {
        case.file = std::sync::Arc::clone(file);
        theme.unwrap_or_default().clone_into(&mut case.theme);
    }
    cases
}

fn clauses(decoder: &mut Decoder, fields: &Fields<'_>, catalogue: &Catalogue<'_>) -> Vec<String> {
    let Some(node) = fields.get("clauses") else { return Vec::new() };
    let items = decoder.list(node, "a list of clause ids").unwrap_or_default();
    items.iter().filter_map(|item| clause(decoder, item, catalogue)).collect()
}

/// A clause id that exists.
pub(super) fn clause(decoder: &mut Decoder, node: &Node, catalogue: &Catalogue<'_>) -> Option<String> {
    let id = decoder.text(node, "a clause id")?;
    if catalogue.get(&id).is_none() {
        let found = decoder
            .error(&node.span, format!("unknown clause `{id}`"))
            .label("not in the dialect's catalogue")
            .suggest(&id, catalogue.ids());
        decoder.push(found);
        return None;
    }
    Some(id)
}

fn case(decoder: &mut Decoder, node: &Node, inherited: &[String], catalogue: &Catalogue<'_>) -> Option<Case> {
    let fields = decoder.fields(node, &CASE)?;
    let id = fields.get("id").and_then(|node| case_id(decoder, node));
    let about = fields.get("about").and_then(|node| decoder.text(node, "one sentence"));
    let own = clauses(decoder, &fields, catalogue);
    let had_clauses = fields.get("clauses").is_some();
    if let Some(Node { value: Value::Seq(items), span }) = fields.get("clauses")
        && items.is_empty()
    {
        let found = decoder.error(span, "`clauses` is empty").label("a case is about at least one clause");
        decoder.push(found);
    }
    let clauses = if had_clauses { own } else { inherited.to_vec() };
    let clause_missing = clauses.is_empty() && !had_clauses;
    if clause_missing {
        let found = decoder
            .error(&fields.span, "a case needs `clauses`")
            .label("neither the case nor the file names any")
            .help("`corsuite list --clauses` shows them all");
        decoder.push(found);
    }
    let mut objects = fields.get("objects").map_or_else(Vec::new, |node| objects(decoder, node));
    let acl = fields
        .get("acl")
        .and_then(|node| decoder.word(node, &[("private", Acl::Private), ("public-read", Acl::PublicRead)]));

    let default_clause = clauses.first().cloned().unwrap_or_default();
    let mut steps: Vec<Step> = Vec::new();
    if let Some(node) = fields.get("rules") {
        let rules = rules(decoder, node).unwrap_or_default();
        let response_vary = fields.get("response_vary").and_then(|node| decoder.text(node, "`true` or `false`"));
        let open = catalogue.get(&default_clause).is_some_and(|clause| clause.level == Level::May);
        let rules = RuleSet { rules, response_vary };
        let special = accepts(&rules).filter(|clause| catalogue.has(clause));
        let clause = special.unwrap_or(if open { PUT } else { &default_clause }).to_owned();
        steps.push(first_put(rules, clause.into(), decoder.file().position(node.span.start).0));
    } else if let Some(node) = fields.get("response_vary") {
        let found = decoder.error(&node.span, "`response_vary` without `rules`").label("it belongs to rules");
        decoder.push(found);
    }
    let implicit = steps.len();
    let mut left_out: Vec<usize> = Vec::new();
    if let Some(node) = fields.get("steps") {
        let items = decoder.list(node, "a list of steps").unwrap_or_default();
        if items.is_empty() {
            let found = decoder.error(&node.span, "a case needs at least one step");
            decoder.push(found);
        }
        for item in items {
            let context = Context { catalogue, clause: &default_clause, before: &steps, implicit, left_out: &left_out };
            let read = step(decoder, item, &context);
            if is_elsewhere(decoder, item, catalogue) {
                left_out.push(steps.len() - implicit + left_out.len());
            } else {
                steps.extend(read);
            }
        }
    }
    stand(&mut steps, &mut objects);
    if clauses.iter().all(|clause| catalogue.has(clause)) {
        for step in &mut steps {
            catalogue.fit(step);
        }
    }
    Some(Case {
        id: id?,
        about: about.unwrap_or_default(),
        line: decoder.file().position(fields.span.start).0,
        file: std::sync::Arc::clone(decoder.file()),
        theme: String::new(),
        clauses,
        objects,
        acl: acl.unwrap_or_default(),
        elsewhere: is_elsewhere(decoder, node, catalogue)
            || (acl == Some(Acl::PublicRead) && !catalogue.fixes("bucket_acl", "objects")),
        steps,
    })
}

/// Whether a case or a step is for dialects that fix a point otherwise.
fn is_elsewhere(decoder: &mut Decoder, node: &Node, catalogue: &Catalogue<'_>) -> bool {
    let Value::Map(entries) = &node.value else { return false };
    let conditions = entries.iter().find(|(key, _)| key.text == "where").map(|(_, value)| value);
    let conditions = conditions.and_then(|node| decoder.map(node, "a map from point to value")).unwrap_or_default();
    let mut elsewhere = false;
    for (key, value) in conditions {
        let Some(text) = decoder.text(value, "a value") else { continue };
        if let Some(problem) = decode_expect::unknown_value(decoder, &key.span, &key.text, &text) {
            decoder.push(problem);
        }
        elsewhere |= !catalogue.fixes(&key.text, &text);
    }
    elsewhere
}

/// The clause by which a server should take rules that the documents do not say it must.
fn accepts(set: &RuleSet) -> Option<&'static str> {
    let partial = |value: &String| value.contains('*') && value != "*";
    let any = |test: &dyn Fn(&Rule) -> bool| set.rules.iter().any(test);
    if any(&|rule| rule.allowed_headers.iter().any(partial)) {
        Some("header.wildcards-accepted")
    } else if any(&|rule| rule.allowed_headers.len() > 1 && rule.allowed_headers.iter().any(|value| value == "*")) {
        Some("header.star-beside-literal")
    } else if any(&|rule| rule.allowed_origins.iter().any(partial)) {
        Some("origin.wildcards-accepted")
    } else if any(&|rule| rule.allowed_origins.iter().any(|value| value != "*" && !value.contains("://"))) {
        Some("origin.no-scheme")
    } else if any(&|rule| rule.max_age_seconds.iter().any(|value| value == "0")) {
        Some("age.zero")
    } else {
        None
    }
}

/// Gives preflights without an object one that exists: the case's first, else [`STANDING_OBJECT`].
fn stand(steps: &mut [Step], objects: &mut Vec<(String, String)>) {
    let first = objects.first().map(|(key, _)| key.clone());
    let mut stands = false;
    for step in steps {
        if let Operation::Preflight(Preflight { object: Some(object), .. }) = &mut step.operation
            && object == STANDING_OBJECT
        {
            match &first {
                Some(first) => object.clone_from(first),
                None => stands = true,
            }
        }
    }
    if stands {
        objects.push((STANDING_OBJECT.to_owned(), "corsuite".to_owned()));
    }
}

fn case_id(decoder: &mut Decoder, node: &Node) -> Option<String> {
    let id = decoder.text(node, "a name")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.len() > 80 || !id.chars().all(plain) {
        let found = decoder
            .error(&node.span, format!("`{id}` is not an id"))
            .label("1 to 80 lower-case letters, digits and hyphens");
        decoder.push(found);
        return None;
    }
    Some(id)
}

fn first_put(rules: RuleSet, clause: Name, line: usize) -> Step {
    Step {
        name: None,
        operation: Operation::PutCors(PutCors {
            body: DocumentSource::Rules { rules, size: None, pad: Pad::Space },
            content_md5: ContentMd5::Usual,
            content_type: Some("application/xml".to_owned()),
            extra: Extra::default(),
        }),
        identity: Identity::Owner,
        bucket: BucketRole::Main,
        repeat: 1,
        expect: vec![Expectation { clause, status: vec![StatusPattern::Code(200)], ..Expectation::default() }],
        line,
        setup: true,
    }
}

fn objects(decoder: &mut Decoder, node: &Node) -> Vec<(String, String)> {
    let entries = decoder.map(node, "a map from object to content").unwrap_or_default();
    let mut found = Vec::new();
    for (key, value) in entries {
        if let (true, Some(content)) = (object_key(decoder, &key.text, &key.span), decoder.text(value, "text")) {
            found.push((key.text.clone(), content));
        }
    }
    found
}

pub(super) fn rules(decoder: &mut Decoder, node: &Node) -> Option<Vec<Rule>> {
    if let Value::Map(_) = &node.value {
        let fields = decoder.fields(node, &COUNTED)?;
        let count = fields.get("count").and_then(|node| from_one(decoder, node, MAX_COUNT));
        let rule = fields.get("rule").and_then(|node| rule(decoder, node));
        let (count, rule) = (count?, rule?);
        Some((1..=count).map(|n| numbered(&rule, n)).collect())
    } else {
        let items = decoder.list(node, "a list of rules")?;
        let found: Vec<_> = items.iter().map(|item| rule(decoder, item)).collect();
        found.into_iter().collect()
    }
}

/// A number that is not 0.
fn from_one(decoder: &mut Decoder, node: &Node, most: u64) -> Option<u64> {
    let number = decoder.integer(node, most)?;
    if number == 0 {
        let found = decoder.error(&node.span, "0 is none at all").label(format!("1 to {most}"));
        decoder.push(found);
        return None;
    }
    Some(number)
}

pub(super) fn rule_file(decoder: &mut Decoder, root: &Node) -> Option<RuleSet> {
    let fields = decoder.fields(root, &RULE_FILE)?;
    let response_vary = fields.get("response_vary").and_then(|node| decoder.text(node, "`true` or `false`"));
    let rules = fields.get("rules").and_then(|node| rules(decoder, node));
    Some(RuleSet { rules: rules?, response_vary })
}

fn numbered(rule: &Rule, n: u64) -> Rule {
    rule.clone().each(|value| value.replace("{n}", &n.to_string()))
}

fn rule(decoder: &mut Decoder, node: &Node) -> Option<Rule> {
    let fields = decoder.fields(node, &RULE)?;
    let mut list = |name: &str| match fields.get(name) {
        Some(node) => decoder.texts(node, "a text or a list of texts").unwrap_or_default(),
        None => Vec::new(),
    };
    Some(Rule {
        ids: list("id"),
        allowed_origins: list("allowed_origins"),
        allowed_methods: list("allowed_methods"),
        allowed_headers: list("allowed_headers"),
        expose_headers: list("expose_headers"),
        max_age_seconds: list("max_age_seconds"),
    })
}

/// What the parts of a step are read against.
pub(super) struct Context<'a> {
    pub(super) catalogue: &'a Catalogue<'a>,
    pub(super) clause: &'a str,
    /// The steps above.
    pub(super) before: &'a [Step],
    /// How many of them the file does not write.
    pub(super) implicit: usize,
    /// Places in the file, from 0, of steps that other dialects have.
    pub(super) left_out: &'a [usize],
}

impl Context<'_> {
    /// Index of an earlier step, by its name or its number in the file, from 1.
    pub(super) fn step(&self, decoder: &mut Decoder, node: &Node) -> Option<usize> {
        let text = decoder.text(node, "the name or number of an earlier step")?;
        let number = text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let number = number.filter(|at| !self.left_out.contains(at)).map(|at| {
            let before = self.left_out.iter().filter(|out| **out < at).count();
            at - before + self.implicit
        });
        let named = self.before.iter().position(|step| step.name.as_deref() == Some(&text));
        let found = named.or(number).filter(|at| *at < self.before.len());
        if found.is_none() {
            let names = self.before.iter().filter_map(|step| step.name.as_deref());
            let problem = decoder
                .error(&node.span, format!("no earlier step `{text}`"))
                .label("a name, or a number from 1")
                .suggest(&text, names);
            decoder.push(problem);
        }
        found
    }
}

fn step(decoder: &mut Decoder, node: &Node, context: &Context<'_>) -> Option<Step> {
    let fields = decoder.fields(node, &STEP)?;
    let named: Vec<&str> = fields.names().filter(|name| OPERATIONS.contains(name)).collect();
    let operation = match named.as_slice() {
        [name] => fields.get(name).and_then(|node| operation(decoder, name, node, context)),
        [] => {
            let found = decoder
                .error(&fields.span, "a step without an operation")
                .label(format!("one of `{}`", OPERATIONS.join("`, `")));
            decoder.push(found);
            None
        }
        [_, second, ..] => {
            let span = fields.get(second).map_or(fields.span.clone(), |node| node.span.clone());
            let found = decoder
                .error(&span, "a step with two operations")
                .label(format!("`{}` in one step", named.join("` and `")))
                .help("make it two steps");
            decoder.push(found);
            None
        }
    };
    let identity = fields.get("as").and_then(|node| decoder.word(node, Identity::WORDS));
    let bucket = fields.get("bucket").and_then(|node| decoder.word(node, BucketRole::WORDS));
    let name = fields.get("name").and_then(|node| decoder.text(node, "a name"));
    let repeat = fields.get("repeat").and_then(|node| from_one(decoder, node, MAX_REPEAT)).unwrap_or(1);
    if let (Some(node), Some(name)) = (fields.get("name"), &name)
        && context.before.iter().any(|step| step.name.as_ref() == Some(name))
    {
        let found = decoder.error(&node.span, format!("a second step `{name}`")).label("later steps could mean either");
        decoder.push(found);
    }
    let expect = fields.get("expect").map_or_else(Vec::new, |node| decode_expect::blocks(decoder, node, context));
    let operation = operation?;
    let answers = match &operation {
        Operation::Raw(messages) => messages.len(),
        _ => 1,
    };
    if let (Some(node), true) =
        (fields.get("expect"), expect.iter().filter_map(|block| block.answer).any(|at| at >= answers))
    {
        let found =
            decoder.error(&node.span, "`answer` is more than there are requests").label(format!("{answers} sent"));
        decoder.push(found);
    }
    // One answer needs no number, several do.
    let unclear = match &operation {
        Operation::Raw(messages) if messages.len() > 1 => {
            expect.iter().any(|block| block.answer.is_none()).then_some("which answer? say `answer` in each block")
        }
        Operation::Raw(_) => None,
        _ => expect.iter().any(|block| block.answer.is_some()).then_some("`answer` without `raw`"),
    };
    if let (Some(node), Some(why)) = (fields.get("expect"), unclear) {
        let found = decoder.error(&node.span, why);
        decoder.push(found);
    }
    let usual = operation.usual_identity();
    Some(Step {
        name,
        identity: identity.unwrap_or(usual),
        bucket: bucket.unwrap_or(BucketRole::Main),
        repeat: u32::try_from(repeat).unwrap_or(1).max(1),
        expect,
        line: decoder.file().position(fields.span.start).0,
        setup: false,
        operation,
    })
}

fn operation(decoder: &mut Decoder, name: &str, node: &Node, context: &Context<'_>) -> Option<Operation> {
    // `get_cors:` with nothing behind it is as good as an empty map.
    let nothing = Node { span: node.span.clone(), value: Value::Map(Vec::new()) };
    let node = if node.value == Value::Null { &nothing } else { node };
    match name {
        "put_cors" => put_cors(decoder, node, context).map(Operation::PutCors),
        "get_cors" => decoder.fields(node, &EXTRA).map(|fields| Operation::GetCors(extra(decoder, &fields))),
        "delete_cors" => decoder.fields(node, &EXTRA).map(|fields| Operation::DeleteCors(extra(decoder, &fields))),
        "preflight" => preflight(decoder, node).map(Operation::Preflight),
        "raw" => decode_raw::messages(decoder, node).map(Operation::Raw),
        _ => request(decoder, node, context).map(Operation::Request),
    }
}

fn put_cors(decoder: &mut Decoder, node: &Node, context: &Context<'_>) -> Option<PutCors> {
    let fields = decoder.fields(node, &PUT_CORS)?;
    let body = document_source(decoder, &fields, context);
    let content_md5 = fields.get("content_md5").map_or_else(Vec::new, |node| lines(decoder, node)).into_iter().next();
    let content_md5 = match content_md5.as_deref() {
        None => ContentMd5::Usual,
        Some("absent") => ContentMd5::Absent,
        Some("right") => ContentMd5::Right,
        Some("wrong") => ContentMd5::Wrong,
        Some(text) => ContentMd5::Literal(text.to_owned()),
    };
    let content_type = match fields.get("content_type").map(|node| (node, decoder.text(node, "a media type"))) {
        None => Some("application/xml".to_owned()),
        Some((_, Some(text))) if text == "absent" => None,
        Some((node, text)) => {
            lines(decoder, node);
            text
        }
    };
    let extra = extra(decoder, &fields);
    Some(PutCors { body: body?, content_md5, content_type, extra })
}

fn document_source(decoder: &mut Decoder, fields: &Fields<'_>, context: &Context<'_>) -> Option<DocumentSource> {
    let size = fields.get("size").map(|node| (node, decoder.integer(node, MAX_SIZE)));
    let pad = fields.get("pad").and_then(|node| {
        decoder.word(node, &[("space", Pad::Space), ("comment", Pad::Comment), ("values", Pad::Values)])
    });
    let response_vary = fields.get("response_vary").and_then(|node| decoder.text(node, "text"));
    match (fields.get("rules"), fields.get("xml")) {
        (Some(_), Some(xml)) => {
            let found = decoder.error(&xml.span, "both `rules` and `xml`").label("one of the two makes the document");
            decoder.push(found);
            None
        }
        (None, None) => {
            let found = decoder.error(&fields.span, "a put_cors needs `rules` or `xml`");
            decoder.push(found);
            None
        }
        (None, Some(xml)) => {
            for (name, why) in [
                ("size", "`xml` has the size it has"),
                ("pad", "`xml` is sent as it is"),
                ("response_vary", "`xml` is sent as it is"),
            ] {
                if let Some(node) = fields.get(name) {
                    let found = decoder.error(&node.span, format!("`{name}` goes with `rules`")).label(why);
                    decoder.push(found);
                }
            }
            bytes(decoder, xml, context)
        }
        (Some(node), None) => {
            let rules = RuleSet { rules: rules(decoder, node)?, response_vary };
            if let (Some(node), None) = (fields.get("pad"), &size) {
                let found = decoder.error(&node.span, "`pad` goes with `size`").label("padded to which size?");
                decoder.push(found);
            }
            let pad = pad.unwrap_or(Pad::Space);
            let bytes = match size {
                Some((node, Some(bytes))) => {
                    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                    if document::write(&rules, bytes, pad).is_none() {
                        let found = decoder
                            .error(&node.span, "the document cannot have this size")
                            .label(format!("without padding it has {} bytes", rules.to_xml().len()));
                        decoder.push(found);
                    }
                    Some(bytes)
                }
                _ => None,
            };
            Some(DocumentSource::Rules { rules, size: bytes, pad })
        }
    }
}

fn bytes(decoder: &mut Decoder, node: &Node, context: &Context<'_>) -> Option<DocumentSource> {
    if !matches!(node.value, Value::Map(_)) {
        return decoder.text(node, "a document").map(|text| DocumentSource::Bytes(text.into_bytes()));
    }
    let fields = decoder.fields(node, &XML)?;
    if let Some(node) = fields.get("from") {
        if let Some(other) = fields.get("base64") {
            let found = decoder.error(&other.span, "both `from` and `base64`").label("one of the two is the document");
            decoder.push(found);
        }
        return context.step(decoder, node).map(DocumentSource::From);
    }
    let Some(node) = fields.get("base64") else {
        let found = decoder.error(&node.span, "a document needs `from` or `base64`");
        decoder.push(found);
        return None;
    };
    let text = decoder.text(node, "base64")?;
    let decoded = STANDARD.decode(text.trim());
    if decoded.is_err() {
        let found = decoder.error(&node.span, "not base64");
        decoder.push(found);
    }
    decoded.ok().map(DocumentSource::Bytes)
}

fn preflight(decoder: &mut Decoder, node: &Node) -> Option<Preflight> {
    let fields = decoder.fields(node, &PREFLIGHT)?;
    let request_headers = fields.get("request_headers").map(|node| lines(decoder, node).join(","));
    let mut list = |name: &str| fields.get(name).map_or_else(Vec::new, |node| lines(decoder, node));
    let (origin, method) = (list("origin"), list("method"));
    let object = match fields.get("object") {
        Some(node) if node.text() == Some("/") => None,
        Some(node) => object(decoder, node),
        // The case gives it a name when its objects are known.
        None => Some(STANDING_OBJECT.to_owned()),
    };
    let body = fields.get("body").and_then(|node| decoder.text(node, "text"));
    Some(Preflight { origin, method, request_headers, object, body, extra: extra(decoder, &fields) })
}

fn request(decoder: &mut Decoder, node: &Node, context: &Context<'_>) -> Option<ObjectRequest> {
    let fields = decoder.fields(node, &REQUEST)?;
    let method = fields.get("method").and_then(|node| {
        let text = decoder.text(node, "a method")?;
        if Method::from_bytes(text.as_bytes()).is_err() {
            let found = decoder.error(&node.span, format!("`{text}` is not a method"));
            decoder.push(found);
            return None;
        }
        Some(text)
    });
    let origin = fields.get("origin").map_or_else(Vec::new, |node| lines(decoder, node));
    let object = fields.get("object").and_then(|node| object(decoder, node));
    let (mut body, mut body_from) = (None, None);
    match fields.get("body") {
        Some(node) if matches!(node.value, Value::Map(_)) => {
            let from = decoder.fields(node, &BODY).and_then(|fields| fields.get("from"));
            body_from = from.and_then(|node| context.step(decoder, node));
        }
        Some(node) => body = decoder.text(node, "text"),
        None => {}
    }
    if let (Some(node), true) = (fields.get("body"), fields.get("form").is_some()) {
        let found = decoder.error(&node.span, "both `body` and `form`").label("the form is the body");
        decoder.push(found);
    }
    let form = fields.get("form").map(|node| {
        let entries = decoder.map(node, "a map from part to text").unwrap_or_default();
        let parts = entries.into_iter().map(|(key, value)| Some((key.text.clone(), decoder.text(value, "text")?)));
        parts.collect::<Vec<_>>().into_iter().flatten().collect()
    });
    Some(ObjectRequest { method: method?, object, origin, body, body_from, form, extra: extra(decoder, &fields) })
}
