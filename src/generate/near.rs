//! Values on either side of a pattern: [`origin`], [`header`].

use arbitrary::Unstructured;

use super::Source;
use crate::cors::Pattern;

/// What an asterisk may stand for.
const FILLS: [&str; 9] = ["a", "", "x.y", "app", "a-b_c", "evil.test/", "*", "0:8080", "null"];
/// Origins for a rule that allows all.
const ANY: [&str; 8] = [
    "https://anywhere.test",
    "null",
    "http://a",
    "chrome-extension://abc",
    "x",
    "https://a.test:0443",
    "https://user@a.test",
    "https://A.test",
];

/// An Origin made from a pattern: one that it matches, or one that differs from such a one in one way.
pub fn origin(u: &mut Unstructured<'_>, pattern: &Pattern) -> String {
    let mut source = Source(u);
    let text = pattern.as_str();
    if pattern.is_star() {
        return (*source.pick(&ANY)).to_owned();
    }
    let filled = fill(&mut source, text);
    // About half of them match.
    if source.one_in(2) { changed(&mut source, text, filled) } else { filled }
}

/// One change; the last ones are spellings that somebody folds, cuts or trusts.
fn changed(source: &mut Source<'_, '_>, pattern: &str, origin: String) -> String {
    let (scheme, host) = origin.split_once("://").unwrap_or(("https", &origin));
    match source.below(40) {
        0 => format!("{origin}.evil.test"),
        1 => format!("{origin}x"),
        2 => format!("evil{origin}"),
        3 => origin.replacen("://", "://evil", 1),
        4 | 5 => other_scheme(&origin),
        6 | 7 => other_port(source, &origin),
        8 => origin.to_ascii_uppercase(),
        9 => origin.replacen("://", "://x.", 1),
        10 => format!("{origin}/"),
        11 => "null".to_owned(),
        12 => format!("{origin}, https://second.test"),
        13 => format!("{origin} "),
        14 => format!("{origin}/path?x=y#z"),
        15 | 16 => without_one(source, &origin),
        17..=19 => one_other(source, pattern, &origin),
        20 => pattern.replacen('*', "", 1).replacen("://.", "://", 1),
        21 | 22 => {
            let mut other = origin;
            other.pop();
            other.push('x');
            other
        }
        // The asterisk takes a neighbour along.
        23 | 24 => match pattern.split_once('*') {
            Some((head, tail)) => {
                let mut head = head.to_owned();
                head.pop();
                format!("{head}y{}{tail}", source.pick(&FILLS))
            }
            None => format!("{origin}y"),
        },
        25 => match pattern.split_once('*') {
            Some((head, tail)) => format!("{head}{}y{}", source.pick(&FILLS), tail.get(1..).unwrap_or_default()),
            None => format!("y{origin}"),
        },
        26 => format!("{scheme}://user@{host}"),
        27 => format!("{scheme}://{host}@evil.test"),
        28 => format!("{scheme}://{host}."),
        29 => format!("{scheme}://{}", host.replacen('a', "%61", 1)),
        30 => format!("{origin}#x"),
        31 => format!("blob:{origin}"),
        32 => origin.replace('/', "\\"),
        33 => format!("{origin};x"),
        34 => match host.rsplit_once(':') {
            Some((host, port)) => format!("{scheme}://{host}:0{port}"),
            None => format!("{origin}:0443"),
        },
        35 => format!("{origin}{}", "x".repeat(source.pick(&[60, 300, 1500]))),
        36 => "*".to_owned(),
        37 => format!("{scheme}://*.{host}"),
        38 => origin.replacen('.', "\u{ff0e}", 1),
        _ => format!("{scheme}:{host}"),
    }
}

/// A header name that an AllowedHeader matches.
pub(super) fn allowed_header(source: &mut Source<'_, '_>, pattern: &Pattern) -> String {
    if pattern.is_star() {
        return (*source.pick(&["x-anything", "authorization", "content-type", "a", "x-a-longer-name-of-a-header"]))
            .to_owned();
    }
    pattern.as_str().replacen('*', source.pick(&["a", "", "meta-b", "x-oss-", "z9"]), 1)
}

