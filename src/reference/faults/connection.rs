//! The bytes of a connection.

use super::super::Wire;
use super::Effect::{BrokenClient, BrokenPage, Security};
use super::Plant;
use super::{Fault, fault};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "head-with-body",
        "error.head",
        BrokenClient,
        "Errors that answer HEAD have a body.",
        "servers that answer HEAD as GET",
        Plant::Wire(Wire { received: head_as_get, sent: as_is }),
    ),
    fault(
        "no-content-with-body",
        "delete.ok",
        BrokenClient,
        "204 has a body.",
        "servers that always write one",
        Plant::Wire(Wire { received: as_is, sent: no_content_with_body }),
    ),
    fault(
        "preflight-body-is-next",
        "preflight.body",
        Security,
        "The body of a preflight is read as the next request.",
        "servers that know no body of OPTIONS",
        Plant::Wire(Wire { received: options_without_length, sent: as_is }),
    ),
    fault(
        "second-answer-lost",
        "connection.order",
        BrokenPage,
        "Of requests that come in one piece the first one is answered.",
        "servers that drop what they have read ahead",
        Plant::Wire(Wire { received: first_request, sent: as_is }),
    ),
    fault(
        "preflight-trailing-bytes",
        "preflight.ok",
        BrokenPage,
        "Bytes follow the answer to a preflight.",
        "wrong Content-Length",
        Plant::Wire(Wire { received: as_is, sent: with_trailing_bytes }),
    ),
];

fn as_is(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut changed = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window.eq_ignore_ascii_case(from.as_bytes())) {
        let (head, tail) = rest.split_at(at);
        changed.extend_from_slice(head);
        changed.extend_from_slice(to.as_bytes());
        rest = tail.get(from.len()..).unwrap_or_default();
    }
    changed.extend_from_slice(rest);
    changed
}

fn head_as_get(bytes: &[u8]) -> Vec<u8> {
    match bytes.strip_prefix(b"HEAD ") {
        Some(rest) => [b"GET ", rest].concat(),
        None => bytes.to_vec(),
    }
}

fn no_content_with_body(bytes: &[u8]) -> Vec<u8> {
    if bytes.starts_with(b"HTTP/1.1 204") {
        replaced(bytes, "\r\n\r\n", "\r\ncontent-length: 2\r\n\r\nOK")
    } else {
        bytes.to_vec()
    }
}

fn options_without_length(bytes: &[u8]) -> Vec<u8> {
    if bytes.starts_with(b"OPTIONS ") {
        replaced(&replaced(bytes, "content-length:", "x-length:"), "transfer-encoding:", "x-coding:")
    } else {
        bytes.to_vec()
    }
}

fn first_request(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let next = text.find("\r\n\r\nOPTIONS ").or_else(|| text.find("\r\n\r\nGET "));
    match next {
        Some(at) if !text.contains("ontent-") => bytes.get(..at + 4).unwrap_or_default().to_vec(),
        _ => bytes.to_vec(),
    }
}

fn with_trailing_bytes(bytes: &[u8]) -> Vec<u8> {
    let granted = bytes.starts_with(b"HTTP/1.1 200") && replaced(bytes, "access-control-allow-methods", "") != bytes;
    if granted && bytes.ends_with(b"content-length: 0\r\n\r\n") { [bytes, b"OK"].concat() } else { bytes.to_vec() }
}
