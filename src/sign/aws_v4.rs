//! AWS signature version 4 for S3: what it calls things, and its canonical request.
//!
//! Source: "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference, whose worked examples are vectors in the tests.

use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;

use super::canonical::{decode_component, encode_component, encode_path, field};
use super::v4::{Flavour, Names};
use super::{Query, Resource};

pub(super) static AWS: Flavour = Flavour {
    algorithm: "AWS4-HMAC-SHA256",
    secret_prefix: "AWS4",
    service: "s3",
    terminator: "aws4_request",
    date: "x-amz-date",
    token: "x-amz-security-token",
    payload: "x-amz-content-sha256",
    query: Names {
        algorithm: "X-Amz-Algorithm",
        credential: "X-Amz-Credential",
        date: "X-Amz-Date",
        expires: "X-Amz-Expires",
        listed: "X-Amz-SignedHeaders",
        token: "X-Amz-Security-Token",
        signature: "X-Amz-Signature",
    },
    listed: "SignedHeaders",
    lists: signed_names,
    covers,
    canonical: canonical_request,
};

/// What every request signs if it is there: the host, the type of the body, its digest, and what is of AWS.
fn signed_names(parts: &Parts) -> Vec<String> {
    let of_aws = parts.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    let more = [HOST.as_str(), CONTENT_TYPE.as_str(), "content-md5"];
    let more = more.into_iter().filter(|name| parts.headers.contains_key(*name));
    let mut names: Vec<String> = of_aws.chain(more).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// The host must be signed, and all that is of AWS.
fn covers(parts: &Parts, listed: &[String]) -> bool {
    let must = |name: &&String| *name == "host" || name.starts_with("x-amz-");
    signed_names(parts).iter().filter(must).all(|name| listed.contains(name))
}

/// `VERB \n URI \n Query \n CanonicalHeaders \n SignedHeaders \n HashedPayload`
fn canonical_request(parts: &Parts, _: &Resource, names: &[String], without: Option<&str>) -> String {
    let path = encode_path(&decode_component(parts.uri.path()));
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let mut pairs: Vec<(String, String)> = query
        .iter()
        .filter(|(name, _)| Some(*name) != without)
        .map(|(name, value)| (encode_component(name), encode_component(value.unwrap_or_default())))
        .collect();
    pairs.sort_unstable();
    let members: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    // Runs of spaces inside of a value count as one.
    let spaced = |text: &str| text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let value = |name: &str| spaced(&field(&parts.headers, name));
    let fields: String = names.iter().map(|name| format!("{name}:{}\n", value(name))).collect();
    [parts.method.as_str(), &path, &members.join("&"), &fields, &names.join(";"), &AWS.payload(parts)].join("\n")
}
