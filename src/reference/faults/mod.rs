//! The catalogue of faults: [`faults`](fn@faults), and [`Faulty`], a reference with one of them.
//!
//! Each is one thing that an implementation of bucket CORS gets wrong, planted from outside: in the options that the
//! reference is started with, in the request before it is read, in the rules as they are read for one request, in the
//! answer, in what is stored, or in the bytes of the connection. The oracle has no switch for any of them. They measure
//! the suite: a suite that lets one pass is too weak.

mod actual;
mod answer;
mod authentication;
mod change;
mod connection;
mod document;
mod error;
mod exposed;
mod grammar;
mod hidden;
mod limit;
mod opaque;
mod operation;
mod origin;
mod preflight;
mod refusal;
mod requested;
mod returned;
mod rule_choice;
mod s3_answers;
mod s3_choices;
mod s3_documents;
mod setting;
mod stored;
mod value;
mod vary;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;

use super::address::Address;
use super::{ErrorDocument, Moment, Options, Reference, Reply, Respond, Scope, Wire, finish};
use crate::cors::{CorsConfiguration, CorsRequest, validate, xml};
use crate::dialect::{AppendObject, Dialect, ResponseVary};
use crate::sign::{self, Form, Query, Scheme};

/// What a fault does to those who use the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// A page reads or writes what it must not, or a stranger changes rules.
    Security,
    /// A page that is allowed cannot do its work.
    BrokenPage,
    /// A cache keeps an answer that is wrong for the next one who asks.
    StaleCache,
    /// The operator has other rules than those that were put.
    OtherRules,
    /// Whoever looks for a mistake is sent the wrong way.
    Misleading,
    /// A client library that reads the answer fails.
    BrokenClient,
}

impl Effect {
    /// In a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::BrokenPage => "broken page",
            Self::StaleCache => "stale cache",
            Self::OtherRules => "other rules",
            Self::Misleading => "misleading",
            Self::BrokenClient => "broken client",
        }
    }
}

/// One way to be wrong.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Fault {
    /// Stable name.
    pub id: &'static str,
    /// The clause that it breaks.
    pub clause: &'static str,
    /// What it does to users.
    pub effect: Effect,
    /// One sentence.
    pub text: &'static str,
    /// Where such a bug was seen; empty where it is the clause turned round.
    pub seen: &'static str,
    /// The behaviour and value by which documents allow it, if they do: then it is no fault.
    pub allowed: Option<(&'static str, &'static str)>,
    /// For which dialects it is one, besides that they have its clause.
    only: Option<fn(&Dialect) -> bool>,
    plant: Plant,
}

/// Where a fault is planted.
#[derive(Clone, Copy, Debug)]
enum Plant {
    /// In the numbers and choices that the reference is started with.
    Options(fn(&mut Options)),
    /// In the request before it is read.
    Request(fn(&mut Request<Bytes>)),
    /// In the rules, as they are read for one request about objects, or one preflight.
    Rules(fn(&CorsConfiguration, &CorsRequest) -> CorsConfiguration),
    /// The same, for requests about objects alone.
    RulesOfRequests(fn(&CorsConfiguration, &CorsRequest) -> CorsConfiguration),
    /// In the answer.
    Answer(fn(&Exchange<'_>, &mut Response<Bytes>)),
    /// In the whole: what is stored, what is remembered, whether an answer is given at all.
    Whole(fn(&mut Inside, &Exchange<'_>) -> Reply),
    /// In the bytes of the connection.
    Wire(Wire),
}

const fn fault(
    id: &'static str,
    clause: &'static str,
    effect: Effect,
    text: &'static str,
    seen: &'static str,
    plant: Plant,
) -> Fault {
    Fault { id, clause, effect, text, seen, allowed: None, only: None, plant }
}

impl Fault {
    const fn allowed_by(mut self, behaviour: &'static str, value: &'static str) -> Self {
        self.allowed = Some((behaviour, value));
        self
    }

    const fn only(mut self, test: fn(&Dialect) -> bool) -> Self {
        self.only = Some(test);
        self
    }

    /// Whether it breaks something that a dialect says.
    pub fn applies(&self, dialect: &Dialect) -> bool {
        dialect.clauses.get(self.clause).is_some() && self.only.is_none_or(|test| test(dialect))
    }

    /// The behaviour and value by which a dialect allows it, if it does: then it is no fault of that dialect's servers.
    pub fn allowed_in(&self, dialect: &Dialect) -> Option<(&'static str, &'static str)> {
        self.allowed.filter(|(point, value)| dialect.open.get(point).is_some_and(|values| values.contains(value)))
    }

    /// Why no generated exchange of a dialect can show it; none for all others.
    pub fn hidden_from_fuzzer(&self, dialect: &Dialect) -> Option<&'static str> {
        hidden::reason(self.id, dialect)
    }

    /// Whether a request without `raw:` can show it.
    pub const fn needs_bytes(&self) -> bool {
        matches!(self.plant, Plant::Wire(_))
    }
}

/// All faults, by theme; what is wrong with rules for preflights and requests alike once more for requests alone.
pub fn faults() -> impl Iterator<Item = &'static Fault> {
    static ALL: OnceLock<Vec<Fault>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let on_requests =
            written().filter(|fault| !ABOUT_REQUESTED_HEADERS.contains(&fault.id)).filter_map(on_requests);
        written().copied().chain(on_requests).collect()
    });
    all.iter()
}

