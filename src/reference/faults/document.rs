//! Documents: the call itself, its digest, its size, its form as XML.

use super::super::{Method, Reply};
use super::Effect::{BrokenClient, BrokenPage, Misleading, OtherRules, Security};
use super::Plant::{Answer, Request, Whole};
use super::change::{body, code, document, put, status};
use super::{Fault, fault};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "put-204",
        "config.put",
        BrokenClient,
        "PutBucketCors answers 204.",
        "S3 flavoured gateways",
        Answer(|exchange, answer| {
            if exchange.is_put_cors() && answer.status() == 200 {
                status(answer, 204);
            }
        }),
    ),
    fault(
        "put-body",
        "config.put",
        BrokenClient,
        "PutBucketCors answers with a body.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_put_cors() && answer.status() == 200 {
                body(answer, "<PutBucketCorsResult/>");
            }
        }),
    ),
    fault(
        "put-no-server",
        "config.put-headers",
        Misleading,
        "Answers have no Server header.",
        "",
        Answer(|_, answer| {
            answer.headers_mut().remove("server");
        }),
    ),
    fault(
        "put-no-request-id",
        "config.put-headers",
        Misleading,
        "Successes have no request id.",
        "",
        Answer(|_, answer| {
            if answer.status().is_success() {
                answer.headers_mut().remove("x-oss-request-id");
            }
        }),
    ),
    fault(
        "request-id-constant",
        "request-id.form",
        Misleading,
        "All answers have the same request id.",
        "mock servers",
        Answer(|exchange, answer| {
            const SAME: &str = "5CDCDCDCDCDCDCDCDCDCDCDC";
            let own = exchange.moment.request_id.to_owned();
            put(answer.headers_mut(), "x-oss-request-id", SAME);
            if code(answer).is_some() {
                super::change::edit_body(answer, |text| text.replace(&own, SAME));
            }
        }),
    ),
    fault(
        "request-id-short",
        "request-id.form",
        Misleading,
        "Request ids have 16 digits.",
        "S3 flavoured gateways",
        Answer(|exchange, answer| {
            let own = exchange.moment.request_id.to_owned();
            let short: String = own.chars().take(16).collect();
            put(answer.headers_mut(), "x-oss-request-id", &short);
            if code(answer).is_some() {
                super::change::edit_body(answer, |text| text.replace(&own, &short));
            }
        }),
    ),
    fault(
        "content-type-demanded",
        "config.content-type-free",
        BrokenClient,
        "A document without Content-Type application/xml is refused.",
        "SDK mock servers",
        Whole(|inside, exchange| {
            let xml = exchange.field("content-type").is_some_and(|kind| kind.contains("xml"));
            Reply::Answer(if exchange.is_put_cors() && !xml {
                exchange.refusal(400, "InvalidArgument")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "cors-equals-unknown",
        "config.cors-equals",
        OtherRules,
        "?cors= is taken for no sub-resource at all.",
        "emulators that compare the raw query",
        Request(|request| {
            if request.uri().query() == Some("cors=") && request.method() != Method::OPTIONS {
                let other = request.uri().to_string().replace("?cors=", "?corz=");
                if let Ok(other) = other.parse() {
                    *request.uri_mut() = other;
                }
            }
        }),
    ),
    fault(
        "cdata-refused",
        "config.xml-forms",
        BrokenClient,
        "A document with CDATA is refused.",
        "clones that scan for tags",
        Whole(|inside, exchange| {
            Reply::Answer(if exchange.document().contains("<![CDATA[") {
                exchange.refusal(400, "MalformedXML")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "cdata-kept",
        "config.xml-forms",
        OtherRules,
        "The marks of CDATA become part of the value.",
        "clones that scan for tags",
        Request(|request| {
            document(request, |text| text.replace("<![CDATA[", "&lt;![CDATA[").replace("]]>", "]]&gt;"));
        }),
    ),
    fault(
        "references-kept",
        "config.xml-forms",
        OtherRules,
        "Character references are stored as they are written.",
        "clones that scan for tags",
        Request(|request| {
            document(request, |text| text.replace("&#", "&amp;#").replace("&amp;amp;", "&amp;"));
        }),
    ),
    fault(
        "ampersand-kept",
        "config.xml-forms",
        OtherRules,
        "&amp; is stored as five characters.",
        "clones that scan for tags",
        Request(|request| {
            document(request, |text| text.replace("&amp;", "&amp;amp;"));
        }),
    ),
    fault(
        "comments-read",
        "config.xml-forms",
        Security,
        "A rule inside of a comment counts.",
        "clones that search for <CORSRule>",
        Request(|request| {
            document(request, |text| {
                if text.contains("<!-- <") { text.replace("<!-- ", "").replace(" -->", "") } else { text.to_owned() }
            });
        }),
    ),
    fault(
        "comments-refused",
        "config.xml-forms",
        BrokenClient,
        "A document with a comment is refused.",
        "",
        Whole(|inside, exchange| {
            Reply::Answer(if exchange.document().contains("<!--") {
                exchange.refusal(400, "MalformedXML")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "element-order-fixed",
        "config.element-order",
        BrokenClient,
        "AllowedOrigin has to come before AllowedMethod.",
        "readers made from a sequence in a schema",
        Whole(|inside, exchange| {
            let text = exchange.document();
            let wrong = text.split("<CORSRule>").skip(1).any(|rule| {
                rule.split_once("<AllowedMethod>")
                    .is_some_and(|(head, tail)| !head.contains("<AllowedOrigin>") && tail.contains("<AllowedOrigin>"))
            });
            Reply::Answer(if wrong { exchange.refusal(400, "MalformedXML") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "root-order-fixed",
        "config.root-order",
        OtherRules,
        "ResponseVary before the rules is passed over.",
        "readers made from a sequence in a schema",
        Request(|request| {
            document(request, |text| match text.split_once("<CORSRule>") {
                Some((head, tail)) => {
                    format!("{}<CORSRule>{tail}", head.replace("<ResponseVary>true</ResponseVary>", ""))
                }
                None => text.to_owned(),
            });
        }),
    ),
    fault(
        "byte-order-mark-refused",
        "config.xml-lexical",
        BrokenClient,
        "A byte order mark makes a document ill-formed.",
        "encoders that write one",
        Whole(|inside, exchange| {
            Reply::Answer(if exchange.document().starts_with('\u{feff}') {
                exchange.refusal(400, "MalformedXML")
            } else {
                inside.respond(exchange)
            })
        }),
    ),
    fault(
        "processing-instruction-refused",
        "config.xml-lexical",
        BrokenClient,
        "A processing instruction makes a document ill-formed.",
        "",
        Whole(|inside, exchange| {
            let refused = exchange.document().contains("<?xml-stylesheet");
            Reply::Answer(if refused { exchange.refusal(400, "MalformedXML") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "space-in-tags-refused",
        "config.xml-lexical",
        BrokenClient,
        "White space inside of a tag makes it another tag.",
        "clones that search for <CORSRule>",
        Request(|request| {
            document(request, |text| {
                text.replace("<CORSRule\n>", "<CORSRule_>")
                    .replace("</CORSRule>", if text.contains("<CORSRule\n>") { "</CORSRule_>" } else { "</CORSRule>" })
            });
        }),
    ),
    fault(
        "put-back-refused",
        "config.put-back",
        BrokenClient,
        "What GetBucketCors returned is refused by PutBucketCors.",
        "servers whose GET adds what their PUT does not know",
        Whole(|inside, exchange| {
            let document = exchange.document();
            let own = exchange.rules.as_ref().is_some_and(|rules| exchange.written(rules) == document);
            Reply::Answer(if own { exchange.refusal(400, "MalformedXML") } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "second-put-fails",
        "config.idempotent",
        BrokenPage,
        "Putting the same document again answers 409.",
        "",
        Whole(|inside, exchange| {
            let text = exchange.document();
            let same = !text.is_empty()
                && inside.documents.get(&super::Inside::bucket(exchange)) == Some(&text)
                && exchange.rules.is_some();
            if same {
                return Reply::Answer(exchange.refusal(409, "OperationAborted"));
            }
            let answer = inside.respond(exchange);
            if exchange.is_put_cors() && answer.status() == 200 {
                inside.documents.insert(super::Inside::bucket(exchange), text);
            }
            Reply::Answer(answer)
        }),
    ),
];
