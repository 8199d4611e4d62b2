//! OSS signature version 4: what it calls things, and its canonical request.

use http::request::Parts;

use super::canonical::{encode_component, encode_path, field, oss_fields};
use super::v4::{Flavour, Names};
use super::{Query, Resource};

pub(super) static OSS: Flavour = Flavour {
    algorithm: "OSS4-HMAC-SHA256",
    secret_prefix: "aliyun_v4",
    service: "oss",
    terminator: "aliyun_v4_request",
    date: "x-oss-date",
    token: "x-oss-security-token",
    payload: "x-oss-content-sha256",
    query: Names {
        algorithm: "x-oss-signature-version",
        credential: "x-oss-credential",
        date: "x-oss-date",
        expires: "x-oss-expires",
        listed: "x-oss-additional-headers",
        token: "x-oss-security-token",
        signature: "x-oss-signature",
    },
    listed: "AdditionalHeaders",
    // What must be signed is signed without being listed.
    lists: |_| Vec::new(),
    covers: |_, _| true,
    canonical: canonical_request,
};

/// `VERB \n URI \n Query \n CanonicalHeaders \n AdditionalHeaders \n HashedPayload`
pub(super) fn canonical_request(
    parts: &Parts,
    resource: &Resource,
    additional: &[String],
    without: Option<&str>,
) -> String {
    let mut path = "/".to_owned();
    if let Some(bucket) = &resource.bucket {
        path.extend([bucket, "/"]);
    }
    path.push_str(resource.object.as_deref().unwrap_or_default());

    let query = Query::parse(parts.uri.query().unwrap_or_default());
    // Sorted by name, then value: `callback` before `callback-var`, though `-` sorts before `=`.
    let mut pairs: Vec<(String, String)> = query
        .iter()
        .filter(|(name, _)| Some(*name) != without)
        .map(|(name, value)| (encode_component(name), encode_component(value.unwrap_or_default())))
        .collect();
    pairs.sort_unstable();
    // A bare key where the value is empty: `?cors=` signs as `?cors`.
    let member = |(name, value): (String, String)| if value.is_empty() { name } else { format!("{name}={value}") };
    let members: Vec<String> = pairs.into_iter().map(member).collect();

    let headers = &parts.headers;
    let mut names: Vec<&str> = oss_fields(headers);
    names.extend(["content-md5", "content-type"].into_iter().filter(|name| headers.contains_key(*name)));
    names.extend(additional.iter().map(String::as_str).filter(|name| headers.contains_key(*name)));
    names.sort_unstable();
    names.dedup();
    let fields: String = names.into_iter().map(|name| format!("{name}:{}\n", field(headers, name))).collect();

    [
        parts.method.as_str(),
        &encode_path(&path),
        &members.join("&"),
        &fields,
        &additional.join(";"),
        &OSS.payload(parts),
    ]
    .join("\n")
}
