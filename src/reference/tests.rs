//! Answers of the store, in process.

use super::*;
use crate::dialect::{AppendObject, BucketAcl, Dialect};
use crate::sign::{Form, Resource, Scheme, sign};

struct Store {
    reference: Reference,
    now: Timestamp,
}

const RULES: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
    <AllowedMethod>PUT</AllowedMethod><AllowedHeader>X-Oss-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>\
    <MaxAgeSeconds>60</MaxAgeSeconds></CORSRule><ResponseVary>true</ResponseVary></CORSConfiguration>";

fn owner() -> Credentials {
    Credentials::new("owner-key", "owner-secret")
}

fn other() -> Credentials {
    Credentials::new("other-key", "other-secret")
}

impl Store {
    fn new() -> Self {
        let account = |name: &str, key| Account { name: name.to_owned(), keys: vec![key] };
        let options = Options {
            limits: Dialect::oss().limits,
            behaviours: Dialect::oss().behaviours,
            wording: Arc::clone(&Dialect::oss().wording),
            accounts: vec![account("owner", owner()), account("other", other())],
            domains: vec!["localhost".to_owned()],
        };
        let mut store = Self { reference: Reference::new(options), now: "2026-01-02T03:04:05Z".parse().unwrap() };
        assert_eq!(store.ask(Some(&owner()), "PUT", "/bucket", &[], "").status(), 200);
        store
    }

    fn with_rules() -> Self {
        let mut store = Self::new();
        let answer = store.ask(Some(&owner()), "PUT", "/bucket/?cors", &[], RULES);
        assert_eq!((answer.status(), answer.body().len()), (StatusCode::OK, 0));
        assert_eq!(
            store.ask(Some(&owner()), "PUT", "/bucket/k", &[("content-type", "text/css")], "0123456789").status(),
            200
        );
        store
    }

    fn ask(
        &mut self,
        key: Option<&Credentials>,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(target).header("host", "127.0.0.1:9000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let length = body.len().to_string();
        let (mut parts, body) =
            request.header("content-length", length).body(Bytes::from_static(body.as_bytes())).unwrap().into_parts();
        if let Some(key) = key {
            let path = parts.uri.path().trim_start_matches('/');
            let (bucket, object) = path.split_once('/').unwrap_or((path, ""));
            let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let resource = Resource { bucket: some(bucket), object: some(object) };
            sign(&mut parts, &Scheme::V1, Form::Header, key, &resource, self.now);
        }
        self.reference.respond(&Request::from_parts(parts, body), self.now, "5E9BBA15DCEC0F353668FBE9")
    }
}

/// The answer as it would look on the wire.
fn wire(answer: &Response<Bytes>) -> String {
    let mut text = format!("{}\n", answer.status());
    for (name, value) in answer.headers() {
        text.extend([name.as_str(), ": ", &String::from_utf8_lossy(value.as_bytes()), "\n"]);
    }
    text.extend(["\n", &String::from_utf8_lossy(answer.body())]);
    text
}

fn field<'a>(answer: &'a Response<Bytes>, name: &str) -> &'a str {
    answer.headers().get(name).map_or("-", |value| value.to_str().unwrap())
}

#[test]
fn an_error_document() {
    let mut store = Store::new();
    insta::assert_snapshot!(wire(&store.ask(Some(&owner()), "GET", "/bucket/?cors", &[], "")), @r#"
    404 Not Found
    content-type: application/xml
    x-oss-ec: 0034-00000001
    server: AliyunOSS
    date: Fri, 02 Jan 2026 03:04:05 GMT
    x-oss-request-id: 5E9BBA15DCEC0F353668FBE9
    x-oss-server-time: 0
    content-length: 342

    <?xml version="1.0" encoding="UTF-8"?>
    <Error>
      <Code>NoSuchCORSConfiguration</Code>
      <Message>The CORS Configuration does not exist.</Message>
      <RequestId>5E9BBA15DCEC0F353668FBE9</RequestId>
      <HostId>127.0.0.1</HostId>
      <EC>0034-00000001</EC>
      <RecommendDoc>https://api.aliyun.com/troubleshoot?q=0034-00000001</RecommendDoc>
    </Error>
    "#);
}

#[test]
fn error_documents_of_refused_documents() {
    let mut store = Store::new();
    let rule = |inner: &str| format!("<CORSConfiguration><CORSRule>{inner}</CORSRule></CORSConfiguration>");
    let bodies = [
        "<CORSConfiguration>".to_owned(),
        "<CORSConfiguration/>".to_owned(),
        rule("<AllowedOrigin>*</AllowedOrigin>"),
        rule("<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>-1</MaxAgeSeconds>"),
    ];
    let mut text = String::new();
    for body in bodies {
        let answer = store.ask(Some(&owner()), "PUT", "/bucket/?cors", &[], Box::leak(body.into_boxed_str()));
        text.push_str(&String::from_utf8_lossy(answer.body()));
    }
    crate::assert_snapshot!("error_documents", text);
}

#[test]
fn a_preflight() {
    let mut store = Store::with_rules();
    let headers = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "X-OSS-Date"),
    ];
    insta::assert_snapshot!(wire(&store.ask(None, "OPTIONS", "/bucket/none", &headers, "")), @"
    200 OK
    access-control-allow-origin: https://a.example
    access-control-allow-methods: GET, PUT
    access-control-allow-headers: X-OSS-Date
    access-control-expose-headers: ETag
    access-control-max-age: 60
    vary: Origin
    server: AliyunOSS
    date: Fri, 02 Jan 2026 03:04:05 GMT
    x-oss-request-id: 5E9BBA15DCEC0F353668FBE9
    x-oss-server-time: 0
    content-length: 0
    ");
    let refused = store.ask(
        None,
        "OPTIONS",
        "/bucket/none",
        &[("origin", "https://b"), ("access-control-request-method", "PUT")],
        "",
    );
    assert_eq!(
        (refused.status().as_u16(), field(&refused, "vary"), field(&refused, "x-oss-ec")),
        (403, "Origin", "0003-00000602")
    );
    assert_eq!(field(&refused, "access-control-allow-origin"), "-");
}

