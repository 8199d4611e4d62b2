//! Published vectors, round trips, second opinions.

use http::Request;
use proptest::prelude::*;

use super::*;

type Fields<'a> = &'a [(&'a str, &'a str)];

/// Signs and returns the Authorization header.
fn authorization(
    method: &str,
    target: &str,
    headers: Fields<'_>,
    scheme: &Scheme,
    key: &Credentials,
    now: &str,
    resource: &Resource,
) -> String {
    let parts = signed(method, target, headers, scheme, Form::Header, key, now, resource);
    parts.headers["authorization"].to_str().unwrap().to_owned()
}

#[expect(clippy::too_many_arguments, reason = "one vector is that many values")]
fn signed(
    method: &str,
    target: &str,
    headers: Fields<'_>,
    scheme: &Scheme,
    form: Form,
    key: &Credentials,
    now: &str,
    resource: &Resource,
) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    sign(&mut parts, scheme, form, key, resource, now.parse().unwrap());
    parts
}

fn bucket(bucket: &str) -> Resource {
    Resource { bucket: Some(bucket.to_owned()), object: None }
}

fn object(bucket: &str, object: &str) -> Resource {
    Resource { bucket: Some(bucket.to_owned()), object: Some(object.to_owned()) }
}

fn v4() -> Scheme {
    Scheme::V4 { region: "cn-hangzhou".to_owned() }
}

/// GET and PUT published by a third-party Go library, the others computed from the same inputs.
#[test]
fn v1_bucket_cors() {
    let key = Credentials::new("ayahghai0juiSie", "quitie*ph3Lah{F");
    let md5 = ("content-md5", "dCyZ6ocGwvoNqax+nPRAlg==");
    let cases: [(&str, Fields<'_>, &str); 4] = [
        ("GET", &[], "PBEn27rJaD+O4E/2gN22KbaMbcE="),
        ("PUT", &[md5], "AZ9v6CeAbKAWaphXg3GHuZ26FuM="),
        ("PUT", &[md5, ("content-type", "application/xml")], "bPaY1C9t78oe1zQvXOh5kSGowJI="),
        ("DELETE", &[], "H63RU82G4AkVp+OFgDH3tcnnAKk="),
    ];
    for (method, headers, signature) in cases {
        for target in ["/?cors", "/?cors=", "http://oss.example/bucket_name/?cors"] {
            let found = authorization(
                method,
                target,
                headers,
                &Scheme::V1,
                &key,
                "2015-10-21T15:56:35Z",
                &bucket("bucket_name"),
            );
            assert_eq!(found, format!("OSS ayahghai0juiSie:{signature}"), "{method} {target}");
        }
    }
}

/// The document whose digest stands in the vectors above.
#[test]
fn v1_document_digest() {
    use base64::Engine as _;
    use md5::Digest as _;
    let document = concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>",
        "<AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod><AllowedHeader>Authorization</AllowedHeader>",
        "</CORSRule><CORSRule><AllowedOrigin>http://www.a.com</AllowedOrigin><AllowedOrigin>http://www.b.com</AllowedOrigin>",
        "<AllowedMethod>GET</AllowedMethod><AllowedHeader>Authorization</AllowedHeader><ExposeHeader>x-oss-test</ExposeHeader>",
        "<ExposeHeader>x-oss-test1</ExposeHeader><MaxAgeSeconds>100</MaxAgeSeconds></CORSRule></CORSConfiguration>",
    );
    assert_eq!(document.len(), 549);
    let digest = base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(document.as_bytes()));
    assert_eq!(digest, "dCyZ6ocGwvoNqax+nPRAlg==");
}

/// The vendor's Go client v2.
#[test]
fn v1_sub_resource_of_an_object() {
    let date = "Wed, 28 Dec 2022 10:27:41 GMT";
    let headers = [
        ("content-md5", "eB5eJF1ptWaXm4bijSPyxw=="),
        ("content-type", "text/html"),
        ("x-oss-date", date),
        ("x-oss-meta-author", "alice"),
        ("x-oss-meta-magic", "abracadabra"),
    ];
    let found = authorization(
        "PUT",
        "/?acl",
        &headers,
        &Scheme::V1,
        &Credentials::new("ak", "sk"),
        "2022-12-28T10:27:41Z",
        &object("examplebucket", "nelson"),
    );
    assert_eq!(found, "OSS ak:/afkugFbmWDQ967j1vr6zygBLQk=");
}

