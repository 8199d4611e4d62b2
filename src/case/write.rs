//! Cases to a file: [`write()`], the reverse of [`super::load`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::fields::{ERROR_ELEMENTS, HOST_ID};
use super::{
    Acl, BrowserVerdict, BucketRole, Case, ContentMd5, CorsExpectation, DocumentSource, ErrorExpectation, Expectation,
    Extra, FieldCondition, Framing, Message, ObjectRequest, Operation, Pad, Preflight, PutCors, Rule, RuleSet,
    STANDING_OBJECT, StatusPattern, Step, TextCondition,
};

/// A case file of these cases. [`super::load`] reads the same cases from it, places in the file apart.
///
/// ```
/// use corsuite::{case, dialect::Dialect};
///
/// let suite = case::load(&case::bundled(), Dialect::oss()).suite;
/// let text = case::write("one case", &suite.cases[..1]);
/// let file = corsuite::diagnostic::SourceFile::new("config/mine.yaml", text);
/// assert_eq!(case::load(&[file], Dialect::oss()).suite.cases[0].id, suite.cases[0].id);
/// ```
pub fn write(about: &str, cases: &[Case]) -> String {
    let file = json!({"about": about, "cases": cases.iter().map(case).collect::<Vec<_>>()});
    let head = "# yaml-language-server: $schema=../schema.json\n";
    // A tree of texts, numbers, lists and maps has nothing that YAML cannot hold.
    head.to_owned() + &serde_yaml::to_string(&file).unwrap_or_default()
}

/// A map of the fields that are there.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn put_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// One value as it is, several as a list, none not at all.
    fn put_texts(&mut self, name: &str, values: &[String]) {
        if !values.is_empty() {
            self.put(name, texts(values));
        }
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

fn texts(values: &[String]) -> Value {
    match values {
        [one] => json!(one),
        several => json!(several),
    }
}

fn case(case: &Case) -> Value {
    let mut fields = Fields::default();
    fields.put("id", case.id.as_str());
    if !case.about.is_empty() {
        fields.put("about", case.about.as_str());
    }
    fields.put("clauses", json!(case.clauses));
    // The loader adds the standing object by itself.
    let objects: Map<String, Value> = case
        .objects
        .iter()
        .filter(|(key, _)| key != STANDING_OBJECT)
        .map(|(key, content)| (key.clone(), json!(content)))
        .collect();
    let first_object = case.objects.iter().map(|(key, _)| key.as_str()).find(|key| *key != STANDING_OBJECT);
    if !objects.is_empty() {
        fields.put("objects", Value::Object(objects));
    }
    if case.acl != Acl::Private {
        fields.put("acl", case.acl.as_str());
    }
    let (setup, written): (Vec<&Step>, Vec<&Step>) = case.steps.iter().partition(|step| step.setup);
    for step in &setup {
        if let Operation::PutCors(PutCors { body: DocumentSource::Rules { rules, .. }, .. }) = &step.operation {
            fields.put("rules", rule_list(&rules.rules));
            fields.put_some("response_vary", rules.response_vary.as_deref());
        }
    }
    let writer = Writer {
        clause: case.clauses.first().map_or("", String::as_str),
        implicit: setup.len(),
        standing: first_object.unwrap_or(STANDING_OBJECT),
    };
    fields.put("steps", written.into_iter().map(|step| writer.step(step)).collect::<Vec<_>>());
    fields.done()
}

fn rule_list(rules: &[Rule]) -> Value {
    let rules = rules.iter().map(|rule| {
        let mut fields = Fields::default();
        fields.put_texts("id", &rule.ids);
        fields.put_texts("allowed_origins", &rule.allowed_origins);
        fields.put_texts("allowed_methods", &rule.allowed_methods);
        fields.put_texts("allowed_headers", &rule.allowed_headers);
        fields.put_texts("expose_headers", &rule.expose_headers);
        fields.put_texts("max_age_seconds", &rule.max_age_seconds);
        fields.done()
    });
    rules.collect::<Vec<_>>().into()
}

/// What the steps of a case are written against.
struct Writer<'a> {
    /// The clause of blocks that name none.
    clause: &'a str,
    /// Steps that the file does not write.
    implicit: usize,
    /// The object of preflights that name none.
    standing: &'a str,
}

