//! Trees to what is sent: object keys, queries, header lines.

use http::{HeaderName, HeaderValue};

use super::Extra;
use crate::yaml::{Decoder, Fields, Node};

/// Fields that the runner writes: they tell where a request goes and where it ends.
pub(super) const OURS: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

/// An object key that an HTTP client sends as it is: clients fold `.` and `..` away.
pub(super) fn object_key(decoder: &mut Decoder, key: &str, span: &crate::diagnostic::Span) -> bool {
    let folds = key.split('/').any(|segment| segment == "." || segment == "..");
    let bad = key.is_empty() || key.starts_with('/') || folds || key.len() > 1023 || key.contains(char::is_control);
    if bad {
        let found = decoder
            .error(span, format!("`{key}` cannot be an object here"))
            .label("1 to 1023 bytes, no leading `/`, no segment `.` or `..`, no control character");
        decoder.push(found);
    }
    !bad
}

pub(super) fn extra(decoder: &mut Decoder, fields: &Fields<'_>) -> Extra {
    let query = fields.get("query").and_then(|node| query(decoder, node));
    let mut headers = Vec::new();
    if let Some(node) = fields.get("headers") {
        for (key, value) in decoder.map(node, "a map from name to value").unwrap_or_default() {
            if HeaderName::from_bytes(key.text.as_bytes()).is_err() {
                let found = decoder
                    .error(&key.span, format!("`{}` is not a header field name", key.text))
                    .label("a token of letters, digits and !#$%&'*+-.^_`|~");
                decoder.push(found);
                continue;
            }
            if OURS.contains(&key.text.to_ascii_lowercase().as_str()) {
                let found = decoder
                    .error(&key.span, format!("`{}` is written by the runner", key.text))
                    .label("a request cannot choose it")
                    .help("`raw:` with `framing:` sends requests of other forms");
                decoder.push(found);
            }
            headers.extend(lines(decoder, value).into_iter().map(|line| (key.text.clone(), line)));
        }
    }
    Extra { query, headers }
}

pub(super) fn query(decoder: &mut Decoder, node: &Node) -> Option<String> {
    let text = decoder.text(node, "a query")?;
    if format!("/?{text}").parse::<http::Uri>().is_err() || text.contains('#') {
        let found = decoder.error(&node.span, "not a query").label("percent-encode what a URL cannot hold");
        decoder.push(found);
        return None;
    }
    Some(text)
}

/// Values of a header field, one a line.
pub(super) fn lines(decoder: &mut Decoder, node: &Node) -> Vec<String> {
    let texts = decoder.texts(node, "a value or a list of values").unwrap_or_default();
    for text in &texts {
        if HeaderValue::from_bytes(text.as_bytes()).is_err() {
            let found = decoder
                .error(&node.span, "not a value of a header field")
                .label("a client cannot send a line break or control character here");
            decoder.push(found);
        }
    }
    texts
}

pub(super) fn object(decoder: &mut Decoder, node: &Node) -> Option<String> {
    let key = decoder.text(node, "an object")?;
    object_key(decoder, &key, &node.span).then_some(key)
}

#[cfg(test)]
mod tests {
    use crate::case::load;
    use crate::diagnostic::SourceFile;
    use crate::dialect::Dialect;

    /// The messages about a step.
    fn check(step: &str, expected: &[&str]) {
        let yaml = format!(
            "about: x\ncases:\n  - id: a\n    clauses: [config.put]\n    steps:\n      - {step}\n        expect: {{status: 200}}\n"
        );
        let loaded = load(&[SourceFile::new("x/a.yaml", yaml)], Dialect::oss());
        let messages: Vec<String> = loaded.diagnostics.iter().map(|found| found.message.clone()).collect();
        assert_eq!(messages, expected, "{step}");
    }

    #[test]
    fn what_a_client_sends() {
        check("request: {method: GET, object: a/b, query: \"x=%20\", headers: {x-a: [b, c]}}", &[]);
        check("request: {method: GET, headers: {Content-Length: 4}}", &["`Content-Length` is written by the runner"]);
        check("request: {method: GET, headers: {\"a b\": c}}", &["`a b` is not a header field name"]);
        check("request: {method: GET, headers: {a: \"b\\nc\"}}", &["not a value of a header field"]);
        check("request: {method: GET, object: ../a}", &["`../a` cannot be an object here"]);
        check("request: {method: GET, query: \"a b\"}", &["not a query"]);
        check("request: {method: POST, body: x, form: {key: a}}", &["both `body` and `form`"]);
        check("put_cors: {xml: <a/>, content_md5: \"a\\nb\"}", &["not a value of a header field"]);
        check("put_cors: {xml: <a/>, pad: space}", &["`pad` goes with `rules`"]);
        check("put_cors: {rules: [{}], pad: space}", &["`pad` goes with `size`"]);
        check("put_cors: {rules: {count: 0, rule: {}}}", &["0 is none at all"]);
    }

    #[test]
    fn requests_in_bytes() {
        check("raw: {method: options, lines: \"Origin: \\xFF\", framing: chunked, body: x}", &[]);
        check("raw: []", &["0 requests"]);
        check("raw: {method: \"GET X\"}", &["`GET X` is not a method"]);
        check("raw: {method: PUT, framing: absent, body: x}", &["a body of which nothing tells the end"]);
        check("raw: {method: GET, lines: [no colon]}", &["not a header line: `no colon`"]);
        check("raw: {method: GET, lines: [\"a: b\\r\\nc: d\"]}", &["not a header line: `a: b\\r\\nc: d`"]);
        check("raw: {method: GET, lines: [\"a: \\u0100\"]}", &["not a header line: `a: \\u{100}`"]);
        check("raw: {method: GET, lines: [\"Host: a\"]}", &["not a header line: `Host: a`"]);
    }
}
