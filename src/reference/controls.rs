//! Servers that must never look conformant: [`Control`], which answers preflights and requests with an Origin always the
//! same way.
//!
//! Buckets, objects and rules are kept as documented, or no case could be prepared and nothing would be learnt. What passes
//! against a control shows what a suite does not look at.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;

use super::{ErrorDocument, Moment, Reference, Reply, Respond, finish};
use crate::cors::{CorsRequest, Denial};
use crate::dialect::ActualMethod;

/// How a control answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Manner {
    /// 200 without a body.
    Allows,
    /// The documented refusal.
    Refuses,
    /// As asked: the origin, the method, the headers, and every other field of the request.
    Echoes,
    /// As documented, without a body.
    Empty,
    /// Not: the connection is closed.
    Closes,
    /// Not: nothing happens.
    Hangs,
}

impl Manner {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Allows, Self::Refuses, Self::Echoes, Self::Empty, Self::Closes, Self::Hangs];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allows => "allows-all",
            Self::Refuses => "refuses-all",
            Self::Echoes => "echoes-all",
            Self::Empty => "empty-bodies",
            Self::Closes => "closes",
            Self::Hangs => "hangs",
        }
    }

    /// What it does, in a sentence.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Allows => "answers 200 to all that CORS is about",
            Self::Refuses => "answers 403 AccessForbidden to it",
            Self::Echoes => "grants whatever is asked for and echoes every header",
            Self::Empty => "answers without a body",
            Self::Closes => "closes the connection",
            Self::Hangs => "never answers",
        }
    }

    /// Finds one by its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|manner| manner.as_str() == name)
    }
}

/// A reference that answers what CORS is about in one manner.
#[derive(Debug)]
pub struct Control {
    reference: Reference,
    manner: Manner,
}

impl Control {
    /// Around a store.
    pub fn new(reference: Reference, manner: Manner) -> Self {
        Self { reference, manner }
    }

    /// Whether it answers this request in its manner.
    pub fn answers(request: &Request<Bytes>) -> bool {
        request.method() == Method::OPTIONS || request.headers().contains_key(header::ORIGIN)
    }
}

impl Respond for Control {
    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp, request_id: &str) -> Reply {
        if !Self::answers(request) {
            return Reply::Answer(self.reference.respond(request, now, request_id));
        }
        let moment = Moment { now, request_id };
        let mut answer = match self.manner {
            Manner::Allows => super::empty(StatusCode::OK),
            Manner::Refuses => {
                let host = super::Address::of(request, &self.reference.options.domains).host;
                let asked = CorsRequest::from_parts(request.method(), request.headers());
                let error = ErrorDocument::denial(Denial::NoRule, &asked, true);
                self.reference.say(&error, &host, request_id)
            }
            Manner::Echoes => echo(self.reference.respond(request, now, request_id), request),
            Manner::Empty => {
                let mut answer = self.reference.respond(request, now, request_id);
                *answer.body_mut() = Bytes::new();
                answer.headers_mut().remove(header::CONTENT_LENGTH);
                answer
            }
            Manner::Closes => return Reply::Reset,
            Manner::Hangs => return Reply::Silence,
        };
        finish(&mut answer, request.method(), moment, &self.reference.options.wording);
        Reply::Answer(answer)
    }
}

fn echo(mut answer: Response<Bytes>, request: &Request<Bytes>) -> Response<Bytes> {
    if request.method() == Method::OPTIONS {
        answer = super::empty(StatusCode::OK);
    }
    for (name, value) in request.headers() {
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING && !answer.headers().contains_key(name) {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
    }
    let asked = CorsRequest::from_parts(request.method(), request.headers());
    let granted = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, asked.origins.first().map(|origin| origin.as_bytes().to_vec())),
        (header::ACCESS_CONTROL_ALLOW_METHODS, Some(asked.effective_method(ActualMethod::Own).to_vec())),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, Some(asked.request_headers.join(&b", "[..]))),
    ];
    for (name, value) in granted {
        let value = value.filter(|value| !value.is_empty());
        if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(&value).ok()) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}
