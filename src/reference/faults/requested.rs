//! Requested headers and methods: how they are read and held against a rule.

use super::Effect::{BrokenPage, Security};
use super::Plant::{Request, Rules};
use super::change::{
    ASKED_HEADERS, allows_headers, each, field, glob, halves, headers_by, method, pattern, put, requested,
};
use super::{Fault, fault};
use crate::cors::{CorsConfiguration, CorsRequest};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "headers-ignored",
        "preflight.each-header",
        Security,
        "Requested headers are not looked at.",
        "ceph #18556, moto",
        Rules(|rules, asked| headers_by(rules, asked, |_, _| true)),
    ),
    fault(
        "headers-any",
        "preflight.each-header",
        Security,
        "One allowed header is enough.",
        "any() in place of all()",
        Rules(|rules, asked| {
            each(rules, |rule| {
                let any = requested(asked).iter().any(|name| {
                    rule.allowed_headers.iter().any(|pattern| pattern.matches_ignore_case(name.as_bytes()))
                });
                if any {
                    rule.allowed_headers = vec![pattern("*")];
                }
            })
        }),
    ),
    fault(
        "headers-first-counts",
        "preflight.each-header",
        Security,
        "Only the first requested header is looked at.",
        "",
        Rules(|rules, asked| one_counts(rules, asked, |names| names.first().cloned())),
    ),
    fault(
        "headers-last-counts",
        "preflight.each-header",
        Security,
        "Only the last requested header is looked at.",
        "",
        Rules(|rules, asked| one_counts(rules, asked, |names| names.last().cloned())),
    ),
    fault(
        "headers-twenty-count",
        "preflight.each-header",
        Security,
        "Requested headers after the twentieth are not looked at.",
        "fixed buffers",
        Rules(|rules, asked| {
            let late: Vec<String> = requested(asked).into_iter().skip(20).collect();
            each(rules, |rule| {
                if !rule.allowed_headers.is_empty() {
                    rule.allowed_headers.extend(late.iter().map(|name| pattern(name.clone())));
                }
            })
        }),
    ),
    fault(
        "headers-safelisted",
        "preflight.each-header",
        Security,
        "Headers that Fetch safelists are always allowed.",
        "middlewares",
        Rules(|rules, asked| {
            const SAFE: [&str; 5] = ["accept", "accept-language", "content-language", "content-type", "range"];
            headers_by_rule(rules, asked, |patterns, name| {
                SAFE.contains(&name.to_ascii_lowercase().as_str())
                    || patterns.iter().any(|pattern| folded(pattern, name))
            })
        }),
    ),
    fault(
        "headers-prefix",
        "preflight.each-header",
        Security,
        "A header is allowed if it begins with an allowed one.",
        "starts_with",
        Rules(|rules, asked| {
            headers_by(rules, asked, |pattern, name| {
                folded(pattern, name)
                    || !pattern.contains('*') && name.to_ascii_lowercase().starts_with(&pattern.to_ascii_lowercase())
            })
        }),
    ),
    fault(
        "headers-contained",
        "preflight.each-header",
        Security,
        "A header is allowed if an allowed one contains it.",
        "contains on a joined list",
        Rules(|rules, asked| {
            headers_by(rules, asked, |pattern, name| {
                folded(pattern, name) || pattern.to_ascii_lowercase().contains(&name.to_ascii_lowercase())
            })
        }),
    ),
    fault(
        "headers-none-is-all",
        "preflight.no-allowed-header",
        Security,
        "A rule without AllowedHeader allows all headers.",
        "SeaweedFS",
        Rules(|rules, _| {
            each(rules, |rule| {
                if rule.allowed_headers.is_empty() {
                    rule.allowed_headers = vec![pattern("*")];
                }
            })
        }),
    ),
    fault(
        "header-case-counts",
        "match.header-case",
        BrokenPage,
        "Requested headers are compared with regard to case.",
        "localstack #9957, versitygw #1486, Garage",
        Rules(|rules, asked| headers_by(rules, asked, glob)),
    ),
    fault(
        "header-lower-case-asked",
        "match.header-case",
        BrokenPage,
        "A header that is asked for in upper case is not allowed.",
        "localstack #9957",
        Request(|request| {
            if field(request.headers(), ASKED_HEADERS)
                .is_some_and(|names| names.chars().any(|c| c.is_ascii_uppercase()))
            {
                put(request.headers_mut(), ASKED_HEADERS, "no-header-of-any-rule");
            }
        }),
    ),
    fault(
        "header-wildcard-ignored",
        "match.header-wildcard",
        BrokenPage,
        "A header pattern other than * matches nothing.",
        "LocalStack, RustFS, floci, Garage",
        Rules(|rules, asked| {
            headers_by(rules, asked, |pattern, name| pattern == "*" || pattern.eq_ignore_ascii_case(name))
        }),
    ),
    fault(
        "header-wildcard-open-start",
        "match.header-wildcard",
        Security,
        "What stands before the start of a header pattern does not count.",
        "regular expressions without anchors",
        Rules(|rules, asked| {
            headers_by(rules, asked, |pattern, name| match halves(pattern) {
                Some((head, tail)) if pattern != "*" => {
                    name.to_ascii_lowercase().contains(&head.to_ascii_lowercase())
                        && name.to_ascii_lowercase().ends_with(&tail.to_ascii_lowercase())
                }
                _ => folded(pattern, name),
            })
        }),
    ),
    fault(
        "header-wildcard-one-more",
        "match.header-pattern",
        BrokenPage,
        "The asterisk of a header stands for one character at least.",
        "LocalStack",
        Rules(|rules, asked| {
            headers_by(rules, asked, |pattern, name| {
                folded(pattern, name) && (pattern == "*" || !pattern.contains('*') || name.len() >= pattern.len())
            })
        }),
    ),
    fault(
        "header-wildcard-at-end-only",
        "match.header-pattern",
        BrokenPage,
        "The asterisk of a header counts at the end only.",
        "RustFS",
        Rules(|rules, asked| {
            headers_by(rules, asked, |pattern, name| {
                folded(pattern, name) && (pattern.ends_with('*') || !pattern.contains('*'))
            })
        }),
    ),
    fault(
        "header-spaces-kept",
        "match.header-spaces",
        BrokenPage,
        "Spaces around the commas of the requested headers are part of the names.",
        "localstack #12835, NooBaa #9776",
        Rules(|rules, asked| {
            let spaced = asked.request_headers.iter().any(|line| {
                line.windows(2).any(|pair| pair == b", " || pair == b" ," || pair == b"\t," || pair == b",\t")
            });
            each(rules, |rule| {
                if spaced && !rule.allowed_headers.iter().any(crate::cors::Pattern::is_star) {
                    rule.allowed_headers.clear();
                }
            })
        }),
    ),
    fault(
        "header-tabs-kept",
        "match.header-spaces",
        BrokenPage,
        "Tabs around the commas of the requested headers are part of the names.",
        "trim of spaces alone",
        Rules(|rules, asked| {
            let spaced = asked.request_headers.iter().any(|line| line.contains(&b'\t'));
            each(rules, |rule| {
                if spaced {
                    rule.allowed_headers.clear();
                }
            })
        }),
    ),
    fault(
        "headers-split-at-spaces",
        "preflight.each-header",
        Security,
        "Requested headers are split at spaces and semicolons, too.",
        "",
        Request(|request| {
            if let Some(names) = field(request.headers(), ASKED_HEADERS).filter(|names| names.contains([' ', ';'])) {
                let split: Vec<&str> = names.split([',', ' ', ';']).filter(|name| !name.is_empty()).collect();
                put(request.headers_mut(), ASKED_HEADERS, &split.join(", "));
            }
        }),
    ),
    fault(
        "headers-not-split",
        "preflight.headers",
        BrokenPage,
        "Access-Control-Request-Headers is taken for one name, commas and all.",
        "localstack #12835",
        Rules(|rules, asked| one_name(rules, asked, "\u{0}")),
    ),
    fault(
        "headers-split-at-comma-space",
        "match.header-spaces",
        BrokenPage,
        "Access-Control-Request-Headers is split where a comma and a space stand, and nowhere else.",
        "NooBaa #9776",
        Rules(|rules, asked| one_name(rules, asked, ", ")),
    ),
    fault(
        "header-lines-first",
        "preflight.header-lines",
        Security,
        "Of several Access-Control-Request-Headers lines the first one counts.",
        "",
        Request(|request| {
            let first = request.headers().get(ASKED_HEADERS).cloned();
            if let Some(first) = first {
                request.headers_mut().insert(ASKED_HEADERS, first);
            }
        }),
    ),
    fault(
        "header-lines-last",
        "preflight.header-lines",
        Security,
        "Of several Access-Control-Request-Headers lines the last one counts.",
        "",
        Request(|request| {
            let last = request.headers().get_all(ASKED_HEADERS).iter().next_back().cloned();
            if let Some(last) = last {
                request.headers_mut().insert(ASKED_HEADERS, last);
            }
        }),
    ),
    fault(
        "head-is-get",
        "match.head-is-not-get",
        Security,
        "AllowedMethod GET allows HEAD.",
        "scihist_digicoll #2404",
        Rules(|rules, asked| and_method(rules, asked, "HEAD", "GET")),
    ),
    fault(
        "get-is-head",
        "preflight.refused",
        Security,
        "AllowedMethod HEAD allows GET.",
        "",
        Rules(|rules, asked| and_method(rules, asked, "GET", "HEAD")),
    ),
    fault(
        "put-is-post",
        "preflight.refused",
        Security,
        "AllowedMethod POST allows PUT.",
        "",
        Rules(|rules, asked| and_method(rules, asked, "PUT", "POST")),
    ),
    fault(
        "simple-methods-free",
        "preflight.refused",
        Security,
        "Methods that Fetch safelists are always allowed.",
        "middlewares",
        Rules(|rules, asked| {
            each(rules, |rule| {
                let asked = method(asked);
                if matches!(asked.as_str(), "GET" | "HEAD" | "POST") && !rule.allowed_methods.contains(&asked) {
                    rule.allowed_methods.push(asked);
                }
            })
        }),
    ),
    fault(
        "methods-ignored",
        "preflight.refused",
        Security,
        "The method is not looked at.",
        "moto",
        Rules(|rules, asked| {
            each(rules, |rule| {
                let asked = method(asked);
                if crate::cors::is_known_method(asked.as_bytes()) && !rule.allowed_methods.contains(&asked) {
                    rule.allowed_methods.push(asked);
                }
            })
        }),
    ),
    fault(
        "methods-first-only",
        "match.any-of-origins",
        BrokenPage,
        "Only the first method of a rule counts.",
        "localstack #434",
        Rules(|rules, _| each(rules, |rule| rule.allowed_methods.truncate(1))),
    ),
    fault(
        "headers-first-of-rule",
        "preflight.headers",
        BrokenPage,
        "Only the first AllowedHeader of a rule counts.",
        "localstack #434",
        Rules(|rules, _| each(rules, |rule| rule.allowed_headers.truncate(1))),
    ),
    fault(
        "headers-thirty-of-rule",
        "preflight.headers",
        BrokenPage,
        "AllowedHeader elements after the thirtieth do not count.",
        "fixed arrays",
        Rules(|rules, asked| {
            if allows_headers(&crate::cors::CorsRule::default(), asked) {
                rules.clone()
            } else {
                each(rules, |rule| rule.allowed_headers.truncate(30))
            }
        }),
    ),
    fault(
        "names-fifty-break",
        "preflight.headers",
        BrokenPage,
        "More than fifty requested names break the connection.",
        "rs/cors #170, go-chi #36",
        super::Plant::Whole(|inside, exchange| {
            let many = exchange.asked().requested_headers().len() > 50;
            if exchange.is_preflight() && many {
                super::super::Reply::Reset
            } else {
                super::super::Reply::Answer(inside.respond(exchange))
            }
        }),
    ),
    fault(
        "headers-hundred-count",
        "preflight.each-header",
        Security,
        "Requested headers after the hundredth are not looked at.",
        "rs/cors #170, go-chi #36",
        Rules(|rules, asked| {
            let late: Vec<String> = requested(asked).into_iter().skip(100).collect();
            each(rules, |rule| {
                if !rule.allowed_headers.is_empty() {
                    rule.allowed_headers.extend(late.iter().map(|name| pattern(name.clone())));
                }
            })
        }),
    ),
    fault(
        "headers-usual-free",
        "preflight.each-header",
        Security,
        "Names that many pages send are always allowed.",
        "middlewares",
        Rules(|rules, asked| {
            const USUAL: [&str; 4] = ["x-requested-with", "if-none-match", "cache-control", "sec-fetch-mode"];
            headers_by_rule(rules, asked, |patterns, name| {
                USUAL.contains(&name.to_ascii_lowercase().as_str())
                    || patterns.iter().any(|pattern| folded(pattern, name))
            })
        }),
    ),
    fault(
        "header-star-alone-only",
        "preflight.headers",
        BrokenPage,
        "An asterisk among the headers counts only where it is the only one.",
        "",
        Rules(|rules, _| {
            each(rules, |rule| {
                if rule.allowed_headers.len() > 1 {
                    rule.allowed_headers.retain(|pattern| !pattern.is_star());
                }
            })
        }),
    ),
    fault(
        "header-arguments-exchanged",
        "preflight.each-header",
        Security,
        "A requested asterisk is allowed.",
        "a glob with its arguments exchanged",
        Rules(|rules, asked| headers_by(rules, asked, |pattern, name| folded(pattern, name) || folded(name, pattern))),
    ),
    fault(
        "method-part",
        "preflight.refused",
        Security,
        "A part of the only method of a rule is that method.",
        "localstack #434: a list of one read as text",
        Rules(|rules, asked| {
            each(rules, |rule| {
                let asked = method(asked);
                if let ([only], false) = (rule.allowed_methods.as_slice(), asked.is_empty())
                    && only.contains(&asked)
                {
                    rule.allowed_methods.push(asked);
                }
            })
        }),
    )
    .only(|dialect| dialect.behaviours.unknown_method == UnknownMethod::Forbid),
    fault(
        "empty-method-is-get",
        "preflight.no-method",
        Security,
        "An empty Access-Control-Request-Method asks for GET.",
        "",
        Request(|request| {
            if field(request.headers(), super::change::ASKED_METHOD).is_some_and(|method| method.trim().is_empty()) {
                put(request.headers_mut(), super::change::ASKED_METHOD, "GET");
            }
        }),
    ),
];
use crate::dialect::UnknownMethod;

