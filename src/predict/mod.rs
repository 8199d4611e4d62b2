//! What the oracle expects of a case: [`predict`].
//!
//! The case is sent to a [`Reference`] in memory, and each answer becomes expectations, block by block under the clause that
//! fixes that part of it, so that a generated case is judged by the comparator that judges the suite. Nothing is expected
//! that no clause fixes. At open points the dialect's behaviours decide; what only they fix is cited as
//! [`CONSISTENT`]: the server chose, and keeps to its choice.

mod actual;
mod management;
mod preflight;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Method, Request, Response};
use jiff::Timestamp;
use regex::Regex;

use crate::case::{
    Acl, BucketRole, Case, DocumentSource, ErrorExpectation, Expectation, FieldCondition, Identity, Name,
    ObjectRequest, Operation, PutCors, StatusPattern, Step, TextCondition, fit_rules,
};
use crate::cors::{CorsConfiguration, CorsRequest, Outcome, evaluate};
use crate::dialect::{Behaviours, CONSISTENT, Dialect, Level, TwoOrigins};
use crate::reference::{Account, Options, Reference};
use crate::request::{Addressing, Draft, Envelope, Site, build, document_of, draft, message};
use crate::sign::{Credentials, Form, Resource, Scheme, decode_component, is_of_signature};

/// The buckets of a case at the oracle.
const MAIN: &str = "main-bucket";
const SECOND: &str = "second-bucket";
const MISSING: &str = "missing-bucket";
/// Its accounts.
const OWNER: &str = "owner";
const OTHER: &str = "other";
/// The time at the oracle: any will do.
const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

/// Puts what the oracle expects into the steps of a case, in place of what they expected before, and names the clauses.
pub fn predict(case: &mut Case, dialect: &Dialect) {
    predict_seeing(case, dialect, |_, _| {});
}

/// The same; `see` is shown each request, and the rules that its bucket had before it.
pub fn predict_seeing(
    case: &mut Case,
    dialect: &Dialect,
    mut see: impl FnMut(&Request<Bytes>, Option<&CorsConfiguration>),
) {
    // As the loader would read the case, so that one that is written and read is the same.
    case.steps.iter_mut().for_each(|step| fit_rules(step, dialect));
    let mut oracle = Oracle::new(case, dialect);
    let mut earlier: Vec<Response<Bytes>> = Vec::new();
    for at in 0..case.steps.len() {
        let (done, rest) = case.steps.split_at_mut(at);
        let Some(step) = rest.first_mut() else { break };
        let before = oracle.rules(step.bucket).cloned();
        let exchange = oracle.ask(step, &earlier);
        let expected = exchange.map_or_else(Vec::new, |(request, response)| {
            see(&request, before.as_deref());
            let seen = Seen {
                step,
                request: &request,
                response: &response,
                rules: before.as_deref(),
                earlier: &earlier,
                repeats: done.last().is_some_and(|before| repeats(before, step)),
                asked: CorsRequest::from_parts(request.method(), request.headers()),
                dialect,
            };
            let blocks = seen.blocks();
            earlier.push(response);
            blocks
        });
        step.expect = expected;
    }
    case.name_clauses();
}

/// Whether a step reads what the one before it read, and differs in its CORS fields alone.
fn repeats(before: &Step, step: &Step) -> bool {
    let (Operation::Request(first), Operation::Request(second)) = (&before.operation, &step.operation) else {
        return false;
    };
    let plain = |request: &ObjectRequest| {
        let mut plain = request.clone();
        plain.origin.clear();
        plain.extra.headers.retain(|(name, _)| !name.starts_with("access-control-"));
        plain
    };
    second.method == "GET"
        && first.origin.is_empty()
        && (before.identity, before.bucket) == (step.identity, step.bucket)
        && plain(first) == plain(second)
}

/// The reference with the fixtures of a case.
#[derive(Debug)]
pub struct Oracle {
    reference: Reference,
    owner: Credentials,
    other: Credentials,
    scheme: Scheme,
    count: u64,
    /// Whether each signature is made and verified, as a server would; else who sends a request is taken for granted where it says nothing
    /// of a signature itself.
    verifies: bool,
}

impl Oracle {
    /// Buckets, objects and ACL as the case says.
    pub fn new(case: &Case, dialect: &Dialect) -> Self {
        Self::with(case, dialect, false)
    }

    /// The same; every signature is made and verified.
    pub fn verifying(case: &Case, dialect: &Dialect) -> Self {
        Self::with(case, dialect, true)
    }