/// A switch for Vary.
fn with_response_vary(dialect: &Dialect) -> bool {
    dialect.behaviours.response_vary == ResponseVary::Known
}

/// AppendObject.
fn with_append(dialect: &Dialect) -> bool {
    dialect.behaviours.append_object == AppendObject::Known
}

/// Faults that an actual request cannot show, since its rules ask for no header.
const ABOUT_REQUESTED_HEADERS: [&str; 2] = ["first-method-decides", "headers-of-several"];

/// The same fault on actual requests alone: a server may have two ways to read its rules.
fn on_requests(fault: &Fault) -> Option<Fault> {
    let Plant::Rules(view) = fault.plant else { return None };
    let about = |faults: &[Fault]| faults.iter().any(|known| known.id == fault.id);
    let method =
        ["head-is-get", "get-is-head", "put-is-post", "simple-methods-free", "methods-ignored", "methods-first-only"];
    if !(about(origin::FAULTS) || about(opaque::FAULTS) || about(rule_choice::FAULTS) || method.contains(&fault.id)) {
        return None;
    }
    let clause = match (fault.id, fault.effect) {
        ("methods-first-only", _) => "actual.every-operation",
        ("wildcard-one-label", _) => "actual.origin-star",
        ("null-matches-patterns" | "null-matches-all", _) => "match.null-pattern",
        ("odd-bytes-dropped", _) => "origin.odd-bytes",
        ("age-from-passed-over", _) => "actual.age-and-methods",
        ("conditions-of-several", _) => "actual.method",
        (id, Effect::Security) if method.contains(&id) => "actual.method",
        (_, Effect::Security) => "actual.no-match",
        (_, Effect::Misleading) => "match.first",
        _ => "actual.origin",
    };
    Some(Fault {
        // Made once, for as long as the program runs.
        id: Box::leak(format!("requests-{}", fault.id).into_boxed_str()),
        clause,
        text: Box::leak(format!("On actual requests alone: {}", fault.text).into_boxed_str()),
        plant: Plant::RulesOfRequests(view),
        ..*fault
    })
}

fn written() -> impl Iterator<Item = &'static Fault> {
    let themes: [&[Fault]; 24] = [
        document::FAULTS,
        limit::FAULTS,
        grammar::FAULTS,
        value::FAULTS,
        setting::FAULTS,
        stored::FAULTS,
        returned::FAULTS,
        authentication::FAULTS,
        preflight::FAULTS,
        answer::FAULTS,
        exposed::FAULTS,
        refusal::FAULTS,
        requested::FAULTS,
        origin::FAULTS,
        opaque::FAULTS,
        rule_choice::FAULTS,
        actual::FAULTS,
        operation::FAULTS,
        vary::FAULTS,
        error::FAULTS,
        connection::FAULTS,
        s3_documents::FAULTS,
        s3_answers::FAULTS,
        s3_choices::FAULTS,
    ];
    themes.into_iter().flatten()
}

/// Finds a fault.
pub fn find(id: &str) -> Option<&'static Fault> {
    faults().find(|fault| fault.id == id)
}

/// A request to a faulty server.
struct Exchange<'a> {
    request: &'a Request<Bytes>,
    address: Address,
    scope: Scope,
    moment: Moment<'a>,
    options: Arc<Options>,
    /// The rules of its bucket before it.
    rules: Option<CorsConfiguration>,
}

