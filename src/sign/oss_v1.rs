//! OSS signature version 1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use jiff::Timestamp;

use super::canonical::{add_query, field, hmac_sha1, http_date, oss_fields, parse_http_date, set};
use super::{Credentials, MAX_SKEW, Query, Resource, Signer, VerifyError, compare, known};

/// Query members that are part of the canonicalized resource; others are not signed.
const SUB_RESOURCES: &[&str] = &[
    "accessPoint",
    "accessPointPolicy",
    "acl",
    "append",
    "asyncFetch",
    "bucketArchiveDirectRead",
    "bucketInfo",
    "callback",
    "callback-var",
    "cname",
    "comp",
    "continuation-token",
    "cors",
    "delete",
    "encryption",
    "endTime",
    "group",
    "httpsConfig",
    "img",
    "inventory",
    "inventoryId",
    "lifecycle",
    "link",
    "live",
    "location",
    "logging",
    "metaQuery",
    "objectInfo",
    "objectMeta",
    "partNumber",
    "policy",
    "policyStatus",
    "position",
    "publicAccessBlock",
    "qos",
    "qosInfo",
    "qosRequester",
    "referer",
    "regionList",
    "replication",
    "replicationLocation",
    "replicationProgress",
    "requestPayment",
    "requesterQosInfo",
    "resourceGroup",
    "resourcePool",
    "resourcePoolBuckets",
    "resourcePoolInfo",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "rtc",
    "security-token",
    "sequential",
    "startTime",
    "stat",
    "status",
    "style",
    "styleName",
    "symlink",
    "tagging",
    "torrent",
    "transferAcceleration",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "vod",
    "website",
    "worm",
    "wormExtend",
    "wormId",
    "x-oss-ac-forward-allow",
    "x-oss-ac-source-ip",
    "x-oss-ac-subnet-mask",
    "x-oss-ac-vpc-id",
    "x-oss-async-process",
    "x-oss-process",
    "x-oss-redundancy-transition",
    "x-oss-request-payer",
    "x-oss-target-redundancy-type",
    "x-oss-traffic-limit",
    "x-oss-write-get-object-response",
];

pub(super) fn sign(parts: &mut Parts, credentials: &Credentials, resource: &Resource, now: Timestamp) {
    if let Some(token) = &credentials.security_token {
        set(&mut parts.headers, "x-oss-security-token", token);
    }
    if !parts.headers.contains_key("x-oss-date") && !parts.headers.contains_key("date") {
        set(&mut parts.headers, "date", &http_date(now));
    }
    let text = string_to_sign(parts, resource, &date_line(parts));
    let signature = hmac_sha1(credentials.access_key_secret.as_bytes(), text.as_bytes());
    set(&mut parts.headers, "authorization", &format!("OSS {}:{signature}", credentials.access_key_id));
}

pub(super) fn presign(parts: &mut Parts, credentials: &Credentials, resource: &Resource, now: Timestamp, life: u32) {
    let expires = now.as_second().saturating_add(i64::from(life)).to_string();
    if let Some(token) = &credentials.security_token {
        add_query(parts, &[("security-token", token)]);
    }
    let text = string_to_sign(parts, resource, &expires);
    let signature = hmac_sha1(credentials.access_key_secret.as_bytes(), text.as_bytes());
    add_query(
        parts,
        &[("OSSAccessKeyId", &credentials.access_key_id), ("Expires", &expires), ("Signature", &signature)],
    );
}

/// The Date field, or x-oss-date in its place, which browsers can set.
fn date_line(parts: &Parts) -> String {
    let name = if parts.headers.contains_key("x-oss-date") { "x-oss-date" } else { "date" };
    field(&parts.headers, name)
}

/// `VERB \n Content-MD5 \n Content-Type \n Date-or-Expires \n CanonicalizedOSSHeaders CanonicalizedResource`
fn string_to_sign(parts: &Parts, resource: &Resource, date: &str) -> String {
    let headers = &parts.headers;
    let (md5, kind) = (field(headers, "content-md5"), field(headers, "content-type"));
    let mut text = format!("{}\n{md5}\n{kind}\n{date}\n", parts.method);
    for name in oss_fields(headers) {
        text.extend([name, ":", &field(headers, name), "\n"]);
    }
    text.push_str(&canonicalized_resource(resource, parts.uri.query().unwrap_or_default()));
    text
}

