//! Every field of a case file, declared once: for the decoder, and for the schema that editors use.

use crate::yaml::{Field, Record, Shape};

/// The JSON Schema of case files.
pub fn schema() -> serde_json::Value {
    Shape::Record(&FILE).schema("corsuite case file")
}

const TEXTS: Shape = Shape::AnyOf(&[Shape::Text, Shape::List(&Shape::Text)]);
const LINES: Shape = Shape::MapOf(&TEXTS);
const STEP_REFERENCE: Shape = Shape::Text;
const RULES: Shape = Shape::AnyOf(&[Shape::List(&Shape::Record(&RULE)), Shape::Record(&COUNTED)]);

pub(super) static FILE: Record = Record::new(
    "file",
    "a case file",
    &[
        Field::required("about", Shape::Text, "one sentence about all cases of the file"),
        Field::optional("clauses", Shape::List(&Shape::Text), "clauses of the cases that name none themselves"),
        Field::required("cases", Shape::List(&Shape::Record(&CASE)), "the cases"),
    ],
);

/// Points on which vendors differ, and values of them.
const WHERE: Shape = Shape::MapOf(&Shape::Text);

pub(super) static CASE: Record = Record::new(
    "case",
    "a case",
    &[
        Field::required("id", Shape::Text, "unique name of lower-case letters, digits and hyphens; never reused"),
        Field::optional("about", Shape::Text, "one sentence"),
        Field::optional(
            "clauses",
            Shape::List(&Shape::Text),
            "what it is about; the first is the default of its assertions",
        ),
        Field::optional("where", WHERE, "only in dialects that fix these points so"),
        Field::optional("objects", Shape::MapOf(&Shape::Text), "objects stored before the case: key and content"),
        Field::optional(
            "acl",
            Shape::Word(&["private", "public-read"]),
            "who may read; private unless said; `public-read` only in dialects that fix bucket_acl to objects",
        ),
        Field::optional("rules", RULES, "short for a first put_cors that must succeed"),
        Field::optional("response_vary", Shape::Text, "ResponseVary of these rules"),
        Field::required("steps", Shape::List(&Shape::Record(&STEP)), "requests, in order"),
    ],
);

pub(super) static RULE: Record = Record::new(
    "rule",
    "a rule",
    &[
        Field::optional("id", TEXTS, "ID, where the dialect has it; a list states several"),
        Field::optional("allowed_origins", TEXTS, "AllowedOrigin elements"),
        Field::optional("allowed_methods", TEXTS, "AllowedMethod elements"),
        Field::optional("allowed_headers", TEXTS, "AllowedHeader elements"),
        Field::optional("expose_headers", TEXTS, "ExposeHeader elements"),
        Field::optional("max_age_seconds", TEXTS, "MaxAgeSeconds; a list states several"),
    ],
);

pub(super) static COUNTED: Record = Record::new(
    "counted_rules",
    "a number of rules",
    &[
        Field::required("count", Shape::Integer, "how many"),
        Field::required("rule", Shape::Record(&RULE), "the rule; `{n}` in a value becomes its number, from 1"),
    ],
);

/// A file of rules alone, for `corsuite explain`.
pub(super) static RULE_FILE: Record = Record::new(
    "rule_file",
    "a file of rules",
    &[Field::required("rules", RULES, "the rules"), Field::optional("response_vary", Shape::Text, "ResponseVary")],
);

/// The operations, of which a step has exactly one.
pub(super) const OPERATIONS: [&str; 6] = ["put_cors", "get_cors", "delete_cors", "preflight", "request", "raw"];

pub(super) static STEP: Record = Record::new(
    "step",
    "a step",
    &[
        Field::optional("where", WHERE, "only in dialects that fix these points so"),
        Field::optional("put_cors", Shape::Record(&PUT_CORS), "PutBucketCors"),
        Field::optional("get_cors", Shape::AnyOf(&[Shape::Null, Shape::Record(&EXTRA)]), "GetBucketCors"),
        Field::optional("delete_cors", Shape::AnyOf(&[Shape::Null, Shape::Record(&EXTRA)]), "DeleteBucketCors"),
        Field::optional(
            "preflight",
            Shape::AnyOf(&[Shape::Null, Shape::Record(&PREFLIGHT)]),
            "a CORS-preflight request",
        ),
        Field::optional("request", Shape::Record(&REQUEST), "any other request"),
        Field::optional(
            "raw",
            Shape::AnyOf(&[Shape::Record(&MESSAGE), Shape::List(&Shape::Record(&MESSAGE))]),
            "a request in bytes, for what no HTTP client sends; several are sent in one piece",
        ),
        Field::optional(
            "as",
            Shape::Word(&[
                "owner",
                "anonymous",
                "other",
                "unknown-key",
                "bad-signature",
                "skewed",
                "presigned",
                "expired",
            ]),
            "who sends it: preflights anonymous, all else the owner, unless said",
        ),
        Field::optional(
            "bucket",
            Shape::Word(&["main", "second", "missing", "service"]),
            "to which bucket; main unless said",
        ),
        Field::optional("name", Shape::Text, "name by which later steps refer to this one"),
        Field::optional("repeat", Shape::Integer, "how often it is sent; all answers must be alike"),
        Field::required(
            "expect",
            Shape::AnyOf(&[Shape::Record(&BLOCK), Shape::List(&Shape::Record(&BLOCK))]),
            "what the answer must be",
        ),
    ],
);

