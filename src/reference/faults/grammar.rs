//! The grammar of documents: what is accepted that must be refused, and the other way round.

use super::super::Reply;
use super::Effect::{Misleading, OtherRules, Security};
use super::Plant::{Answer, Request, Whole};
use super::change::{code, document, recode, reword, status, values};
use super::{Exchange, Fault, Inside, fault};

const ORIGIN: &str = "AllowedOrigin";
const METHOD: &str = "AllowedMethod";
const EXPOSE: &str = "ExposeHeader";

/// The answer, or an error in its place if the document holds a text.
pub(super) fn if_document(
    inside: &mut Inside,
    exchange: &Exchange<'_>,
    holds: impl Fn(&str) -> bool,
    code: u16,
) -> Reply {
    let refused = exchange.is_put_cors() && holds(&exchange.document());
    let name = if code == 500 { "InternalError" } else { "InvalidArgument" };
    Reply::Answer(if refused { exchange.refusal(code, name) } else { inside.respond(exchange) })
}

pub(super) fn known(method: &str) -> bool {
    crate::cors::is_known_method(method.trim().as_bytes())
}

/// One asterisk is left of several.
pub(super) fn one_star(value: &str) -> String {
    match value.split_once('*') {
        Some((head, tail)) => format!("{head}*{}", tail.replace('*', "")),
        None => value.to_owned(),
    }
}

