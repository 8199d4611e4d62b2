//! Answers against expectations.

use super::*;
use crate::diagnostic::SourceFile;

/// Shows what is wrong with an answer.
fn check(expect: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Vec<String> {
    let found = mismatches(expect, status, headers, body);
    found.iter().map(|found| format!("{}: {} / {}", found.field, found.expected, found.actual)).collect()
}

/// Loads an expectation, and holds an answer against it.
fn mismatches(expect: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Vec<Mismatch> {
    let yaml = format!(
        "about: x\ncases:\n  - id: a\n    clauses: [config.put]\n    steps:\n      - preflight: {{}}\n        expect: {{status: 200}}\n      - preflight: {{}}\n        expect: {expect}\n"
    );
    let loaded = crate::case::load(&[SourceFile::new("f.yaml", yaml)], Dialect::oss());
    assert!(
        loaded.diagnostics.is_empty(),
        "{}",
        crate::diagnostic::render(&loaded.diagnostics, crate::diagnostic::Style::Plain)
    );
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    let answer = answer.body(Bytes::from(body.to_owned())).unwrap();
    let request = Request::options("/b/k")
        .header("host", "b.example:80")
        .header("origin", "https://a")
        .header("access-control-request-method", "GET")
        .body(Bytes::new())
        .unwrap();
    let earlier = [Response::builder().header("x-oss-request-id", "1").body(Bytes::from_static(b"<R>1</R>")).unwrap()];
    let exchange = Exchange::new(&request, &answer, &earlier);
    let expectation = &loaded.suite.cases[0].steps[1].expect[0];
    let checked = super::check(expectation, &exchange, Dialect::oss());
    assert!(checked.assertions > 0);
    checked.mismatches
}

fn passes(expect: &str, status: u16, headers: &[(&str, &str)], body: &str) {
    assert_eq!(check(expect, status, headers, body), [""; 0], "{expect}");
}

#[test]
fn statuses() {
    passes("{status: 200}", 200, &[], "");
    passes("{status: [400, 403]}", 403, &[], "");
    passes("{status: 4xx}", 404, &[], "");
    assert_eq!(check("{status: [4xx, 501]}", 500, &[], ""), ["status: 4xx or 501 / 500"]);
}

#[test]
fn headers_mean_what_http_says() {
    const M: &str = "access-control-allow-methods";
    passes("{headers: {Access-Control-Allow-Methods: \"GET, PUT\"}}", 200, &[(M, "GET"), (M, "PUT")], "");
    passes("{headers: {access-control-allow-methods: \"GET, PUT\"}}", 200, &[(M, "GET ,PUT")], "");
    passes("{headers: {access-control-allow-methods: {list: [PUT, GET]}}}", 200, &[(M, "GET,PUT")], "");
    passes("{headers: {vary: {contains: origin, lacks: Accept}}}", 200, &[("vary", "Accept-Encoding, Origin")], "");
    passes("{headers: {access-control-*: absent}}", 200, &[("vary", "Origin")], "");
    passes(
        "{headers: {etag: present, x-none: absent, etag: {matches: '\"[0-9]+\"'}}}"
            .replace(", etag: {m", ", x-id: {m")
            .as_str(),
        200,
        &[("etag", "1"), ("x-id", "\"12\"")],
        "",
    );
    assert_eq!(
        check("{headers: {access-control-allow-methods: \"GET, PUT\"}}", 200, &[(M, "PUT, GET")], ""),
        ["headers.access-control-allow-methods: GET, PUT / PUT, GET"]
    );
    assert_eq!(
        check(
            "{headers: {access-control-allow-origin: https://a}}",
            200,
            &[("access-control-allow-origin", "https://a"), ("access-control-allow-origin", "https://a")],
            ""
        ),
        ["headers.access-control-allow-origin: https://a / https://a, https://a"]
    );
    assert_eq!(
        check("{headers: {access-control-*: absent}}", 200, &[(M, "GET")], ""),
        ["headers.access-control-*: absent / access-control-allow-methods"]
    );
    assert_eq!(check("{headers: {access-control-allow-methods: {list: [GET]}}}", 200, &[(M, "GET, PUT")], "").len(), 1);
    assert_eq!(check("{headers: {access-control-allow-methods: {list: [GET, PUT]}}}", 200, &[(M, "GET")], "").len(), 1);
    assert_eq!(
        check("{headers: {x-oss-request-id: {differs_from: 1}}}", 200, &[("x-oss-request-id", "1")], "").len(),
        1
    );
    passes("{headers: {x-oss-request-id: {differs_from: 1}}}", 200, &[("x-oss-request-id", "2")], "");
}

#[test]
fn errors() {
    let body = "<Error xmlns='u'><Code>A</Code><Message>m n</Message><RequestId>7</RequestId><HostId>b.example</HostId><More/></Error>";
    let id = [("x-oss-request-id", "7")];
    passes(
        "{error: {code: [B, A], message: {prefix: m}, request_id: header, host_id: host, ec: header, order: [Code, Message, EC]}}",
        403,
        &id,
        body,
    );
    assert_eq!(check("{error: {code: B}}", 403, &id, body), ["error.Code: B / A"]);
    assert_eq!(
        check("{error: {request_id: header}}", 403, &[], body),
        ["error.RequestId: x-oss-request-id: absent / 7"]
    );
    assert_eq!(
        check("{error: {argument_name: x}}", 403, &id, body),
        ["error.ArgumentName: an element `ArgumentName` / absent"]
    );
    assert_eq!(check("{error: {order: [Message, Code]}}", 403, &id, body).len(), 1);
    assert_eq!(check("{error: {code: B}}", 403, &[], ""), ["error: an error document / no body"]);
    assert_eq!(check("{error: {code: B}}", 403, &[], "<html/>"), ["error: a document `Error` / a document `html`"]);
}

#[test]
fn configurations_are_compared_as_models() {
    let body = "<CORSConfiguration><CORSRule><AllowedOrigin>b</AllowedOrigin><AllowedOrigin>A</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
        <AllowedHeader>x-a</AllowedHeader><ExposeHeader/></CORSRule><ResponseVary>false</ResponseVary></CORSConfiguration>";
    let rule = "{allowed_origins: [A, b], allowed_methods: GET, allowed_headers: X-A}";
    passes(&format!("{{cors: {{rules: [{rule}], response_vary: false}}}}"), 200, &[], body);
    assert_eq!(check(&format!("{{cors: {{rules: [{rule}], verbatim: true}}}}"), 200, &[], body).len(), 3);
    assert_eq!(
        check(&format!("{{cors: {{rules: [{rule}, {rule}]}}}}"), 200, &[], body),
        ["cors.CORSRule: 2 rules / 1 rules"]
    );
    assert_eq!(check("{cors: {response_vary: absent}}", 200, &[], body), ["cors.ResponseVary: absent / false"]);
    assert_eq!(check("{cors: {response_vary: absent}}", 200, &[], "<a/>").len(), 1);
}

#[test]
fn bodies_earlier_answers_and_browsers() {
    passes("{body: empty}", 200, &[], "");
    passes("{body: {contains: [a, b], lacks: c, matches: '^a'}}", 200, &[], "ab");
    assert_eq!(check("{body: empty}", 200, &[], "x"), ["body: empty / x"]);
    passes("{same_as: 1}", 200, &[("x-oss-request-id", "2")], "<R>2</R>");
    assert_eq!(check("{same_as: 1}", 403, &[("etag", "x")], "").len(), 3);
    passes("{browser: allows}", 200, &[("access-control-allow-origin", "https://a")], "");
    assert_eq!(
        check("{browser: allows}", 403, &[], ""),
        ["browser: a browser allows it / blocked: no Access-Control-Allow-Origin"]
    );
}

#[test]
fn an_answer_outside_the_alternatives_is_a_failed_must() {
    let expect = "{clause: match.origin-case, any_of: {origin_case=sensitive: {status: 403}, origin_case=insensitive: {status: 200}}}";
    passes(expect, 200, &[], "");
    assert_eq!(
        check(expect, 500, &[], ""),
        ["any_of: origin_case=sensitive: status 403 | origin_case=insensitive: status 200 / status 500"]
    );
    // Under a clause that leaves nothing open it is as bad as that clause says.
    for (clause, level) in
        [("match.origin-case", Level::Must), ("match.wildcard-run", Level::Should), ("match.wildcard", Level::Must)]
    {
        let found = mismatches(&expect.replace("match.origin-case", clause), 500, &[], "");
        assert_eq!(found.iter().map(|found| found.level).collect::<Vec<_>>(), [level], "{clause}");
    }
    // However much the server says, and differently for each alternative.
    let expect = "{clause: match.origin-case, any_of: {origin_case=sensitive: {headers: {vary: a}}, origin_case=insensitive: {headers: {server: c}}}}";
    let long = "x".repeat(5000);
    let found = check(expect, 500, &[("vary", &long), ("server", &long)], "");
    assert!(found.iter().all(|line| line.len() < 600), "{found:?}");
}