pub(super) static PUT_CORS: Record = Record::new(
    "put_cors",
    "a put_cors",
    &[
        Field::optional("rules", RULES, "the rules of the document"),
        Field::optional("response_vary", Shape::Text, "its ResponseVary"),
        Field::optional("xml", Shape::AnyOf(&[Shape::Text, Shape::Record(&XML)]), "the document itself"),
        Field::optional("size", Shape::Integer, "exact size of the document in bytes, reached by padding"),
        Field::optional("pad", Shape::Word(&["space", "comment", "values"]), "what pads it; space unless said"),
        Field::optional("content_md5", Shape::Text, "right, wrong, absent (unless said), or a value"),
        Field::optional("content_type", Shape::Text, "application/xml unless said; absent sends none"),
        Field::optional("query", Shape::Text, "query, percent-encoded, in place of `cors`"),
        Field::optional("headers", LINES, "more header fields; a list sends several lines"),
    ],
);

pub(super) static XML: Record = Record::new(
    "xml",
    "a document",
    &[
        Field::optional("from", STEP_REFERENCE, "the body of the answer to an earlier step"),
        Field::optional("base64", Shape::Text, "bytes that YAML cannot hold"),
    ],
);

pub(super) static EXTRA: Record = Record::new(
    "sub_resource_request",
    "this step",
    &[
        Field::optional("query", Shape::Text, "query, percent-encoded, in place of `cors`"),
        Field::optional("headers", LINES, "more header fields; a list sends several lines"),
    ],
);

pub(super) static PREFLIGHT: Record = Record::new(
    "preflight",
    "a preflight",
    &[
        Field::optional("origin", TEXTS, "Origin; a list sends several lines"),
        Field::optional("method", TEXTS, "Access-Control-Request-Method; a list sends several lines"),
        Field::optional("request_headers", TEXTS, "Access-Control-Request-Headers; a list is joined with commas"),
        Field::optional("object", Shape::Text, "the object; one that exists unless said; `/` is the bucket itself"),
        Field::optional("body", Shape::Text, "a body"),
        Field::optional("query", Shape::Text, "query, percent-encoded"),
        Field::optional("headers", LINES, "more header fields; a list sends several lines"),
    ],
);

pub(super) static REQUEST: Record = Record::new(
    "request",
    "a request",
    &[
        Field::required("method", Shape::Text, "the method"),
        Field::optional("object", Shape::Text, "the object; the bucket unless said"),
        Field::optional("query", Shape::Text, "query, percent-encoded"),
        Field::optional("origin", TEXTS, "Origin; a list sends several lines"),
        Field::optional("headers", LINES, "more header fields; a list sends several lines"),
        Field::optional("body", Shape::AnyOf(&[Shape::Text, Shape::Record(&BODY)]), "the body"),
        Field::optional(
            "form",
            Shape::MapOf(&Shape::Text),
            "parts of a browser form (PostObject); `file` is the content",
        ),
    ],
);

pub(super) static MESSAGE: Record = Record::new(
    "message",
    "a request in bytes",
    &[
        Field::required("method", Shape::Text, "the method"),
        Field::optional("object", Shape::Text, "the object; the bucket unless said"),
        Field::optional("query", Shape::Text, "query, percent-encoded"),
        Field::optional(
            "lines",
            TEXTS,
            "header lines after Host, sent as they are; a character up to U+00FF is the byte of that number",
        ),
        Field::optional("body", Shape::Text, "the body"),
        Field::optional(
            "framing",
            Shape::Word(&["length", "chunked", "absent"]),
            "how the end of the body is told; by Content-Length, if there is a body, unless said",
        ),
    ],
);

pub(super) static BODY: Record = Record::new(
    "body",
    "a body",
    &[Field::required("from", STEP_REFERENCE, "the body of the answer to an earlier step")],
);

pub(super) static BLOCK: Record = Record::new(
    "expectation",
    "an expectation",
    &[
        Field::optional("clause", Shape::Text, "the clause; the case's first unless said"),
        Field::optional("answer", Shape::Integer, "which answer to a list of raw requests, from 1"),
        Field::optional("status", TEXTS, "a status, several, or a class such as 4xx"),
        Field::optional(
            "headers",
            Shape::MapOf(&MATCHER),
            "response header fields; a name may end in `*` with `absent`",
        ),
        Field::optional("error", Shape::Record(&ERROR), "the error document"),
        Field::optional("cors", Shape::Record(&CORS), "the configuration that is returned"),
        Field::optional("body", TEXT_MATCHER, "the body"),
        Field::optional("same_as", STEP_REFERENCE, "an earlier step whose answer this one equals, CORS headers apart"),
        Field::optional("browser", Shape::Word(&["allows", "blocks"]), "what a browser does, by Fetch"),
        Field::optional("any_of", Shape::MapOf(&Shape::Record(&BLOCK)), "allowed answers, keyed `behaviour=value`"),
    ],
);