/// The vendor's Go client v2, `TestV4AuthHeader`.
#[test]
fn v4_header() {
    let headers = [
        ("x-oss-head1", "value"),
        ("abc", "value"),
        ("zabc", "value"),
        ("xyz", "value"),
        ("content-type", "text/plain"),
        ("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
    ];
    let target = "/1234+-/123/1.txt?param1=value1&%2Bparam1=value3&%7Cparam1=value4&%2Bparam2=&%7Cparam2=&param2=";
    let resource = object("bucket", "1234+-/123/1.txt");
    let found =
        authorization("PUT", target, &headers, &v4(), &Credentials::new("ak", "sk"), "2023-12-16T16:20:57Z", &resource);
    assert_eq!(
        found,
        "OSS4-HMAC-SHA256 Credential=ak/20231216/cn-hangzhou/oss/aliyun_v4_request,\
         Signature=e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"
    );
    // The same with additional headers, which this crate verifies and does not itself ask for.
    let mut request = Request::put(target).header("x-oss-date", "20231216T172512Z");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let claim = "OSS4-HMAC-SHA256 Credential=ak/20231216/cn-hangzhou/oss/aliyun_v4_request,AdditionalHeaders=abc;zabc,\
         Signature=4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f";
    let (parts, ()) = request.header("authorization", claim).body(()).unwrap().into_parts();
    let key = Credentials::new("ak", "sk");
    let now = "2023-12-16T17:25:12Z".parse().unwrap();
    assert_eq!(verify(&parts, &resource, now, |_| Some(&key)), Ok(Signer::Key { access_key_id: "ak".to_owned() }));
}

/// Computed from the documented algorithm by another program.
#[test]
fn v4_bucket_cors() {
    let sent = ("x-oss-content-sha256", "UNSIGNED-PAYLOAD");
    let put = [sent, ("content-type", "application/xml"), ("content-md5", "UgPTrS3zjZR7iQp/8NlYMw==")];
    let cases: [(&str, Fields<'_>, &str, &str); 3] = [
        (
            "PUT",
            &put,
            "d40f229b89f3a0ba294ddad4ca537bd1c576e2fb50625dbb2f21d4399bc23f98",
            "4d3d3cbd709d8e85575a7b9721fbe19bb291947de3d027b54ae8f6a2bcb0b6dd",
        ),
        (
            "GET",
            &[sent],
            "e52e06913cb8fd8415464b08627d9ca1aa2c10ba38262b03531fb30e766c9b34",
            "b4d6d7a1ec51527721563be290b3b26d99f11271152b3ef6078046de04cae6b3",
        ),
        ("DELETE", &[sent], "", "cf9d4aa9f71c635a403d5c9ca398f508530d4d78145fa1e1b365650a04f912a4"),
    ];
    let key = Credentials::new("ak", "sk");
    for (method, headers, digest, signature) in cases {
        let resource = bucket("examplebucket");
        let parts = signed(method, "/?cors", headers, &v4(), Form::Header, &key, "2023-12-16T16:20:57Z", &resource);
        let found = parts.headers["authorization"].to_str().unwrap();
        assert!(found.ends_with(&format!("Signature={signature}")), "{method}: {found}");
        if !digest.is_empty() {
            let request = oss_v4::canonical_request(&parts, &resource, &[], None);
            assert_eq!(sha256(request.as_bytes()), digest);
        }
    }
}

/// Published with the Rust signing library reqsign.
#[test]
fn v4_published_elsewhere() {
    let key = Credentials::new("testid", "yourAccessKeySecret");
    let claim = "OSS4-HMAC-SHA256 Credential=testid/20250411/cn-hangzhou/oss/aliyun_v4_request,AdditionalHeaders=content-disposition;content-length,\
         Signature=d3694c2dfc5371ee6acd35e88c4871ac95a7ba01d3a2f476768fe61218590097";
    let request = Request::put("/exampleobject")
        .header("content-disposition", "attachment")
        .header("content-length", "3")
        .header("content-md5", "ICy5YqxZB1uWSwcVLSNLcA==")
        .header("content-type", "text/plain")
        .header("x-oss-date", "20250411T064124Z")
        .header("x-oss-content-sha256", "UNSIGNED-PAYLOAD")
        .header("authorization", claim);
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let resource = object("examplebucket", "exampleobject");
    let now = "2025-04-11T06:41:24Z".parse().unwrap();
    assert!(verify(&parts, &resource, now, |_| Some(&key)).is_ok());

    let query = "x-oss-additional-headers=host&x-oss-credential=testid%2F20241203%2Fcn-hangzhou%2Foss%2Faliyun_v4_request\
        &x-oss-date=20241203T032307Z&x-oss-expires=86400&x-oss-signature-version=OSS4-HMAC-SHA256\
        &x-oss-signature=a9ad2ce702a93c7c36ace35dd4e1b80cb76a999c890d7dfe78ff342a23dac8e0";
    let request =
        Request::get(format!("/exampleobject?{query}")).header("host", "examplebucket.oss-cn-hangzhou.aliyuncs.com");
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let now = "2024-12-03T04:00:00Z".parse().unwrap();
    assert!(verify(&parts, &resource, now, |_| Some(&key)).is_ok());
}

#[test]
fn debug_shows_no_secret() {
    let key = Credentials { security_token: Some("tok-en".to_owned()), ..Credentials::new("id", "se-cret") };
    let text = format!("{key:?}");
    assert!(text.contains("id") && !text.contains("se-cret") && !text.contains("tok-en"), "{text}");
}

#[test]
fn why_a_signature_is_refused() {
    let key = Credentials::new("id", "secret");
    let resource = object("b", "k");
    let at = |now: &str| now.parse::<Timestamp>().unwrap();
    let check =
        |parts: &Parts, now: &str, key: Option<&Credentials>| verify(parts, &resource, at(now), |_| key).unwrap_err();
    let (noon, later) = ("2026-01-01T12:00:00Z", "2026-01-01T12:15:01Z");
    for scheme in [Scheme::V1, v4()] {
        let header = signed("GET", "/k", &[], &scheme, Form::Header, &key, noon, &resource);
        assert!(verify(&header, &resource, at("2026-01-01T12:15:00Z"), |_| Some(&key)).is_ok());
        assert!(matches!(check(&header, later, Some(&key)), VerifyError::Skewed { .. }));
        assert!(matches!(check(&header, noon, None), VerifyError::UnknownKey { .. }));
        let other = Credentials::new("id", "other");
        assert!(matches!(check(&header, noon, Some(&other)), VerifyError::Mismatch { .. }));
        let with_token = Credentials { security_token: Some("t".to_owned()), ..key.clone() };
        assert!(matches!(check(&header, noon, Some(&with_token)), VerifyError::UnknownKey { .. }));

        let url = signed("GET", "/k", &[], &scheme, Form::Presigned { expires: 60 }, &key, noon, &resource);
        assert!(verify(&url, &resource, at("2026-01-01T12:01:00Z"), |_| Some(&key)).is_ok());
        assert!(matches!(check(&url, "2026-01-01T12:01:01Z", Some(&key)), VerifyError::Expired { .. }));
    }
    let bare = |name: &str, value: &str| Request::get("/k").header(name, value).body(()).unwrap().into_parts().0;
    assert_eq!(check(&bare("authorization", "OSS id:x"), noon, Some(&key)), VerifyError::InvalidDate);
    for value in ["Basic x", "OSS id", "OSS4-HMAC-SHA256 x", "OSS4-HMAC-SHA256 Credential=a/b/c,Signature=d"] {
        assert!(matches!(check(&bare("authorization", value), noon, Some(&key)), VerifyError::Malformed(_)), "{value}");
    }
    // A week is the longest life of a V4 URL; a V1 URL has none.
    let week = 7 * 24 * 60 * 60;
    for (expires, malformed) in [(week, false), (week + 1, true)] {
        let form = Form::Presigned { expires };
        let url = signed("GET", "/k", &[], &v4(), form, &key, noon, &resource);
        let result = verify(&url, &resource, at(noon), |_| Some(&key));
        assert_eq!(matches!(result, Err(VerifyError::Malformed(_))), malformed, "{expires}");
        let url = signed("GET", "/k", &[], &Scheme::V1, form, &key, noon, &resource);
        assert!(verify(&url, &resource, at(noon), |_| Some(&key)).is_ok());
    }
    // A piece of a signature makes a request one that is wrongly signed, not one of nobody.
    for member in ["x-oss-signature=a", "x-oss-signature-version=a", "Signature=a", "OSSAccessKeyId=a"] {
        let piece = Request::get(format!("/k?{member}")).body(()).unwrap().into_parts().0;
        assert!(matches!(check(&piece, noon, Some(&key)), VerifyError::Malformed(_)), "{member}");
    }
    let nobody = Request::get("/k").body(()).unwrap().into_parts().0;
    assert_eq!(verify(&nobody, &resource, at(noon), |_| Some(&key)), Ok(Signer::Anonymous));
}

fn any_scheme() -> impl Strategy<Value = Scheme> {
    prop_oneof![Just(Scheme::V1), Just(v4())]
}

proptest! {
    #![proptest_config(crate::laws(256))]

    /// The same law for AWS, where the URL alone says what is asked for.
    #[test]
    fn aws_round_trip(
        presigned in any::<bool>(),
        token in proptest::option::of("[a-z+/=]{1,8}"),
        key in "[a-z][a-z0-9 +é/._~$-]{0,20}",
        value in "[a-z&=+ /é]{0,8}",
        meta in "[a-z]{1,4}( {1,3}[a-z]{1,4}){0,2}",
        change in 0..9usize,
    ) {
        let credentials = Credentials { security_token: token, ..Credentials::new("id/with/slashes", "secret") };
        let target = format!("http://h:1/bucket/{}?acl&x={}", canonical::encode_path(&key), encode_component(&value));
        let headers = [("host", "h:1"), ("content-type", "a/b"), ("x-amz-meta-a", meta.as_str())];
        let form = if presigned { Form::Presigned { expires: 60 } } else { Form::Header };
        let aws = Scheme::AwsV4 { region: "eu-west-1".to_owned() };
        let parts = signed("PUT", &target, &headers, &aws, form, &credentials, "2026-01-01T12:00:00Z", &Resource::default());
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let lookup = |id: &str| (id == "id/with/slashes").then_some(&credentials);
        prop_assert_eq!(verify_aws(&parts, now, lookup), Ok(Signer::Key { access_key_id: "id/with/slashes".to_owned() }));

        let mut changed = parts.clone();
        let other = Credentials { access_key_secret: "another".to_owned(), ..credentials.clone() };
        let insert = |parts: &mut Parts, name: &'static str, value: &'static str| {
            parts.headers.insert(name, http::HeaderValue::from_static(value));
        };
        match change {
            0 => changed.method = http::Method::GET,
            1 => changed.uri = target.replacen("/bucket/", "/another/", 1).parse().unwrap(),
            2 => changed.uri = parts.uri.to_string().replacen("?acl", "?cors", 1).parse().unwrap(),
            3 => insert(&mut changed, "content-type", "a/c"),
            4 => insert(&mut changed, "x-amz-meta-a", "Z"),
            5 => insert(&mut changed, "x-amz-meta-b", "b"),
            6 => insert(&mut changed, "host", "h:2"),
            7 => changed.uri = format!("{}&more", parts.uri).parse().unwrap(),
            _ => {}
        }
        let found = verify_aws(&changed, now, |id| lookup(id).map(|known| if change == 8 { &other } else { known }));
        // A presigned URL of another path has lost its signature.
        let good = matches!(found, Ok(Signer::Key { .. }));
        prop_assert!(!good, "{change}: {changed:?}");
    }
}

proptest! {
    #![proptest_config(crate::laws(256))]

    /// What is signed verifies; the same with any signed part changed does not.
    #[test]
    fn round_trip(
        scheme in any_scheme(),
        presigned in any::<bool>(),
        token in proptest::option::of("[a-z]{1,8}"),
        method in prop_oneof![Just("GET"), Just("PUT"), Just("DELETE"), Just("POST")],
        key in "[a-z][a-z0-9 +é/._~-]{0,20}",
        kind in proptest::option::of("[a-z]{1,5}/[a-z]{1,5}"),
        meta in "[a-z]{1,8}",
        change in 0..7usize,
    ) {
        let credentials = Credentials { security_token: token, ..Credentials::new("id", "secret") };
        let resource = object("bucket", &key);
        let target = format!("/{}?acl&uploadId=7", encode_component(&key));
        let mut headers = vec![("x-oss-meta-a", meta.as_str())];
        if let Some(kind) = &kind {
            headers.push(("content-type", kind));
        }
        let form = if presigned { Form::Presigned { expires: 60 } } else { Form::Header };
        let now = "2026-01-01T12:00:00Z";
        let parts = signed(method, &target, &headers, &scheme, form, &credentials, now, &resource);
        let now: Timestamp = now.parse().unwrap();
        let lookup = |id: &str| (id == "id").then_some(&credentials);
        prop_assert_eq!(verify(&parts, &resource, now, lookup), Ok(Signer::Key { access_key_id: "id".to_owned() }));

        let mut changed = parts;
        let mut other = resource;
        match change {
            0 => changed.method = http::Method::PATCH,
            1 => changed.uri = changed.uri.to_string().replace("uploadId=7", "uploadId=8").parse().unwrap(),
            2 => changed.uri = changed.uri.to_string().replace("acl&", "").parse().unwrap(),
            3 => { changed.headers.insert("x-oss-meta-a", format!("{meta}x").parse().unwrap()); }
            4 => { changed.headers.insert("content-type", "x/changed".parse().unwrap()); }
            5 => other.bucket = Some("buckeu".to_owned()),
            _ => other.object = Some(format!("{key}x")),
        }
        prop_assert!(verify(&changed, &other, now, lookup).is_err());
    }

    /// A policy of a browser form: signed by either scheme, refused if a byte of it changes.
    #[test]
    fn policies(scheme in any_scheme(), policy in "[ -~]{1,40}") {
        let credentials = Credentials::new("id", "secret");
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        let fields = sign_policy(&scheme, &credentials, policy.as_bytes(), now);
        let lookup = |name: &str| fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
        let key = |id: &str| (id == "id").then_some(&credentials);
        prop_assert!(verify_policy(&lookup, key).is_ok());
        let changed = |name: &str| lookup(name).map(|value| if name == "policy" { format!("{value}A") } else { value });
        prop_assert!(verify_policy(&changed, key).is_err());
    }

    /// Nothing a stranger sends panics.
    #[test]
    fn no_panic(query in "[ -~]{0,60}", value in "(OSS |OSS4-HMAC-SHA256 |AWS4-HMAC-SHA256 )?[ -~]{0,80}", date in "[ -~]{0,30}") {
        let target = format!("/?{}", encode_component(&query).replace("%3D", "=").replace("%26", "&"));
        let request = Request::get(target).header("authorization", value).header("x-oss-date", date);
        if let Ok(request) = request.body(()) {
            let (parts, ()) = request.into_parts();
            drop(verify(&parts, &Resource::default(), Timestamp::UNIX_EPOCH, |_| None));
            drop(verify_aws(&parts, Timestamp::UNIX_EPOCH, |_| None));
        }
    }
}

/// What a library that awaits nothing signs, and the time that it took.
fn signed_by<C: reqsign_core::SigningCredential>(
    signer: &impl reqsign_core::SignRequest<Credential = C>,
    key: &C,
    request: Request<()>,
    expires: Option<std::time::Duration>,
) -> (Parts, Timestamp) {
    struct NoSleep;
    impl std::task::Wake for NoSleep {
        fn wake(self: std::sync::Arc<Self>) {}
    }
    let (mut parts, ()) = request.into_parts();
    let context = reqsign_core::Context::new();
    let waker = std::sync::Arc::new(NoSleep).into();
    let mut task = std::task::Context::from_waker(&waker);
    let signing = signer.sign_request(&context, &mut parts, Some(key), expires);
    let done = std::pin::pin!(signing).poll(&mut task);
    assert!(matches!(done, std::task::Poll::Ready(Ok(()))), "{done:?}");
    (parts, Timestamp::from_second(reqsign_core::time::Timestamp::now().as_second()).unwrap())
}

/// The signing library reqsign as a second opinion on what this crate signs: it signs the same request, at the time that
/// it takes itself, and this crate verifies it.
#[test]
fn second_opinion() {
    use reqsign_aliyun_oss::{RequestSigner, SigningVersion};

    let theirs = reqsign_aliyun_oss::Credential {
        access_key_id: "id".to_owned(),
        access_key_secret: "secret".to_owned(),
        security_token: Some("token".to_owned()),
        expires_in: None,
    };
    let ours = Credentials { security_token: Some("token".to_owned()), ..Credentials::new("id", "secret") };
    let resource = object("bucket", "a b/c");
    let minute = Some(std::time::Duration::from_mins(1));
    // Their V4 signs additional headers, which ours then verifies.
    let versions = [SigningVersion::V1, SigningVersion::V4];
    for (version, expires) in versions.into_iter().flat_map(|version| [(version, None), (version, minute)]) {
        let signer = RequestSigner::new("bucket").with_region("cn-hangzhou").with_signing_version(version);
        let request = Request::put("http://bucket.oss.example/a%20b/c?acl")
            .header("content-type", "x/y")
            .header("x-oss-meta-a", "1")
            .body(())
            .unwrap();
        let (parts, now) = signed_by(&signer, &theirs, request, expires);
        assert_eq!(
            verify(&parts, &resource, now, |_| Some(&ours)),
            Ok(Signer::Key { access_key_id: "id".to_owned() }),
            "{parts:?}"
        );
    }
}

/// The worked examples of "Authenticating Requests" in the S3 API reference.
#[test]
fn aws_examples() {
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const WELCOME: &str = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    let key = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let host = ("host", "examplebucket.s3.amazonaws.com");
    let (date, empty) = (("x-amz-date", "20130524T000000Z"), ("x-amz-content-sha256", EMPTY));
    let now: Timestamp = "2013-05-24T00:00:00Z".parse().unwrap();
    let table: [(&str, &str, Fields<'_>, &str, &str); 4] = [
        (
            "GET",
            "/test.txt",
            &[host, ("range", "bytes=0-9"), empty, date],
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test$file.text",
            &[
                host,
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                date,
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ("x-amz-content-sha256", WELCOME),
            ],
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "/?lifecycle",
            &[host, empty, date],
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "/?max-keys=2&prefix=J",
            &[host, empty, date],
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ];
    let signer = Ok(Signer::Key { access_key_id: key.access_key_id.clone() });
    for (method, target, headers, names, signature) in table {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let value = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders={names},Signature={signature}"
        );
        let (parts, ()) = request.header("authorization", &value).body(()).unwrap().into_parts();
        assert_eq!(verify_aws(&parts, now, |_| Some(&key)), signer, "{target}");
        // Where it signs the same header fields, this crate writes the same.
        if !names.contains("range") && !names.contains("date;host") {
            let aws = Scheme::AwsV4 { region: "us-east-1".to_owned() };
            let ours =
                signed(method, target, headers, &aws, Form::Header, &key, "2013-05-24T00:00:00Z", &Resource::default());
            assert_eq!(ours.headers["authorization"], value, "{target}");
        }
        let mut changed = parts.clone();
        changed.method = http::Method::DELETE;
        assert!(matches!(verify_aws(&changed, now, |_| Some(&key)), Err(VerifyError::Mismatch { .. })), "{target}");
        let mut added = parts;
        added.headers.insert("x-amz-acl", http::HeaderValue::from_static("public-read"));
        assert!(matches!(verify_aws(&added, now, |_| Some(&key)), Err(VerifyError::Malformed(_))), "{target}");
    }
    let presigned = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let (parts, ()) = Request::get(presigned).header(host.0, host.1).body(()).unwrap().into_parts();
    assert_eq!(verify_aws(&parts, now, |_| Some(&key)), signer);
    let later = now + SignedDuration::from_hours(25);
    assert!(matches!(verify_aws(&parts, later, |_| Some(&key)), Err(VerifyError::Expired { .. })));
    let aws = Scheme::AwsV4 { region: "us-east-1".to_owned() };
    let life = Form::Presigned { expires: 86_400 };
    let target = "https://examplebucket.s3.amazonaws.com/test.txt";
    let ours = signed("GET", target, &[host], &aws, life, &key, "2013-05-24T00:00:00Z", &Resource::default());
    assert_eq!(ours.uri, presigned);
}

/// A second opinion on AWS signatures: what reqsign signs is verified here.
#[test]
fn second_opinion_on_aws() {
    let theirs = reqsign_aws_v4::Credential {
        access_key_id: "id".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: Some("to/ken+".to_owned()),
        expires_in: None,
    };
    let ours = Credentials { security_token: Some("to/ken+".to_owned()), ..Credentials::new("id", "secret") };
    for expires in [None, Some(std::time::Duration::from_mins(1))] {
        let signer = reqsign_aws_v4::RequestSigner::new("s3", "eu-west-1");
        let request = Request::put("http://127.0.0.1:9000/bucket/a%20b/c+d?acl&x=%2F%20")
            .header("host", "127.0.0.1:9000")
            .header("content-type", "x/y")
            .header("x-amz-meta-a", "1 2")
            .body(())
            .unwrap();
        let (parts, now) = signed_by(&signer, &theirs, request, expires);
        let signer = Signer::Key { access_key_id: "id".to_owned() };
        assert_eq!(verify_aws(&parts, now, |_| Some(&ours)), Ok(signer), "{parts:?}");
    }
}