    fn with(case: &Case, dialect: &Dialect, verifies: bool) -> Self {
        let owner = Credentials::new("owner", "owner-secret");
        let other = Credentials::new("other", "other-secret");
        let account = |name: &str, key: &Credentials| Account { name: name.to_owned(), keys: vec![key.clone()] };
        let reference = Reference::new(Options {
            limits: dialect.limits,
            behaviours: dialect.behaviours,
            wording: Arc::clone(&dialect.wording),
            accounts: vec![account(OWNER, &owner), account(OTHER, &other)],
            domains: Vec::new(),
        });
        let scheme = Scheme::of(dialect.behaviours.signature);
        let mut oracle = Self { reference, owner, other, scheme, count: 0, verifies };
        for bucket in [MAIN, SECOND] {
            let mut create = Draft::new(Method::PUT, "");
            if case.acl == Acl::PublicRead && dialect.has_acls() {
                create.headers.push((dialect.wording.field("acl"), case.acl.as_str().to_owned()));
            }
            oracle.owner_sends(create, bucket, None);
            for (key, content) in &case.objects {
                let put = Draft { body: content.clone().into(), ..Draft::new(Method::PUT, "") };
                oracle.owner_sends(put, bucket, Some(key.clone()));
            }
        }
        oracle
    }

    fn owner_sends(&mut self, draft: Draft, bucket: &str, object: Option<String>) {
        self.exchange(draft, Envelope { bucket: Some(bucket.to_owned()), object, identity: Identity::Owner });
    }

    /// Sends a draft, and gives what was sent and answered.
    fn exchange(&mut self, draft: Draft, envelope: Envelope) -> Option<(Request<Bytes>, Response<Bytes>)> {
        let account = match envelope.identity {
            _ if self.verifies || speaks_of_signatures(&draft) => None,
            Identity::Owner | Identity::Presigned => Some(OWNER),
            Identity::Other => Some(OTHER),
            _ => None,
        };
        let Some(account) = account else {
            let request = self.build(draft, &envelope)?;
            let response = self.answer(&request);
            return Some((request, response));
        };
        let request = self.build(draft, &Envelope { identity: Identity::Anonymous, ..envelope })?;
        let id = self.next_id();
        let response = self.reference.respond_vouched(account, &request, NOW, &id);
        Some((request, response))
    }

    fn next_id(&mut self) -> String {
        self.count += 1;
        format!("{:024X}", self.count)
    }

    fn build(&self, draft: Draft, envelope: &Envelope) -> Option<Request<Bytes>> {
        let site = Site {
            protocol: "http",
            authority: "oracle",
            addressing: Addressing::Path,
            scheme: &self.scheme,
            credentials: Some(&self.owner),
            other: Some(&self.other),
            integrity: self.reference.behaviours().integrity,
            other_variables: "",
        };
        build(draft, envelope, &site, NOW).ok()
    }

    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let id = self.next_id();
        self.reference.respond(request, NOW, &id)
    }

    /// What a step sends here, and the answer; none for a step that cannot be sent. Of several requests in bytes it is the
    /// last one.
    pub fn ask(&mut self, step: &Step, earlier: &[Response<Bytes>]) -> Option<(Request<Bytes>, Response<Bytes>)> {
        let (draft, object) = match &step.operation {
            Operation::Preflight(preflight) => (draft(&step.operation, earlier), preflight.object.clone()),
            Operation::Request(request) => (draft(&step.operation, earlier), request.object.clone()),
            Operation::Raw(messages) => (message(messages.last()?), messages.last()?.object.clone()),
            _ => (draft(&step.operation, earlier), None),
        };
        let envelope = Envelope { bucket: name(step.bucket), object, identity: step.identity };
        self.exchange(draft, envelope)
    }

    /// A request that names its bucket itself, signed by the owner or as it is, and the answer to it.
    pub fn answer_to(&mut self, request: Request<Bytes>, signed: bool) -> (Request<Bytes>, Response<Bytes>) {
        let (mut parts, body) = request.into_parts();
        if signed {
            let resource = path_resource(parts.uri.path());
            crate::sign::sign(&mut parts, &self.scheme, Form::Header, &self.owner, &resource, NOW);
        }
        let request = Request::from_parts(parts, body);
        let response = self.answer(&request);
        (request, response)
    }

    /// The rules of a bucket now.
    pub fn rules(&self, bucket: BucketRole) -> Option<&Arc<CorsConfiguration>> {
        self.reference.rules(&name(bucket)?)
    }
}

/// Whether a draft has something of a signature in it already, which decides together with the one that it would get.
fn speaks_of_signatures(draft: &Draft) -> bool {
    let field =
        |name: &str| name == "authorization" || ["date", "-sha256", "-token"].iter().any(|end| name.ends_with(end));
    let member = |member: &str| is_of_signature(&decode_component(member.split('=').next().unwrap_or_default()));
    draft.form.is_some()
        || draft.query.split('&').any(member)
        || draft.headers.iter().any(|(name, _)| field(&name.to_ascii_lowercase()))
}

