//! Operations on objects.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use md5::{Digest as _, Md5};

use super::{ErrorDocument, Moment, Object, Options, Reference, document, empty, integrity, set, set_own};
use crate::dialect::{AppendObject, ErrorKind};
use crate::sign::Query;
use crate::xml::escape;

/// Media types that OSS may compress, and whose answers therefore vary by Accept-Encoding.
const COMPRESSIBLE: [&str; 10] = [
    "text/cache-manifest",
    "text/xml",
    "text/css",
    "text/html",
    "text/plain",
    "text/json",
    "application/javascript",
    "application/x-javascript",
    "application/rss+xml",
    "application/json",
];

impl Reference {
    /// Operations on an object of a bucket that exists, by somebody who may.
    pub(super) fn object(
        &mut self,
        bucket: &str,
        key: &str,
        request: &Request<Bytes>,
        query: &Query,
        moment: Moment<'_>,
    ) -> Result<Response<Bytes>, ErrorDocument> {
        let Some(bucket_entry) = self.buckets.get_mut(bucket) else {
            return Err(ErrorDocument::no_such_bucket(bucket));
        };
        let objects = &mut bucket_entry.objects;
        let options = &self.options;
        if query.has("uploadId") {
            return Err(ErrorDocument::new(ErrorKind::NoSuchUpload));
        }
        match *request.method() {
            Method::GET | Method::HEAD => {
                let object =
                    objects.get(key).ok_or_else(|| ErrorDocument::new(ErrorKind::NoSuchKey).with("key", key))?;
                get_object(object, request, query, options)
            }
            Method::PUT => {
                integrity::check(request, options.behaviours.integrity, false)?;
                let forbidden = request
                    .headers()
                    .get(options.wording.field("forbid-overwrite"))
                    .is_some_and(|value| value == "true");
                if forbidden && objects.contains_key(key) {
                    return Err(ErrorDocument::new(ErrorKind::ObjectExists));
                }
                let object = Object::new(request.body().clone(), content_type(request), moment, false);
                let mut response = empty(StatusCode::OK);
                set(response.headers_mut(), header::ETAG, &object.etag);
                objects.insert(key.to_owned(), object);
                Ok(response)
            }
            Method::DELETE => {
                objects.remove(key);
                Ok(empty(StatusCode::NO_CONTENT))
            }
            Method::POST if query.has("append") && options.behaviours.append_object == AppendObject::Unknown => {
                Err(ErrorDocument::method_not_allowed("POST", "OBJECT"))
            }
            Method::POST if query.has("append") => {
                integrity::check(request, options.behaviours.integrity, false)?;
                let before = objects.get(key);
                if before.is_some_and(|object| !object.appendable) {
                    return Err(ErrorDocument::new(ErrorKind::NotAppendable));
                }
                let length = before.map_or(0, |object| object.body.len());
                let position = query.get("position").and_then(|text| text.parse::<usize>().ok());
                if position != Some(length) {
                    return Err(ErrorDocument::new(ErrorKind::WrongPosition));
                }
                let mut body = before.map_or_else(Vec::new, |object| object.body.to_vec());
                body.extend_from_slice(request.body());
                let next = body.len();
                objects.insert(key.to_owned(), Object::new(body.into(), content_type(request), moment, true));
                let mut response = empty(StatusCode::OK);
                set_own(response.headers_mut(), &options.wording, "next-append-position", &next.to_string());
                Ok(response)
            }
            Method::POST if query.has("uploads") => Ok(document(format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<InitiateMultipartUploadResult>\n  <Bucket>{bucket}</Bucket>\n  <Key>{}</Key>\n  <UploadId>{}</UploadId>\n</InitiateMultipartUploadResult>\n",
                escape(key),
                moment.request_id,
            ))),
            _ => {
                let what =
                    query.iter().next().map_or_else(|| request.method().to_string(), |(name, _)| name.to_owned());
                Err(ErrorDocument::not_implemented(&what))
            }
        }
    }
}

impl Object {
    pub(super) fn new(body: Bytes, content_type: HeaderValue, moment: Moment<'_>, appendable: bool) -> Self {
        let digest = crate::sign::hex(&Md5::digest(&body)).to_ascii_uppercase();
        Self { etag: format!("\"{digest}\""), body, content_type, modified: moment.now, appendable }
    }
}

fn content_type(request: &Request<Bytes>) -> HeaderValue {
    let sent = request.headers().get(header::CONTENT_TYPE).cloned();
    sent.unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// GetObject and HeadObject, with ranges and conditions.
fn get_object(
    object: &Object,
    request: &Request<Bytes>,
    query: &Query,
    options: &Options,
) -> Result<Response<Bytes>, ErrorDocument> {
    let listed = |name| {
        let value = request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok())?;
        Some(value.split(',').any(|tag| tag.trim() == object.etag || tag.trim() == "*"))
    };
    if listed(header::IF_MATCH) == Some(false) {
        return Err(ErrorDocument::new(ErrorKind::PreconditionFailed));
    }
    let unchanged = listed(header::IF_NONE_MATCH) == Some(true);
    let range = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok());
    let mut response = match range.map(|range| parse_range(range, object.body.len())) {
        _ if unchanged => empty(StatusCode::NOT_MODIFIED),
        Some(Some(Requested::Bytes(range))) => {
            let mut response = Response::new(object.body.slice(range.clone()));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let total = object.body.len();
            let value = format!("bytes {}-{}/{total}", range.start, range.end - 1);
            set(response.headers_mut(), header::CONTENT_RANGE, &value);
            response
        }
        Some(Some(Requested::Unsatisfiable)) => return Err(ErrorDocument::new(ErrorKind::InvalidRange)),
        // A Range that is not understood is passed over (RFC 9110 14.2).
        Some(None) | None => Response::new(object.body.clone()),
    };
    let headers = response.headers_mut();
    let kind = query.get("response-content-type").and_then(|text| HeaderValue::from_str(text).ok());
    headers.insert(header::CONTENT_TYPE, kind.unwrap_or_else(|| object.content_type.clone()));
    set(headers, header::ETAG, &object.etag);
    set(headers, header::LAST_MODIFIED, &crate::sign::http_date(object.modified));
    set(headers, header::ACCEPT_RANGES, "bytes");
    if options.behaviours.append_object == AppendObject::Known {
        set_own(headers, &options.wording, "object-type", if object.appendable { "Appendable" } else { "Normal" });
    }
    let kind = String::from_utf8_lossy(object.content_type.as_bytes()).into_owned();
    if COMPRESSIBLE.contains(&kind.split(';').next().unwrap_or_default().trim()) {
        headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    Ok(response)
}

enum Requested {
    Bytes(Range<usize>),
    Unsatisfiable,
}

/// A single `bytes=` range.
fn parse_range(text: &str, length: usize) -> Option<Requested> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse::<usize>().ok(), last.parse::<usize>().ok()) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) if last.is_empty() => first..length,
        (None, Some(suffix)) if first.is_empty() => length.saturating_sub(suffix)..length,
        _ => return None,
    };
    Some(if range.is_empty() || range.start >= length { Requested::Unsatisfiable } else { Requested::Bytes(range) })
}
