//! Single faults planted around the reference: each is caught, and the clause it breaks is named.
#![cfg(test)]

mod common;

use bytes::Bytes;
use corsuite::dialect::{Dialect, Level};
use corsuite::implementation::Embedded;
use corsuite::reference::{Reply, Respond};
use corsuite::report::Report;
use corsuite::run::Options;
use corsuite::serve;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use common::{run, suite, target};

type Change = fn(&Embedded, Request<Bytes>) -> Response<Bytes>;

struct Faulty(Embedded, Change);

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

impl Respond for Faulty {
    fn respond(&mut self, request: &Request<Bytes>, _: jiff::Timestamp, _: &str) -> Reply {
        Reply::Answer((self.1)(&self.0, request.clone()))
    }
}

async fn report(change: Change) -> Report {
    let inner = serve::reference(Dialect::oss(), serve::owner(), serve::other());
    run(target(Embedded::new(Faulty(inner, change))), &suite(), Options { jobs: 2, ..Options::default() })
        .await
        .unwrap()
}

const ORIGIN: &str = "access-control-allow-origin";
const AGE: &str = "access-control-max-age";
const EXPOSE: &str = "access-control-expose-headers";

fn preflight(request: &Request<Bytes>) -> bool {
    request.method() == Method::OPTIONS
}

fn cors(request: &Request<Bytes>) -> bool {
    request.uri().query() == Some("cors")
}

