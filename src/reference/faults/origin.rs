//! Origins: how one is held against a rule.

use super::super::Reply;
use super::Effect::{BrokenPage, Security};
use super::Plant::{Rules, Whole};
use super::change::{each, glob, halves, origins_by};
use super::{Fault, fault};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "origin-prefix",
        "match.literal",
        Security,
        "An origin is allowed if it begins with an allowed one.",
        "moto, starlette #801, javalin #925, CVE-2026-37737",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) || !pattern.contains('*') && origin.starts_with(pattern)
            })
        }),
    ),
    fault(
        "origin-suffix",
        "match.literal",
        Security,
        "An origin is allowed if it ends with an allowed one.",
        "jub0bs GHSA-vhxv-fg4m-p2w8",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) || !pattern.contains('*') && origin.ends_with(pattern)
            })
        }),
    ),
    fault(
        "origin-contains",
        "match.literal",
        Security,
        "An origin is allowed if it contains an allowed one.",
        "martini-contrib/cors #6",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) || !pattern.contains('*') && origin.contains(pattern)
            })
        }),
    ),
    fault(
        "origin-contained",
        "match.literal",
        Security,
        "An origin is allowed if an allowed one contains it.",
        "indexOf with its arguments exchanged",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) || !pattern.contains('*') && pattern.contains(origin)
            })
        }),
    ),
    fault(
        "origin-sub-domains",
        "match.literal",
        Security,
        "A literal origin allows its sub-domains.",
        "cookie-like rules",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin)
                    || pattern.split_once("://").zip(origin.split_once("://")).is_some_and(
                        |((scheme, host), (other, sub))| {
                            scheme == other && !pattern.contains('*') && sub.ends_with(&format!(".{host}"))
                        },
                    )
            })
        }),
    ),
    fault(
        "origin-any",
        "preflight.refused",
        Security,
        "Any origin is allowed.",
        "rs/cors CVE-2018-20744, gorilla CVE-2017-20146, resteasy GHSA-972r-f3fv-whm3",
        Rules(|rules, asked| origins_by(rules, asked, |_, _| true)),
    ),
    fault(
        "wildcard-apex",
        "match.wildcard",
        Security,
        "*.example.com matches example.com.",
        "gofiber #3690",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) || glob(&pattern.replace("*.", ""), origin)
            })
        }),
    ),
    fault(
        "wildcard-any-scheme",
        "match.wildcard",
        Security,
        "A wildcard matches http and https alike.",
        "",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin)
                    || pattern.contains('*')
                        && pattern.contains("://")
                        && glob(&pattern.replace("http://", "https://"), &origin.replace("http://", "https://"))
            })
        }),
    ),
    fault(
        "wildcard-any",
        "match.wildcard",
        Security,
        "An asterisk anywhere matches everything.",
        "rs/cors #197",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| glob(pattern, origin) || pattern.contains('*'))
        }),
    ),
    fault(
        "wildcard-ignored",
        "match.wildcard",
        BrokenPage,
        "A pattern other than * matches nothing.",
        "SeaweedFS, Garage, LocalStack",
        Rules(|rules, asked| origins_by(rules, asked, |pattern, origin| pattern == "*" || pattern == origin)),
    ),
    fault(
        "wildcard-open-end",
        "match.wildcard-anchored",
        Security,
        "What follows the end of a pattern does not count.",
        "moto, starlette #801, CVE-2019-25211",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| match halves(pattern) {
                Some((head, tail)) => origin.strip_prefix(head).is_some_and(|rest| rest.contains(tail)),
                None => glob(pattern, origin),
            })
        }),
    ),
    fault(
        "wildcard-open-start",
        "match.wildcard-anchored",
        Security,
        "What stands before the start of a pattern does not count.",
        "golang/vulndb #2806",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| match halves(pattern) {
                Some((head, tail)) => origin.strip_suffix(tail).is_some_and(|rest| rest.contains(head)),
                None => glob(pattern, origin),
            })
        }),
    ),
    fault(
        "wildcard-first-suffix",
        "match.wildcard-run",
        BrokenPage,
        "The end of a pattern has to come once.",
        "find in place of ends_with",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| match halves(pattern) {
                Some((head, tail)) if !tail.is_empty() => origin
                    .strip_prefix(head)
                    .and_then(|rest| rest.find(tail).map(|at| at + tail.len() == rest.len()))
                    .unwrap_or(false),
                _ => glob(pattern, origin),
            })
        }),
    ),
    fault(
        "wildcard-overlap",
        "match.wildcard-overlap",
        Security,
        "Start and end of a pattern may overlap.",
        "Ceph RGW, cloudserver, RustFS",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| match halves(pattern) {
                Some((head, tail)) => origin.starts_with(head) && origin.ends_with(tail),
                None => glob(pattern, origin),
            })
        }),
    ),
    fault(
        "wildcard-one-character",
        "match.wildcard-run",
        BrokenPage,
        "The asterisk stands for one character at least.",
        "LocalStack",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) && (pattern == "*" || !pattern.contains('*') || origin.len() >= pattern.len())
            })
        }),
    ),
    fault(
        "wildcard-one-label",
        "match.wildcard-run",
        BrokenPage,
        "The asterisk stands for one label.",
        "middy #1265",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin)
                    && match halves(pattern) {
                        Some((head, tail)) if pattern != "*" => {
                            origin.get(head.len()..origin.len() - tail.len()).is_some_and(|run| !run.contains('.'))
                        }
                        _ => true,
                    }
            })
        }),
    ),
    fault(
        "wildcard-label-only",
        "match.wildcard-run",
        BrokenPage,
        "An asterisk inside of a label does not count.",
        "servers that compare labels",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin)
                    && match halves(pattern) {
                        Some((head, tail)) if pattern != "*" => {
                            (head.ends_with("//") || head.ends_with('.')) && tail.starts_with('.')
                                || tail.is_empty()
                                || head.is_empty()
                        }
                        _ => true,
                    }
            })
        }),
    ),
    fault(
        "wildcard-port-ignored",
        "match.wildcard-run",
        BrokenPage,
        "A wildcard for the port matches nothing.",
        "localstack #10090, R2 cloudflare-docs #32888",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| glob(pattern, origin) && !pattern.ends_with(":*"))
        }),
    ),
    fault(
        "wildcard-last-cut",
        "match.wildcard-anchored",
        Security,
        "An asterisk at the end takes the character before it along.",
        "gin-contrib CVE-2019-25211 #57 #106",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin)
                    || pattern.strip_suffix('*').is_some_and(|head| {
                        let mut head = head.to_owned();
                        head.pop().is_some() && !head.is_empty() && origin.starts_with(&head)
                    })
            })
        }),
    ),
    fault(
        "dot-any-character",
        "match.literal-characters",
        Security,
        "A dot stands for any character.",
        "NooBaa, solana #925",
        Rules(|rules, asked| origins_by(rules, asked, |pattern, origin| regex(&regex_lite(pattern, false), origin))),
    ),
    fault(
        "pattern-is-regex",
        "match.literal-characters",
        Security,
        "An origin in the rules is a regular expression.",
        "moto, NooBaa",
        Rules(|rules, asked| origins_by(rules, asked, |pattern, origin| regex(&pattern.replace('*', ".*"), origin))),
    ),
    fault(
        "pattern-breaks",
        "match.literal-characters",
        BrokenPage,
        "An origin in the rules that is no regular expression breaks every preflight.",
        "moto, NooBaa",
        Whole(|inside, exchange| {
            let bad = exchange.rules.as_ref().is_some_and(|rules| {
                rules.rules.iter().flat_map(|rule| &rule.allowed_origins).any(|origin| {
                    let pattern = origin.as_str().replacen('*', ".*", 1);
                    regex::Regex::new(&pattern).is_err()
                })
            });
            if bad && exchange.is_preflight() { Reply::Reset } else { Reply::Answer(inside.respond(exchange)) }
        }),
    ),
    fault(
        "question-mark-any",
        "match.literal-characters",
        Security,
        "A question mark stands for one character.",
        "fnmatch",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) || pattern.contains('?') && regex(&regex_lite(pattern, true), origin)
            })
        }),
    ),
    fault(
        "percent-any",
        "match.literal-characters",
        Security,
        "Percent and underscore are wildcards.",
        "LIKE",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin)
                    || pattern.contains(['_', '%'])
                        && regex(&regex::escape(pattern).replace('%', ".*").replace('_', "."), origin)
            })
        }),
    ),
    fault(
        "port-ignored",
        "match.port",
        Security,
        "The port does not count.",
        "",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) || pattern != "*" && glob(without_port(pattern), without_port(origin))
            })
        }),
    ),
    fault(
        "port-of-origin-ignored",
        "match.port",
        Security,
        "The port of a request does not count where the rule has none.",
        "",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| glob(pattern, origin) || glob(pattern, without_port(origin)))
        }),
    ),
    fault(
        "scheme-ignored",
        "match.scheme",
        Security,
        "http and https are the same.",
        "comparing hosts",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin)
                    || !pattern.contains('*')
                        && pattern.replace("http://", "https://") == origin.replace("http://", "https://")
            })
        }),
    ),
    fault(
        "origins-first-only",
        "match.any-of-origins",
        BrokenPage,
        "Only the first origin of a rule counts.",
        "localstack #434",
        Rules(|rules, _| each(rules, |rule| rule.allowed_origins.truncate(1))),
    ),
    fault(
        "origins-last-only",
        "match.any-of-origins",
        BrokenPage,
        "Only the last origin of a rule counts.",
        "localstack #434",
        Rules(|rules, _| {
            each(rules, |rule| {
                rule.allowed_origins.drain(..rule.allowed_origins.len().saturating_sub(1));
            })
        }),
    ),
    fault(
        "null-refused",
        "match.null",
        BrokenPage,
        "Origin null matches nothing.",
        "",
        Rules(|rules, asked| origins_by(rules, asked, |pattern, origin| glob(pattern, origin) && origin != "null")),
    ),
    fault(
        "null-matches-patterns",
        "match.null-pattern",
        Security,
        "Origin null matches every pattern.",
        "OWASP ASVS #741, minio #21352, akka-http-cors #31",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) || origin == "null" && pattern.contains('*')
            })
        }),
    ),
    fault(
        "null-matches-all",
        "match.null-pattern",
        Security,
        "Origin null is always allowed.",
        "OWASP ASVS #741",
        Rules(|rules, asked| origins_by(rules, asked, |pattern, origin| glob(pattern, origin) || origin == "null")),
    ),
    fault(
        "origin-arguments-exchanged",
        "match.literal",
        Security,
        "An origin with an asterisk is held against the rules as a pattern.",
        "a glob with its arguments exchanged",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) || origin.contains('*') && glob(origin, pattern)
            })
        }),
    ),
    fault(
        "star-alone-only",
        "match.any-of-origins",
        BrokenPage,
        "An asterisk counts only where it is the only origin of its rule.",
        "",
        Rules(|rules, _| {
            each(rules, |rule| {
                if rule.allowed_origins.len() > 1 {
                    rule.allowed_origins.retain(|pattern| !pattern.is_star());
                }
            })
        }),
    ),
    fault(
        "wildcard-in-scheme-ignored",
        "match.wildcard-run",
        BrokenPage,
        "An asterisk before the host matches nothing.",
        "servers that split the scheme off",
        Rules(|rules, asked| {
            origins_by(rules, asked, |pattern, origin| {
                glob(pattern, origin) && !(pattern != "*" && pattern.find('*') < pattern.find("://"))
            })
        }),
    ),
    fault(
        "empty-origin-is-null",
        "preflight.no-origin",
        Security,
        "An empty Origin is null.",
        "",
        super::Plant::Request(|request| {
            if super::change::field(request.headers(), "origin").is_some_and(|origin| origin.trim().is_empty()) {
                super::change::put(request.headers_mut(), "origin", "null");
            }
        }),
    ),
];

fn without_port(origin: &str) -> &str {
    match origin.rsplit_once(':') {
        Some((head, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*') => {
            head
        }
        _ => origin,
    }
}

/// A pattern as somebody writes it who forgets to escape dots, or reads question marks as globs do.
fn regex_lite(pattern: &str, question_marks: bool) -> String {
    let escaped = regex::escape(pattern).replace("\\*", ".*");
    if question_marks { escaped.replace("\\?", ".") } else { escaped.replace("\\.", ".") }
}

fn regex(pattern: &str, origin: &str) -> bool {
    regex::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(origin))
}
