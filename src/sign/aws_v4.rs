//! AWS signature version 4 for S3, in the header and in the query.
//!
//! Sources: "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference, whose worked examples are vectors in the tests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::canonical::{
    add_query, basic_date, decode_component, encode_component, encode_path, field, hex, hmac_sha256, parse_basic_date,
    parse_http_date, set,
};
use super::{Credentials, MAX_EXPIRES, MAX_SKEW, Query, Signer, VerifyError, compare, known};

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const MALFORMED: VerifyError = VerifyError::Malformed("the signature is not of the documented form");

/// `<date>/<region>/s3/aws4_request`
fn scope(date: &str, region: &str) -> String {
    format!("{date}/{region}/s3/aws4_request")
}

fn signing_key(secret: &str, date: &str, region: &str) -> Vec<u8> {
    let first = format!("AWS4{secret}").into_bytes();
    [date, region, "s3", "aws4_request"].iter().fold(first, |key, part| hmac_sha256(&key, part.as_bytes()))
}

/// What every request signs if it is there: the host, the type of the body, its digest, and what is of AWS.
fn signed_names(parts: &Parts) -> Vec<String> {
    let of_aws = parts.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    let more = [HOST.as_str(), CONTENT_TYPE.as_str(), "content-md5"];
    let more = more.into_iter().filter(|name| parts.headers.contains_key(*name));
    let mut names: Vec<String> = of_aws.chain(more).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

pub(super) fn sign(parts: &mut Parts, credentials: &Credentials, now: Timestamp, region: &str) {
    if let Some(token) = &credentials.security_token {
        set(&mut parts.headers, "x-amz-security-token", token);
    }
    if !parts.headers.contains_key("x-amz-date") {
        set(&mut parts.headers, "x-amz-date", &basic_date(now));
    }
    if !parts.headers.contains_key("x-amz-content-sha256") {
        set(&mut parts.headers, "x-amz-content-sha256", UNSIGNED);
    }
    let time = field(&parts.headers, "x-amz-date");
    let date = time.get(..8).unwrap_or_default().to_owned();
    let names = signed_names(parts);
    let text = string_to_sign(&canonical_request(parts, &names, None), &time, &scope(&date, region));
    let signature = hex(&hmac_sha256(&signing_key(&credentials.access_key_secret, &date, region), text.as_bytes()));
    let (scope, names, id) = (scope(&date, region), names.join(";"), &credentials.access_key_id);
    let value = format!("{ALGORITHM} Credential={id}/{scope},SignedHeaders={names},Signature={signature}");
    set(&mut parts.headers, "authorization", &value);
}

pub(super) fn presign(parts: &mut Parts, credentials: &Credentials, now: Timestamp, region: &str, life: u32) {
    let time = basic_date(now);
    let date = time.get(..8).unwrap_or_default();
    let names = signed_names(parts);
    add_query(
        parts,
        &[
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &format!("{}/{}", credentials.access_key_id, scope(date, region))),
            ("X-Amz-Date", &time),
            ("X-Amz-Expires", &life.to_string()),
            ("X-Amz-SignedHeaders", &names.join(";")),
        ],
    );
    if let Some(token) = &credentials.security_token {
        add_query(parts, &[("X-Amz-Security-Token", token)]);
    }
    let text = string_to_sign(&canonical_request(parts, &names, None), &time, &scope(date, region));
    let signature = hex(&hmac_sha256(&signing_key(&credentials.access_key_secret, date, region), text.as_bytes()));
    add_query(parts, &[("X-Amz-Signature", &signature)]);
}

/// `VERB \n URI \n Query \n CanonicalHeaders \n SignedHeaders \n HashedPayload`
fn canonical_request(parts: &Parts, names: &[String], without: Option<&str>) -> String {
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
    let payload = if parts.headers.contains_key("x-amz-content-sha256") {
        field(&parts.headers, "x-amz-content-sha256")
    } else {
        UNSIGNED.to_owned()
    };
    [parts.method.as_str(), &path, &members.join("&"), &fields, &names.join(";"), &payload].join("\n")
}

fn string_to_sign(canonical_request: &str, time: &str, scope: &str) -> String {
    format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical_request.as_bytes())))
}

/// `<AccessKeyId>/<date>/<region>/s3/aws4_request`
struct Credential<'a> {
    id: &'a str,
    date: &'a str,
    region: &'a str,
}

impl<'a> Credential<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.rsplitn(5, '/').collect();
        match parts.as_slice() {
            ["aws4_request", "s3", region, date, id] => Some(Self { id, date, region }),
            _ => None,
        }
    }
}

/// What is signed besides the request itself.
struct Claim<'a> {
    credential: Credential<'a>,
    time: &'a str,
    names: Vec<String>,
    provided: &'a str,
    token: Option<String>,
    /// The query member that holds the signature, which is not signed.
    without: Option<&'a str>,
}