/// Takes CORS headers away.
fn bare(headers: &mut HeaderMap) {
    let names: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

fn without_vary_origin(headers: &mut HeaderMap) {
    let kept: Vec<HeaderValue> = headers.get_all("vary").iter().filter(|value| *value != "Origin").cloned().collect();
    headers.remove("vary");
    for value in kept {
        headers.append("vary", value);
    }
}

fn replace(response: Response<Bytes>, from: &str, to: &str) -> Response<Bytes> {
    let mut response = response.map(|body| Bytes::from(String::from_utf8_lossy(&body).replace(from, to)));
    let length = response.body().len();
    response.headers_mut().insert("content-length", HeaderValue::from(length));
    response
}

/// Name, the clause that must be among the broken ones, the level of the worst, and the fault.
const FAULTS: &[(&str, &str, Level, Change)] = &[
    ("preflights answer 204", "preflight.ok", Level::Must, |inner, request| {
        let asked = preflight(&request);
        let mut answer = inner.respond(&request).answer().unwrap();
        if asked && answer.status() == StatusCode::OK {
            *answer.status_mut() = StatusCode::NO_CONTENT;
        }
        answer
    }),
    ("refused preflights answer 200", "preflight.refused", Level::Must, |inner, request| {
        let asked = preflight(&request);
        let mut answer = inner.respond(&request).answer().unwrap();
        if asked && answer.status() == StatusCode::FORBIDDEN {
            *answer.status_mut() = StatusCode::OK;
        }
        answer
    }),
    ("preflights want a signature", "preflight.no-auth", Level::Must, |inner, request| {
        if preflight(&request) && !request.headers().contains_key("authorization") {
            return inner.respond(&request.map(|_| Bytes::new())).answer().unwrap().map(|_| Bytes::new()).status_403();
        }
        inner.respond(&request).answer().unwrap()
    }),
    ("requested headers are not looked at", "preflight.each-header", Level::Must, |inner, mut request| {
        request.headers_mut().remove("access-control-request-headers");
        inner.respond(&request).answer().unwrap()
    }),
    ("a requested header is compared in its case", "match.header-case", Level::Must, |inner, mut request| {
        if request
            .headers()
            .get("access-control-request-headers")
            .is_some_and(|names| names.as_bytes().iter().any(u8::is_ascii_uppercase))
        {
            request.headers_mut().insert("access-control-request-headers", HeaderValue::from_static("none-such"));
        }
        inner.respond(&request).answer().unwrap()
    }),
    ("the origin is always echoed", "preflight.origin-star", Level::Should, |inner, request| {
        let origin = request.headers().get("origin").cloned();
        let mut answer = inner.respond(&request).answer().unwrap();
        if let (true, Some(origin)) = (answer.headers().get(ORIGIN).is_some_and(|value| value == "*"), origin) {
            answer.headers_mut().insert(ORIGIN, origin);
        }
        answer
    }),
    ("every grant is for everybody", "preflight.origin", Level::Must, |inner, request| {
        let mut answer = inner.respond(&request).answer().unwrap();
        if answer.headers().contains_key(ORIGIN) {
            answer.headers_mut().insert(ORIGIN, HeaderValue::from_static("*"));
        }
        answer
    }),
    ("any origin is reflected on actual requests", "actual.no-match", Level::Must, |inner, request| {
        let origin = request.headers().get("origin").cloned().filter(|_| !preflight(&request) && !cors(&request));
        let mut answer = inner.respond(&request).answer().unwrap();
        if let Some(origin) = origin {
            answer.headers_mut().entry(ORIGIN).or_insert(origin);
        }
        answer
    }),
    ("what follows a known domain does not count", "match.wildcard-anchored", Level::Must, |inner, mut request| {
        let origin =
            request.headers().get("origin").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if let Some((head, _)) = origin.as_deref().and_then(|origin| origin.split_once(".com.")) {
            let cut = HeaderValue::from_str(&format!("{head}.com")).unwrap();
            request.headers_mut().insert("origin", cut);
        }
        inner.respond(&request).answer().unwrap()
    }),
    ("the port does not count", "match.port", Level::Must, |inner, mut request| {
        let origin =
            request.headers().get("origin").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if let Some(bare) = origin.as_deref().and_then(|origin| origin.strip_suffix(":8080")) {
            request.headers_mut().insert("origin", HeaderValue::from_str(bare).unwrap());
        }
        inner.respond(&request).answer().unwrap()
    }),
    ("an age of 0 is dropped", "age.zero", Level::Should, |inner, request| {
        let mut answer = inner.respond(&request).answer().unwrap();
        if answer.headers().get(AGE).is_some_and(|age| age == "0") {
            answer.headers_mut().remove(AGE);
        }
        answer
    }),
    ("exposed headers are named on preflights only", "actual.expose", Level::Must, |inner, request| {
        let asked = preflight(&request);
        let mut answer = inner.respond(&request).answer().unwrap();
        if !asked {
            answer.headers_mut().remove(EXPOSE);
        }
        answer
    }),
    ("errors have no CORS headers", "actual.not-found", Level::Should, |inner, request| {
        let mut answer = inner.respond(&request).answer().unwrap();
        if answer.status().is_client_error() {
            bare(answer.headers_mut());
        }
        answer
    }),
    ("HEAD has none", "actual.every-operation", Level::Should, |inner, request| {
        let head = request.method() == Method::HEAD;
        let mut answer = inner.respond(&request).answer().unwrap();
        if head {
            bare(answer.headers_mut());
        }
        answer
    }),
    ("Vary only where there is an Origin", "vary.no-origin", Level::Must, |inner, request| {
        let origin = request.headers().contains_key("origin");
        let mut answer = inner.respond(&request).answer().unwrap();
        if !origin {
            without_vary_origin(answer.headers_mut());
        }
        answer
    }),
    ("Vary only where something is granted", "vary.no-match", Level::Must, |inner, request| {
        let mut answer = inner.respond(&request).answer().unwrap();
        if !answer.headers().contains_key(ORIGIN) {
            without_vary_origin(answer.headers_mut());
        }
        answer
    }),
    ("Vary Origin on every grant", "vary.off", Level::Must, |inner, request| {
        let mut answer = inner.respond(&request).answer().unwrap();
        if answer.headers().contains_key(ORIGIN) {
            answer.headers_mut().append("vary", HeaderValue::from_static("Origin"));
        }
        answer
    }),
    ("Vary is overwritten", "vary.kept", Level::Should, |inner, request| {
        let mut answer = inner.respond(&request).answer().unwrap();
        let origin = answer.headers().get_all("vary").iter().any(|value| value == "Origin");
        if origin {
            answer.headers_mut().insert("vary", HeaderValue::from_static("Origin"));
        }
        answer
    }),
    ("a right digest is refused", "digest.right", Level::Must, |inner, request| {
        if cors(&request) && request.method() == Method::PUT && request.headers().contains_key("content-md5") {
            let simplest = String::from_utf8_lossy(request.body()).contains("corsuite.example");
            if !simplest {
                return Response::new(Bytes::new()).status_400();
            }
        }
        inner.respond(&request).answer().unwrap()
    }),
    ("no configuration is an empty one", "get.none", Level::Must, |inner, request| {
        let get = cors(&request) && request.method() == Method::GET;
        let mut answer = inner.respond(&request).answer().unwrap();
        if get && answer.status() == StatusCode::NOT_FOUND {
            *answer.status_mut() = StatusCode::OK;
            *answer.body_mut() = Bytes::from_static(b"<CORSConfiguration/>");
        }
        answer
    }),
    ("ResponseVary does not come back", "get.vary-true", Level::Must, |inner, request| {
        let answer = inner.respond(&request).answer().unwrap();
        if cors(&request) { replace(answer, "<ResponseVary>true</ResponseVary>", "") } else { answer }
    }),
    ("AllowedHeader keeps its case", "get.header-lower-case", Level::Should, |inner, request| {
        let answer = inner.respond(&request).answer().unwrap();
        if cors(&request) {
            replace(answer, "<AllowedHeader>authorization", "<AllowedHeader>Authorization")
        } else {
            answer
        }
    }),
    ("the request id of the document is another one", "error.document", Level::Must, |inner, request| {
        let answer = inner.respond(&request).answer().unwrap();
        replace(answer, "<RequestId>", "<RequestId>0")
    }),
    ("another code for too many rules", "limit.rules-refused", Level::Must, |inner, request| {
        let answer = inner.respond(&request).answer().unwrap();
        replace(answer, "CORSRuleBeyondLimit", "InvalidRequest")
    }),
    ("credentials are allowed", "credentials.never", Level::Should, |inner, request| {
        let mut answer = inner.respond(&request).answer().unwrap();
        if answer.headers().contains_key(ORIGIN) {
            answer.headers_mut().insert("access-control-allow-credentials", HeaderValue::from_static("true"));
        }
        answer
    }),
    ("Access-Control-Allow-Headers is an asterisk", "preflight.headers", Level::Must, |inner, request| {
        let mut answer = inner.respond(&request).answer().unwrap();
        if answer.headers().contains_key("access-control-allow-headers") {
            answer.headers_mut().insert("access-control-allow-headers", HeaderValue::from_static("*"));
        }
        answer
    }),
];

trait WithStatus {
    fn status_400(self) -> Self;
    fn status_403(self) -> Self;
}

impl WithStatus for Response<Bytes> {
    fn status_400(mut self) -> Self {
        *self.status_mut() = StatusCode::BAD_REQUEST;
        self
    }

    fn status_403(mut self) -> Self {
        bare(self.headers_mut());
        *self.status_mut() = StatusCode::FORBIDDEN;
        self
    }
}

/// Lists without spaces, other elements and white space in documents, more headers, other words in messages that no document
/// fixes: none of it is a fault.
#[tokio::test]
async fn another_way_of_saying_the_same_is_no_fault() {
    let report = report(|inner, request| {
        let get = cors(&request) && request.method() == Method::GET;
        let mut answer = inner.respond(&request).answer().unwrap();
        for name in ["access-control-allow-methods", "access-control-allow-headers", EXPOSE] {
            if let Some(value) =
                answer.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).replace(", ", ","))
            {
                answer.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
            }
        }
        answer.headers_mut().insert("x-cache", HeaderValue::from_static("MISS"));
        answer.headers_mut().insert("strict-transport-security", HeaderValue::from_static("max-age=1"));
        answer.headers_mut().append("vary", HeaderValue::from_static("Accept-Encoding, accept"));
        if get && answer.status() == StatusCode::OK {
            answer = replace(answer, "<CORSRule>", "<CORSRule>\n\n<!-- rule --><ID>x</ID>");
            answer = replace(answer, "</CORSConfiguration>", "<More><Than/></More></CORSConfiguration>");
        }
        answer = replace(answer, "Invalid Argument. Parameter is invalid.", "no");
        answer = replace(answer, "are not whitelisted by the resource&apos;s CORS spec", "were not allowed");
        answer = replace(answer, "</Error>", "<Resource>/x</Resource></Error>");
        replace(answer, "Anonymous access is forbidden for this operation.", "Access denied.")
    })
    .await;
    common::assert_all_pass(&report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_caught_and_named() {
    let mut missed = Vec::new();
    for (name, clause, level, change) in FAULTS {
        let report = report(*change).await;
        let broken: Vec<&str> =
            report.cases.iter().flat_map(|case| &case.mismatches).map(|found| found.clause.as_str()).collect();
        if !broken.contains(clause) {
            missed.push(format!("{name}: {clause} is not among {broken:?}"));
        }
        let expected = (*level != Level::Must).then_some(true);
        let errors = report.totals.error;
        if (report.conformant == Some(true)) != expected.is_some() || errors > 0 {
            missed.push(format!("{name}: conformant {:?}, {errors} errors", report.conformant));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