/// Bucket and object of a path-style request.
fn path_resource(path: &str) -> Resource {
    let decoded = |text: &str| Some(decode_component(text)).filter(|text| !text.is_empty());
    let path = path.strip_prefix('/').unwrap_or(path);
    let (bucket, object) = path.split_once('/').unwrap_or((path, ""));
    Resource { bucket: decoded(bucket), object: decoded(object) }
}

fn name(bucket: BucketRole) -> Option<String> {
    let name = match bucket {
        BucketRole::Main => MAIN,
        BucketRole::Second => SECOND,
        BucketRole::Missing => MISSING,
        BucketRole::Service => return None,
    };
    Some(name.to_owned())
}

/// A step, its answer, and what there was before it.
struct Seen<'a> {
    step: &'a Step,
    request: &'a Request<Bytes>,
    response: &'a Response<Bytes>,
    rules: Option<&'a CorsConfiguration>,
    earlier: &'a [Response<Bytes>],
    /// Whether the step before it was the same without an Origin.
    repeats: bool,
    /// The request as CORS sees it.
    asked: CorsRequest,
    dialect: &'a Dialect,
}

impl Seen<'_> {
    fn blocks(&self) -> Vec<Expectation> {
        // Most answers have a dozen blocks.
        let mut blocks = Blocks { dialect: self.dialect, made: Vec::with_capacity(14) };
        match &self.step.operation {
            Operation::PutCors(put) => self.put_cors(put, &mut blocks),
            Operation::GetCors(_) => self.get_cors(&mut blocks),
            Operation::DeleteCors(_) => self.delete_cors(&mut blocks),
            _ if *self.request.method() == Method::OPTIONS => self.preflight(&mut blocks),
            _ => self.actual(&mut blocks),
        }
        let open = *self.request.method() == Method::OPTIONS && self.is_of_open_origins();
        if self.is_error() && !open {
            self.error_form(&mut blocks);
        }
        let mut id = vec![FieldCondition::Matches(Arc::clone(request_id()))];
        if let Some(before) = self.earlier.len().checked_sub(1) {
            id.push(FieldCondition::DiffersFrom(before));
        }
        let field = self.dialect.wording.field("request-id");
        blocks.add("request-id.form", |block| block.headers.push((field.clone().into(), id)));
        let differs = self.earlier.len().checked_sub(1).map_or(FieldCondition::Present, FieldCondition::DiffersFrom);
        blocks.add("id.differs", |block| block.headers.push((field.into(), vec![differs])));
        blocks.made
    }

    fn behaviours(&self) -> &Behaviours {
        &self.dialect.behaviours
    }

    fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    fn is_error(&self) -> bool {
        self.response.status().is_client_error()
    }

    /// All lines of a field of the answer.
    fn field(&self, name: &str) -> Option<String> {
        let lines: Vec<String> = self
            .response
            .headers()
            .get_all(name)
            .iter()
            .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
            .collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    /// The code of an error document.
    fn code(&self) -> String {
        self.element("Code")
    }

    /// An element of an error document.
    fn element(&self, name: &str) -> String {
        // The reference writes it the same way each time, in UTF-8, with no more than text inside.
        let body = std::str::from_utf8(self.response.body()).unwrap_or_default();
        let mut tags = body.split('<');
        let text = tags.find_map(|tag| tag.strip_prefix(name)?.strip_prefix('>'));
        text.map(unescaped).unwrap_or_default()
    }

    /// Whether the dialect has a clause.
    fn says(&self, clause: &str) -> bool {
        self.dialect.clauses.get(clause).is_some()
    }

    /// Whether no document says what is granted: which of several Origin lines counts, an empty one included, or whether bytes beyond ASCII,
    /// which no Origin has (RFC 6454 7), are those of a document.
    fn is_of_open_origins(&self) -> bool {
        let first = TwoOrigins::First.as_str();
        let several = self.request.headers().get_all("origin").iter().count() > 1;
        let beyond = self.asked.origins.iter().any(|origin| !origin.as_bytes().is_ascii());
        several && self.dialect.open.get("two_origins").is_some_and(|values| values.contains(&first))
            || beyond && matches!(evaluate(self.rules, &self.asked, self.behaviours()).outcome, Outcome::Allow(_))
    }

    /// Whether the documents leave a point open.
    fn is_open(&self, point: &str) -> bool {
        self.dialect.open.contains_key(point)
    }

    fn document(&self, put: &PutCors) -> Bytes {
        document_of(put, self.earlier)
    }

    /// `error.document`, `error.form`, `error.shape`, `error.head`
    fn error_form(&self, blocks: &mut Blocks<'_>) {
        if *self.request.method() == Method::HEAD {
            blocks.add("error.head", |block| block.body.push(TextCondition::Empty));
            return;
        }
        blocks.add("error.document", |block| {
            let present = |name: &'static str| (name.into(), vec![TextCondition::Present]);
            block.error = Some(ErrorExpectation {
                elements: vec![present("Code"), present("Message")],
                request_id_is_header: true,
                host_id_is_host: true,
                ..ErrorExpectation::default()
            });
        });
        let kind = FieldCondition::Contains("application/xml".to_owned());
        let order = ["Code", "Message", "RequestId", "HostId", "EC", "RecommendDoc"].map(Name::from).to_vec();
        blocks.add("error.form", |block| {
            block.headers.push(("content-type".into(), vec![kind]));
            block.error = Some(ErrorExpectation { order, ..ErrorExpectation::default() });
            block.body.push(TextCondition::Lacks("xmlns".to_owned()));
        });
        blocks.add("error.elements", |block| {
            let present = |name: &'static str| (name.into(), vec![TextCondition::Present]);
            block.error = Some(ErrorExpectation {
                elements: vec![present("Code"), present("Message")],
                request_id_is_header: true,
                ..ErrorExpectation::default()
            });
        });
        let kind = FieldCondition::Contains("application/xml".to_owned());
        // What the error is about is one of these.
        let order = ["Code", "Message", "ResourceType", "BucketName", "ArgumentName", "RequestId", "HostId"];
        blocks.add("error.shape", |block| {
            block.headers.push(("content-type".into(), vec![kind]));
            let order = order.map(Name::from).to_vec();
            let elements = vec![("HostId".into(), vec![TextCondition::Present])];
            block.error = Some(ErrorExpectation { elements, order, ..ErrorExpectation::default() });
        });
        blocks.add("error.ec", |block| {
            block.error = Some(ErrorExpectation { ec_agrees: true, ..ErrorExpectation::default() });
        });
    }
}

