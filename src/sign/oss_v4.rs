//! OSS signature version 4.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::canonical::{
    add_query, basic_date, encode_component, encode_path, field, hex, hmac_sha256, oss_fields, parse_basic_date,
    parse_http_date, set,
};
use super::{Credentials, MAX_EXPIRES, MAX_SKEW, Query, Resource, Signer, VerifyError, compare, known};

const ALGORITHM: &str = "OSS4-HMAC-SHA256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const MALFORMED: VerifyError = VerifyError::Malformed("the V4 signature is not of the documented form");

/// `<date>/<region>/oss/aliyun_v4_request`; `date` is `YYYYMMDD`.
pub fn credential_scope(date: &str, region: &str) -> String {
    format!("{date}/{region}/oss/aliyun_v4_request")
}

/// The HMAC chain over date, region, service and terminator.
pub fn signing_key(secret: &str, date: &str, region: &str) -> Vec<u8> {
    let first = format!("aliyun_v4{secret}");
    [date, region, "oss", "aliyun_v4_request"]
        .iter()
        .fold(first.into_bytes(), |key, part| hmac_sha256(&key, part.as_bytes()))
}

pub(super) fn sign(parts: &mut Parts, credentials: &Credentials, resource: &Resource, now: Timestamp, region: &str) {
    if let Some(token) = &credentials.security_token {
        set(&mut parts.headers, "x-oss-security-token", token);
    }
    if !parts.headers.contains_key("x-oss-date") {
        set(&mut parts.headers, "x-oss-date", &basic_date(now));
    }
    if !parts.headers.contains_key("x-oss-content-sha256") {
        set(&mut parts.headers, "x-oss-content-sha256", UNSIGNED);
    }
    let time = field(&parts.headers, "x-oss-date");
    let date = time.get(..8).unwrap_or_default().to_owned();
    let text = string_to_sign(&canonical_request(parts, resource, &[], None), &time, &credential_scope(&date, region));
    let signature = hex(&hmac_sha256(&signing_key(&credentials.access_key_secret, &date, region), text.as_bytes()));
    let scope = credential_scope(&date, region);
    let id = &credentials.access_key_id;
    set(&mut parts.headers, "authorization", &format!("{ALGORITHM} Credential={id}/{scope},Signature={signature}"));
}

pub(super) fn presign(
    parts: &mut Parts,
    credentials: &Credentials,
    resource: &Resource,
    now: Timestamp,
    region: &str,
    life: u32,
) {
    let time = basic_date(now);
    let date = time.get(..8).unwrap_or_default();
    let scope = credential_scope(date, region);
    add_query(
        parts,
        &[
            ("x-oss-signature-version", ALGORITHM),
            ("x-oss-credential", &format!("{}/{scope}", credentials.access_key_id)),
            ("x-oss-date", &time),
            ("x-oss-expires", &life.to_string()),
        ],
    );
    if let Some(token) = &credentials.security_token {
        add_query(parts, &[("x-oss-security-token", token)]);
    }
    let text = string_to_sign(&canonical_request(parts, resource, &[], None), &time, &scope);
    let signature = hex(&hmac_sha256(&signing_key(&credentials.access_key_secret, date, region), text.as_bytes()));
    add_query(parts, &[("x-oss-signature", &signature)]);
}

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

    let payload = if headers.contains_key("x-oss-content-sha256") {
        field(headers, "x-oss-content-sha256")
    } else {
        UNSIGNED.to_owned()
    };
    [parts.method.as_str(), &encode_path(&path), &members.join("&"), &fields, &additional.join(";"), &payload]
        .join("\n")
}

fn string_to_sign(canonical_request: &str, time: &str, scope: &str) -> String {
    let digest = hex(&Sha256::digest(canonical_request.as_bytes()));
    format!("{ALGORITHM}\n{time}\n{scope}\n{digest}")
}

