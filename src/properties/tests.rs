//! The laws, driven by proptest. Leaf values come from small alphabets, so that rules and requests meet.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::cors::{CorsRule, Kind, Origin};
use arbitrary::Unstructured;

/// Pieces that overlap on purpose: prefixes, suffixes and near misses of each other.
fn piece() -> impl Strategy<Value = String> {
    "[ab.:/]{0,5}"
}

fn pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        Just("*".to_owned()),
        piece(),
        (piece(), piece()).prop_map(|(prefix, suffix)| format!("{prefix}*{suffix}")),
    ]
    .prop_filter_map("one asterisk", Pattern::new)
}

fn header() -> impl Strategy<Value = String> {
    "[xX]-?[abA]{0,2}"
}

fn rule() -> impl Strategy<Value = CorsRule> {
    let header_pattern = prop_oneof![header(), header().prop_map(|name| format!("{name}*")), Just("*".to_owned())];
    let method = proptest::sample::select(vec!["GET", "PUT", "POST"]);
    (
        vec(pattern(), 1..3),
        vec(method, 1..3),
        vec(header_pattern, 0..3),
        vec("[a-z-]{1,4}", 0..2),
        option::of(0..100_i64),
    )
        .prop_map(|(allowed_origins, methods, headers, expose_headers, max_age_seconds)| CorsRule {
            id: None,
            allowed_origins,
            allowed_methods: methods.into_iter().map(str::to_owned).collect(),
            allowed_headers: headers.into_iter().filter_map(Pattern::new).collect(),
            expose_headers,
            max_age_seconds,
        })
}

fn configuration() -> impl Strategy<Value = CorsConfiguration> {
    (vec(rule(), 1..4), any::<bool>()).prop_map(|(rules, response_vary)| CorsConfiguration { rules, response_vary })
}

fn request() -> impl Strategy<Value = CorsRequest> {
    let method = || proptest::sample::select(vec!["GET", "PUT", "POST", "HEAD", "get"]);
    let line = vec(prop_oneof![header(), Just(String::new()), header().prop_map(|name| format!(" {name} "))], 0..3);
    (any::<bool>(), vec("[ab.:/]{1,6}", 0..3), method(), option::of(method()), vec(line, 0..2)).prop_map(
        |(preflight, origins, own, asked, lines)| CorsRequest {
            kind: if preflight { Kind::Preflight } else { Kind::Actual },
            // Two origins are rarer than one.
            origins: origins.into_iter().take(if own == "HEAD" { 2 } else { 1 }).map(Origin::new).collect(),
            method: if preflight { "OPTIONS".to_owned() } else { own.to_owned() },
            request_method: asked.map(|method| method.as_bytes().to_vec()),
            request_headers: lines.into_iter().map(|line| line.join(",").into_bytes()).collect(),
        },
    )
}

/// Any text that XML can hold, among it what has to be escaped.
fn xml_text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        Just('&'),
        Just('<'),
        Just('>'),
        Just('"'),
        Just('\''),
        Just('é'),
        Just('\u{10ffff}'),
        Just('\t'),
        Just('\r'),
        Just('\n'),
        proptest::char::range(' ', '~')
    ];
    vec(character, 1..8).prop_map(|characters| characters.into_iter().collect())
}

/// Rules that parsing and validation can produce: trimmed values, one asterisk, no forbidden character.
fn stored() -> impl Strategy<Value = CorsConfiguration> {
    let trimmed = || {
        xml_text()
            .prop_map(|text| text.trim_matches(|c: char| c.is_ascii_whitespace()).to_owned())
            .prop_filter("not empty", |text| !text.is_empty() && !text.ends_with("://*"))
    };
    let patterns = || trimmed().prop_filter_map("one asterisk", Pattern::new);
    let expose =
        "[A-Za-z0-9 é-]{1,6}".prop_map(|text| text.trim().to_owned()).prop_filter("not empty", |text| !text.is_empty());
    let method = proptest::sample::select(vec!["GET", "PUT", "DELETE", "POST", "HEAD"]).prop_map(str::to_owned);
    let rule = (
        vec(patterns(), 1..3),
        vec(method, 1..3),
        vec(patterns(), 0..2),
        vec(expose, 0..2),
        option::of(0..=999_999_999_i64),
    )
        .prop_map(|(allowed_origins, allowed_methods, allowed_headers, expose_headers, max_age_seconds)| {
            CorsRule { id: None, allowed_origins, allowed_methods, allowed_headers, expose_headers, max_age_seconds }
        });
    (vec(rule, 1..4), any::<bool>()).prop_map(|(rules, response_vary)| CorsConfiguration { rules, response_vary })
}