pub(super) fn verify<'c>(
    parts: &Parts,
    now: Timestamp,
    authorization: &str,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let member = |name: &str| {
        let members = authorization.split(',').filter_map(|member| member.trim().split_once('='));
        members.into_iter().find(|(member, _)| *member == name).map(|(_, value)| value)
    };
    let credential = member("Credential").and_then(Credential::parse).ok_or(MALFORMED)?;
    let time = if parts.headers.contains_key("x-amz-date") {
        field(&parts.headers, "x-amz-date")
    } else {
        field(&parts.headers, "date")
    };
    let request_time = parse_basic_date(&time).or_else(|| parse_http_date(&time)).ok_or(VerifyError::InvalidDate)?;
    let time = basic_date(request_time);
    if time.get(..8) != Some(credential.date) {
        return Err(VerifyError::Malformed("the date of the credential is not the date of the request"));
    }
    let claim = Claim {
        time: &time,
        names: names(member("SignedHeaders").ok_or(MALFORMED)?),
        provided: member("Signature").ok_or(MALFORMED)?,
        token: parts
            .headers
            .contains_key("x-amz-security-token")
            .then(|| field(&parts.headers, "x-amz-security-token")),
        without: None,
        credential,
    };
    let signer = check(parts, &claim, credentials)?;
    if request_time.duration_since(now).abs() > MAX_SKEW {
        return Err(VerifyError::Skewed { request_time });
    }
    Ok(signer)
}

pub(super) fn verify_presigned<'c>(
    parts: &Parts,
    now: Timestamp,
    query: &Query,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let member = |name| query.get(name).ok_or(MALFORMED);
    if member("X-Amz-Algorithm")? != ALGORITHM {
        return Err(MALFORMED);
    }
    let credential = Credential::parse(member("X-Amz-Credential")?).ok_or(MALFORMED)?;
    let time = member("X-Amz-Date")?;
    let signed_at = parse_basic_date(time).ok_or(VerifyError::InvalidDate)?;
    let life: u32 = member("X-Amz-Expires")?.parse().map_err(|_| MALFORMED)?;
    let life = SignedDuration::from_secs(i64::from(life));
    if life > MAX_EXPIRES || time.get(..8) != Some(credential.date) {
        return Err(MALFORMED);
    }
    let expires = signed_at.checked_add(life).map_err(|_| MALFORMED)?;
    if now > expires {
        return Err(VerifyError::Expired { expires });
    }
    if signed_at.duration_since(now) > MAX_SKEW {
        return Err(VerifyError::Skewed { request_time: signed_at });
    }
    let claim = Claim {
        credential,
        time,
        names: names(member("X-Amz-SignedHeaders")?),
        provided: member("X-Amz-Signature")?,
        token: query.get("X-Amz-Security-Token").map(str::to_owned),
        without: Some("X-Amz-Signature"),
    };
    check(parts, &claim, credentials)
}

fn names(text: &str) -> Vec<String> {
    text.split(';').map(str::to_ascii_lowercase).collect()
}

/// The host must be signed, and all that is of AWS, or somebody else may have added it.
fn check<'c>(
    parts: &Parts,
    claim: &Claim<'_>,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let Credential { id, date, region } = claim.credential;
    let must = |name: &String| name == "host" || name.starts_with("x-amz-");
    if signed_names(parts).iter().filter(|name| must(name)).any(|name| !claim.names.contains(name)) {
        return Err(VerifyError::Malformed("there are headers that must be signed and are not"));
    }
    let key = known(id, claim.token.as_deref(), credentials)?;
    let text = string_to_sign(&canonical_request(parts, &claim.names, claim.without), claim.time, &scope(date, region));
    let right = hex(&hmac_sha256(&signing_key(&key.access_key_secret, date, region), text.as_bytes()));
    compare(&right, id, claim.provided, text)
}

/// PostObject: the policy in base64, signed with the signing key.
pub(super) fn sign_policy(
    credentials: &Credentials,
    policy: &[u8],
    now: Timestamp,
    region: &str,
) -> Vec<(String, String)> {
    let policy = STANDARD.encode(policy);
    let time = basic_date(now);
    let date = time.get(..8).unwrap_or_default();
    let signature = hex(&hmac_sha256(&signing_key(&credentials.access_key_secret, date, region), policy.as_bytes()));
    let pair = |name: &str, value: String| (name.to_owned(), value);
    vec![
        pair("x-amz-algorithm", ALGORITHM.to_owned()),
        pair("x-amz-credential", format!("{}/{}", credentials.access_key_id, scope(date, region))),
        pair("x-amz-date", time.clone()),
        pair("policy", policy),
        pair("x-amz-signature", signature),
    ]
}

pub(super) fn verify_policy<'c>(
    fields: &dyn Fn(&str) -> Option<String>,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let field = |name| fields(name).ok_or(VerifyError::Malformed("the form lacks a field of the signature"));
    let (credential, policy, provided) = (field("x-amz-credential")?, field("policy")?, field("x-amz-signature")?);
    let Credential { id, date, region } = Credential::parse(&credential).ok_or(MALFORMED)?;
    let key = known(id, fields("x-amz-security-token").as_deref(), credentials)?;
    let right = hex(&hmac_sha256(&signing_key(&key.access_key_secret, date, region), policy.as_bytes()));
    compare(&right, id, &provided, policy)
}
