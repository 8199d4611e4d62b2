//! Rules: [`rule_set`] as a document states them, [`configuration`] as they are stored.

use arbitrary::Unstructured;

use super::Source;
use crate::case::{Rule, RuleSet};
use crate::cors::{CorsConfiguration, CorsRule, Pattern};
use crate::dialect::{Dialect, Limits};

const SCHEMES: [&str; 6] = ["https", "http", "https", "http", "capacitor", "chrome-extension"];
const HOSTS: [&str; 18] = [
    "a(b.example",
    "under_score.test",
    "a?b.example",
    "app.example",
    "www.example.com",
    "a.b.example.org",
    "localhost",
    "example.com",
    "ab.example.ab",
    "xn--bcher-kva.example",
    "127.0.0.1",
    "[2001:db8::1]",
    "a+b(c).example",
    "under_score.test",
    "UPPER.example",
    "very-long-label-of-sixty-three-characters-which-is-the-limit-oki.another-rather-long-label-that-goes-on.and-on.and-on.example",
    "b\u{fc}cher.example",
    LONG,
];
/// Longer than a name can be, and than a buffer of 255 bytes holds.
const LONG: &str = "a-label-of-sixty-three-characters-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx.another-label-of-sixty-three-characters-xxxxxxxxxxxxxxxxxxxxxxx.\
    a-third-label-of-sixty-three-characters-xxxxxxxxxxxxxxxxxxxxxxx.one-more-label-of-sixty-three-characters-xxxxxxxxxxxxxxxxxxxxxx.example";
const PORTS: [&str; 6] = ["", "", ":3000", ":8080", ":443", ":80"];
/// Methods of rules.
pub(super) const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];
/// AllowedHeader values.
const HEADERS: [&str; 12] = [
    "*",
    "content-type",
    "x-oss-*",
    "Authorization",
    "x-oss-meta-*",
    "*-date",
    "x-*-a",
    "X-Custom",
    "range",
    "x-a*a",
    "x!#$%&'+.^_`|~",
    "GET",
];
/// ExposeHeader values.
const EXPOSED: [&str; 8] =
    ["ETag", "x-oss-request-id", "Content-Length", "x-oss-meta-a", "X-Oss-Hash-Crc64ecma", "HTTP", "a b", "x_y"];
const AGES: [&str; 8] = ["60", "0", "1", "100", "33012", "86400", "999999999", "007"];

/// An origin that a browser sends.
fn origin(source: &mut Source<'_, '_>) -> String {
    format!("{}://{}{}", source.pick(&SCHEMES), source.pick(&HOSTS), source.pick(&PORTS))
}

/// The text of an AllowedOrigin with at most one asterisk.
fn origin_text(source: &mut Source<'_, '_>) -> String {
    let whole = origin(source);
    match source.below(24) {
        0..=9 => whole,
        10 | 11 => "*".to_owned(),
        12..=14 => format!("{}://*.{}", source.pick(&SCHEMES), source.pick(&HOSTS)),
        15 => format!("{whole}:*"),
        16 => source.pick(&HOSTS).to_owned(),
        17 => format!("*.{}", source.pick(&HOSTS)),
        19 => format!("{whole}*"),
        // Both sides of the asterisk share something.
        20 => format!("{}://a.*.{}", source.pick(&SCHEMES), source.pick(&HOSTS)),
        21 => format!("{}://app*app.example", source.pick(&SCHEMES)),
        18 => match source.below(3) {
            0 => "null".to_owned(),
            1 => format!("{whole}/"),
            _ => format!("Original {}", source.below(9)),
        },
        // An asterisk in place of a run of characters, anywhere.
        _ => {
            let characters: Vec<char> = whole.chars().collect();
            let from = source.below(characters.len());
            let to = from + source.below(characters.len() - from);
            let head: String = characters.iter().take(from).collect();
            let tail: String = characters.iter().skip(to).collect();
            // `https://*` is an open point of its own.
            if head.ends_with("://") && tail.is_empty() { whole } else { format!("{head}*{tail}") }
        }
    }
}

/// An AllowedOrigin.
pub fn pattern(u: &mut Unstructured<'_>) -> Pattern {
    Pattern::new(origin_text(&mut Source(u))).unwrap_or_else(Pattern::star)
}