/// Any choice at any open point.
fn behaviours() -> impl Strategy<Value = Behaviours> {
    vec(any::<prop::sample::Index>(), Behaviours::POINTS.len()).prop_map(|choices| {
        let mut behaviours = Dialect::oss().behaviours;
        for (point, choice) in Behaviours::POINTS.iter().zip(choices) {
            behaviours.set(point.name, point.values[choice.index(point.values.len())]).unwrap();
        }
        behaviours
    })
}

/// Tokens that make and break documents.
fn xml_soup() -> impl Strategy<Value = String> {
    let token = proptest::sample::select(vec![
        "<a>",
        "</a>",
        "<a/>",
        "<b>",
        "</b>",
        "<p:a xmlns:p='u'>",
        "</p:a>",
        " ",
        "\n",
        "\r\n",
        "x",
        "&amp;",
        "&#65;",
        "&#x41;",
        "&#0;",
        "&e;",
        "&",
        "<!-- c -->",
        "<!-- -- -->",
        "<![CDATA[<x>]]>",
        "]]>",
        "<?p i?>",
        "<?xml version='1.0'?>",
        "<!DOCTYPE a>",
        "<a b='1'>",
        "<a b='1' b='2'>",
        "<a b=1>",
        "<a b='<'>",
        "<a b='&lt;'>",
        "\u{feff}",
        "<a\nb='1'\t>",
        "<1>",
        "<a b>",
        "<p:c>",
        "</a >",
        "é",
        "\u{1}",
    ]);
    vec(token, 0..9).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(crate::laws(1000))]


    #[test]
    fn reading_gives_what_was_written(configuration in stored()) {
        round_trip(&configuration, Dialect::oss());
    }

    #[test]
    fn patterns_match_like_the_recursive_twin(pattern in pattern(), value in "[ab.:/]{0,8}") {
        same_match(&pattern, value.as_bytes());
    }

    /// A third opinion: a regular expression made of the pattern.
    #[test]
    fn patterns_match_like_a_regular_expression(pattern in pattern(), value in "[ab.:/]{0,8}") {
        let parts: Vec<String> = pattern.as_str().split('*').map(regex::escape).collect();
        let regex = regex::Regex::new(&format!("(?s)^{}$", parts.join(".*"))).unwrap();
        prop_assert_eq!(pattern.matches(value.as_bytes()), regex.is_match(&value));
    }

    /// An origin made from the pattern by filling its asterisk matches it.
    #[test]
    fn filled_patterns_match(pattern in pattern(), fill in "[ab.:/]{0,4}") {
        prop_assert!(pattern.matches(pattern.as_str().replace('*', &fill).as_bytes()));
    }

    #[test]
    fn decisions_are_those_of_the_naive_twin(configuration in option::weighted(0.9, configuration()), request in request(), behaviours in behaviours()) {
        same_decision(configuration.as_ref(), &request, &behaviours);
    }

    #[test]
    fn both_parsers_accept_the_same_documents(document in xml_soup()) {
        same_xml(document.as_bytes());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(document in vec(any::<u8>(), 0..80)) {
        drop(xml::parse(&document));
    }

    /// What a change of rules or request does to a decision, and what it does not.
    #[test]
    fn changed_rules_and_requests_decide_as_they_must(
        relation in any::<u16>(),
        configuration in configuration(),
        request in request(),
        behaviours in behaviours(),
        other in rule(),
    ) {
        metamorphic::one(relation, &configuration, &request, &behaviours, || other);
    }

    /// For both kinds of signatures.
    #[test]
    fn a_vouched_sender_is_answered_as_one_who_signs(bytes in vec(any::<u8>(), 0..2000), aws in any::<bool>()) {
        let dialect = if aws { Dialect::s3() } else { Dialect::oss() };
        session::vouched(&crate::generate::draft(&mut Unstructured::new(&bytes), "vouched", dialect), dialect);
    }

    /// Documents, sessions and signatures as the fuzz targets make them, a few of each.
    #[test]
    fn no_bytes_break_a_target(bytes in vec(any::<u8>(), 0..600), target in 0..targets::ALL.len()) {
        (targets::ALL[target].1)(&bytes);
    }
}