impl Exchange<'_> {
    fn is_preflight(&self) -> bool {
        self.request.method() == Method::OPTIONS
    }

    /// `?cors` by any other method than OPTIONS.
    fn is_cors(&self) -> bool {
        !self.is_preflight()
            && Query::parse(self.request.uri().query().unwrap_or_default()).without_signature().has("cors")
    }

    fn is_put_cors(&self) -> bool {
        self.is_cors() && self.request.method() == Method::PUT
    }

    fn is_get_cors(&self) -> bool {
        self.is_cors() && self.request.method() == Method::GET
    }

    fn is_delete_cors(&self) -> bool {
        self.is_cors() && self.request.method() == Method::DELETE
    }

    /// A request about objects, preflights apart.
    fn is_actual(&self) -> bool {
        !self.is_preflight() && self.scope == Scope::Objects
    }

    /// The document of a PutBucketCors, read; none where it cannot be.
    fn written_document(&self) -> Option<xml::Document> {
        if self.is_put_cors() { xml::parse(self.request.body()).ok() } else { None }
    }

    /// The document of a PutBucketCors; empty for any other request.
    fn document(&self) -> String {
        if self.is_put_cors() { String::from_utf8_lossy(self.request.body()).into_owned() } else { String::new() }
    }

    fn field(&self, name: &str) -> Option<String> {
        change::field(self.request.headers(), name)
    }

    fn asked(&self) -> CorsRequest {
        CorsRequest::from_parts(self.request.method(), self.request.headers())
    }

    /// An error document in place of the answer.
    fn refusal(&self, status: u16, code: &'static str) -> Response<Bytes> {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let document = ErrorDocument::other(status, code, "the faulty server says no");
        let (wording, behaviours) = (&self.options.wording, &self.options.behaviours);
        let mut response = document.to_response(wording, behaviours, &self.address.host, self.moment.request_id);
        finish(&mut response, self.request.method(), self.moment, wording);
        response
    }

    /// A success without a body.
    fn empty(&self, status: StatusCode) -> Response<Bytes> {
        let mut response = super::empty(status);
        finish(&mut response, self.request.method(), self.moment, &self.options.wording);
        response
    }

    /// A configuration as GetBucketCors writes it.
    fn written(&self, rules: &CorsConfiguration) -> String {
        xml::write(rules, &self.options.behaviours, self.options.wording.namespace.as_deref())
    }
}

/// The reference inside of a faulty server, and what the fault remembers.
#[derive(Debug)]
struct Inside {
    reference: Reference,
    /// Rules by bucket.
    kept: BTreeMap<String, CorsConfiguration>,
    /// The last document by bucket.
    documents: BTreeMap<String, String>,
    /// The last answer.
    last: Option<Response<Bytes>>,
    count: usize,
}

impl Inside {
    fn respond(&mut self, exchange: &Exchange<'_>) -> Response<Bytes> {
        self.with(exchange, exchange.request)
    }

    /// The answer to another request in its place. Where the original is rightly signed, so is the other one.
    fn with(&mut self, exchange: &Exchange<'_>, request: &Request<Bytes>) -> Response<Bytes> {
        let original = exchange.request;
        let digest = |request: &Request<Bytes>| request.headers().get("content-md5").cloned();
        let same =
            original.uri() == request.uri() && digest(original) == digest(request) && original.body() == request.body();
        let signer = self.reference.authenticate(original, &exchange.address, exchange.moment.now);
        match signer {
            Ok(Some(account)) if !same => self.signed_by(exchange, request, &account),
            _ => self.reference.respond(request, exchange.moment.now, exchange.moment.request_id),
        }
    }

    /// The answer to a request as if this account had signed it now.
    fn signed_by(&mut self, exchange: &Exchange<'_>, request: &Request<Bytes>, account: &str) -> Response<Bytes> {
        let accounts = &self.reference.options.accounts;
        let key = accounts.iter().find(|known| known.name == account).and_then(|known| known.keys.first()).cloned();
        let (mut parts, body) = request.clone().into_parts();
        let wording = &self.reference.options.wording;
        for name in ["authorization", "date", &wording.field("date"), &wording.field("content-sha256")] {
            parts.headers.remove(name);
        }
        let path = parts.uri.path().to_owned();
        let written = parts.uri.query().unwrap_or_default().to_owned();
        let kept = Query::parse(&written).without_signature();
        let members: Vec<&str> =
            written.split('&').filter(|member| kept.has(member.split('=').next().unwrap_or_default())).collect();
        let target = if members.is_empty() { path } else { format!("{path}?{}", members.join("&")) };
        if let Ok(uri) = target.parse() {
            parts.uri = uri;
        }
        if let Some(key) = key {
            let resource = exchange.address.resource();
            let scheme = Scheme::of(self.reference.options.behaviours.signature);
            sign::sign(&mut parts, &scheme, Form::Header, &key, &resource, exchange.moment.now);
        }
        self.reference.respond(&Request::from_parts(parts, body), exchange.moment.now, exchange.moment.request_id)
    }

    fn rules(&self, exchange: &Exchange<'_>) -> Option<CorsConfiguration> {
        self.reference.configuration(&exchange.address).map(|rules| CorsConfiguration::clone(rules))
    }

    fn set_rules(&mut self, exchange: &Exchange<'_>, rules: Option<CorsConfiguration>) {
        let bucket = exchange.address.bucket.as_deref().and_then(|name| self.reference.buckets.get_mut(name));
        if let Some(bucket) = bucket {
            bucket.cors = rules.map(Arc::new);
        }
    }

