//! Values of AllowedMethod, AllowedOrigin, AllowedHeader and ExposeHeader.

use super::super::Reply;
use super::Effect::{BrokenClient, Misleading, OtherRules, Security};
use super::Plant::{Answer, Options, Request, Whole};
use super::change::{document, status, values};
use super::grammar::{default, if_document, known, one_star};
use super::{Exchange, Fault, Inside, fault};
use crate::cors::xml::{self, RuleElement, Text};
use crate::dialect::{EmptyExpose, EmptyHeader, EmptyOrigin, HeaderStars, MethodLowerCase, OriginStars, SchemeStar};
const ORIGIN: &str = "AllowedOrigin";
const METHOD: &str = "AllowedMethod";
const HEADER: &str = "AllowedHeader";
const EXPOSE: &str = "ExposeHeader";

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "methods-any",
        "method.enum",
        Security,
        "Any AllowedMethod is taken.",
        "Ceph RGW, floci, Garage",
        Request(|request| {
            document(request, |text| {
                default(
                    &values(text, METHOD, |value| if known(value) { Some(value.to_owned()) } else { None }),
                    METHOD,
                    "GET",
                )
            });
        }),
    ),
    fault(
        "method-star",
        "method.enum",
        Security,
        "AllowedMethod * stands for all methods.",
        "middlewares",
        Request(|request| {
            document(request, |text| {
                values(text, METHOD, |value| Some(if value == "*" { "GET".to_owned() } else { value.to_owned() }))
            });
        }),
    ),
    fault(
        "method-options",
        "method.enum",
        OtherRules,
        "AllowedMethod OPTIONS is taken.",
        "gorilla #268, many clones",
        Request(|request| {
            document(request, |text| {
                default(&values(text, METHOD, |value| (value != "OPTIONS").then(|| value.to_owned())), METHOD, "GET")
            });
        }),
    ),
    fault(
        "method-patch",
        "method.enum",
        OtherRules,
        "AllowedMethod PATCH is taken.",
        "gin-contrib #121, many clones",
        Request(|request| {
            document(request, |text| {
                values(text, METHOD, |value| Some(if value == "PATCH" { "GET".to_owned() } else { value.to_owned() }))
            });
        }),
    ),
    fault(
        "method-empty",
        "method.enum",
        OtherRules,
        "An empty AllowedMethod is passed over.",
        "",
        Request(|request| {
            document(request, |text| {
                default(
                    &values(&text.replace("<AllowedMethod/>", ""), METHOD, |value| {
                        (!value.trim().is_empty()).then(|| value.to_owned())
                    }),
                    METHOD,
                    "GET",
                )
            });
        }),
    ),
    fault(
        "method-head-refused",
        "method.accepted",
        BrokenClient,
        "AllowedMethod HEAD is refused.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains("<AllowedMethod>HEAD<"), 400)),
    ),
    fault(
        "method-delete-refused",
        "method.accepted",
        BrokenClient,
        "AllowedMethod DELETE is refused.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains("<AllowedMethod>DELETE<"), 400)),
    ),
    fault(
        "method-lower-case-title",
        "method.lower-case",
        OtherRules,
        "A lower-case AllowedMethod is stored as Get.",
        "",
        Whole(|inside, exchange| {
            let mut changed = exchange.request.clone();
            document(&mut changed, |text| text.replace(">get<", ">GET<"));
            let bucket = Inside::bucket(exchange);
            if changed.body() != exchange.request.body() {
                inside.documents.insert(bucket, "Get".to_owned());
            } else if exchange.is_put_cors() || exchange.is_delete_cors() {
                inside.documents.remove(&bucket);
            }
            let mut answer = inside.with(exchange, &changed);
            if exchange.is_get_cors() && inside.documents.contains_key(&Inside::bucket(exchange)) {
                super::change::edit_body(&mut answer, |text| text.replace(">GET<", ">Get<"));
            }
            Reply::Answer(answer)
        }),
    ),
    fault(
        "method-folded",
        "method.enum",
        OtherRules,
        "A lower-case AllowedMethod is stored in upper case.",
        "",
        Options(|options| options.behaviours.method_lower_case = MethodLowerCase::Fold),
    )
    .only(|dialect| dialect.open.contains_key("method_lower_case"))
    .allowed_by("method_lower_case", "folded"),
    fault(
        "origin-two-stars",
        "origin.two-stars",
        OtherRules,
        "Of several asterisks in an origin the first one counts.",
        "LocalStack, RustFS, floci",
        Request(|request| {
            document(request, |text| values(text, ORIGIN, |value| Some(one_star(value))));
        }),
    ),
    fault(
        "origin-double-star",
        "origin.two-stars",
        OtherRules,
        "Asterisks side by side are one.",
        "globbing libraries",
        Request(|request| {
            document(request, |text| values(text, ORIGIN, |value| Some(value.replace("**", "*"))));
        }),
    ),
    fault(
        "origin-stars-per-rule",
        "origin.wildcards-accepted",
        OtherRules,
        "Two origins of a rule with an asterisk each are refused.",
        "the API page",
        Options(|options| options.behaviours.origin_stars = OriginStars::PerRule),
    )
    .only(|dialect| dialect.open.contains_key("origin_stars"))
    .allowed_by("origin_stars", "per_rule"),
    fault(
        "origin-star-per-rule-500",
        "origin.star-per-rule",
        BrokenClient,
        "Two origins with an asterisk answer 500.",
        "",
        Whole(|inside, exchange| {
            let several =
                |rule: &RuleElement| rule.allowed_origins.iter().filter(|text| text.value.contains('*')).count() > 1;
            if_rule(inside, exchange, several, 500)
        }),
    ),
    fault(
        "origin-scheme-star-accepted",
        "origin.scheme-star",
        Security,
        "https://* is accepted.",
        "rs/cors #197",
        Options(|options| options.behaviours.scheme_star = SchemeStar::Accept),
    )
    .allowed_by("scheme_star", "accepted"),
    fault(
        "origin-scheme-star-code",
        "origin.scheme-star",
        Misleading,
        "https://* is refused with 409.",
        "",
        Answer(|exchange, answer| {
            if answer.status() == 400 && exchange.document().contains(">https://*<") {
                status(answer, 409);
            }
        }),
    ),
    fault(
        "origin-scheme-star-500",
        "origin.scheme-star-choice",
        BrokenClient,
        "https://* answers 500.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains(">https://*<"), 500)),
    ),
    fault(
        "origin-port-star-refused",
        "origin.wildcards-accepted",
        BrokenClient,
        "http://localhost:* is refused.",
        "localstack #10090, R2",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains(":*<"), 400)),
    ),
    fault(
        "origin-must-be-url",
        "origin.no-scheme",
        BrokenClient,
        "An origin without a scheme is refused.",
        "servers that check for a URL",
        Whole(|inside, exchange| {
            let no_url =
                |text: &Text| !text.value.contains("://") && text.value.trim() != "*" && !text.value.trim().is_empty();
            if_rule(inside, exchange, |rule| rule.allowed_origins.iter().any(no_url), 400)
        }),
    ),
    fault(
        "origin-space-refused",
        "origin.no-scheme",
        BrokenClient,
        "An origin with a space inside is refused.",
        "servers that check for a URL",
        Whole(|inside, exchange| {
            let spaced = |text: &Text| text.value.trim().contains(' ');
            if_rule(inside, exchange, |rule| rule.allowed_origins.iter().any(spaced), 400)
        }),
    ),
    fault(
        "origin-empty-500",
        "origin.empty",
        BrokenClient,
        "An empty AllowedOrigin answers 500.",
        "Terraform provider of Scaleway #838",
        Whole(|inside, exchange| {
            if_document(inside, exchange, |text| text.contains("<AllowedOrigin></AllowedOrigin>"), 500)
        }),
    ),
    fault(
        "origin-empty-accepted",
        "origin.empty",
        OtherRules,
        "An empty AllowedOrigin is stored.",
        "",
        Options(|options| options.behaviours.empty_origin = EmptyOrigin::Accept),
    )
    .allowed_by("empty_origin", "accepted"),
    fault(
        "header-empty-500",
        "header.empty",
        BrokenClient,
        "An empty AllowedHeader answers 500.",
        "",
        Whole(|inside, exchange| {
            if_document(inside, exchange, |text| text.contains("<AllowedHeader></AllowedHeader>"), 500)
        }),
    ),
    fault(
        "header-empty-accepted",
        "header.empty",
        OtherRules,
        "An empty AllowedHeader is stored.",
        "",
        Options(|options| options.behaviours.empty_header = EmptyHeader::Accept),
    )
    .allowed_by("empty_header", "accepted"),
    fault(
        "header-two-stars",
        "header.two-stars",
        OtherRules,
        "Of several asterisks in a header the first one counts.",
        "LocalStack, RustFS",
        Request(|request| {
            document(request, |text| values(text, HEADER, |value| Some(one_star(value))));
        }),
    ),
    fault(
        "header-stars-per-rule",
        "header.wildcards-accepted",
        OtherRules,
        "Two headers of a rule with an asterisk each are refused.",
        "the API page",
        Options(|options| options.behaviours.header_stars = HeaderStars::PerRule),
    )
    .only(|dialect| dialect.open.contains_key("header_stars"))
    .allowed_by("header_stars", "per_rule"),
    fault(
        "header-star-per-rule-500",
        "header.star-per-rule",
        BrokenClient,
        "Two headers with an asterisk answer 500.",
        "",
        Whole(|inside, exchange| {
            let several =
                |rule: &RuleElement| rule.allowed_headers.iter().filter(|text| text.value.contains('*')).count() > 1;
            if_rule(inside, exchange, several, 500)
        }),
    ),
    fault(
        "header-star-alone",
        "header.wildcards-accepted",
        BrokenClient,
        "An asterisk in a header has to stand alone.",
        "",
        Whole(|inside, exchange| if_document(inside, exchange, |text| text.contains("-*</AllowedHeader>"), 400)),
    ),
    fault(
        "header-star-beside-literal-refused",
        "header.star-beside-literal",
        BrokenClient,
        "An asterisk beside another header is refused.",
        "",
        Whole(|inside, exchange| {
            if_document(inside, exchange, |text| text.contains("<AllowedHeader>*</AllowedHeader><AllowedHeader>"), 400)
        }),
    ),
    fault(
        "expose-star",
        "expose.star",
        Security,
        "ExposeHeader * is taken.",
        "boto3 #2972, many clones",
        Request(|request| {
            document(request, |text| values(text, EXPOSE, |value| Some(value.replace('*', "star"))));
        }),
    ),
    fault(
        "expose-characters",
        "expose.characters",
        OtherRules,
        "ExposeHeader may hold any character.",
        "boto3 #2972",
        Request(|request| {
            document(request, |text| {
                values(text, EXPOSE, |value| {
                    Some(
                        ["&lt;", "&gt;", "&amp;", "&apos;", "&quot;", "'", "\"", "&#39;", "&#34;"]
                            .iter()
                            .fold(value.to_owned(), |value, mark| value.replace(mark, "_")),
                    )
                })
            });
        }),
    ),
    fault(
        "expose-quotes",
        "expose.characters",
        OtherRules,
        "ExposeHeader may hold quotation marks.",
        "",
        Request(|request| {
            document(request, |text| {
                values(text, EXPOSE, |value| {
                    Some(
                        ["&apos;", "&quot;", "'", "\""]
                            .iter()
                            .fold(value.to_owned(), |value, mark| value.replace(mark, "_")),
                    )
                })
            });
        }),
    ),
    fault(
        "expose-line-break-injected",
        "expose.line-break",
        Security,
        "A line break in ExposeHeader becomes a line of the answer.",
        "CVE-2020-10753, CVE-2021-3524",
        Whole(|inside, exchange| injected(inside, exchange, &[EXPOSE])),
    ),
    fault(
        "value-line-break-injected",
        "value.line-break",
        Security,
        "A line break in an origin or a header becomes a line of the answer.",
        "CVE-2020-10753, CVE-2021-3524",
        Whole(|inside, exchange| injected(inside, exchange, &[ORIGIN, HEADER])),
    ),
    fault(
        "expose-empty-500",
        "expose.empty",
        BrokenClient,
        "An empty ExposeHeader answers 500.",
        "",
        Whole(|inside, exchange| {
            if_document(inside, exchange, |text| text.contains("<ExposeHeader></ExposeHeader>"), 500)
        }),
    ),
    fault(
        "expose-empty-accepted",
        "expose.empty",
        OtherRules,
        "An empty ExposeHeader is stored.",
        "",
        Options(|options| options.behaviours.empty_expose = EmptyExpose::Accept),
    )
    .allowed_by("empty_expose", "accepted"),
    fault(
        "methods-in-one-element",
        "method.enum",
        OtherRules,
        "An AllowedMethod may hold several methods.",
        "middlewares",
        Request(|request| {
            document(request, |text| {
                values(text, METHOD, |value| {
                    let all: Vec<&str> = value.split([' ', ',']).filter(|method| !method.is_empty()).collect();
                    Some(if all.len() > 1 && all.iter().all(|method| known(method)) {
                        "GET".to_owned()
                    } else {
                        value.to_owned()
                    })
                })
            });
        }),
    ),
    fault(
        "values-three-hundred",
        "get.values",
        OtherRules,
        "Values are cut after three hundred characters.",
        "columns of databases",
        Request(|request| {
            document(request, |text| {
                [ORIGIN, HEADER, EXPOSE].iter().fold(text.to_owned(), |text, name| {
                    values(&text, name, |value| Some(value.chars().take(300).collect()))
                })
            });
        }),
    ),
];