/// The rules that allow each piece of a requested line, split at `separator` only.
fn one_name(rules: &CorsConfiguration, asked: &CorsRequest, separator: &str) -> CorsConfiguration {
    let lines: Vec<String> =
        asked.request_headers.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let names: Vec<&str> = lines.iter().flat_map(|line| line.split(separator)).map(str::trim).collect();
    each(rules, |rule| {
        let allowed =
            |name: &&str| rule.allowed_headers.iter().any(|pattern| pattern.matches_ignore_case(name.as_bytes()));
        if !names.iter().filter(|name| !name.is_empty()).all(allowed) {
            rule.allowed_methods.clear();
        }
    })
}

fn folded(text: &str, name: &str) -> bool {
    crate::cors::Pattern::new(text).is_some_and(|pattern| pattern.matches_ignore_case(name.as_bytes()))
}

fn headers_by_rule(
    rules: &CorsConfiguration,
    asked: &CorsRequest,
    allowed: impl Fn(&[String], &str) -> bool,
) -> CorsConfiguration {
    let names = requested(asked);
    each(rules, |rule| {
        let patterns: Vec<String> = rule.allowed_headers.iter().map(ToString::to_string).collect();
        rule.allowed_headers =
            names.iter().filter(|name| allowed(&patterns, name)).map(|name| pattern(name.clone())).collect();
    })
}

fn one_counts(
    rules: &CorsConfiguration,
    asked: &CorsRequest,
    which: impl Fn(&[String]) -> Option<String>,
) -> CorsConfiguration {
    let one = which(&requested(asked));
    each(rules, |rule| {
        let allowed = one.as_ref().is_some_and(|name| {
            rule.allowed_headers.iter().any(|pattern| pattern.matches_ignore_case(name.as_bytes()))
        });
        if allowed {
            rule.allowed_headers = vec![pattern("*")];
        }
    })
}

/// A rule with the method `beside` is read as if it had `method`, too, where that is asked for.
fn and_method(rules: &CorsConfiguration, asked: &CorsRequest, wanted: &str, beside: &str) -> CorsConfiguration {
    let wanted_now = method(asked) == wanted;
    each(rules, |rule| {
        if wanted_now
            && rule.allowed_methods.iter().any(|method| method == beside)
            && !rule.allowed_methods.iter().any(|method| method == wanted)
        {
            rule.allowed_methods.push(wanted.to_owned());
        }
    })
}
