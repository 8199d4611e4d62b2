//! Signature version 4 as OSS and AWS share it: [`Flavour`] says where they differ.
//!
//! A key is derived from date, region and service; what it signs is the digest of a canonical request. Which header fields a flavour
//! signs, and how it writes them, is in `oss_v4` and `aws_v4`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::canonical::{add_query, basic_date, field, hex, hmac_sha256, parse_basic_date, parse_http_date, set};
use super::{Credentials, MAX_EXPIRES, MAX_SKEW, Query, Resource, Signer, VerifyError, compare, known};

/// The payload that is not signed.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const MALFORMED: VerifyError = VerifyError::Malformed("the V4 signature is not of the documented form");

/// Names and texts of a vendor, and how its canonical request is written.
pub(super) struct Flavour {
    pub(super) algorithm: &'static str,
    /// Stands before the secret in the first key of the chain.
    pub(super) secret_prefix: &'static str,
    pub(super) service: &'static str,
    pub(super) terminator: &'static str,
    /// Header fields.
    pub(super) date: &'static str,
    pub(super) token: &'static str,
    pub(super) payload: &'static str,
    /// Members of a presigned query; in lower case also the parts of a browser form.
    pub(super) query: Names,
    /// The member of Authorization that lists signed header fields.
    pub(super) listed: &'static str,
    /// The header fields that are listed when this crate signs.
    pub(super) lists: fn(&Parts) -> Vec<String>,
    /// Whether all is signed that must be, by this list.
    pub(super) covers: fn(&Parts, &[String]) -> bool,
    /// The canonical request: the listed fields are signed, one member of the query is not.
    pub(super) canonical: fn(&Parts, &Resource, &[String], Option<&str>) -> String,
}

/// Members of a presigned query.
pub(super) struct Names {
    pub(super) algorithm: &'static str,
    pub(super) credential: &'static str,
    pub(super) date: &'static str,
    pub(super) expires: &'static str,
    pub(super) listed: &'static str,
    pub(super) token: &'static str,
    pub(super) signature: &'static str,
}

impl Flavour {
    /// `<date>/<region>/<service>/<terminator>`; `date` is `YYYYMMDD`.
    fn scope(&self, date: &str, region: &str) -> String {
        [date, region, self.service, self.terminator].join("/")
    }

    /// The signature of a text by the HMAC chain over date, region, service and terminator.
    fn signature(&self, secret: &str, date: &str, region: &str, text: &str) -> String {
        let first = format!("{}{secret}", self.secret_prefix).into_bytes();
        let parts = [date, region, self.service, self.terminator];
        let key = parts.iter().fold(first, |key, part| hmac_sha256(&key, part.as_bytes()));
        hex(&hmac_sha256(&key, text.as_bytes()))
    }

    fn string_to_sign(&self, canonical_request: &str, time: &str, scope: &str) -> String {
        format!("{}\n{time}\n{scope}\n{}", self.algorithm, hex(&Sha256::digest(canonical_request.as_bytes())))
    }

    /// The digest of the payload as the header says, or that it is not signed.
    pub(super) fn payload(&self, parts: &Parts) -> String {
        if parts.headers.contains_key(self.payload) { field(&parts.headers, self.payload) } else { UNSIGNED.to_owned() }
    }

    pub(super) fn sign(
        &self,
        parts: &mut Parts,
        credentials: &Credentials,
        resource: &Resource,
        now: Timestamp,
        region: &str,
    ) {
        if let Some(token) = &credentials.security_token {
            set(&mut parts.headers, self.token, token);
        }
        for (name, value) in [(self.date, basic_date(now)), (self.payload, UNSIGNED.to_owned())] {
            if !parts.headers.contains_key(name) {
                set(&mut parts.headers, name, &value);
            }
        }
        let time = field(&parts.headers, self.date);
        let date = time.get(..8).unwrap_or_default().to_owned();
        let listed = (self.lists)(parts);
        let scope = self.scope(&date, region);
        let text = self.string_to_sign(&(self.canonical)(parts, resource, &listed, None), &time, &scope);
        let signature = self.signature(&credentials.access_key_secret, &date, region, &text);
        let mut value = format!("{} Credential={}/{scope},", self.algorithm, credentials.access_key_id);
        if !listed.is_empty() {
            value.extend([self.listed, "=", &listed.join(";"), ","]);
        }
        value.extend(["Signature=", &signature]);
        set(&mut parts.headers, "authorization", &value);
    }

    pub(super) fn presign(
        &self,
        parts: &mut Parts,
        credentials: &Credentials,
        resource: &Resource,
        now: Timestamp,
        region: &str,
        life: u32,
    ) {
        let time = basic_date(now);
        let date = time.get(..8).unwrap_or_default();
        let scope = self.scope(date, region);
        let listed = (self.lists)(parts);
        let names = &self.query;
        add_query(
            parts,
            &[
                (names.algorithm, self.algorithm),
                (names.credential, &format!("{}/{scope}", credentials.access_key_id)),
                (names.date, &time),
                (names.expires, &life.to_string()),
            ],
        );
        if !listed.is_empty() {
            add_query(parts, &[(names.listed, &listed.join(";"))]);
        }
        if let Some(token) = &credentials.security_token {
            add_query(parts, &[(names.token, token)]);
        }
        let text = self.string_to_sign(&(self.canonical)(parts, resource, &listed, None), &time, &scope);
        let signature = self.signature(&credentials.access_key_secret, date, region, &text);
        add_query(parts, &[(names.signature, &signature)]);
    }