/// Replays what stands behind a line break in one of these elements of the document that was stored last as a line of the
/// answer.
fn injected(inside: &mut Inside, exchange: &Exchange<'_>, names: &[&str]) -> Reply {
    let bucket = Inside::bucket(exchange);
    if exchange.is_put_cors() {
        let mut changed = exchange.request.clone();
        let line = std::cell::RefCell::new(None);
        document(&mut changed, |text| {
            names.iter().fold(text.to_owned(), |text, name| {
                values(&text, name, |value| {
                    let broken = value.trim().replace("&#13;", "\r").replace("&#10;", "\n");
                    let behind = broken.split(['\r', '\n']).skip(1).find(|line| line.contains(':')).map(str::to_owned);
                    if behind.is_some() {
                        line.replace(behind.clone());
                    }
                    behind.is_none().then(|| value.to_owned())
                })
            })
        });
        inside.documents.remove(&bucket);
        inside.documents.extend(line.into_inner().map(|line| (bucket, line)));
        return Reply::Answer(inside.with(exchange, &changed));
    }
    let mut answer = inside.respond(exchange);
    if exchange.is_preflight()
        && exchange.rules.is_some()
        && let Some((name, value)) = inside.documents.get(&bucket).and_then(|line| line.split_once(':'))
        && let (Ok(name), Ok(value)) = (name.trim().parse::<http::HeaderName>(), value.trim().parse())
    {
        answer.headers_mut().insert(name, value);
    }
    Reply::Answer(answer)
}

/// Refuses documents with such a rule.
fn if_rule(inside: &mut Inside, exchange: &Exchange<'_>, such: impl Fn(&RuleElement) -> bool, status: u16) -> Reply {
    if_document(
        inside,
        exchange,
        |text| xml::parse(text.as_bytes()).is_ok_and(|found| found.rules.iter().any(&such)),
        status,
    )
}
