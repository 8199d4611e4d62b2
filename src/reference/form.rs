//! PostObject: the browser form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;

use super::address::Address;
use super::{ErrorDocument, Moment, Object, Reference, empty, set};
use crate::dialect::ErrorKind;
use crate::sign::{self, Query};

/// Whether a request is a form upload: it is sent to the bucket itself, without a sub-resource. A form that is sent
/// elsewhere is a body like any other.
pub(super) fn is_form(request: &Request<Bytes>, address: &Address) -> bool {
    let query = Query::parse(request.uri().query().unwrap_or_default()).without_signature();
    let bare = address.object.is_none() && query.iter().next().is_none();
    request.method() == Method::POST && bare && boundary(request).is_some()
}

fn boundary(request: &Request<Bytes>) -> Option<String> {
    let value = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (kind, parameters) = value.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
    Some(boundary.trim_matches('"').to_owned()).filter(|boundary| !boundary.is_empty())
}

/// One part of a form.
struct Field {
    name: String,
    content_type: Option<String>,
    value: Bytes,
}

impl Reference {
    /// Stores the part `file` under the part `key`; the form's policy and signature say who uploads.
    pub(super) fn post_object(
        &mut self,
        bucket: &str,
        request: &Request<Bytes>,
        moment: Moment<'_>,
    ) -> Result<Response<Bytes>, ErrorDocument> {
        let fields = boundary(request).and_then(|boundary| parse(request.body(), &boundary));
        let fields =
            fields.ok_or_else(|| ErrorDocument::invalid_argument("Content-Type", "the form cannot be read"))?;
        let text = |name: &str| {
            let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
            Some(String::from_utf8_lossy(&field.value).into_owned())
        };
        let signer = sign::verify_policy(&text, |id| self.key(id));
        let signer = self.account(signer, moment.now)?;
        let Some(entry) = self.buckets.get(bucket) else { return Err(ErrorDocument::no_such_bucket(bucket)) };
        match signer {
            None => return Err(ErrorDocument::new(ErrorKind::Denied)),
            Some(name) if name != entry.owner => return Err(ErrorDocument::new(ErrorKind::NotOwner)),
            Some(_) => {}
        }
        if let Some(policy) = text("policy") {
            check_policy(&policy, bucket, &text, moment.now)?;
        }
        let key = text("key").filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| ErrorDocument::invalid_argument("key", ""))?;
        let file = fields.iter().find(|field| field.name == "file");
        let file = file.ok_or_else(|| ErrorDocument::invalid_argument("file", ""))?;
        let kind = file.content_type.as_deref().and_then(|kind| HeaderValue::from_str(kind).ok());
        let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let object = Object::new(file.value.clone(), kind, moment, false);
        let status = match text("success_action_status").as_deref() {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        };
        let mut response = empty(status);
        set(response.headers_mut(), header::ETAG, &object.etag);
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.objects.insert(key, object);
        }
        Ok(response)
    }
}

/// The policy is base64 of JSON with an `expiration` and `conditions`: `{"name": "value"}`, `["eq", "$name", "value"]`,
/// `["starts-with", "$name", "prefix"]`. The range of lengths is not enforced.
fn check_policy(
    policy: &str,
    bucket: &str,
    fields: &dyn Fn(&str) -> Option<String>,
    now: Timestamp,
) -> Result<(), ErrorDocument> {
    let decoded = STANDARD.decode(policy).ok();
    let value: Option<serde_json::Value> = decoded.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let expiration = value.as_ref().and_then(|value| value.get("expiration")).and_then(serde_json::Value::as_str);
    match expiration.and_then(|text| text.parse::<Timestamp>().ok()) {
        Some(expires) if now <= expires => {}
        Some(_) => return Err(ErrorDocument::policy("Invalid according to Policy: Policy expired.")),
        None => return Err(ErrorDocument::policy("Invalid Policy: Invalid JSON or no expiration.")),
    }
    let actual = |name: &str| match name.trim_start_matches('$') {
        "bucket" => Some(bucket.to_owned()),
        name => fields(name),
    };
    let conditions = value.as_ref().and_then(|value| value.get("conditions")).and_then(serde_json::Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    let holds = |condition: &serde_json::Value| match condition {
        serde_json::Value::Object(pairs) => pairs.iter().all(|(name, value)| actual(name).as_deref() == value.as_str()),
        serde_json::Value::Array(items) => {
            let texts: Vec<&str> = items.iter().filter_map(serde_json::Value::as_str).collect();
            match texts.as_slice() {
                ["eq", name, value] => actual(name).as_deref() == Some(value),
                ["starts-with", name, prefix] => actual(name).is_some_and(|text| text.starts_with(prefix)),
                _ => true,
            }
        }
        _ => true,
    };
    if conditions.all(holds) {
        return Ok(());
    }
    Err(ErrorDocument::policy("Invalid according to Policy: Policy Condition failed."))
}

/// RFC 7578 parts between boundaries; `None` if the body is not of that form.
fn parse(body: &Bytes, boundary: &str) -> Option<Vec<Field>> {
    let delimiter = format!("--{boundary}").into_bytes();
    let starts: Vec<usize> = find_all(body, &delimiter);
    let mut fields = Vec::new();
    for pair in starts.windows(2) {
        let &[start, end] = pair else { continue };
        let part = body.get(start + delimiter.len()..end)?;
        let part = part.strip_prefix(b"\r\n")?.strip_suffix(b"\r\n")?;
        let split = find_all(part, b"\r\n\r\n").first().copied()?;
        let head = std::str::from_utf8(part.get(..split)?).ok()?;
        let value = part.get(split + 4..)?;
        let line = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        let parameters = line("content-disposition")?.split(';');
        let name = parameters.into_iter().find_map(|parameter| parameter.trim().strip_prefix("name="))?;
        fields.push(Field {
            name: name.trim_matches('"').to_owned(),
            content_type: line("content-type").map(str::to_owned),
            value: Bytes::copy_from_slice(value),
        });
    }
    Some(fields)
}

fn find_all(text: &[u8], pattern: &[u8]) -> Vec<usize> {
    let windows = text.windows(pattern.len()).enumerate();
    windows.filter(|(_, window)| *window == pattern).map(|(at, _)| at).collect()
}