fn several<'t>(source: &mut Source<'_, '_>, least: usize, of: &[&'t str]) -> Vec<&'t str> {
    // Now and then more than a fixed list holds.
    let most = source.weighted(least + 1, &[(30, 3), (20, least), (2, 12), (1, 40)]);
    let count = if most > 3 { most } else { source.between(least, most.max(least)) };
    (0..count).map(|_| source.pick(of)).collect()
}

fn rule(source: &mut Source<'_, '_>) -> Rule {
    // Many values are numbered: a list that is cut shows.
    let owned = |values: Vec<&str>| -> Vec<String> {
        let many = values.len() > 3;
        let name = |(at, value): (usize, &str)| if many && at > 1 { format!("x-n{at}") } else { value.to_owned() };
        values.into_iter().enumerate().map(name).collect()
    };
    let origins = source.weighted(1, &[(20, 2), (10, 3)]);
    let methods = several(source, 1, &METHODS);
    Rule {
        ids: Vec::new(),
        allowed_origins: (0..origins).map(|_| origin_text(source)).collect(),
        allowed_methods: methods.into_iter().map(str::to_owned).collect(),
        allowed_headers: owned(several(source, 0, &HEADERS)),
        expose_headers: owned(several(source, 0, &EXPOSED)),
        max_age_seconds: if source.one_in(3) { Vec::new() } else { vec![source.pick(&AGES).to_owned()] },
    }
}

/// Rules of a set that differ; those beyond repeat them, so that bytes are left for what is asked.
const VARIED: usize = 21;

/// Rules as text: mostly such as a server takes, now and then as many as it may just take, or one more; about one set in eight breaks one rule
/// of the documents.
pub fn rule_set(u: &mut Unstructured<'_>, limits: &Limits) -> RuleSet {
    let mut source = Source(u);
    let (most, refused) = (limits.max_rules_certain, limits.max_rules_refused);
    let near = [(3, most), (2, most + 1), (1, refused.saturating_sub(1)), (2, refused)];
    let few = [(30, 1), (20, 3), (10, 4)];
    let mut count = source.weighted(2, &[&few[..], &near].concat());
    // A hundred rules take a server and the oracle as long as whole cases do.
    if count > VARIED && !source.one_in(4) {
        count = 10;
    }
    let copies = count > 4 && source.one_in(3);
    let mut rules: Vec<Rule> = Vec::with_capacity(count);
    for at in 0..count {
        if let Some(before) = at.checked_sub(VARIED).and_then(|before| rules.get(before)) {
            rules.push(before.clone());
            continue;
        }
        let mut next = rule(&mut source);
        if let Some(first) = rules.first().filter(|_| copies) {
            next = first.clone();
        }
        // Rules that share an origin are the ones that order and fall-through are about.
        if let Some(before) = rules.last().filter(|_| source.one_in(3)) {
            next.allowed_origins.clone_from(&before.allowed_origins);
            // And those that share methods, too, are told apart by headers alone.
            if source.one_in(2) {
                next.allowed_methods.clone_from(&before.allowed_methods);
            }
        } else if let Some(before) = rules.first().filter(|_| source.one_in(12)) {
            next = before.clone();
        }
        rules.push(next);
    }
    let vary = source.weighted(Some("true"), &[(25, Some("false")), (25, None)]);
    let mut set = RuleSet { rules, response_vary: vary.map(str::to_owned) };
    if source.one_in(8) {
        break_one(&mut source, &mut set);
    }
    set
}

/// Where rules have an ID: rules with one, and an AllowedHeader that is no name.
pub(super) fn with_ids(u: &mut Unstructured<'_>, set: &mut RuleSet) {
    let mut source = Source(u);
    if source.one_in(3) {
        let long = source.one_in(4).then(|| "i".repeat(256));
        for (at, rule) in set.rules.iter_mut().enumerate().filter(|(at, _)| at % 4 != 2) {
            rule.ids = vec![long.clone().filter(|_| at == 0).unwrap_or_else(|| format!("rule {at}"))];
        }
    }
    if let Some(rule) = set.rules.last_mut().filter(|_| source.one_in(12)) {
        rule.allowed_headers = vec!["x y".to_owned()];
    }
}

/// Rules as text, of which nearly all break one rule of the documents.
pub(super) fn broken_rule_set(u: &mut Unstructured<'_>) -> RuleSet {
    let mut source = Source(u);
    let mut set = RuleSet { rules: vec![rule(&mut source)], response_vary: None };
    break_one(&mut source, &mut set);
    set
}