#[test]
fn an_actual_request() {
    let mut store = Store::with_rules();
    let answer = store.ask(Some(&owner()), "GET", "/bucket/k", &[("origin", "https://a.example")], "");
    let vary: Vec<_> = answer.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(vary, ["Accept-Encoding", "Origin"]);
    assert_eq!(field(&answer, "access-control-allow-methods"), "GET, PUT");
    assert_eq!(field(&answer, "access-control-max-age"), "60");
    assert_eq!(answer.body(), "0123456789");
    let head = store.ask(Some(&owner()), "HEAD", "/bucket/k", &[("origin", "https://a.example")], "");
    assert_eq!(
        (field(&head, "access-control-allow-origin"), head.body().len(), field(&head, "content-length")),
        ("-", 0, "10")
    );
}

#[test]
fn who_may() {
    let mut store = Store::with_rules();
    let wrong = Credentials::new("owner-key", "wrong");
    let unknown = Credentials::new("nobody", "x");
    let cases = [
        (None, "GET", "/bucket/?cors", 403, "AccessDenied"),
        (Some(other()), "PUT", "/bucket/?cors", 403, "AccessDenied"),
        (Some(wrong), "GET", "/bucket/?cors", 403, "SignatureDoesNotMatch"),
        (Some(unknown), "GET", "/bucket/?cors", 403, "InvalidAccessKeyId"),
        (None, "GET", "/bucket/k", 403, "AccessDenied"),
        (None, "PUT", "/bucket/k", 403, "AccessDenied"),
        (Some(owner()), "GET", "/missing/?cors", 404, "NoSuchBucket"),
        (Some(owner()), "GET", "/b/?cors", 400, "InvalidBucketName"),
        (Some(owner()), "GET", "/bucket/none", 404, "NoSuchKey"),
        (Some(other()), "PUT", "/bucket", 409, "BucketAlreadyExists"),
        (None, "GET", "/", 403, "AccessDenied"),
        (Some(owner()), "DELETE", "/bucket", 409, "BucketNotEmpty"),
        (Some(owner()), "GET", "/bucket/?website", 501, "NotImplemented"),
        (Some(owner()), "PATCH", "/bucket/k", 501, "NotImplemented"),
    ];
    for (key, method, target, status, code) in cases {
        let answer = store.ask(key.as_ref(), method, target, &[], "");
        let body = crate::xml::parse(answer.body()).unwrap();
        assert_eq!((answer.status().as_u16(), body.text_of("Code")), (status, Some(code)), "{method} {target}");
        assert_eq!(body.text_of("HostId"), Some("127.0.0.1"));
    }
    assert_eq!(store.ask(Some(&owner()), "PUT", "/bucket/?acl", &[("x-oss-acl", "public-read")], "").status(), 200);
    assert_eq!(store.ask(None, "GET", "/bucket/k", &[], "").status(), 200);
    assert_eq!(store.ask(None, "GET", "/bucket/?cors", &[], "").status(), 403);
}

/// What an ACL for everybody to read opens: an object, the listing, and whether it can be put.
#[test]
fn what_an_acl_opens() {
    let check = |acls, expected: [u16; 3]| {
        let mut store = Store::with_rules();
        let mut options = Options::clone(&store.reference.options);
        options.behaviours.bucket_acl = acls;
        store.reference.options = Arc::new(options);
        let put = store.ask(Some(&owner()), "PUT", "/bucket/?acl", &[("x-oss-acl", "public-read")], "");
        let [object, listing] = ["/bucket/k", "/bucket"].map(|target| store.ask(None, "GET", target, &[], ""));
        assert_eq!([put, object, listing].map(|answer| answer.status().as_u16()), expected, "{acls:?}");
    };
    check(BucketAcl::Objects, [200, 200, 200]);
    check(BucketAcl::Listing, [200, 403, 200]);
    check(BucketAcl::Disabled, [403, 403, 403]);
}