/// One for all cases: a copy of it would begin with an empty cache.
fn request_id() -> &'static Arc<Regex> {
    static FORM: OnceLock<Arc<Regex>> = OnceLock::new();
    FORM.get_or_init(|| {
        // As the loader writes a condition on a whole value.
        let form = Regex::new("^(?:[0-9A-Fa-f]{24})$");
        Arc::new(form.unwrap_or_else(|error| unreachable!("{error}")))
    })
}

/// Expectations as they come together.
struct Blocks<'a> {
    dialect: &'a Dialect,
    made: Vec<Expectation>,
}

impl Blocks<'_> {
    /// A block under a clause. Under an open one, what is expected is that the server keeps to its choice. One that the
    /// dialect does not know says nothing.
    fn add(&mut self, clause: &'static str, fill: impl FnOnce(&mut Expectation)) {
        let Some(known) = self.dialect.clauses.get(clause) else { return };
        let clause = if known.level == Level::May { CONSISTENT } else { clause };
        let mut block = Expectation { clause: clause.into(), ..Expectation::default() };
        fill(&mut block);
        self.made.push(block);
    }

    fn status(&mut self, clause: &'static str, status: u16) {
        self.add(clause, |block| block.status.push(StatusPattern::Code(status)));
    }

    /// A status of 4xx and no more.
    fn refused(&mut self, clause: &'static str) {
        self.add(clause, |block| block.status.push(StatusPattern::Class(4)));
    }

    fn header(&mut self, clause: &'static str, name: &'static str, condition: FieldCondition) {
        self.add(clause, |block| block.headers.push((name.into(), vec![condition])));
    }

    /// A status and the code of its error document.
    fn error(&mut self, clause: &'static str, status: u16, code: &str) {
        self.add(clause, |block| {
            block.status.push(StatusPattern::Code(status));
            block.error = Some(element("Code", TextCondition::Equals(code.to_owned())));
        });
    }

    fn message(&mut self, clause: &'static str, condition: TextCondition) {
        self.add(clause, |block| block.error = Some(element("Message", condition)));
    }
}

/// An error document with this element.
fn element(name: &'static str, condition: TextCondition) -> ErrorExpectation {
    ErrorExpectation { elements: vec![(name.into(), vec![condition])], ..ErrorExpectation::default() }
}

/// Text without XML's references, as the reference writes them.
fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    named.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Whether a document was written otherwise than clients write one.
fn is_styled(put: &PutCors) -> bool {
    matches!(put.body, DocumentSource::Bytes(_))
}
