//! Whole cases: [`case`](fn@case) changes rules of two buckets and asks about them.

use arbitrary::Unstructured;

use super::document::styled;
use super::request::aim;
use super::rules::{broken_rule_set, with_ids};
use super::{Source, rule_set};
use crate::case::{
    Acl, BucketRole, Case, ContentMd5, DocumentSource, Extra, Identity, ObjectRequest, Operation, Pad, Preflight,
    PutCors, RuleSet, Step, document,
};
use crate::cors::{CorsConfiguration, CorsRule, validate, xml};
use crate::diagnostic::SourceFile;
use crate::dialect::{AppendObject, Dialect, Integrity, RuleId, Signature};
use crate::predict::predict;
use crate::reference::checksum;

/// How many bytes a case uses at most; more change nothing.
pub const BYTES: usize = 4096;

/// The object that every case starts with.
const PHOTO: &str = "photo.jpg";
const CONTENT: &str = "content of the photo";
/// Objects that preflights name.
const OBJECTS: [&str; 8] = [
    PHOTO,
    "none.txt",
    "new.txt",
    "a/b c/\u{fc}.txt",
    "/",
    "quote'd+plus%25.txt",
    "<a>&b;.txt",
    "a-key-of-more-than-two-hundred-and-fifty-five-bytes/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
     xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
     xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];
const QUERIES: [&str; 5] = ["uploads", "x-oss-process=image%2Fresize", "cors", "versionId=null", "a=b&c"];

/// A case from bytes, with what the oracle expects under the dialect's behaviours.
pub fn case(u: &mut Unstructured<'_>, id: &str, dialect: &Dialect) -> Case {
    let mut case = draft(u, id, dialect);
    predict(&mut case, dialect);
    case
}

/// The same, with nothing expected yet.
pub fn draft(u: &mut Unstructured<'_>, id: &str, dialect: &Dialect) -> Case {
    let mut case = Case {
        elsewhere: false,
        id: id.to_owned(),
        about: "generated".to_owned(),
        file: SourceFile::new("generated.yaml", ""),
        line: 0,
        theme: "generated".to_owned(),
        clauses: Vec::new(),
        objects: vec![photo()],
        acl: if Source(u).one_in(2) && dialect.has_acls() { Acl::PublicRead } else { Acl::Private },
        steps: Vec::new(),
    };
    let mut session = Session { dialect, rules: [None, None], got: None, put: None, steps: Vec::new() };
    for round in 0..Source(u).between(1, 3) {
        session.change(u, round == 0);
        for _ in 0..Source(u).between(3, 12) {
            session.ask(u);
            // Most of these are refused and change nothing, so they can stand anywhere.
            if Source(u).one_in(5) {
                let (at, bucket) = Session::bucket(u);
                let set = broken_rule_set(u);
                session.put(u, at, bucket, set, false);
            }
        }
    }
    case.steps = session.steps;
    case
}

/// A step of which nothing is expected yet.
pub(super) fn step(operation: Operation, identity: Option<Identity>, bucket: BucketRole) -> Step {
    let identity = identity.unwrap_or_else(|| operation.usual_identity());
    Step { name: None, operation, identity, bucket, repeat: 1, expect: Vec::new(), line: 0, setup: false }
}

/// The object that every case starts with, and its content.
pub(super) fn photo() -> (String, String) {
    (PHOTO.to_owned(), CONTENT.to_owned())
}

/// A case while it grows.
struct Session<'d> {
    dialect: &'d Dialect,
    /// The rules of the main and of the second bucket, to aim at.
    rules: [Option<CorsConfiguration>; 2],
    /// The last step that gets the main bucket's rules.
    got: Option<usize>,
    /// The last document.
    put: Option<DocumentSource>,
    steps: Vec<Step>,
}

