//! What stands between a run and a server: header fields tell of it ([`traces`]).

use bytes::Bytes;
use http::Response;

/// Header fields of what stands between a client and a server, by what they say of it.
const BETWEEN: [(&str, &str); 10] = [
    ("via", "a proxy"),
    ("x-cache", "a cache"),
    ("age", "a cache"),
    ("x-varnish", "a cache"),
    ("x-served-by", "a cache"),
    ("cf-ray", "a CDN"),
    ("x-amz-cf-id", "a CDN"),
    ("ali-swift-global-savetime", "a CDN"),
    ("eagleid", "a CDN"),
    ("x-forwarded-server", "a proxy"),
];

/// What to do about it.
pub(super) const HELP: &str = "give the server's own address as --endpoint, else the verdict is about both together";

/// What an answer tells of something between, a line each.
pub(super) fn traces(answer: &Response<Bytes>) -> Vec<String> {
    let told = BETWEEN.iter().filter_map(|(name, what)| Some((name, what, answer.headers().get(*name)?)));
    told.map(|(name, what, value)| format!("{what} says {name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect()
}