/// A value that breaks a rule of the documents, or stands just beside it, by its element.
const BROKEN: [(&str, &[&str]); 6] = [
    ("AllowedOrigin", &["http://*.*", "**", "https://*.example.*", "https://*", "", " https://app.example "]),
    (
        "AllowedMethod",
        &["PATCH", "OPTIONS", "", "GETGET", "*", "GET,PUT", "GET PUT", "get", "Put", "put", "Get", "Head", " GET"],
    ),
    ("AllowedHeader", &["**", "x-*-*", "", " x-custom"]),
    ("ExposeHeader", &["*", "x-*", "a&b", "<a>", "\"a\"", "'a'", "a\"", "", "ETag "]),
    (
        "MaxAgeSeconds",
        &[
            "-1",
            "1.5",
            "60.0",
            "abc",
            "",
            "+1",
            "0x10",
            "1e3",
            "18446744073709551616",
            "1000000000",
            "4294967296",
            "2147483648",
            "\u{ff16}\u{ff10}",
            " 60",
        ],
    ),
    ("ResponseVary", &["0", "yes", "", "tru", "1", "True", "TRUE", " true"]),
];

/// Breaks one rule of the documents, or stands just beside it.
fn break_one(source: &mut Source<'_, '_>, set: &mut RuleSet) {
    let values: usize = BROKEN.iter().map(|(_, values)| values.len()).sum();
    let mut choice = source.below(values + 8);
    let at = source.below(set.rules.len());
    let Some(rule) = set.rules.get_mut(at) else { return };
    for (element, values) in BROKEN {
        let Some(value) = values.get(choice) else {
            choice -= values.len();
            continue;
        };
        let list = match element {
            "AllowedOrigin" => &mut rule.allowed_origins,
            "AllowedMethod" => &mut rule.allowed_methods,
            "AllowedHeader" => &mut rule.allowed_headers,
            "ExposeHeader" => &mut rule.expose_headers,
            "MaxAgeSeconds" => &mut rule.max_age_seconds,
            _ => {
                set.response_vary = Some((*value).to_owned());
                return;
            }
        };
        // Two ages are a mistake of their own.
        if element == "MaxAgeSeconds" || list.len() == 1 || source.one_in(2) {
            *list = vec![(*value).to_owned()];
        } else {
            list.push((*value).to_owned());
        }
        return;
    }
    match choice {
        0 | 1 => rule.allowed_origins.clear(),
        2 | 3 => rule.allowed_methods.clear(),
        4 | 5 => rule.max_age_seconds = vec!["10".to_owned(), source.pick(&["20", "10"]).to_owned()],
        _ => set.rules.clear(),
    }
}

/// One rule as text, as it would be stored.
fn stored(text: Rule) -> CorsRule {
    let patterns = |values: Vec<String>| values.into_iter().filter_map(Pattern::new).collect();
    CorsRule {
        id: None,
        allowed_origins: patterns(text.allowed_origins),
        allowed_methods: text.allowed_methods,
        allowed_headers: patterns(text.allowed_headers),
        expose_headers: text.expose_headers,
        max_age_seconds: text.max_age_seconds.first().and_then(|value| value.parse().ok()),
    }
}

/// A stored rule: what validation can make of a document.
pub fn stored_rule(u: &mut Unstructured<'_>) -> CorsRule {
    let rule = stored(rule(&mut Source(u)));
    CorsConfiguration { rules: vec![rule], response_vary: false }
        .into_stored(&Dialect::oss().behaviours)
        .rules
        .pop()
        .unwrap_or_default()
}

/// Stored rules: what validation can make of a document.
pub fn configuration(u: &mut Unstructured<'_>) -> CorsConfiguration {
    let mut source = Source(u);
    let count = source.weighted(2, &[(30, 1), (20, 3), (10, 4)]);
    let mut rules: Vec<CorsRule> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut next = stored(rule(&mut source));
        if let Some(before) = rules.last().filter(|_| source.one_in(3)) {
            next.allowed_origins.clone_from(&before.allowed_origins);
        }
        rules.push(next);
    }
    CorsConfiguration { rules, response_vary: source.one_in(2) }.into_stored(&Dialect::oss().behaviours)
}