impl Session<'_> {
    fn push(&mut self, operation: Operation, identity: Option<Identity>, bucket: BucketRole) {
        self.steps.push(step(operation, identity, bucket));
    }

    /// The main bucket mostly, now and then the second one.
    fn bucket(u: &mut Unstructured<'_>) -> (usize, BucketRole) {
        if Source(u).one_in(8) { (1, BucketRole::Second) } else { (0, BucketRole::Main) }
    }

    /// PutBucketCors or DeleteBucketCors.
    fn change(&mut self, u: &mut Unstructured<'_>, first: bool) {
        let (at, bucket) = if first { (0, BucketRole::Main) } else { Self::bucket(u) };
        if !first && Source(u).one_in(5) {
            self.delete(u, at, bucket);
            return;
        }
        let mut set = rule_set(u, &self.dialect.limits);
        if self.dialect.behaviours.rule_id == RuleId::Stored {
            with_ids(u, &mut set);
        }
        self.put(u, at, bucket, set, first);
    }

    /// PutBucketCors of these rules, or of a document near them.
    fn put(&mut self, u: &mut Unstructured<'_>, at: usize, bucket: BucketRole, set: RuleSet, first: bool) {
        let mut source = Source(u);
        let identity = Self::identity(&mut source);
        let mut size = None;
        let body = match source.below(15) {
            0..=5 => DocumentSource::Rules { rules: set, size: None, pad: Pad::Space },
            6 if !first => {
                let (most, certain) = (self.dialect.limits.max_body_bytes, self.dialect.limits.max_body_decimal());
                let exact = source.pick(&[certain, most + 1, certain / 4 * 5, most]);
                let pad = if source.one_in(2) { Pad::Comment } else { Pad::Space };
                size = Some(exact).filter(|exact| document::write(&set, *exact, pad).is_some());
                DocumentSource::Rules { rules: set, size, pad }
            }
            7 if self.got.is_some() && at == 0 => DocumentSource::From(self.got.unwrap_or_default()),
            8 if !first => {
                let mut text = styled(source.0, &set);
                let whole = text.len();
                let end = (0..=source.below(whole)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                text.truncate(end);
                DocumentSource::Bytes(text.into_bytes())
            }
            // The same once more.
            9 if self.put.is_some() => self.put.clone().unwrap_or_else(|| DocumentSource::Bytes(Vec::new())),
            10 | 11 => DocumentSource::Bytes(changed(source.0, &set)),
            _ => DocumentSource::Bytes(styled(source.0, &set).into_bytes()),
        };
        if !matches!(body, DocumentSource::From(_)) {
            self.put = Some(body.clone());
        }
        let document = match &body {
            DocumentSource::Rules { rules, size: None, .. } => Some(rules.to_xml().into_bytes()),
            DocumentSource::Bytes(bytes) => Some(bytes.clone()),
            DocumentSource::Rules { .. } | DocumentSource::From(_) => None,
        };
        let mut content_md5 = match source.below(18) {
            // Nearly right.
            16 => document.as_ref().map_or(ContentMd5::Usual, |document| {
                let right = crate::request::content_md5(document);
                let swap =
                    |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
                ContentMd5::Literal(right.chars().map(swap).collect())
            }),
            17 => document.as_ref().map_or(ContentMd5::Usual, |document| {
                ContentMd5::Literal(crate::request::content_md5(document.trim_ascii_end()))
            }),
            0..=8 => ContentMd5::Usual,
            9..=13 => ContentMd5::Right,
            14 => ContentMd5::Wrong,
            _ => ContentMd5::Literal(
                source
                    .pick(&[
                        "AAAAAAAAAAAAAAAAAAAAAA==",
                        "abc",
                        "d41d8cd98f00b204e9800998ecf8427e",
                        "1B2M2Y8AsgTpgAmY7PhCfg=",
                    ])
                    .to_owned(),
            ),
        };
        let mut extra = Extra::default();
        if !first && self.dialect.behaviours.integrity == Integrity::Required && source.one_in(6) {
            // None at all, or a checksum in its place, right or wrong.
            content_md5 = ContentMd5::Absent;
            let name = source.pick(&["crc32", "sha256", "crc32"]);
            let of: &[u8] = if source.one_in(3) { b"another body" } else { document.as_deref().unwrap_or_default() };
            if let Some(value) = checksum(name, of).filter(|_| !source.one_in(4)) {
                extra.headers.push((self.dialect.wording.field(&format!("checksum-{name}")), value));
            }
        }
        let content_type = source.weighted(Some("application/xml"), &[(10, None), (10, Some("text/plain"))]);
        // What the oracle stores, if it stores it; else requests aim at what was there before.
        if identity.is_none_or(|identity| identity == Identity::Presigned)
            && matches!(content_md5, ContentMd5::Usual | ContentMd5::Right)
            && size.is_none_or(|size| size <= self.dialect.limits.max_body_bytes)
        {
            let stored = document.as_ref().and_then(|document| self.stored(document));
            if let (Some(place), Some(stored)) = (self.rules.get_mut(at), stored) {
                *place = Some(stored);
            }
        }
        let put = PutCors { body, content_md5, content_type: content_type.map(str::to_owned), extra };
        self.push(Operation::PutCors(put), identity, bucket);
    }

    fn stored(&self, document: &[u8]) -> Option<CorsConfiguration> {
        let document = xml::parse(document).ok()?;
        validate(&document, &self.dialect.limits, &self.dialect.behaviours).ok()
    }

    fn delete(&mut self, u: &mut Unstructured<'_>, at: usize, bucket: BucketRole) {
        let identity = Self::identity(&mut Source(u));
        if let (Some(place), None) = (self.rules.get_mut(at), identity) {
            *place = None;
        }
        self.push(Operation::DeleteCors(Extra::default()), identity, bucket);
    }

    /// The owner nearly always.
    fn identity(source: &mut Source<'_, '_>) -> Option<Identity> {
        let owner = None;
        source.weighted(
            owner,
            &[
                (4, Some(Identity::Anonymous)),
                (3, Some(Identity::Other)),
                (2, Some(Identity::UnknownKey)),
                (2, Some(Identity::BadSignature)),
                (1, Some(Identity::Skewed)),
                (3, Some(Identity::Presigned)),
                (1, Some(Identity::Expired)),
            ],
        )
    }

    /// A request that changes no rules.
    fn ask(&mut self, u: &mut Unstructured<'_>) {
        let (at, bucket) = Self::bucket(u);
        match Source(u).below(20) {
            0..=10 => self.preflight(u, at, bucket),
            11..=17 => self.request(u, at, bucket),
            18 => self.get(u, at, bucket),
            _ => {
                let bucket = match Source(u).below(4) {
                    0 | 1 => BucketRole::Missing,
                    2 => bucket,
                    _ => {
                        self.at_service(u, at);
                        return;
                    }
                };
                let operation = match Source(u).below(5) {
                    3 if bucket == BucketRole::Missing => Operation::DeleteCors(Extra::default()),
                    0 => Operation::GetCors(Extra::default()),
                    1 => Operation::PutCors(PutCors {
                        body: DocumentSource::Rules { rules: RuleSet::default(), size: None, pad: Pad::Space },
                        content_md5: ContentMd5::Usual,
                        content_type: Some("application/xml".to_owned()),
                        extra: Extra::default(),
                    }),
                    _ => {
                        let aimed = aim(u, self.aims(at), false);
                        let preflight = Preflight {
                            origin: vec![aimed.origin],
                            method: vec![aimed.method],
                            object: Some(PHOTO.to_owned()),
                            ..Preflight::default()
                        };
                        Operation::Preflight(preflight)
                    }
                };
                let identity = match &operation {
                    Operation::GetCors(_) if bucket != BucketRole::Missing => Self::identity(&mut Source(u)),
                    _ => None,
                };
                self.push(operation, identity, bucket);
            }
        }
    }

    /// GetBucketCors, now and then from a page.
    fn get(&mut self, u: &mut Unstructured<'_>, at: usize, bucket: BucketRole) {
        let aimed = aim(u, self.aims(at), false);
        let mut source = Source(u);
        let mut extra = Extra::default();
        if source.one_in(4) {
            extra.query = Some("cors=".to_owned());
        }
        if source.one_in(4) {
            extra.headers.push(("origin".to_owned(), aimed.origin));
        }
        let identity = if source.one_in(4) { Some(Identity::Anonymous) } else { Self::identity(&mut source) };
        if identity.is_none() && bucket == BucketRole::Main {
            self.got = Some(self.steps.len());
        }
        self.push(Operation::GetCors(extra), identity, bucket);
    }

    /// The service has no rules, and sub-resources of a bucket are no matter of CORS.
    fn at_service(&mut self, u: &mut Unstructured<'_>, at: usize) {
        let aimed = aim(u, self.aims(at), false);
        let mut source = Source(u);
        let origin = vec![aimed.origin];
        let (operation, bucket) = match source.below(4) {
            0 => {
                let preflight = Preflight { origin, method: vec![aimed.method], ..Preflight::default() };
                (Operation::Preflight(preflight), BucketRole::Service)
            }
            1 => (
                Operation::Request(ObjectRequest { method: "GET".to_owned(), origin, ..ObjectRequest::default() }),
                BucketRole::Service,
            ),
            // Without ACLs of buckets, a listing.
            _ if !self.dialect.has_acls() => (
                Operation::Request(ObjectRequest { method: "GET".to_owned(), origin, ..ObjectRequest::default() }),
                BucketRole::Main,
            ),
            2 => {
                let mut request = ObjectRequest { method: "GET".to_owned(), origin, ..ObjectRequest::default() };
                request.extra.query = Some("acl".to_owned());
                (Operation::Request(request), BucketRole::Main)
            }
            _ => {
                let mut request = ObjectRequest { method: "PUT".to_owned(), ..ObjectRequest::default() };
                request.extra.query = Some("acl".to_owned());
                request.extra.headers.push((self.dialect.wording.field("acl"), "private".to_owned()));
                (Operation::Request(request), BucketRole::Main)
            }
        };
        self.push(operation, None, bucket);
    }

    fn aims(&self, at: usize) -> &[CorsRule] {
        self.rules.get(at).and_then(Option::as_ref).map_or(&[], |rules| &rules.rules)
    }

    fn preflight(&mut self, u: &mut Unstructured<'_>, at: usize, bucket: BucketRole) {
        let aimed = aim(u, self.aims(at), true);
        let mut source = Source(u);
        let mut preflight = Preflight {
            origin: vec![aimed.origin],
            method: vec![aimed.method],
            object: Some(PHOTO.to_owned()),
            ..Preflight::default()
        };
        match aimed.headers.as_slice() {
            [] => {}
            [one] => preflight.request_headers = Some(one.clone()),
            lines => {
                preflight.extra.headers =
                    lines.iter().map(|line| ("access-control-request-headers".to_owned(), line.clone())).collect();
            }
        }
        match source.below(26) {
            24 => {
                preflight.extra.headers.push(("access-control-request-private-network".to_owned(), "true".to_owned()));
            }
            25 => {
                preflight.origin.clear();
                preflight.method.clear();
            }
            16 => preflight.origin.clear(),
            17 => preflight.method.clear(),
            18 => preflight.extra.query = Some(source.pick(&QUERIES).to_owned()),
            19 => preflight.body = Some("a body".to_owned()),
            20 => {
                preflight.request_headers =
                    Some(source.pick(&["", ",", " "]).to_owned()).filter(|_| preflight.extra.headers.is_empty());
            }
            21 => preflight.origin.push("https://second.test".to_owned()),
            22 => preflight.origin = vec![String::new()],
            _ => {}
        }
        if source.one_in(3) {
            preflight.object = Some(source.pick(&OBJECTS).to_owned()).filter(|object| object != "/");
        }
        let identity = source.weighted(
            None,
            &[
                (4, Some(Identity::BadSignature)),
                (4, Some(Identity::Presigned)),
                (3, Some(Identity::UnknownKey)),
                (3, Some(Identity::Owner)),
                (2, Some(Identity::Expired)),
            ],
        );
        self.push(Operation::Preflight(preflight), identity, bucket);
    }

    fn request(&mut self, u: &mut Unstructured<'_>, at: usize, bucket: BucketRole) {
        let aimed = aim(u, self.aims(at), false);
        let mut source = Source(u);
        let mut request = operation(&mut source, &aimed.method, self.dialect);
        if !source.one_in(8) {
            request.origin = vec![aimed.origin];
            if source.one_in(40) {
                request.origin.push("https://second.test".to_owned());
            }
        }
        if source.one_in(10) {
            request
                .extra
                .headers
                .push(("access-control-request-method".to_owned(), source.pick(&super::rules::METHODS).to_owned()));
        }
        if source.one_in(14) {
            request.extra.headers.push(("access-control-request-headers".to_owned(), "x-custom".to_owned()));
        }
        let form = request.form.is_some();
        let before = (request.method == "GET" && !request.origin.is_empty() && source.one_in(8)).then(|| {
            let mut before = request.clone();
            before.origin.clear();
            before.extra.headers.retain(|(name, _)| !name.starts_with("access-control-"));
            before
        });
        let identity = source.weighted(
            None,
            &[
                (14, Some(Identity::Anonymous)),
                (4, Some(Identity::Presigned)),
                (3, Some(Identity::BadSignature)),
                (3, Some(Identity::Skewed)),
                (3, Some(Identity::Other)),
                (1, Some(Identity::UnknownKey)),
            ],
        );
        let identity = identity.filter(|identity| !form || *identity == Identity::Anonymous);
        // The same without an Origin just before: what a page gets is what everybody gets.
        if let Some(before) = before {
            self.push(Operation::Request(before), identity, bucket);
        }
        self.push(Operation::Request(request), identity, bucket);
    }
}

