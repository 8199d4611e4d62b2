//! Other ways of being right: [`Lenient`], a reference that varies, by a seed, all that no clause fixes.
//!
//! Lists with and without spaces, in several lines, in another order where order means nothing; more header fields, more
//! elements and white space in documents; other words where only a code is documented, other codes where several are
//! right; and any value of each behaviour, the same one throughout. A suite that fails it is too strict.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;

use super::{Options, Reference, Reply, Respond};
use crate::dialect::{Behaviours, Dialect, NamespacedRoot, UnknownElements};

/// A reference that is right in another way.
#[derive(Debug)]
pub struct Lenient {
    reference: Reference,
    state: u64,
    /// Every answer varies by Accept-Encoding, too.
    encodes: bool,
    /// The case of Access-Control-Allow-Headers is nobody's choice.
    folds_requested: bool,
}

impl Lenient {
    /// A store that chooses by a seed. Seed 0 takes the default of each behaviour.
    pub fn new(options: Options, dialect: &Dialect, seed: u64) -> Self {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        let mut options = options;
        for (name, values) in dialect.open_points().filter(|_| seed != 0) {
            let at = usize::try_from(next(&mut state) % 64).unwrap_or_default() % values.len().max(1);
            // A value that a clause speaks against is no way to pass every case.
            let stands = |value: &&&str| dialect.clauses_against(name, value).next().is_none();
            if let Some(value) = values.get(at).filter(stands) {
                // The point and its values come from the same table.
                drop(options.behaviours.set(name, value));
            }
        }
        let folds_requested = !dialect.open.contains_key("allow_headers_case");
        Self { reference: Reference::new(options), state, encodes: seed.is_multiple_of(2), folds_requested }
    }

    /// What it chose at each open point.
    pub fn behaviours(&self) -> Behaviours {
        self.reference.options.behaviours
    }

    fn chance(&mut self) -> bool {
        next(&mut self.state).is_multiple_of(2)
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        let at = usize::try_from(next(&mut self.state) % 64).unwrap_or_default() % of.len().max(1);
        of.get(at).copied().unwrap_or_default()
    }
}

/// xorshift64*
fn next(state: &mut u64) -> u64 {
    let mut x = (*state).max(1);
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
}

impl Respond for Lenient {
    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp, request_id: &str) -> Reply {
        let id = if self.chance() { request_id.to_ascii_lowercase() } else { request_id.to_owned() };
        let mut answer = self.reference.respond(request, now, &id);
        // `limit.body-refused`: any 4xx.
        let large = String::from_utf8_lossy(answer.body()).contains("<Code>EntityTooLarge</Code>");
        if large && self.chance() {
            *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        }
        self.lists(&mut answer);
        self.fields(&mut answer);
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        let changed = if text.contains("<Error>") {
            self.error(&text, request)
        } else if text.contains("<CORSConfiguration>") {
            self.configuration(&text)
        } else {
            return Reply::Answer(answer);
        };
        if request.method() != Method::HEAD {
            answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(changed.len()));
            *answer.body_mut() = changed.into();
        }
        Reply::Answer(answer)
    }

    fn title_case(&self) -> bool {
        self.state % 2 == 1
    }
}