#[test]
fn appending_is_no_operation_everywhere() {
    let check = |append_object, expected: u16| {
        let mut store = Store::with_rules();
        let mut options = Options::clone(&store.reference.options);
        options.behaviours.append_object = append_object;
        store.reference.options = Arc::new(options);
        let answer = store.ask(Some(&owner()), "POST", "/bucket/log?append&position=0", &[], "line");
        assert_eq!(answer.status(), expected);
    };
    check(AppendObject::Known, 200);
    check(AppendObject::Unknown, 405);
}

#[test]
fn ranges_and_conditions() {
    let mut store = Store::with_rules();
    let key = owner();
    let etag = field(&store.ask(Some(&key), "GET", "/bucket/k", &[], ""), "etag").to_owned();
    let mut get = |name: &str, value: &str| {
        let answer = store.ask(Some(&key), "GET", "/bucket/k", &[(name, value)], "");
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).chars().take(10).collect::<String>())
    };
    assert_eq!(get("range", "bytes=2-4"), (206, "234".to_owned()));
    assert_eq!(get("range", "bytes=-2"), (206, "89".to_owned()));
    assert_eq!(get("range", "bytes=8-99"), (206, "89".to_owned()));
    assert_eq!(get("range", "bytes=99-").0, 416);
    assert_eq!(get("range", "bytes=4-2"), (200, "0123456789".to_owned()));
    assert_eq!(get("if-none-match", &etag), (304, String::new()));
    assert_eq!(get("if-match", "\"x\"").0, 412);
}

#[test]
fn appending_and_deleting_many() {
    let mut store = Store::new();
    let key = owner();
    let mut ask = |method: &str, target: &str, body| store.ask(Some(&key), method, target, &[], body).status().as_u16();
    assert_eq!(ask("POST", "/bucket/log?append&position=0", "ab"), 200);
    assert_eq!(ask("POST", "/bucket/log?append&position=0", "cd"), 409);
    assert_eq!(ask("POST", "/bucket/log?append&position=2", "cd"), 200);
    assert_eq!(ask("POST", "/bucket/?delete", "<Delete><Object><Key>log</Key></Object></Delete>"), 200);
    assert_eq!(ask("GET", "/bucket/log", ""), 404);
    assert_eq!(ask("POST", "/bucket/?delete", "<X/>"), 400);
    assert_eq!(ask("DELETE", "/bucket", ""), 204);
    assert_eq!(ask("DELETE", "/bucket", ""), 404);
}

/// A form is authorised by its own signature, so nothing else may pass for one.
#[test]
fn a_form_is_sent_to_the_bucket_itself() {
    let mut store = Store::with_rules();
    let kind = [("content-type", "multipart/form-data; boundary=x")];
    for target in ["/bucket/?delete", "/bucket/log?append&position=0", "/bucket/?cors", "/bucket"] {
        let answer = store.ask(None, "POST", target, &kind, "<Delete><Object><Key>k</Key></Object></Delete>");
        assert!(answer.status().is_client_error(), "{target}: {}", answer.status());
    }
    assert_eq!(store.ask(Some(&owner()), "GET", "/bucket/k", &[], "").status(), 200);
    assert_eq!(store.ask(Some(&owner()), "GET", "/bucket/log", &[], "").status(), 404);
}

#[test]
fn a_length_is_needed() {
    let mut store = Store::new();
    let request = Request::put("/bucket/?cors").header("host", "x").body(Bytes::new()).unwrap();
    let answer = store.reference.respond(&request, store.now, "0");
    assert_eq!(answer.status(), 411);
}

proptest::proptest! {
    #![proptest_config(crate::laws(256))]

    /// Nothing a stranger sends panics, and every error is a document.
    #[test]
    fn any_request_is_answered(method in "[A-Z]{1,7}", path in "[!-~]{0,20}", query in "[!-~]{0,20}", header in "[ -~]{0,30}", body in ".{0,40}") {
        let mut store = Store::with_rules();
        let target = format!("/{path}?{query}").replace('#', "");
        let request = Request::builder().method(method.as_str()).uri(target).header("host", "bucket.localhost")
            .header("origin", header.as_str()).header("range", header.as_str()).header("content-type", header.as_str())
            .header("content-length", "1").body(Bytes::from(body));
        if let Ok(request) = request {
            let answer = store.reference.respond(&request, store.now, "5E9BBA15DCEC0F353668FBE9");
            if answer.status().as_u16() >= 400 && method != "HEAD" {
                let error = crate::xml::parse(answer.body()).unwrap();
                proptest::prop_assert_eq!(error.name, "Error");
            }
        }
    }
}