/// A document near these rules: in a form that is open, or no XML. None of which documents say nothing at all: stray text
/// between elements, a document type, characters that would have to be sent back.
fn changed(u: &mut Unstructured<'_>, set: &RuleSet) -> Vec<u8> {
    let text = styled(u, set);
    let mut source = Source(u);
    let other = match source.below(20) {
        0 => text.replacen("<CORSConfiguration>", "<CORSConfiguration xmlns=\"http://doc.example\">", 1),
        1 => text.replace("<CORSRule>", "<CORSRule><ID>x</ID>"),
        2 => text.replace("CORSConfiguration>", "CORS>"),
        3 => text.replace("</", "</o:").replace('<', "<o:").replace("<o:/", "</").replacen(
            "<o:CORSConfiguration",
            "<o:CORSConfiguration xmlns:o='u'",
            1,
        ),
        4 => text.replacen("<AllowedOrigin>", "<AllowedOrigin> ", 1),
        5 => text.replace("<CORSRule>", "<CORSRule><ResponseVary>true</ResponseVary>"),
        6 => text.replacen("</CORSRule>", "</CorsRule>", 1),
        7 => text.replacen("<AllowedMethod>", "<AllowedMethod a='1' a='2'>", 1),
        8 => format!("{text}<CORSConfiguration/>"),
        9 => text.replacen("<AllowedOrigin>", "<AllowedOrigin>\u{1}", 1),
        10 => text.replacen(
            "<AllowedOrigin>",
            source.pick(&["<AllowedOrigin>&any;", "<AllowedOrigin>&", "<AllowedOrigin>]]>"]),
            1,
        ),
        11 => text.replace("<CORSRule>", "<CORSRule><?target instruction?>"),
        12 => {
            let plain = RuleSet { response_vary: None, ..set.clone() };
            plain.to_xml().replace("</CORSRule>", "<ResponseVary>true</ResponseVary></CORSRule>")
        }
        // In another case, each by itself.
        13 | 14 => {
            let name = source.pick(&["AllowedOrigin", "AllowedMethod", "CORSRule"]);
            text.replace(&format!("</{name}"), &format!("</{}", name.to_ascii_lowercase()))
        }
        15 => text.trim_end().strip_suffix("</CORSConfiguration>").unwrap_or_default().to_owned(),
        16 => String::new(),
        17 => format!("{{\"CORSRules\":[{{\"AllowedOrigins\":[\"*\"],\"AllowedMethods\":[\"GET\"]}}],{text:?}:1}}"),
        // Bytes that are no UTF-8.
        18 => {
            let mut bytes = text.into_bytes();
            if let Some(at) = bytes.windows(6).position(|part| part == b"Header") {
                bytes.splice(at + 7..at + 7, [0xc3, 0x28]);
            } else {
                bytes.push(0xff);
            }
            return bytes;
        }
        _ => set.to_xml().replacen("</CORSRule></CORSConfiguration>", "</CORSRule>", 1),
    };
    let says_something = match crate::xml::parse(other.as_bytes()) {
        Ok(_) => xml::parse(other.as_bytes()).is_ok(),
        Err(_) => true,
    };
    if says_something { other.into_bytes() } else { text.into_bytes() }
}