/// `/bucket/object` and the signed sub-resources; the slash after the bucket is always there.
fn canonicalized_resource(resource: &Resource, query: &str) -> String {
    let mut text = "/".to_owned();
    if let Some(bucket) = &resource.bucket {
        text.extend([bucket, "/"]);
    }
    text.push_str(resource.object.as_deref().unwrap_or_default());
    let query = Query::parse(query);
    let mut members: Vec<(&str, Option<&str>)> =
        query.iter().filter(|(name, _)| SUB_RESOURCES.contains(name)).collect();
    members.sort_unstable();
    for (at, (name, value)) in members.into_iter().enumerate() {
        text.extend([if at == 0 { "?" } else { "&" }, name]);
        // `?cors=` signs as `?cors`.
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.extend(["=", value]);
        }
    }
    text
}

pub(super) fn verify<'c>(
    parts: &Parts,
    resource: &Resource,
    now: Timestamp,
    authorization: &str,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let (id, provided) =
        authorization.split_once(':').ok_or(VerifyError::Malformed("Authorization has no `AccessKeyId:Signature`"))?;
    let date = date_line(parts);
    let request_time = parse_http_date(&date).ok_or(VerifyError::InvalidDate)?;
    let signer = check(parts, resource, id, provided, &date, None, credentials)?;
    if request_time.duration_since(now).abs() > MAX_SKEW {
        return Err(VerifyError::Skewed { request_time });
    }
    Ok(signer)
}

pub(super) fn verify_presigned<'c>(
    parts: &Parts,
    resource: &Resource,
    now: Timestamp,
    query: &Query,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let member =
        |name| query.get(name).ok_or(VerifyError::Malformed("OSSAccessKeyId, Expires and Signature go together"));
    let (id, text, provided) = (member("OSSAccessKeyId")?, member("Expires")?, member("Signature")?);
    let expires = text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let expires = expires.ok_or(VerifyError::Malformed("Expires is no time in seconds"))?;
    if now > expires {
        return Err(VerifyError::Expired { expires });
    }
    check(parts, resource, id, provided, text, query.get("security-token"), credentials)
}

fn check<'c>(
    parts: &Parts,
    resource: &Resource,
    id: &str,
    provided: &str,
    date: &str,
    query_token: Option<&str>,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let header_token = parts.headers.get("x-oss-security-token").and_then(|value| value.to_str().ok());
    let key = known(id, header_token.or(query_token), credentials)?;
    let text = string_to_sign(parts, resource, date);
    compare(&hmac_sha1(key.access_key_secret.as_bytes(), text.as_bytes()), id, provided, text)
}

/// PostObject: the policy in base64 and its HMAC.
pub(super) fn sign_policy(credentials: &Credentials, policy: &[u8]) -> Vec<(String, String)> {
    let policy = STANDARD.encode(policy);
    let signature = hmac_sha1(credentials.access_key_secret.as_bytes(), policy.as_bytes());
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let mut fields = vec![
        pair("OSSAccessKeyId", credentials.access_key_id.clone()),
        pair("policy", policy),
        pair("Signature", signature),
    ];
    fields.extend(credentials.security_token.clone().map(|token| pair("x-oss-security-token", token)));
    fields
}

pub(super) fn verify_policy<'c>(
    fields: &dyn Fn(&str) -> Option<String>,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let field = |name| fields(name).ok_or(VerifyError::Malformed("the form lacks OSSAccessKeyId, policy or Signature"));
    let (id, policy, provided) = (field("ossaccesskeyid")?, field("policy")?, field("signature")?);
    let key = known(&id, fields("x-oss-security-token").as_deref(), credentials)?;
    compare(&hmac_sha1(key.access_key_secret.as_bytes(), policy.as_bytes()), &id, &provided, policy)
}