impl Lenient {
    /// RFC 9110 5.6.1: white space around commas, and several lines, mean the same.
    fn lists(&mut self, answer: &mut Response<Bytes>) {
        let lists = [
            header::ACCESS_CONTROL_ALLOW_METHODS,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
        ];
        for name in lists {
            let Some(value) = answer.headers().get(&name).and_then(|value| value.to_str().ok()) else { continue };
            let mut members: Vec<String> = value.split(", ").map(str::to_owned).collect();
            let folds = name == header::ACCESS_CONTROL_EXPOSE_HEADERS
                || name == header::ACCESS_CONTROL_ALLOW_HEADERS && self.folds_requested;
            if folds && self.chance() {
                members = members.iter().map(|member| member.to_ascii_lowercase()).collect();
            }
            let lines = match self.pick(&[", ", ",", " , ", "lines"]) {
                // Clients take a hundred header lines or so.
                "lines" if members.len() <= 20 => members,
                "lines" => vec![members.join(", ")],
                separator => vec![members.join(separator)],
            };
            answer.headers_mut().remove(&name);
            for line in lines {
                if let Ok(line) = HeaderValue::from_str(&line) {
                    answer.headers_mut().append(&name, line);
                }
            }
        }
        // The members of Vary have no order.
        let mut vary: Vec<HeaderValue> = answer.headers().get_all(header::VARY).iter().cloned().collect();
        if !vary.is_empty() {
            if self.chance() {
                vary.reverse();
            }
            if self.chance() {
                let joined = vary.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b", "[..]);
                vary = HeaderValue::from_bytes(&joined).into_iter().collect();
            }
            answer.headers_mut().remove(header::VARY);
            for value in vary {
                let value = if value == "Origin" {
                    HeaderValue::from_static(self.pick(&["Origin", "origin", "ORIGIN"]))
                } else {
                    value
                };
                answer.headers_mut().append(header::VARY, value);
            }
        }
    }

    /// More fields than documented, and other values of those that nothing fixes.
    fn fields(&mut self, answer: &mut Response<Bytes>) {
        let headers = answer.headers_mut();
        if let Ok(name) = HeaderName::try_from(self.reference.options.wording.field("server-time")) {
            headers.insert(name, HeaderValue::from_static("17"));
        }
        if self.encodes {
            answer.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if self.chance() {
            let headers = answer.headers_mut();
            headers.insert("x-cache", HeaderValue::from_static("MISS"));
            headers.insert("strict-transport-security", HeaderValue::from_static("max-age=1"));
            headers.insert(header::SERVER, HeaderValue::from_static("another/1.0"));
            headers.insert(HeaderName::from_static("timing-allow-origin"), HeaderValue::from_static("*"));
        }
        if self.chance() {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let xml = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/xml");
        if xml && self.chance() {
            let kind = HeaderValue::from_static("application/xml; charset=utf-8");
            answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
    }

    /// Other words, other codes where several are right, more elements.
    fn error(&mut self, text: &str, request: &Request<Bytes>) -> String {
        let mut text = text.to_owned();
        if text.contains("<Code>InvalidArgument</Code>") && !text.contains("<ArgumentValue>-") {
            if self.chance() {
                text = text.replace("<Code>InvalidArgument</Code>", "<Code>MalformedXML</Code>");
                let documented =
                    "The XML you provided was not well-formed or did not validate against our published schema.";
                text = text.replace("Invalid Argument. Parameter is invalid.", documented);
            } else {
                text = text.replace("Invalid Argument. Parameter is invalid.", self.pick(&["no", "Ungültig."]));
            }
        }
        if self.chance() {
            text = text.replace("are not whitelisted by the resource&apos;s CORS spec", "were not allowed");
            text = text.replace("Anonymous access is forbidden for this operation.", "Access denied.");
        }
        if self.chance() {
            text = text.replace("</Error>", "<Resource>/x</Resource><Method>GET</Method></Error>");
        }
        if self.chance() {
            for name in ["EC", "RecommendDoc"] {
                if let (Some((head, _)), Some((_, tail))) =
                    (text.split_once(&format!("<{name}>")), text.split_once(&format!("</{name}>")))
                {
                    text = format!("{head}{tail}");
                }
            }
        }
        let host =
            request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        if let (true, Some((head, _)), Some((_, tail))) =
            (self.chance(), text.split_once("<HostId>"), text.split_once("</HostId>"))
        {
            // With or without the port.
            text = format!("{head}<HostId>{host}</HostId>{tail}");
        }
        self.white_space(&text)
    }

    /// More elements, comments, CDATA, and the elements of a rule in another order: the rules stay in theirs.
    fn configuration(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        // A server takes back what it gave (`config.put-back`).
        let behaviours = self.reference.options.behaviours;
        let unknown = behaviours.unknown_elements == UnknownElements::Ignore;
        if self.chance() {
            text = text.replace("<CORSRule>", "<CORSRule><!-- rule -->");
        }
        if self.chance() && unknown {
            text = text.replace("<CORSRule>", "<CORSRule><ID>x</ID>");
        }
        if self.chance() && behaviours.namespaced_root == NamespacedRoot::Accept {
            text = text.replace("<CORSConfiguration>", "<CORSConfiguration xmlns=\"http://doc.example\">");
        }
        if self.chance() && unknown {
            text = text.replace("</CORSConfiguration>", "<More><Than/></More></CORSConfiguration>");
        }
        if self.chance() && !text.contains('&') {
            text = text
                .replace("<AllowedMethod>", "<AllowedMethod><![CDATA[")
                .replace("</AllowedMethod>", "]]></AllowedMethod>");
        }
        self.white_space(&text)
    }

    fn white_space(&mut self, text: &str) -> String {
        match self.pick(&["as it is", "none", "lines"]) {
            "none" => text.lines().map(str::trim_start).collect(),
            "lines" => text.replace(">\n", ">\r\n\t"),
            _ => text.to_owned(),
        }
    }
}
