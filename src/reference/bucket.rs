//! Operations on the service and on buckets.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;

use super::address::Address;
use super::{Acl, Bucket, ErrorDocument, Moment, Object, Options, Reference, document, empty, form, integrity};
use crate::dialect::{BucketAcl, ErrorKind};
use crate::sign::{Query, encode_component};
use crate::xml::{self, escape};

/// Default and largest number of objects in a listing.
const MAX_KEYS: usize = 1000;

impl Reference {
    /// ListBuckets.
    pub(super) fn service(&self, method: &Method, signer: Option<&str>) -> Result<Response<Bytes>, ErrorDocument> {
        let Some(owner) = signer else { return Err(ErrorDocument::new(ErrorKind::Anonymous)) };
        if method != Method::GET {
            return Err(ErrorDocument::method_not_allowed(method.as_str(), "SERVICE"));
        }
        let mine = self.buckets.iter().filter(|(_, bucket)| bucket.owner == owner);
        let buckets: String = mine
            .map(|(name, bucket)| {
                let created = bucket.created.strftime("%Y-%m-%dT%H:%M:%S.000Z");
                format!("    <Bucket>\n      <CreationDate>{created}</CreationDate>\n      <Name>{name}</Name>\n    </Bucket>\n")
            })
            .collect();
        let owner = escape(owner);
        Ok(document(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult>\n  <Owner>\n    <ID>{owner}</ID>\n  </Owner>\n  <Buckets>\n{buckets}  </Buckets>\n</ListAllMyBucketsResult>\n"
        )))
    }

    /// CreateBucket; one's own bucket may be created again.
    pub(super) fn create_bucket(
        &mut self,
        name: &str,
        request: &Request<Bytes>,
        signer: Option<&str>,
        now: Timestamp,
    ) -> Result<Response<Bytes>, ErrorDocument> {
        let Some(owner) = signer else { return Err(ErrorDocument::new(ErrorKind::Anonymous)) };
        let acl = requested_acl(request, &self.options)?.unwrap_or_default();
        match self.buckets.get(name) {
            Some(bucket) if bucket.owner != owner => {
                return Err(ErrorDocument::new(ErrorKind::BucketExists).with("bucket", name));
            }
            Some(_) => {}
            None => {
                let bucket = Bucket {
                    owner: owner.to_owned(),
                    acl,
                    cors: None,
                    objects: std::collections::BTreeMap::new(),
                    created: now,
                };
                self.buckets.insert(name.to_owned(), bucket);
            }
        }
        Ok(empty(StatusCode::OK))
    }

    /// Operations on a bucket that exists, by somebody who may.
    pub(super) fn bucket(
        &mut self,
        name: &str,
        request: &Request<Bytes>,
        address: &Address,
        query: &Query,
        moment: Moment<'_>,
    ) -> Result<Response<Bytes>, ErrorDocument> {
        let method = request.method();
        if query.has("cors") {
            // `config.cors-equals`: a value of the sub-resource does not matter.
            return match *method {
                Method::PUT => self.put_bucket_cors(name, request),
                Method::GET | Method::HEAD => self.get_bucket_cors(name),
                Method::DELETE => Ok(self.delete_bucket_cors(name)),
                _ => Err(ErrorDocument::method_not_allowed(method.as_str(), "CORS")),
            };
        }
        let Some(bucket) = self.buckets.get_mut(name) else { return Err(ErrorDocument::no_such_bucket(name)) };
        if query.has("acl") {
            return match *method {
                Method::PUT => {
                    bucket.acl = requested_acl(request, &self.options)?.unwrap_or_default();
                    Ok(empty(StatusCode::OK))
                }
                Method::GET => Ok(document(format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AccessControlPolicy>\n  <Owner>\n    <ID>{}</ID>\n  </Owner>\n  <AccessControlList>\n    <Grant>{}</Grant>\n  </AccessControlList>\n</AccessControlPolicy>\n",
                    escape(&bucket.owner),
                    bucket.acl.as_str(),
                ))),
                _ => Err(ErrorDocument::method_not_allowed(method.as_str(), "ACL")),
            };
        }
        if *method == Method::POST && query.has("delete") {
            return delete_multiple(bucket, request, &self.options);
        }
        if form::is_form(request, address) {
            return self.post_object(name, request, moment);
        }
        match *method {
            Method::GET if query.has("uploads") => Ok(document(format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListMultipartUploadsResult>\n  <Bucket>{name}</Bucket>\n  <MaxUploads>1000</MaxUploads>\n  <IsTruncated>false</IsTruncated>\n</ListMultipartUploadsResult>\n"
            ))),
            Method::GET | Method::HEAD if lists(query) => Ok(list_objects(name, bucket, query)),
            Method::DELETE if query.iter().next().is_none() => {
                if !bucket.objects.is_empty() {
                    return Err(ErrorDocument::new(ErrorKind::BucketNotEmpty).with("bucket", name));
                }
                self.buckets.remove(name);
                Ok(empty(StatusCode::NO_CONTENT))
            }
            _ => {
                let what = query.iter().next().map_or_else(|| method.as_str().to_owned(), |(name, _)| name.to_owned());
                Err(ErrorDocument::not_implemented(&what))
            }
        }
    }
}