    /// `authorization` is what follows the algorithm.
    pub(super) fn verify<'c>(
        &self,
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
        let credential = member("Credential").and_then(|text| self.credential(text)).ok_or(MALFORMED)?;
        let name = if parts.headers.contains_key(self.date) { self.date } else { "date" };
        let time = field(&parts.headers, name);
        let request_time =
            parse_basic_date(&time).or_else(|| parse_http_date(&time)).ok_or(VerifyError::InvalidDate)?;
        let time = basic_date(request_time);
        if time.get(..8) != Some(credential.date) {
            return Err(VerifyError::Malformed("the date of the credential is not the date of the request"));
        }
        let claim = Claim {
            time: &time,
            listed: list(member(self.listed)),
            provided: member("Signature").ok_or(MALFORMED)?,
            token: parts.headers.contains_key(self.token).then(|| field(&parts.headers, self.token)),
            without: None,
            credential,
        };
        let signer = self.check(parts, resource, &claim, credentials)?;
        if request_time.duration_since(now).abs() > MAX_SKEW {
            return Err(VerifyError::Skewed { request_time });
        }
        Ok(signer)
    }

    pub(super) fn verify_presigned<'c>(
        &self,
        parts: &Parts,
        resource: &Resource,
        now: Timestamp,
        query: &Query,
        credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
    ) -> Result<Signer, VerifyError> {
        let names = &self.query;
        let member = |name| query.get(name).ok_or(MALFORMED);
        if member(names.algorithm)? != self.algorithm {
            return Err(MALFORMED);
        }
        let credential = self.credential(member(names.credential)?).ok_or(MALFORMED)?;
        let time = member(names.date)?;
        let signed_at = parse_basic_date(time).ok_or(VerifyError::InvalidDate)?;
        let life: u32 = member(names.expires)?.parse().map_err(|_| MALFORMED)?;
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
            listed: list(query.get(names.listed)),
            provided: member(names.signature)?,
            token: query.get(names.token).map(str::to_owned),
            without: Some(names.signature),
        };
        self.check(parts, resource, &claim, credentials)
    }

    fn check<'c>(
        &self,
        parts: &Parts,
        resource: &Resource,
        claim: &Claim<'_>,
        credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
    ) -> Result<Signer, VerifyError> {
        // Else somebody might have added it.
        if !(self.covers)(parts, &claim.listed) {
            return Err(VerifyError::Malformed("there are headers that must be signed and are not"));
        }
        let Credential { id, date, region } = claim.credential;
        let key = known(id, claim.token.as_deref(), credentials)?;
        let request = (self.canonical)(parts, resource, &claim.listed, claim.without);
        let text = self.string_to_sign(&request, claim.time, &self.scope(date, region));
        let right = self.signature(&key.access_key_secret, date, region, &text);
        compare(&right, id, claim.provided, text)
    }

    /// PostObject: the policy in base64, signed with the signing key.
    pub(super) fn sign_policy(
        &self,
        credentials: &Credentials,
        policy: &[u8],
        now: Timestamp,
        region: &str,
    ) -> Vec<(String, String)> {
        let policy = STANDARD.encode(policy);
        let time = basic_date(now);
        let date = time.get(..8).unwrap_or_default();
        let signature = self.signature(&credentials.access_key_secret, date, region, &policy);
        let names = &self.query;
        let mut fields = vec![
            (names.algorithm.to_ascii_lowercase(), self.algorithm.to_owned()),
            (
                names.credential.to_ascii_lowercase(),
                format!("{}/{}", credentials.access_key_id, self.scope(date, region)),
            ),
            (names.date.to_ascii_lowercase(), time.clone()),
            ("policy".to_owned(), policy),
            (names.signature.to_ascii_lowercase(), signature),
        ];
        fields.extend(credentials.security_token.clone().map(|token| (self.token.to_owned(), token)));
        fields
    }

    /// Whether a browser form is signed by this flavour.
    pub(super) fn signs_form(&self, fields: &dyn Fn(&str) -> Option<String>) -> bool {
        fields(&self.query.algorithm.to_ascii_lowercase()).is_some()
    }

    pub(super) fn verify_policy<'c>(
        &self,
        fields: &dyn Fn(&str) -> Option<String>,
        credentials: &dyn Fn(&str) -> Option<&'c Credentials>,
    ) -> Result<Signer, VerifyError> {
        let lacks = VerifyError::Malformed("the form lacks a field of the V4 signature");
        let field = |name: &str| fields(&name.to_ascii_lowercase()).ok_or_else(|| lacks.clone());
        let (credential, policy) = (field(self.query.credential)?, field("policy")?);
        let provided = field(self.query.signature)?;
        let Credential { id, date, region } = self.credential(&credential).ok_or(MALFORMED)?;
        let key = known(id, fields(self.token).as_deref(), credentials)?;
        let right = self.signature(&key.access_key_secret, date, region, &policy);
        compare(&right, id, &provided, policy)
    }

    /// `<AccessKeyId>/<date>/<region>/<service>/<terminator>`
    fn credential<'a>(&self, text: &'a str) -> Option<Credential<'a>> {
        let parts: Vec<&str> = text.rsplitn(5, '/').collect();
        match parts.as_slice() {
            [terminator, service, region, date, id] if (*terminator, *service) == (self.terminator, self.service) => {
                Some(Credential { id, date, region })
            }
            _ => None,
        }
    }
}

struct Credential<'a> {
    id: &'a str,
    date: &'a str,
    region: &'a str,
}

/// What is signed besides the request itself.
struct Claim<'a> {
    credential: Credential<'a>,
    time: &'a str,
    listed: Vec<String>,
    provided: &'a str,
    token: Option<String>,
    /// The query member that holds the signature, which is not signed.
    without: Option<&'a str>,
}

fn list(text: Option<&str>) -> Vec<String> {
    let names = text.unwrap_or_default().split(';').map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}