const MATCHER: Shape = Shape::AnyOf(&[Shape::Text, Shape::Record(&FIELD_CONDITIONS)]);

pub(super) static FIELD_CONDITIONS: Record = Record::new(
    "field_conditions",
    "a condition",
    &[
        Field::optional("list", TEXTS, "the members, in any order"),
        Field::optional("contains", TEXTS, "a member or, where the field is no list, a part"),
        Field::optional("lacks", TEXTS, "the opposite"),
        Field::optional("matches", Shape::Text, "a regular expression that the whole value matches"),
        Field::optional("literal", Shape::Text, "the value, where it is a word such as `absent`"),
        Field::optional("exact", Shape::Text, "the value byte by byte, under a clause marked exact"),
        Field::optional("differs_from", STEP_REFERENCE, "an earlier step whose answer has another value"),
        Field::optional("same_as", STEP_REFERENCE, "an earlier step whose answer has the same value"),
        Field::optional("keeps", STEP_REFERENCE, "an earlier step whose answer has no member that is missing here"),
    ],
);

const TEXT_MATCHER: Shape = Shape::AnyOf(&[Shape::Text, Shape::List(&Shape::Text), Shape::Record(&TEXT_CONDITIONS)]);

pub(super) static TEXT_CONDITIONS: Record = Record::new(
    "text_conditions",
    "a condition",
    &[
        Field::optional("contains", TEXTS, "a part"),
        Field::optional("lacks", TEXTS, "the opposite"),
        Field::optional("prefix", Shape::Text, "how it begins"),
        Field::optional("matches", Shape::Text, "a regular expression that a part matches"),
        Field::optional("literal", Shape::Text, "the text, where it is a word such as `empty`"),
    ],
);

/// Fields of an error and the elements they stand for.
pub(super) const ERROR_ELEMENTS: [(&str, &str); 9] = [
    ("code", "Code"),
    ("message", "Message"),
    ("argument_name", "ArgumentName"),
    ("argument_value", "ArgumentValue"),
    ("bucket_name", "BucketName"),
    ("server_time", "ServerTime"),
    ("method", "Method"),
    ("resource_type", "ResourceType"),
    ("max_message_length_bytes", "MaxMessageLengthBytes"),
];

/// The element of `host_id`, which is more than a text: it may be the host.
pub(super) const HOST_ID: &str = "HostId";

pub(super) static ERROR: Record = Record::new(
    "error",
    "an error",
    &[
        Field::optional("code", TEXT_MATCHER, "Code; a list allows several"),
        Field::optional("message", TEXT_MATCHER, "Message"),
        Field::optional("argument_name", TEXT_MATCHER, "ArgumentName"),
        Field::optional("argument_value", TEXT_MATCHER, "ArgumentValue"),
        Field::optional("bucket_name", TEXT_MATCHER, "BucketName"),
        Field::optional("server_time", TEXT_MATCHER, "ServerTime"),
        Field::optional("method", TEXT_MATCHER, "Method"),
        Field::optional("resource_type", TEXT_MATCHER, "ResourceType"),
        Field::optional("max_message_length_bytes", TEXT_MATCHER, "MaxMessageLengthBytes"),
        Field::optional("request_id", Shape::Word(&["header"]), "RequestId is the one in the answer's header"),
        Field::optional("host_id", Shape::Word(&["host", "present"]), "HostId is the host of the request, or any text"),
        Field::optional("ec", Shape::Word(&["header"]), "EC and the header x-oss-ec agree where both are there"),
        Field::optional("order", Shape::List(&Shape::Text), "elements in the order in which they come"),
    ],
);

pub(super) static CORS: Record = Record::new(
    "cors",
    "a configuration",
    &[
        Field::optional("rules", RULES, "the rules, in order; their values in any order unless verbatim"),
        Field::optional("response_vary", Shape::Text, "ResponseVary; `absent` if the element may not be there"),
        Field::optional(
            "verbatim",
            Shape::Truth,
            "order, case and number of the values count, unset elements are absent",
        ),
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Set `CORSUITE_BLESS=1` to write the file anew.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test of a generated file")]
    fn the_published_schema_is_the_one_of_the_decoder() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/schema.json");
        let text = format!("{:#}\n", schema());
        if std::env::var("CORSUITE_BLESS").is_ok() {
            std::fs::write(path, &text).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap();
        assert!(published == text, "cases/schema.json is old: run `CORSUITE_BLESS=1 cargo test schema`");
    }

    #[test]
    fn every_operation_is_a_field_of_a_step() {
        for operation in OPERATIONS {
            assert!(STEP.fields.iter().any(|field| field.name == operation), "{operation}");
        }
        for (field, _) in ERROR_ELEMENTS {
            assert!(ERROR.fields.iter().any(|declared| declared.name == field), "{field}");
        }
    }
}