impl Writer<'_> {
    fn step(&self, step: &Step) -> Value {
        let mut fields = Fields::default();
        let (name, operation) = self.operation(&step.operation);
        fields.put(name, operation);
        fields.put_some("name", step.name.as_deref());
        if step.identity != step.operation.usual_identity() {
            fields.put("as", step.identity.as_str());
        }
        if step.bucket != BucketRole::Main {
            fields.put("bucket", word(BucketRole::WORDS, step.bucket));
        }
        if step.repeat != 1 {
            fields.put("repeat", step.repeat);
        }
        let blocks: Vec<Value> = step.expect.iter().map(|block| self.block(block, self.clause)).collect();
        fields.put(
            "expect",
            if blocks.len() == 1 { blocks.into_iter().next().unwrap_or_default() } else { blocks.into() },
        );
        fields.done()
    }

    /// An earlier step, by its number in the file.
    fn reference(&self, step: usize) -> Value {
        json!((step + 1).saturating_sub(self.implicit).to_string())
    }

    fn operation(&self, operation: &Operation) -> (&'static str, Value) {
        match operation {
            Operation::PutCors(put) => ("put_cors", self.put_cors(put)),
            Operation::GetCors(more) => ("get_cors", extra(Fields::default(), more).done()),
            Operation::DeleteCors(more) => ("delete_cors", extra(Fields::default(), more).done()),
            Operation::Preflight(preflight) => ("preflight", self.preflight(preflight)),
            Operation::Request(request) => ("request", self.request(request)),
            Operation::Raw(messages) => match messages.as_slice() {
                [one] => ("raw", message(one)),
                several => ("raw", several.iter().map(message).collect::<Vec<_>>().into()),
            },
        }
    }

    fn put_cors(&self, put: &PutCors) -> Value {
        let mut fields = Fields::default();
        match &put.body {
            DocumentSource::Rules { rules: RuleSet { rules, response_vary }, size, pad } => {
                fields.put("rules", rule_list(rules));
                fields.put_some("response_vary", response_vary.as_deref());
                if let Some(size) = size {
                    fields.put("size", *size);
                    let pads = [("space", Pad::Space), ("comment", Pad::Comment), ("values", Pad::Values)];
                    fields.put("pad", word(&pads, *pad));
                }
            }
            DocumentSource::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => fields.put("xml", text),
                Err(_) => fields.put("xml", json!({"base64": STANDARD.encode(bytes)})),
            },
            DocumentSource::From(step) => fields.put("xml", json!({"from": self.reference(*step)})),
        }
        match &put.content_md5 {
            ContentMd5::Usual => {}
            ContentMd5::Absent => fields.put("content_md5", "absent"),
            ContentMd5::Right => fields.put("content_md5", "right"),
            ContentMd5::Wrong => fields.put("content_md5", "wrong"),
            ContentMd5::Literal(text) => fields.put("content_md5", text.as_str()),
        }
        match put.content_type.as_deref() {
            Some("application/xml") => {}
            kind => fields.put("content_type", kind.unwrap_or("absent")),
        }
        extra(fields, &put.extra).done()
    }

    fn preflight(&self, preflight: &Preflight) -> Value {
        let mut fields = Fields::default();
        fields.put_texts("origin", &preflight.origin);
        fields.put_texts("method", &preflight.method);
        fields.put_some("request_headers", preflight.request_headers.as_deref());
        match preflight.object.as_deref() {
            Some(object) if object == self.standing => {}
            object => fields.put("object", object.unwrap_or("/")),
        }
        fields.put_some("body", preflight.body.as_deref());
        extra(fields, &preflight.extra).done()
    }

    fn request(&self, request: &ObjectRequest) -> Value {
        let mut fields = Fields::default();
        fields.put("method", request.method.as_str());
        fields.put_some("object", request.object.as_deref());
        fields.put_texts("origin", &request.origin);
        fields.put_some("body", request.body.as_deref());
        fields.put_some("body", request.body_from.map(|step| json!({"from": self.reference(step)})));
        if let Some(form) = &request.form {
            let parts: Map<String, Value> = form.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            fields.put("form", Value::Object(parts));
        }
        extra(fields, &request.extra).done()
    }

    /// A block; one of clause `usual` does not name it.
    fn block(&self, block: &Expectation, usual: &str) -> Value {
        let mut fields = Fields::default();
        if block.clause != usual {
            fields.put("clause", &*block.clause);
        }
        fields.put_some("answer", block.answer.map(|at| at + 1));
        let statuses: Vec<Value> = block
            .status
            .iter()
            .map(|status| match status {
                StatusPattern::Code(code) => json!(code),
                StatusPattern::Class(class) => json!(format!("{class}xx")),
            })
            .collect();
        match statuses.as_slice() {
            [] => {}
            [one] => fields.put("status", one.clone()),
            [..] => fields.put("status", statuses),
        }
        if !block.headers.is_empty() {
            let headers = block.headers.iter().map(|(name, conditions)| (name.to_string(), self.field(conditions)));
            fields.put("headers", Value::Object(headers.collect()));
        }
        fields.put_some("error", block.error.as_ref().map(error));
        fields.put_some("cors", block.cors.as_ref().map(cors));
        if !block.body.is_empty() {
            fields.put("body", text(&block.body));
        }
        fields.put_some("same_as", block.same_as.map(|step| self.reference(step)));
        fields.put_some(
            "browser",
            block.browser.map(|verdict| match verdict {
                BrowserVerdict::Allows => "allows",
                BrowserVerdict::Blocks => "blocks",
            }),
        );
        if !block.any_of.is_empty() {
            // An alternative has the clause of its block.
            let alternatives = block.any_of.iter().map(|alternative| {
                let name = format!("{}={}", alternative.behaviour, alternative.value);
                (name, self.block(&alternative.expect, &alternative.expect.clause))
            });
            fields.put("any_of", Value::Object(alternatives.collect()));
        }
        fields.done()
    }

    fn field(&self, conditions: &[FieldCondition]) -> Value {
        match conditions {
            [FieldCondition::Absent] => return json!("absent"),
            [FieldCondition::Present] => return json!("present"),
            [FieldCondition::Equals(value)] if value != "absent" && value != "present" => return json!(value),
            _ => {}
        }
        let mut fields = Fields::default();
        let (mut contains, mut lacks) = (Vec::new(), Vec::new());
        for condition in conditions {
            match condition {
                // Each stands alone, as the loader reads it.
                FieldCondition::Absent | FieldCondition::Present => {}
                FieldCondition::Equals(value) => fields.put("literal", value.as_str()),
                FieldCondition::Exact(value) => fields.put("exact", value.as_str()),
                FieldCondition::List(members) => fields.put("list", texts(members)),
                FieldCondition::Contains(part) => contains.push(part.clone()),
                FieldCondition::Lacks(part) => lacks.push(part.clone()),
                FieldCondition::Matches(regex) => {
                    let whole = regex.as_str();
                    let inner = whole.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
                    fields.put("matches", inner.unwrap_or(whole));
                }
                FieldCondition::DiffersFrom(step) => fields.put("differs_from", self.reference(*step)),
                FieldCondition::SameAs(step) => fields.put("same_as", self.reference(*step)),
                FieldCondition::Keeps(step) => fields.put("keeps", self.reference(*step)),
            }
        }
        fields.put_texts("contains", &contains);
        fields.put_texts("lacks", &lacks);
        fields.done()
    }
}

fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

fn extra(mut fields: Fields, extra: &Extra) -> Fields {
    fields.put_some("query", extra.query.as_deref());
    if !extra.headers.is_empty() {
        let mut headers: Map<String, Value> = Map::new();
        for (name, _) in &extra.headers {
            let lines: Vec<String> =
                extra.headers.iter().filter(|(other, _)| other == name).map(|(_, line)| line.clone()).collect();
            headers.insert(name.clone(), texts(&lines));
        }
        fields.put("headers", Value::Object(headers));
    }
    fields
}

fn message(message: &Message) -> Value {
    let mut fields = Fields::default();
    fields.put("method", message.method.as_str());
    fields.put_some("object", message.object.as_deref());
    fields.put_some("query", message.query.as_deref());
    fields.put_texts("lines", &message.lines);
    if !message.body.is_empty() {
        fields.put("body", message.body.as_str());
    }
    match message.framing {
        Framing::Length => {}
        Framing::Chunked => fields.put("framing", "chunked"),
        Framing::Absent => fields.put("framing", "absent"),
    }
    fields.done()
}

fn error(error: &ErrorExpectation) -> Value {
    let mut fields = Fields::default();
    for (element, conditions) in &error.elements {
        if element.as_ref() == HOST_ID {
            fields.put("host_id", "present");
            continue;
        }
        let name = ERROR_ELEMENTS.iter().find(|(_, known)| known == element).map_or("", |(name, _)| name);
        fields.put(name, text(conditions));
    }
    if error.request_id_is_header {
        fields.put("request_id", "header");
    }
    if error.host_id_is_host {
        fields.put("host_id", "host");
    }
    if error.ec_agrees {
        fields.put("ec", "header");
    }
    if !error.order.is_empty() {
        fields.put("order", json!(error.order));
    }
    fields.done()
}

