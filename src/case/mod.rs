//! The suite as text: [`load`] reads case files into a [`Suite`]; [`expect::check`] compares an answer.
//!
//! `cases/README.md` explains the format by example. The fields are declared once, in [`fields`], from which both the decoder
//! and the JSON Schema of the format ([`fields::schema`]) are made.

mod bundled;
mod catalogue;
mod decode;
mod decode_expect;
mod decode_raw;
mod decode_sent;
pub mod document;
pub mod expect;
pub mod fields;
mod load;
mod write;

use std::borrow::Cow;
use std::sync::Arc;

use regex::Regex;

pub use self::bundled::{Strength, bundled, digest, digest_of_ids, strength};
pub(crate) use self::catalogue::fit_rules;
pub use self::load::{Loaded, load, load_rules};
pub use self::write::write;
use crate::diagnostic::SourceFile;
use crate::dialect::{Dialect, Level};
pub use crate::reference::Acl;

/// All cases, in order of files and places.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a list")]
pub struct Suite {
    /// The cases.
    pub cases: Vec<Case>,
}

/// Stored where a case has a preflight that names no object and no objects of its own, so that the preflight depends
/// neither on how a server takes OPTIONS on a bucket nor on how it takes a missing object.
pub const STANDING_OBJECT: &str = "corsuite-standing-object";

/// One case: a state to start from, requests, and what each must be answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// Unique name, written by hand.
    pub id: String,
    /// One sentence.
    pub about: String,
    /// The file it stands in.
    pub file: Arc<SourceFile>,
    /// Where it begins there, from 1.
    pub line: usize,
    /// Folder of the file below the suite: `preflight`.
    pub theme: String,
    /// What it is about; the first is the default clause of its assertions.
    pub clauses: Vec<String>,
    /// Objects stored before it, key and content.
    pub objects: Vec<(String, String)>,
    /// Who may read.
    pub acl: Acl,
    /// Whether it is for other dialects than the one it was loaded for, by its `where`.
    pub elsewhere: bool,
    /// Requests.
    pub steps: Vec<Step>,
}

impl Case {
    /// Whether a dialect knows all clauses of the case, so that it has something to say about the dialect's servers. The loader leaves out
    /// what a case says under clauses that the dialect does not have.
    pub fn applies(&self, dialect: &Dialect) -> bool {
        let mut cited = self.clauses.iter().map(String::as_str).chain(self.cited());
        !self.elsewhere && cited.all(|clause| dialect.clauses.get(clause).is_some()) && self.cited().next().is_some()
    }

    /// The clauses of its assertions.
    pub fn cited(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().flat_map(|step| &step.expect).map(|block| &*block.clause)
    }

    /// Makes [`Self::clauses`] those of its assertions, each once.
    pub(crate) fn name_clauses(&mut self) {
        let mut clauses: Vec<String> = Vec::new();
        for clause in self.cited() {
            if !clauses.iter().any(|named| named == clause) {
                clauses.push(clause.to_owned());
            }
        }
        self.clauses = clauses;
    }

    /// The highest level among its assertions.
    pub fn level(&self, dialect: &Dialect) -> Level {
        let levels = self.steps.iter().flat_map(|step| &step.expect).map(|block| {
            let own = dialect.clauses.get(&block.clause).map_or(Level::May, |clause| clause.level);
            if block.any_of.is_empty() { own } else { of_alternatives(own) }
        });
        levels.max().unwrap_or(Level::May)
    }

    /// Whether a step uses this bucket.
    pub fn uses(&self, bucket: BucketRole) -> bool {
        self.steps.iter().any(|step| step.bucket == bucket)
    }
}

/// Of an assertion that one of several answers comes, by the level of its clause. At an open point that is a must.
pub(crate) fn of_alternatives(clause: Level) -> Level {
    if clause == Level::May { Level::Must } else { clause }
}

/// In what state a case finds its buckets, where they are made for it; a borrowed one is always emptied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an input")]
pub enum Start {
    /// Without rules; cases before it may have had them.
    Emptied,
    /// New.
    New,
    /// New, and no bucket of another case has rules; to be used while no other case runs.
    OnlyOne,
}

/// One request of a case and what its answer must be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// Name by which later steps refer to it.
    pub name: Option<String>,
    /// What is sent.
    pub operation: Operation,
    /// Who sends it.
    pub identity: Identity,
    /// To which bucket.
    pub bucket: BucketRole,
    /// How often it is sent; each answer is judged, and all must be alike.
    pub repeat: u32,
    /// What the answer must be; empty where the dialect says nothing about it.
    pub expect: Vec<Expectation>,
    /// Line in the file, from 1.
    pub line: usize,
    /// Written as `rules:` of the case: if it fails, the other steps say nothing and are not run.
    pub setup: bool,
}