/// `<AccessKeyId>/<date>/<region>/oss/aliyun_v4_request`; an access key id holds no slash.
struct Credential<'a> {
    id: &'a str,
    date: &'a str,
    region: &'a str,
}

impl<'a> Credential<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [id, date, region, "oss", "aliyun_v4_request"] => Some(Self { id, date, region }),
            _ => None,
        }
    }
}

/// What is signed besides the request itself.
struct Claim<'a> {
    credential: Credential<'a>,
    time: &'a str,
    additional: Vec<String>,
    provided: &'a str,
    token: Option<String>,
    /// The query member that holds the signature, which is not signed.
    without: Option<&'a str>,
}

pub(super) fn verify<'c>(
    parts: &Parts,
    resource: &Resource,
    now: Timestamp,
    authorization: &str,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let member = |name: &str| {
        let members = authorization.split(',').filter_map(|member| member.trim().split_once('='));
        members.into_iter().find(|(member, _)| *member == name).map(|(_, value)| value)
    };
    let credential = member("Credential").and_then(Credential::parse).ok_or(MALFORMED)?;
    let time = if parts.headers.contains_key("x-oss-date") {
        field(&parts.headers, "x-oss-date")
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
        additional: additional_headers(member("AdditionalHeaders")),
        provided: member("Signature").ok_or(MALFORMED)?,
        token: parts
            .headers
            .contains_key("x-oss-security-token")
            .then(|| field(&parts.headers, "x-oss-security-token")),
        without: None,
        credential,
    };
    let signer = check(parts, resource, &claim, credentials)?;
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
    let member = |name| query.get(name).ok_or(MALFORMED);
    if member("x-oss-signature-version")? != ALGORITHM {
        return Err(MALFORMED);
    }
    let credential = Credential::parse(member("x-oss-credential")?).ok_or(MALFORMED)?;
    let time = member("x-oss-date")?;
    let signed_at = parse_basic_date(time).ok_or(VerifyError::InvalidDate)?;
    let life: u32 = member("x-oss-expires")?.parse().map_err(|_| MALFORMED)?;
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
        additional: additional_headers(query.get("x-oss-additional-headers")),
        provided: member("x-oss-signature")?,
        token: query.get("x-oss-security-token").map(str::to_owned),
        without: Some("x-oss-signature"),
    };
    check(parts, resource, &claim, credentials)
}

fn additional_headers(text: Option<&str>) -> Vec<String> {
    let names = text.unwrap_or_default().split(';').map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}

fn check<'c>(
    parts: &Parts,
    resource: &Resource,
    claim: &Claim<'_>,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let Credential { id, date, region } = claim.credential;
    let key = known(id, claim.token.as_deref(), credentials)?;
    let request = canonical_request(parts, resource, &claim.additional, claim.without);
    let text = string_to_sign(&request, claim.time, &credential_scope(date, region));
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
        pair("x-oss-signature-version", ALGORITHM.to_owned()),
        pair("x-oss-credential", format!("{}/{}", credentials.access_key_id, credential_scope(date, region))),
        pair("x-oss-date", time.clone()),
        pair("policy", policy),
        pair("x-oss-signature", signature),
    ]
}

pub(super) fn verify_policy<'c>(
    fields: &dyn Fn(&str) -> Option<String>,
    credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
) -> Result<Signer, VerifyError> {
    let field = |name| fields(name).ok_or(VerifyError::Malformed("the form lacks a field of the V4 signature"));
    let (credential, policy, provided) = (field("x-oss-credential")?, field("policy")?, field("x-oss-signature")?);
    let Credential { id, date, region } = Credential::parse(&credential).ok_or(MALFORMED)?;
    let key = known(id, fields("x-oss-security-token").as_deref(), credentials)?;
    let right = hex(&hmac_sha256(&signing_key(&key.access_key_secret, date, region), policy.as_bytes()));
    compare(&right, id, &provided, policy)
}
