//! Which bucket and object a request names.

use bytes::Bytes;
use http::{Method, Request, header};

use super::{Scope, form};
use crate::sign::{Query, Resource, decode_component};

/// Bucket, object and host of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Address {
    pub(super) bucket: Option<String>,
    pub(super) object: Option<String>,
    /// Host without port: the HostId of errors.
    pub(super) host: String,
}

impl Address {
    /// From the host, where it is a name under one of the domains, else from the first segment of the path.
    pub(super) fn of(request: &Request<Bytes>, domains: &[String]) -> Self {
        let field = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
        let host = field.or_else(|| request.uri().authority().map(http::uri::Authority::as_str)).unwrap_or_default();
        let host = without_port(host).to_ascii_lowercase();
        let path = request.uri().path().strip_prefix('/').unwrap_or_default();
        let decoded = |text: &str| Some(decode_component(text)).filter(|text| !text.is_empty());
        let under = domains.iter().find_map(|domain| host.strip_suffix(domain.as_str())?.strip_suffix('.'));
        let (bucket, object) = match (under, path.split_once('/')) {
            (Some(bucket), _) => (Some(bucket.to_owned()), decoded(path)),
            (None, Some((bucket, object))) => (decoded(bucket), decoded(object)),
            (None, None) => (decoded(path), None),
        };
        Self { bucket, object, host }
    }

    pub(super) fn scope(&self, request: &Request<Bytes>) -> Scope {
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let management =
            ["cors", "acl", "logging", "lifecycle", "website", "referer", "location", "policy", "bucketInfo"];
        match (&self.bucket, &self.object) {
            (None, _) => Scope::Service,
            (Some(_), Some(_)) => Scope::Objects,
            (Some(_), None) if management.iter().any(|name| query.has(name)) => Scope::Management,
            (Some(_), None) => match *request.method() {
                Method::GET | Method::HEAD => Scope::Objects,
                Method::POST if query.has("delete") || form::is_form(request, self) => Scope::Objects,
                _ => Scope::Management,
            },
        }
    }

    pub(super) fn resource(&self) -> Resource {
        Resource { bucket: self.bucket.clone(), object: self.object.clone() }
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// 3 to 63 lower-case letters, digits and hyphens, a letter or digit at both ends.
pub(super) fn is_bucket_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
        && name.bytes().next().is_some_and(plain)
        && name.bytes().next_back().is_some_and(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, path: &str, bucket: Option<&str>, object: Option<&str>) {
        let request = Request::get(path).header("host", host).body(Bytes::new()).unwrap();
        let address = Address::of(&request, &["localhost".to_owned()]);
        assert_eq!((address.bucket.as_deref(), address.object.as_deref()), (bucket, object), "{host} {path}");
    }

    #[test]
    fn path_style_and_virtual_hosted() {
        check("127.0.0.1:80", "/", None, None);
        check("127.0.0.1:80", "/b", Some("b"), None);
        check("localhost", "/b/", Some("b"), None);
        check("localhost:8080", "/b/a%20b/c", Some("b"), Some("a b/c"));
        check("b.localhost:8080", "/", Some("b"), None);
        check("B.localhost", "/k/%C3%A9", Some("b"), Some("k/é"));
        check("[::1]:80", "/b/k", Some("b"), Some("k"));
    }

    #[test]
    fn bucket_names() {
        assert!(is_bucket_name("abc") && is_bucket_name("a-1") && is_bucket_name(&"a".repeat(63)));
        for name in ["ab", "-ab", "ab-", "Abc", "a_b", "a.b", &"a".repeat(64)] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }
}