/// Whether a query has members of a listing only.
fn lists(query: &Query) -> bool {
    const MEMBERS: [&str; 9] = [
        "list-type",
        "prefix",
        "marker",
        "start-after",
        "max-keys",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "continuation-token",
    ];
    query.iter().all(|(name, _)| MEMBERS.contains(&name))
}

/// The ACL that a request asks for; `bucket_acl` says whether there is any.
fn requested_acl(request: &Request<Bytes>, options: &Options) -> Result<Option<Acl>, ErrorDocument> {
    let field = options.wording.field("acl");
    let Some(value) = request.headers().get(&field) else { return Ok(None) };
    if options.behaviours.bucket_acl == BucketAcl::Disabled {
        return Err(ErrorDocument::new(ErrorKind::NoAcls));
    }
    let text = String::from_utf8_lossy(value.as_bytes());
    Acl::parse(&text).map(Some).ok_or_else(|| ErrorDocument::invalid_argument(&field, &text))
}

/// ListObjects and ListObjectsV2.
fn list_objects(name: &str, bucket: &Bucket, query: &Query) -> Response<Bytes> {
    let second = query.get("list-type") == Some("2");
    let prefix = query.get("prefix").unwrap_or_default();
    let after = query.get(if second { "start-after" } else { "marker" }).unwrap_or_default();
    let most = query.get("max-keys").and_then(|text| text.parse().ok()).unwrap_or(100).min(MAX_KEYS);
    let encoded = query.get("encoding-type") == Some("url");
    let shown = |text: &str| if encoded { encode_component(text) } else { escape(text).into_owned() };
    let matching: Vec<(&String, &Object)> =
        bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after).collect();
    let truncated = matching.len() > most;
    let contents: String = matching
        .iter()
        .take(most)
        .map(|(key, object)| {
            format!(
                "  <Contents>\n    <Key>{}</Key>\n    <LastModified>{}</LastModified>\n    <ETag>{}</ETag>\n    <Type>{}</Type>\n    <Size>{}</Size>\n    <StorageClass>Standard</StorageClass>\n  </Contents>\n",
                shown(key),
                object.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                escape(&object.etag),
                if object.appendable { "Appendable" } else { "Normal" },
                object.body.len(),
            )
        })
        .collect();
    let count = if second { format!("  <KeyCount>{}</KeyCount>\n", matching.len().min(most)) } else { String::new() };
    document(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult>\n  <Name>{name}</Name>\n  <Prefix>{}</Prefix>\n  <MaxKeys>{most}</MaxKeys>\n  <IsTruncated>{truncated}</IsTruncated>\n{count}{contents}</ListBucketResult>\n",
        shown(prefix),
    ))
}

/// DeleteMultipleObjects.
fn delete_multiple(
    bucket: &mut Bucket,
    request: &Request<Bytes>,
    options: &Options,
) -> Result<Response<Bytes>, ErrorDocument> {
    integrity::check(request, options.behaviours.integrity, true)?;
    let root = xml::parse(request.body()).map_err(|error| ErrorDocument::ill_formed(&error))?;
    if root.name != "Delete" {
        return Err(ErrorDocument::malformed("the root node is not named Delete."));
    }
    let keys: Vec<&str> = root.all("Object").filter_map(|object| object.text_of("Key")).collect();
    for key in &keys {
        bucket.objects.remove(*key);
    }
    let quiet = root.text_of("Quiet") == Some("true");
    let deleted: String = keys
        .iter()
        .filter(|_| !quiet)
        .map(|key| format!("  <Deleted>\n    <Key>{}</Key>\n  </Deleted>\n", escape(key)))
        .collect();
    Ok(document(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteResult>\n{deleted}</DeleteResult>\n")))
}
