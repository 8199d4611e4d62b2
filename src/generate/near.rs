//! Values on either side of a pattern: [`origin`], [`header`].

use arbitrary::Unstructured;

use super::Source;
use crate::cors::Pattern;

/// What an asterisk may stand for.
const FILLS: [&str; 9] = ["a", "", "x.y", "app", "a-b_c", "evil.test/", "*", "0:8080", "null"];

/// An Origin made from a pattern: one that it matches, or one that differs from such a one in one way.
pub fn origin(u: &mut Unstructured<'_>, pattern: &Pattern) -> String {
    let mut source = Source(u);
    let text = pattern.as_str();
    if pattern.is_star() {
        return (*source.pick(&["https://anywhere.test", "null", "http://a", "chrome-extension://abc", "x"]))
            .to_owned();
    }
    let filled = fill(&mut source, text);
    match source.below(27) {
        // About half of them match.
        0..=11 => filled,
        24 => special(&mut source, &filled),
        25 => text.replacen('*', "", 1).replacen("://.", "://", 1),
        26 => {
            let mut changed = filled;
            changed.pop();
            changed.push('x');
            changed
        }
        12 => format!("{filled}.evil.test"),
        13 => format!("{filled}x"),
        14 => format!("evil{filled}"),
        15 => filled.replacen("://", "://evil", 1),
        16 => other_scheme(&filled),
        17 => other_port(&mut source, &filled),
        18 => filled.to_ascii_uppercase(),
        19 => filled.replacen("://", "://x.", 1),
        20 => format!("{filled}/"),
        21 => match source.below(4) {
            0 => "null".to_owned(),
            1 => format!("{filled}, https://second.test"),
            2 => format!("{filled} "),
            _ => format!("{filled}/path?x=y#z"),
        },
        22 => without_one(&mut source, &filled),
        _ => one_other(&mut source, text, &filled),
    }
}

/// Spellings that somebody folds, cuts or trusts.
fn special(source: &mut Source<'_, '_>, origin: &str) -> String {
    let (scheme, host) = origin.split_once("://").unwrap_or(("https", origin));
    match source.below(14) {
        0 => format!("{scheme}://user@{host}"),
        1 => format!("{scheme}://{host}@evil.test"),
        2 => format!("{scheme}://{host}."),
        3 => format!("{scheme}://{}", host.replacen('a', "%61", 1)),
        4 => format!("{origin}#x"),
        5 => format!("blob:{origin}"),
        6 => origin.replace('/', "\\"),
        7 => format!("{origin};x"),
        8 => match host.rsplit_once(':') {
            Some((host, port)) => format!("{scheme}://{host}:0{port}"),
            None => format!("{origin}:0443"),
        },
        9 => format!("{origin}{}", "x".repeat(source.pick(&[60, 300, 1500]))),
        10 => "*".to_owned(),
        11 => format!("{scheme}://*.{host}"),
        12 => origin.replacen('.', "\u{ff0e}", 1),
        _ => format!("{scheme}:{host}"),
    }
}

/// A header name made from an AllowedHeader: one that it matches, or one that differs in one way.
pub fn header(u: &mut Unstructured<'_>, pattern: &Pattern) -> String {
    let mut source = Source(u);
    if pattern.is_star() {
        return (*source.pick(&["x-anything", "authorization", "content-type", "a"])).to_owned();
    }
    let text = pattern.as_str();
    let at = source.below(5);
    let fill = ["a", "", "meta-b", "x-oss-", "z9"].get(at).copied().unwrap_or_default();
    let filled = text.replacen('*', fill, 1);
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
    if source.one_in(8)
        && let Some(overlapping) = overlap(text)
    {
        return overlapping;
    }
    text.replacen('*', source.pick(&FILLS), 1)
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