/// What a step sends.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Operation {
    /// PutBucketCors.
    PutCors(PutCors),
    /// GetBucketCors.
    GetCors(Extra),
    /// DeleteBucketCors.
    DeleteCors(Extra),
    /// A CORS-preflight request.
    Preflight(Preflight),
    /// Any other request.
    Request(ObjectRequest),
    /// Requests in bytes, for what no HTTP client sends; one piece on a connection of its own. Never empty.
    Raw(Vec<Message>),
}

impl Operation {
    /// Who sends it, where a step does not say: preflights nobody, as a browser's, and all else the owner.
    pub fn usual_identity(&self) -> Identity {
        match self {
            Self::Preflight(_) => Identity::Anonymous,
            Self::Raw(messages) if messages.iter().all(|message| message.method == "OPTIONS") => Identity::Anonymous,
            _ => Identity::Owner,
        }
    }
}

/// A request in bytes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Message {
    /// Method.
    pub method: String,
    /// Object; none is the bucket.
    pub object: Option<String>,
    /// Query, percent-encoded.
    pub query: Option<String>,
    /// Header lines after Host, as they are sent; a character up to U+00FF stands for one byte.
    pub lines: Vec<String>,
    /// Body.
    pub body: String,
    /// How the end of the body is told.
    pub framing: Framing,
}

/// How a request tells where its body ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Framing {
    /// By Content-Length, if there is a body.
    #[default]
    Length,
    /// By chunks, two for a body of two bytes or more.
    Chunked,
    /// Not at all.
    Absent,
}

/// Additions to a request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Extra {
    /// Query in place of the usual one, percent-encoded.
    pub query: Option<String>,
    /// Header fields, one entry a line.
    pub headers: Vec<(String, String)>,
}

/// A PutBucketCors.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PutCors {
    /// The document.
    pub body: DocumentSource,
    /// Content-MD5.
    pub content_md5: ContentMd5,
    /// Content-Type; none sends none.
    pub content_type: Option<String>,
    /// Additions.
    pub extra: Extra,
}

/// Where the document of a [`PutCors`] comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DocumentSource {
    /// Written from rules.
    Rules {
        /// The rules.
        rules: RuleSet,
        /// Exact size in bytes, reached by padding.
        size: Option<usize>,
        /// How to pad.
        pad: Pad,
    },
    /// These bytes.
    Bytes(Vec<u8>),
    /// The body of an earlier answer.
    From(usize),
}

/// How a document grows to its size.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Pad {
    /// White space before the end tag of the root.
    Space,
    /// A comment there.
    Comment,
    /// ExposeHeader elements in the last rule.
    Values,
}

/// Rules as text, so that a case can state ones that no server should accept.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the elements of the document, all of them")]
pub struct RuleSet {
    /// The rules.
    pub rules: Vec<Rule>,
    /// ResponseVary; none leaves the element out.
    pub response_vary: Option<String>,
}

/// One rule as text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the elements of the document, all of them")]
pub struct Rule {
    /// ID.
    pub ids: Vec<String>,
    /// AllowedOrigin.
    pub allowed_origins: Vec<String>,
    /// AllowedMethod.
    pub allowed_methods: Vec<String>,
    /// AllowedHeader.
    pub allowed_headers: Vec<String>,
    /// ExposeHeader.
    pub expose_headers: Vec<String>,
    /// MaxAgeSeconds; a case may state two.
    pub max_age_seconds: Vec<String>,
}

/// Content-MD5 of a [`PutCors`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ContentMd5 {
    /// As a client of the vendor does: not sent, or right where servers want one.
    Usual,
    /// Not sent.
    Absent,
    /// Of the body.
    Right,
    /// Of another body.
    Wrong,
    /// This value.
    Literal(String),
}

/// A CORS-preflight request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Preflight {
    /// Origin lines.
    pub origin: Vec<String>,
    /// Access-Control-Request-Method lines.
    pub method: Vec<String>,
    /// Access-Control-Request-Headers.
    pub request_headers: Option<String>,
    /// Object; none is the bucket. The loader puts [`STANDING_OBJECT`] or the case's first object where none is said.
    pub object: Option<String>,
    /// A body.
    pub body: Option<String>,
    /// Additions.
    pub extra: Extra,
}

/// Any other request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ObjectRequest {
    /// Method.
    pub method: String,
    /// Object; none is the bucket.
    pub object: Option<String>,
    /// Origin lines.
    pub origin: Vec<String>,
    /// Body.
    pub body: Option<String>,
    /// In its place, the body of the answer to an earlier step.
    pub body_from: Option<usize>,
    /// Parts of a browser form besides key, policy, signature; `file` is the content.
    pub form: Option<Vec<(String, String)>>,
    /// Additions.
    pub extra: Extra,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Identity {
    /// The bucket's owner.
    Owner,
    /// Nobody.
    Anonymous,
    /// A second account.
    Other,
    /// A key that does not exist.
    UnknownKey,
    /// The owner's key with a wrong secret.
    BadSignature,
    /// The owner, with a clock 20 minutes off.
    Skewed,
    /// The owner, by a presigned URL.
    Presigned,
    /// The owner, by a presigned URL past its time.
    Expired,
}