fn cors(cors: &CorsExpectation) -> Value {
    let mut fields = Fields::default();
    fields.put_some("rules", cors.rules.as_deref().map(rule_list));
    fields.put_some("response_vary", cors.response_vary.as_deref());
    if cors.verbatim {
        fields.put("verbatim", true);
    }
    fields.done()
}

fn text(conditions: &[TextCondition]) -> Value {
    match conditions {
        [TextCondition::Empty] => return json!("empty"),
        [TextCondition::Present] => return json!("present"),
        [TextCondition::Equals(value)] if value != "empty" && value != "present" => return json!(value),
        [TextCondition::OneOf(values)] => return json!(values),
        _ => {}
    }
    let mut fields = Fields::default();
    let (mut contains, mut lacks, mut prefixes, mut literals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for condition in conditions {
        match condition {
            // Each stands alone, as the loader reads it.
            TextCondition::Empty | TextCondition::Present | TextCondition::OneOf(_) => {}
            TextCondition::Equals(value) => literals.push(value.clone()),
            TextCondition::Contains(part) => contains.push(part.clone()),
            TextCondition::Lacks(part) => lacks.push(part.clone()),
            TextCondition::Prefix(prefix) => prefixes.push(prefix.clone()),
            TextCondition::Matches(regex) => fields.put("matches", regex.as_str()),
        }
    }
    fields.put_texts("contains", &contains);
    fields.put_texts("lacks", &lacks);
    fields.put_texts("prefix", &prefixes);
    fields.put_texts("literal", &literals);
    fields.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{bundled, load};
    use crate::diagnostic::{SourceFile, Style, render};
    use crate::dialect::Dialect;

    /// Everything of a case but its place.
    fn shown(case: &Case) -> String {
        let case = Case { file: SourceFile::new("", ""), line: 0, theme: String::new(), ..case.clone() };
        let shown = format!("{case:#?}");
        shown.lines().filter(|line| !line.trim_start().starts_with("line:")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_written_is_read_again() {
        let suite = load(&bundled(), Dialect::oss()).suite;
        // A step of which the dialect says nothing has no form in a file.
        let whole = |case: &&Case| case.steps.iter().all(|step| !step.expect.is_empty());
        for case in suite.cases.iter().filter(|case| case.applies(Dialect::oss())).filter(whole) {
            let text = write("one case", std::slice::from_ref(case));
            let again = load(&[SourceFile::new("all/all.yaml", text)], Dialect::oss());
            assert!(again.diagnostics.is_empty(), "{}", render(&again.diagnostics, Style::Plain));
            assert_eq!(shown(&again.suite.cases[0]), shown(case));
        }
    }

    #[test]
    fn a_file() {
        let suite = load(&bundled(), Dialect::oss()).suite;
        let case = suite.cases.iter().find(|case| case.id == "put-simplest").unwrap();
        insta::assert_snapshot!(write("one case", std::slice::from_ref(case)), @r"
        # yaml-language-server: $schema=../schema.json
        about: one case
        cases:
        - id: put-simplest
          about: one origin and one method make a rule
          clauses:
          - config.put
          steps:
          - put_cors:
              rules:
              - allowed_origins: https://app.example
                allowed_methods: GET
            expect:
              status: 200
              body: empty
          - get_cors: {}
            expect:
              clause: get.rules
              status: 200
              cors:
                rules:
                - allowed_origins: https://app.example
                  allowed_methods: GET
        ");
    }
}