    /// Stores a document without asking who sent it, if it is a right one.
    fn store(&mut self, exchange: &Exchange<'_>, document: &str) {
        let options = &self.reference.options;
        let parsed = xml::parse(document.as_bytes()).ok();
        let rules = parsed.and_then(|parsed| validate(&parsed, &options.limits, &options.behaviours).ok());
        if let Some(rules) = rules {
            self.set_rules(exchange, Some(rules.into_stored(&self.reference.options.behaviours)));
        }
    }

    fn bucket(exchange: &Exchange<'_>) -> String {
        exchange.address.bucket.clone().unwrap_or_default()
    }

    /// The answer while the bucket has other rules than it has.
    fn with_rules(&mut self, exchange: &Exchange<'_>, rules: Option<CorsConfiguration>) -> Response<Bytes> {
        let kept = self.rules(exchange);
        self.set_rules(exchange, rules);
        let response = self.respond(exchange);
        self.set_rules(exchange, kept);
        response
    }
}

/// A reference with a fault.
pub struct Faulty {
    fault: &'static Fault,
    inside: Inside,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").field("fault", &self.fault.id).finish_non_exhaustive()
    }
}

impl Faulty {
    /// An empty store with this fault.
    pub fn new(mut options: Options, fault: &'static Fault) -> Self {
        if let Plant::Options(change) = fault.plant {
            change(&mut options);
        }
        let inside = Inside {
            reference: Reference::new(options),
            kept: BTreeMap::new(),
            documents: BTreeMap::new(),
            last: None,
            count: 0,
        };
        Self { fault, inside }
    }
}

impl Respond for Faulty {
    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp, request_id: &str) -> Reply {
        let inside = &mut self.inside;
        let address = Address::of(request, &inside.reference.options.domains);
        let exchange = Exchange {
            request,
            scope: address.scope(request),
            rules: inside.reference.configuration(&address).map(|rules| CorsConfiguration::clone(rules)),
            address,
            moment: Moment { now, request_id },
            options: Arc::clone(&inside.reference.options),
        };
        Reply::Answer(match self.fault.plant {
            Plant::Options(_) | Plant::Wire(_) => inside.respond(&exchange),
            Plant::Request(change) => {
                let mut changed = request.clone();
                change(&mut changed);
                inside.with(&exchange, &changed)
            }
            Plant::Rules(view) => match &exchange.rules {
                Some(rules) if exchange.is_preflight() || exchange.scope == Scope::Objects => {
                    let seen = view(rules, &exchange.asked());
                    inside.with_rules(&exchange, Some(seen))
                }
                _ => inside.respond(&exchange),
            },
            Plant::RulesOfRequests(view) => match &exchange.rules {
                Some(rules) if exchange.is_actual() => {
                    let seen = view(rules, &exchange.asked());
                    inside.with_rules(&exchange, Some(seen))
                }
                _ => inside.respond(&exchange),
            },
            Plant::Answer(change) => {
                let mut answer = inside.respond(&exchange);
                change(&exchange, &mut answer);
                answer
            }
            Plant::Whole(answer) => return answer(inside, &exchange),
        })
    }

    fn wire(&self) -> Option<Wire> {
        match self.fault.plant {
            Plant::Wire(wire) => Some(wire),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Behaviours;

    #[test]
    fn every_fault_has_a_name_of_its_own_and_a_clause() {
        let mut ids: Vec<&str> = faults().map(|fault| fault.id).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "two faults of one name");
        for fault in faults() {
            let known = [Dialect::oss(), Dialect::s3()].iter().any(|dialect| fault.applies(dialect));
            assert!(known, "{}: no clause {}", fault.id, fault.clause);
            assert!(fault.text.ends_with('.') && !fault.text.contains('\n'), "{}: one sentence", fault.id);
            assert!(
                fault.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{}",
                fault.id
            );
            if let Some((behaviour, value)) = fault.allowed {
                let point = Behaviours::POINTS.iter().find(|point| point.name == behaviour);
                assert!(point.is_some_and(|point| point.values.contains(&value)), "{}: {behaviour}={value}", fault.id);
            }
        }
    }

    #[test]
    fn every_clause_is_some_faults_own() {
        for dialect in [Dialect::oss(), Dialect::s3()] {
            let missing: Vec<&str> = dialect
                .clauses
                .iter()
                .map(|clause| clause.id.as_str())
                .filter(|id| !faults().any(|fault| fault.clause == *id && fault.allowed_in(dialect).is_none()))
                .collect();
            assert_eq!(missing, [""; 0], "clauses of {} that no fault breaks", dialect.name);
        }
    }
}