/// Puts an element into each rule that has none of its name.
pub(super) fn default(text: &str, name: &str, value: &str) -> String {
    let open = format!("<{name}>");
    let rules = text.split("<CORSRule>").map(|rule| {
        if !rule.contains("</CORSRule>") || rule.contains(&open) {
            return rule.to_owned();
        }
        rule.replacen("</CORSRule>", &format!("{open}{value}</{name}></CORSRule>"), 1)
    });
    rules
        .collect::<Vec<_>>()
        .join("<CORSRule>")
        .replace("<CORSRule/>", &format!("<CORSRule>{open}{value}</{name}></CORSRule>"))
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "truncated-accepted",
        "xml.ill-formed",
        OtherRules,
        "What is read before a document breaks off is stored.",
        "readers that stop at an error",
        Request(|request| {
            document(request, |text| {
                if text.ends_with("</CORSRule>") { format!("{text}</CORSConfiguration>") } else { text.to_owned() }
            });
        }),
    ),
    fault(
        "trailing-accepted",
        "xml.ill-formed",
        OtherRules,
        "What follows the root is not looked at.",
        "streaming readers",
        Request(|request| {
            document(request, |text| match text.split_once("</CORSConfiguration>") {
                Some((head, tail)) if !tail.trim().is_empty() => format!("{head}</CORSConfiguration>"),
                _ => text.to_owned(),
            });
        }),
    ),
    fault(
        "ampersand-accepted",
        "xml.ill-formed",
        OtherRules,
        "An ampersand that begins no reference is taken as it is.",
        "lenient readers",
        Request(|request| {
            document(request, bare_ampersands);
        }),
    ),
    fault(
        "end-tags-folded",
        "xml.ill-formed",
        OtherRules,
        "End tags are compared without regard to case.",
        "HTML readers",
        Request(|request| {
            document(request, |text| {
                ["AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "CORSRule"]
                    .iter()
                    .fold(text.to_owned(), |text, name| {
                        text.replace(&format!("</{}>", name.to_ascii_lowercase()), &format!("</{name}>"))
                    })
            });
        }),
    ),
    fault(
        "duplicate-attributes-accepted",
        "xml.ill-formed",
        OtherRules,
        "Attributes are passed over unread, whatever is wrong with them.",
        "quick readers",
        Request(|request| {
            document(request, without_attributes);
        }),
    ),
    fault(
        "control-characters-accepted",
        "xml.ill-formed",
        OtherRules,
        "Characters that XML forbids are dropped.",
        "quick readers",
        Request(|request| {
            document(request, |text| text.replace(['\u{1}', '\0'], "").replace("&#0;", "").replace("&#x1F;", ""));
        }),
    ),
    fault(
        "entities-dropped",
        "xml.ill-formed",
        OtherRules,
        "A reference to an entity that nobody defined stands for its name.",
        "lenient readers",
        Request(|request| {
            document(request, |text| entities(text, str::to_owned));
        }),
    ),
    fault(
        "bytes-replaced",
        "xml.ill-formed",
        OtherRules,
        "Bytes that are no UTF-8 are replaced.",
        "lossy decoding",
        Request(|request| {
            document(request, |text| text.replace('\u{fffd}', "?"));
        }),
    ),
    fault(
        "json-accepted",
        "xml.ill-formed",
        OtherRules,
        "JSON is taken, too.",
        "",
        Whole(|inside, exchange| {
            let json = exchange.document().starts_with('{');
            Reply::Answer(if json { exchange.empty(http::StatusCode::OK) } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "ill-formed-code",
        "xml.ill-formed",
        Misleading,
        "A document that is no XML answers 500.",
        "Terraform provider of Scaleway #838",
        Answer(|exchange, answer| {
            if exchange.is_put_cors()
                && code(answer).as_deref() == Some("MalformedXML")
                && crate::xml::parse(exchange.request.body()).is_err()
            {
                *answer = exchange.refusal(500, "InternalError");
            }
        }),
    ),
    fault(
        "ill-formed-message",
        "xml.ill-formed-message",
        Misleading,
        "The message of MalformedXML is another one.",
        "",
        Answer(|_, answer| reword(answer, "MalformedXML", "bad XML")),
    ),
    fault(
        "entities-expanded",
        "xml.doctype",
        Security,
        "Entities of a document type declaration are expanded.",
        "readers with default settings",
        Request(|request| {
            document(request, |text| expanded(text, 1));
        }),
    ),
    fault(
        "entity-bomb-expanded",
        "xml.doctype",
        Security,
        "Entities of entities are expanded.",
        "billion laughs",
        Request(|request| {
            document(request, |text| expanded(text, 12));
        }),
    ),
    fault(
        "no-rules-accepted",
        "rules.none",
        OtherRules,
        "A configuration without a rule is stored.",
        "Ceph RGW, Garage",
        Whole(|inside, exchange| {
            let text = exchange.document();
            let empty = text.contains("<CORSConfiguration")
                && text.contains("</CORSConfiguration>")
                && !text.contains("<CORSRule")
                && !text.contains("CorsRule");
            let none = exchange.is_put_cors() && (empty || text.is_empty());
            Reply::Answer(if none { exchange.empty(http::StatusCode::OK) } else { inside.respond(exchange) })
        }),
    ),
    fault(
        "no-rules-code",
        "rules.none-code",
        Misleading,
        "A configuration without a rule answers another code.",
        "",
        Answer(|exchange, answer| {
            if exchange.written_document().is_some_and(|document| document.rules.is_empty()) {
                recode(answer, "MalformedXML", "InvalidRequest");
            }
        }),
    ),
    fault(
        "empty-document-code",
        "rules.none-code",
        Misleading,
        "An empty document answers another code.",
        "",
        Whole(|inside, exchange| {
            let mut answer = inside.respond(exchange);
            if exchange.is_put_cors() && exchange.request.body().is_empty() {
                recode(&mut answer, "MalformedXML", "MissingRequestBody");
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "origin-optional",
        "rule.origin-required",
        Security,
        "A rule without AllowedOrigin is stored with an asterisk.",
        "versitygw #1863",
        Request(|request| {
            document(request, |text| default(text, ORIGIN, "*"));
        }),
    ),
    fault(
        "origin-code",
        "rule.origin-required-code",
        Misleading,
        "A rule without AllowedOrigin answers another code.",
        "",
        Answer(|exchange, answer| {
            let rules = exchange.written_document().map(|document| document.rules).unwrap_or_default();
            if rules.iter().any(|rule| rule.allowed_origins.is_empty()) {
                recode(answer, "MalformedXML", "InvalidRequest");
            }
        }),
    ),
    fault(
        "method-optional",
        "rule.method-required",
        Security,
        "A rule without AllowedMethod is stored with GET.",
        "versitygw #1870, aws-sdk-js #701",
        Request(|request| {
            document(request, |text| default(text, METHOD, "GET"));
        }),
    ),
    fault(
        "method-code",
        "rule.method-required-code",
        Misleading,
        "A rule without AllowedMethod answers another code.",
        "",
        Answer(|exchange, answer| {
            let rules = exchange.written_document().map(|document| document.rules).unwrap_or_default();
            if rules.iter().any(|rule| rule.allowed_methods.is_empty()) {
                recode(answer, "MalformedXML", "InvalidRequest");
            }
        }),
    ),
    fault(
        "only-first-rule-checked",
        "rule.origin-required",
        OtherRules,
        "Rules after the first are not checked.",
        "",
        Request(|request| {
            document(request, |text| match text.split_once("</CORSRule>") {
                Some((head, tail)) => {
                    let tail = default(&default(tail, METHOD, "GET"), ORIGIN, "https://unchecked.example");
                    let tail = values(&tail, METHOD, |value| known(value).then(|| value.to_owned()));
                    let tail = values(&tail, EXPOSE, |value| (!value.contains('*')).then(|| value.to_owned()));
                    format!(
                        "{head}</CORSRule>{}",
                        values(&default(&tail, METHOD, "GET"), ORIGIN, |value| Some(one_star(value)))
                    )
                }
                None => text.to_owned(),
            });
        }),
    ),
    fault(
        "value-code",
        "value.refusal-code",
        Misleading,
        "A value out of its range answers 422.",
        "",
        Answer(|exchange, answer| {
            if exchange.is_put_cors() && code(answer).as_deref() == Some("InvalidArgument") && answer.status() == 400 {
                status(answer, 422);
            }
        }),
    ),
];

/// Escapes each ampersand that begins no reference.
fn bare_ampersands(text: &str) -> String {
    let mut pieces = text.split('&');
    let mut escaped = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let reference = piece
            .split_once(';')
            .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#'));
        escaped.push_str(if reference { "&" } else { "&amp;" });
        escaped.push_str(piece);
    }
    escaped
}

/// Tags of plain names without their attributes.
fn without_attributes(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        made.extend([before, "<"]);
        let name = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
        let (name, after) = tag.split_at(name);
        made.push_str(name);
        // To the end of the tag; `<` and `>` may stand in a value.
        let mut quoted = false;
        let end = after.find(|c: char| {
            quoted ^= c == '"';
            !quoted && (c == '>' || c == '/')
        });
        rest = match end {
            Some(end) if after.starts_with(' ') && !name.is_empty() => after.split_at(end).1,
            _ => after,
        };
    }
    made + rest
}

/// References to entities that XML does not know, replaced.
fn entities(text: &str, by: impl Fn(&str) -> String) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        made.push_str(before);
        let name = after.split_once(';').filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        match name {
            Some((name, after)) if !["amp", "lt", "gt", "apos", "quot", ""].contains(&name) => {
                made.push_str(&by(name));
                rest = after;
            }
            _ => {
                made.push('&');
                rest = after;
            }
        }
    }
    made + rest
}

/// The document behind its document type declaration, the entities of the latter put in so many times.
fn expanded(text: &str, depth: usize) -> String {
    /// Where even a bomb stops: what comes of it has to fit into a document.
    const MOST: usize = 2000;
    let Some((head, rest)) = text.split_once("<!DOCTYPE").and_then(|(_, text)| text.split_once("]>")) else {
        return text.to_owned();
    };
    let declared: Vec<(&str, &str)> = head
        .split("<!ENTITY ")
        .skip(1)
        .filter_map(|entity| {
            let (name, value) = entity.split_once(' ')?;
            Some((name, value.split('"').nth(1)?))
        })
        .collect();
    let mut made = rest.to_owned();
    for _ in 0..depth {
        if made.len() > MOST {
            break;
        }
        made = entities(&made, |name| {
            let known = declared.iter().find(|(declared, _)| *declared == name);
            known.map_or_else(|| format!("&{name};"), |(_, value)| (*value).to_owned())
        });
    }
    let leaf = declared.iter().map(|(_, value)| *value).find(|value| !value.contains('&')).unwrap_or_default();
    if depth > 1 { entities(&made, |_| leaf.to_owned()) } else { made }
}
