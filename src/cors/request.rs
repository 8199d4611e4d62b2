//! What CORS looks at in a request: [`CorsRequest`].

use http::{HeaderMap, Method, header};

use super::Origin;
use crate::dialect::ActualMethod;

/// Whether the rules are asked before the request, or about it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A CORS-preflight request (OptionObject).
    Preflight,
    /// The request itself.
    Actual,
}

/// A request, reduced to what the rules are held against.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "an input of the oracle")]
pub struct CorsRequest {
    /// Preflight or actual.
    pub kind: Kind,
    /// Origin field lines that are not empty.
    pub origins: Vec<Origin>,
    /// The request's own method.
    pub method: String,
    /// The first Access-Control-Request-Method that is not empty.
    pub request_method: Option<Vec<u8>>,
    /// Access-Control-Request-Headers field lines, as they came.
    pub request_headers: Vec<Vec<u8>>,
}

impl CorsRequest {
    /// From method and header fields; OPTIONS is a preflight.
    pub fn from_parts(method: &Method, headers: &HeaderMap) -> Self {
        let lines = |name| -> Vec<Vec<u8>> {
            headers.get_all(name).iter().map(|value| value.as_bytes().trim_ascii().to_vec()).collect()
        };
        Self {
            kind: if method == Method::OPTIONS { Kind::Preflight } else { Kind::Actual },
            origins: lines(header::ORIGIN).into_iter().filter(|line| !line.is_empty()).map(Origin::new).collect(),
            method: method.as_str().to_owned(),
            request_method: lines(header::ACCESS_CONTROL_REQUEST_METHOD).into_iter().find(|line| !line.is_empty()),
            request_headers: lines(header::ACCESS_CONTROL_REQUEST_HEADERS),
        }
    }

    /// The header names asked for: members of all lines, spaces around commas off, empty members dropped
    /// (clauses `match.header-spaces`, `preflight.empty-headers`).
    pub fn requested_headers(&self) -> Vec<&[u8]> {
        self.request_headers
            .iter()
            .flat_map(|line| line.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// The method that an AllowedMethod has to equal: the requested one of a preflight; of an actual request its own (PutBucketCors,
    /// second condition; clause `actual.own-method`) or, where that is what servers do, the requested one (`actual.requested-method`).
    pub fn effective_method(&self, actual: ActualMethod) -> &[u8] {
        let own = self.method.as_bytes();
        match (self.kind, actual) {
            (Kind::Preflight, _) => self.request_method.as_deref().unwrap_or_default(),
            (Kind::Actual, ActualMethod::Own) => own,
            (Kind::Actual, ActualMethod::Requested) => self.request_method.as_deref().unwrap_or(own),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn requested_headers_are_tokens_of_all_lines() {
        let mut headers = HeaderMap::new();
        for line in ["a , B,,", "", "\tc"] {
            headers.append(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static(line));
        }
        headers.insert(header::ORIGIN, HeaderValue::from_static(""));
        let request = CorsRequest::from_parts(&Method::OPTIONS, &headers);
        assert_eq!(request.requested_headers(), [&b"a"[..], b"B", b"c"]);
        assert!(request.origins.is_empty());
        assert_eq!(request.request_method, None);
    }
}