impl Identity {
    /// Names in case files.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("owner", Self::Owner),
        ("anonymous", Self::Anonymous),
        ("other", Self::Other),
        ("unknown-key", Self::UnknownKey),
        ("bad-signature", Self::BadSignature),
        ("skewed", Self::Skewed),
        ("presigned", Self::Presigned),
        ("expired", Self::Expired),
    ];

    /// Its name in case files.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, identity)| *identity == self).map_or("", |(word, _)| word)
    }
}

/// Which bucket a request goes to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum BucketRole {
    /// The one of the case.
    Main,
    /// Another one of the same owner.
    Second,
    /// One that does not exist.
    Missing,
    /// None: the service.
    Service,
}

impl BucketRole {
    /// Names in case files.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("main", Self::Main), ("second", Self::Second), ("missing", Self::Missing), ("service", Self::Service)];
}

/// The name of a clause, a header field or an element: known to the program, or read from a file.
pub type Name = Cow<'static, str>;

/// What an answer must be, as far as one clause says.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Expectation {
    /// The clause.
    pub clause: Name,
    /// Of several answers to a [`Operation::Raw`] this one, from 0; none is the last.
    pub answer: Option<usize>,
    /// Any of these.
    pub status: Vec<StatusPattern>,
    /// Header fields: lower-case name, possibly with a trailing `*`, and conditions that must all hold.
    pub headers: Vec<(Name, Vec<FieldCondition>)>,
    /// The error document.
    pub error: Option<ErrorExpectation>,
    /// The configuration that GetBucketCors returns.
    pub cors: Option<CorsExpectation>,
    /// The body.
    pub body: Vec<TextCondition>,
    /// The answer is that of an earlier step, CORS headers apart.
    pub same_as: Option<usize>,
    /// What a browser would do.
    pub browser: Option<BrowserVerdict>,
    /// Alternatives at an open point.
    pub any_of: Vec<Alternative>,
}

impl Expectation {
    /// Whether there is anything that an answer could break.
    pub fn asserts(&self) -> bool {
        let error = self.error.as_ref().is_some_and(|error| {
            !error.elements.is_empty()
                || error.request_id_is_header
                || error.host_id_is_host
                || error.ec_agrees
                || !error.order.is_empty()
        });
        !self.status.is_empty()
            || self.headers.iter().any(|(_, conditions)| !conditions.is_empty())
            || error
            || self.cors.is_some()
            || !self.body.is_empty()
            || self.same_as.is_some()
            || self.browser.is_some()
            || !self.any_of.is_empty()
    }
}

/// A status or a class of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StatusPattern {
    /// `403`.
    Code(u16),
    /// `4xx`.
    Class(u16),
}

/// A condition on a header field.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FieldCondition {
    /// The field is not there.
    Absent,
    /// The field is there.
    Present,
    /// The value, compared as HTTP means it: a list as a list, else as text.
    Equals(String),
    /// The value, byte by byte.
    Exact(String),
    /// The members, in any order.
    List(Vec<String>),
    /// One of the members, or a part of the text.
    Contains(String),
    /// The opposite.
    Lacks(String),
    /// A regular expression that the whole value matches.
    Matches(Arc<Regex>),
    /// Another value than in the answer to this step.
    DiffersFrom(usize),
    /// The same value as in the answer to this step.
    SameAs(usize),
    /// All members that the field has in the answer to this step.
    Keeps(usize),
}

/// A condition on a text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TextCondition {
    /// The whole text.
    Equals(String),
    /// Any of these.
    OneOf(Vec<String>),
    /// Nothing at all.
    Empty,
    /// Anything.
    Present,
    /// A part.
    Contains(String),
    /// The opposite.
    Lacks(String),
    /// How it begins.
    Prefix(String),
    /// A regular expression that a part matches.
    Matches(Arc<Regex>),
}

/// What an error document must hold.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ErrorExpectation {
    /// Element names as OSS spells them, and conditions on the text.
    pub elements: Vec<(Name, Vec<TextCondition>)>,
    /// RequestId is the `x-oss-request-id` of the answer.
    pub request_id_is_header: bool,
    /// HostId is the host of the request.
    pub host_id_is_host: bool,
    /// EC and `x-oss-ec` agree, where both are there.
    pub ec_agrees: bool,
    /// These elements come in this order.
    pub order: Vec<Name>,
}

/// What GetBucketCors must return.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CorsExpectation {
    /// The rules; none says nothing about them.
    pub rules: Option<Vec<Rule>>,
    /// ResponseVary as written; none says nothing about it.
    pub response_vary: Option<String>,
    /// Order, case and number of the values count; elements that are not expected may not be there, not even empty.
    pub verbatim: bool,
}

/// What a browser does with an answer, by Fetch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BrowserVerdict {
    /// The script may go on.
    Allows,
    /// It may not.
    Blocks,
}

/// One allowed answer at an open point.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Alternative {
    /// The behaviour.
    pub behaviour: String,
    /// The value that this answer implies.
    pub value: String,
    /// The answer.
    pub expect: Expectation,
}