/// A header name made from an AllowedHeader: one that it matches, or one that differs in one way.
pub fn header(u: &mut Unstructured<'_>, pattern: &Pattern) -> String {
    let mut source = Source(u);
    let filled = allowed_header(&mut source, pattern);
    if pattern.is_star() {
        return filled;
    }
    let text = pattern.as_str();
    match source.below(14) {
        0..=5 => filled,
        // Names that somebody lets pass in any case, and some that are none.
        12 => {
            source.pick(&["content-type", "authorization", "accept", "x-requested-with", "cookie", "range"]).to_owned()
        }
        13 => source
            .pick(&[
                "*",
                "x-a x-b",
                "x-\u{e9}",
                "x-very-long-name-of-more-than-sixty-four-characters-that-somebody-cuts-off-here",
            ])
            .to_owned(),
        6 => filled.to_ascii_uppercase(),
        7 => format!("{filled}x"),
        8 => format!("y{filled}"),
        9 => without_one(&mut source, &filled),
        10 => overlap(text).unwrap_or(filled),
        _ => one_other(&mut source, text, &filled),
    }
}

fn fill(source: &mut Source<'_, '_>, text: &str) -> String {
    match source.below(8) {
        7 => overlap(text).unwrap_or_else(|| text.replacen('*', "a", 1)),
        // What follows the asterisk comes twice.
        6 => {
            let tail = text.split_once('*').map_or("", |(_, tail)| tail);
            text.replacen('*', &format!("a{tail}"), 1)
        }
        _ => text.replacen('*', source.pick(&FILLS), 1),
    }
}

/// Prefix and suffix of a pattern laid over each other by as much as they share: matched only by who lets them overlap.
fn overlap(text: &str) -> Option<String> {
    let (prefix, suffix) = text.split_once('*')?;
    let shared = (1..=prefix.len().min(suffix.len())).rev().find(|length| {
        let from = prefix.len() - length;
        prefix.get(from..).is_some_and(|end| suffix.get(..*length) == Some(end))
    })?;
    Some(format!("{prefix}{}", suffix.get(shared..)?))
}

fn other_scheme(origin: &str) -> String {
    match origin.split_once("://") {
        Some(("https", rest)) => format!("http://{rest}"),
        Some((_, rest)) => format!("https://{rest}"),
        None => format!("http://{origin}"),
    }
}

fn other_port(source: &mut Source<'_, '_>, origin: &str) -> String {
    let port = source.pick(&[":8080", ":80", ":443", ""]);
    match origin.rsplit_once(':') {
        Some((host, old)) if !old.is_empty() && old.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{host}{port}")
        }
        _ => format!("{origin}{port}"),
    }
}

fn without_one(source: &mut Source<'_, '_>, text: &str) -> String {
    let at = source.below(text.chars().count());
    text.chars().enumerate().filter(|(index, _)| *index != at).map(|(_, character)| character).collect()
}

/// A character of the pattern's own that means something to a regular expression or a glob, replaced; else any.
fn one_other(source: &mut Source<'_, '_>, pattern: &str, text: &str) -> String {
    let special = text.char_indices().filter(|(_, c)| ".+?()[]-_$^".contains(*c) && pattern.contains(*c));
    let places: Vec<usize> = special.map(|(at, _)| at).collect();
    let at = match places.as_slice() {
        [] => source.below(text.len()),
        [..] => source.pick(&places),
    };
    text.char_indices().map(|(index, character)| if index == at { 'x' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps() {
        assert_eq!(overlap("ab*ba").as_deref(), Some("aba"));
        assert_eq!(overlap("https://a.*.b").as_deref(), Some("https://a.b"));
        assert_eq!(overlap("a*b"), None);
        assert_eq!(overlap("a"), None);
    }

    /// Both sides are hit often enough to be worth it.
    #[test]
    fn about_half_match() {
        for text in ["https://app.example", "https://*.example.com", "http://localhost:*"] {
            let pattern = Pattern::new(text).unwrap();
            let matched = (0..400)
                .filter(|index| {
                    let bytes = crate::generate::bytes(3, *index, 16);
                    let value = origin(&mut Unstructured::new(&bytes), &pattern);
                    pattern.matches(value.as_bytes())
                })
                .count();
            assert!((120..320).contains(&matched), "{text}: {matched} of 400");
        }
    }
}