/// An operation on objects by this method; GET for methods that none has. What the documents of a dialect do not have, or answer in another way
/// than by a status, is left out: AppendObject, and with AWS signatures a form, whose policy is signed otherwise, and the deletion of several
/// objects, where who may not is told so in the document.
fn operation(source: &mut Source<'_, '_>, method: &str, dialect: &Dialect) -> ObjectRequest {
    let appends = dialect.behaviours.append_object == AppendObject::Known;
    let plain = dialect.behaviours.signature == Signature::Oss;
    let of = |method: &str, object: &str| ObjectRequest {
        method: method.to_owned(),
        object: Some(object.to_owned()),
        ..ObjectRequest::default()
    };
    let with = |mut request: ObjectRequest, name: &str, value: &str| {
        request.extra.headers.push((name.to_owned(), value.to_owned()));
        request
    };
    let query = |mut request: ObjectRequest, query: &str| {
        request.extra.query = Some(query.to_owned());
        request
    };
    let body = |mut request: ObjectRequest, body: &str| {
        request.body = Some(body.to_owned());
        request
    };
    match method {
        "HEAD" => match source.below(4) {
            0 | 1 => of("HEAD", PHOTO),
            2 => of("HEAD", "none.txt"),
            _ => with(of("HEAD", PHOTO), "range", "bytes=0-3"),
        },
        "PUT" => match source.below(6) {
            0..=2 => body(of("PUT", "new.txt"), "new content"),
            3 => with(body(of("PUT", "new.txt"), "new content"), "content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="),
            4 => with(body(of("PUT", PHOTO), "other content"), "x-oss-forbid-overwrite", "true"),
            _ => body(of("PUT", "a/b c/\u{fc}.txt"), "new content"),
        },
        "DELETE" => of("DELETE", source.pick(&["new.txt", "none.txt"])),
        "POST" => match source.below(4) {
            0 if appends => query(
                body(of("POST", "log.txt"), "line"),
                source.pick(&["append&position=0", "append&position=4", "append&position=7"]),
            ),
            2 if plain => {
                let document = "<Delete><Object><Key>new.txt</Key></Object></Delete>";
                let request = ObjectRequest { method: "POST".to_owned(), ..ObjectRequest::default() };
                query(body(request, document), "delete")
            }
            3 if plain => {
                let part = |name: &str, value: &str| (name.to_owned(), value.to_owned());
                let form = vec![
                    part("key", "form.txt"),
                    part("success_action_status", "201"),
                    part("file", "content of the form"),
                ];
                ObjectRequest { method: "POST".to_owned(), form: Some(form), ..ObjectRequest::default() }
            }
            _ => query(of("POST", "new.txt"), "uploads"),
        },
        _ => match source.below(10) {
            0..=3 => of("GET", PHOTO),
            4 => query(
                ObjectRequest { method: "GET".to_owned(), ..ObjectRequest::default() },
                source.pick(&["max-keys=10", "uploads"]),
            ),
            5 => of("GET", source.pick(&["none.txt", "<a>&b;.txt"])),
            6 => with(of("GET", PHOTO), "range", "bytes=0-3"),
            7 => with(of("GET", PHOTO), "if-none-match", "*"),
            8 => with(of("GET", PHOTO), "range", "bytes=900-"),
            _ => with(of("GET", PHOTO), "if-match", "\"other\""),
        },
    }
}
