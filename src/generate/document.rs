//! XML documents: [`document`], and [`mutate`], which changes one without breaking its tags.

use arbitrary::Unstructured;

use super::{Source, near, rule_set};
use crate::case::{Rule, RuleSet};
use crate::cors::Pattern;
use crate::dialect::Dialect;
use crate::xml::escape;

/// The simplest document that is stored.
const SIMPLEST: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
                        </CORSRule></CORSConfiguration>";
/// Pieces that are at home between the tags of a document.
const PIECES: [&str; 14] = [
    "<AllowedOrigin>*</AllowedOrigin>",
    "<AllowedMethod>GET</AllowedMethod>",
    "<AllowedHeader>x-*</AllowedHeader>",
    "<ExposeHeader>ETag</ExposeHeader>",
    "<MaxAgeSeconds>5</MaxAgeSeconds>",
    "<ResponseVary>true</ResponseVary>",
    "<CORSRule></CORSRule>",
    "<ID>x</ID>",
    "<AllowedOrigin/>",
    "<a:b xmlns:a='c' d='&lt;'/>",
    "<!-- c -->",
    "<?p i?>",
    "\r\n",
    "<![CDATA[ ]]>",
];
/// Pieces that are at home inside of a text, or nowhere.
const ODD: [&str; 18] = [
    "<CORSRule>",
    "</CORSRule>",
    "<!-- -- -->",
    "<![CDATA[x]]>",
    "]]>",
    "<?xml version=\"1.0\"?>",
    "&amp;",
    "&#65;",
    "&#x2A;",
    "&#13;",
    "&#0;",
    "&e;",
    "&",
    "\u{feff}",
    "\u{1}",
    "<a b='1' b='2'/>",
    "<c:d/>",
    "<!DOCTYPE a [<!ENTITY e 'x'>]>",
];

/// A document of generated rules: half of them as a client writes them, most others in another form of the same XML, the rest
/// with something in them that XML or the grammar forbids.
pub fn document(u: &mut Unstructured<'_>) -> Vec<u8> {
    let set = rule_set(u, &Dialect::oss().limits);
    let mut source = Source(u);
    let mut text = match source.below(2) {
        0 => set.to_xml(),
        _ => styled(source.0, &set),
    };
    let mut source = Source(u);
    if source.one_in(4) {
        let at = source.below(text.len());
        match source.below(4) {
            0 => insert(&mut text, at, source.pick(&ODD)),
            1 => insert_between(&mut text, at, source.pick(&ODD)),
            2 => insert_between(&mut text, at, source.pick(&PIECES)),
            _ => text.truncate((0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)),
        }
    }
    text.into_bytes()
}

fn insert(text: &mut String, at: usize, piece: &str) {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.insert_str(at, piece);
}

/// Places before tags, those of the root apart.
fn tags(text: &str) -> Vec<usize> {
    text.match_indices('<').map(|(at, _)| at).skip(1).collect()
}

fn insert_between(text: &mut String, choice: usize, piece: &str) {
    let places = tags(text);
    let at = places.get(choice % places.len().max(1)).copied().unwrap_or(0);
    text.insert_str(at, piece);
}

/// The same rules in another form of XML, which changes nothing (`config.xml-forms`, `config.element-order`,
/// `config.xml-lexical`, `config.root-order`).
pub(super) fn styled(u: &mut Unstructured<'_>, set: &RuleSet) -> String {
    let mut source = Source(u);
    let space = source.pick(&["", "\n", "\n  ", "\r\n\t", "\n\n"]);
    let mut text = source
        .pick(&["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<?xml version='1.0'?>\n", "\u{feff}"])
        .to_owned();
    if source.one_in(8) {
        text.push_str("<!-- before -->");
        text.push_str(source.pick(&["<?target instruction?>", "<?xml-stylesheet href='a.css'?>"]));
    }
    text.push_str("<CORSConfiguration>");
    let vary_first = source.one_in(6);
    let vary = set.response_vary.as_ref().map(|vary| element(&mut source, "ResponseVary", vary));
    if vary_first {
        text.extend(vary.iter().map(String::as_str));
    }
    for rule in &set.rules {
        text.push_str(space);
        text.push_str(source.pick(&["<CORSRule>", "<CORSRule>", "<CORSRule>", "<CORSRule\n>"]));
        for child in children(&mut source, rule) {
            text.push_str(space);
            text.push_str(&child);
        }
        if source.one_in(6) {
            text.push_str("<!-- <CORSRule><AllowedOrigin>https://commented.test</AllowedOrigin></CORSRule> -->");
        }
        text.push_str(space);
        text.push_str(source.pick(&["</CORSRule>", "</CORSRule>", "</CORSRule >"]));
    }
    if !vary_first {
        text.extend(vary.iter().map(String::as_str));
    }
    text.push_str(space);
    text.push_str("</CORSConfiguration>");
    text.push_str(source.pick(&["", "\n", "<!-- after -->"]));
    text
}

/// The elements of a rule; values of one name keep their order.
fn children(source: &mut Source<'_, '_>, rule: &Rule) -> Vec<String> {
    let mut lists = [
        ("AllowedOrigin", &rule.allowed_origins),
        ("AllowedMethod", &rule.allowed_methods),
        ("AllowedHeader", &rule.allowed_headers),
        ("ExposeHeader", &rule.expose_headers),
        ("MaxAgeSeconds", &rule.max_age_seconds),
    ];
    if source.one_in(3) {
        lists.rotate_left(source.below(5));
    }
    if source.one_in(4) {
        lists.reverse();
    }
    let mut made = Vec::new();
    for (name, values) in lists {
        made.extend(values.iter().map(|value| element(source, name, value)));
    }
    made
}

fn element(source: &mut Source<'_, '_>, name: &str, value: &str) -> String {
    let inner = match source.below(12) {
        0 if !value.contains("]]>") => format!("<![CDATA[{value}]]>"),
        1 => value.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        2 => value.chars().map(|c| format!("&#x{:X};", u32::from(c))).collect(),
        3 => {
            let half = value.chars().count() / 2;
            let head: String = value.chars().take(half).collect();
            let tail: String = value.chars().skip(half).collect();
            format!("{}<!-- in a value -->{}", escape(&head), escape(&tail))
        }
        _ => escape(value).into_owned(),
    };
    let start = source.pick(&["", "", "", " ", "\n"]);
    format!("<{name}{start}>{inner}</{name}>")
}

/// Another document, made from one by a few steps that keep most of it: pieces put in, elements doubled, dropped, swapped,
/// values changed. At most `most` bytes. For libFuzzer, whose own changes mostly break a tag.
pub fn mutate(document: &[u8], seed: u64, most: usize) -> Vec<u8> {
    let choices = super::bytes(seed, 0, 64);
    let mut u = Unstructured::new(&choices);
    let mut source = Source(&mut u);
    let mut text = String::from_utf8_lossy(document).into_owned();
    if text.is_empty() {
        text.push_str(SIMPLEST);
    }
    for _ in 0..source.weighted(1, &[(20, 2), (10, 3)]) {
        let choice = source.below(text.len());
        let places = tags(&text);
        let from = places.get(choice % places.len().max(1)).copied().unwrap_or(0);
        let end = from + text.get(from..).map_or(0, whole);
        let piece = text.get(from..end).unwrap_or_default().to_owned();
        match source.below(8) {
            0 | 1 => insert_between(&mut text, choice, source.pick(&PIECES)),
            2 => insert(&mut text, choice, source.pick(&ODD)),
            3 => insert(&mut text, end, &piece),
            4 if text.get(from..end).is_some() => text.replace_range(from..end, ""),
            5 => insert_between(&mut text, source.0.arbitrary().unwrap_or_default(), &piece),
            // Another value.
            6 => {
                let value = near::origin(source.0, &pattern_of(&piece));
                let value = format!("<AllowedOrigin>{}</AllowedOrigin>", escape(&value));
                insert(&mut text, from, &value);
            }
            _ => {
                let made = rule_set(source.0, &Dialect::oss().limits).to_xml();
                let rule = made.find("<CORSRule>").and_then(|from| made.get(from..));
                let rule = rule.and_then(|rule| rule.get(..whole(rule))).unwrap_or_default();
                insert(&mut text, from, rule);
            }
        }
    }
    let mut made = text.into_bytes();
    made.truncate(most);
    made
}

/// The pattern that an element holds, or what the tag says.
fn pattern_of(element: &str) -> Pattern {
    let inner = element.split(['<', '>']).nth(2).unwrap_or(element);
    Pattern::new(inner).unwrap_or_else(Pattern::star)
}

/// How long the element is that begins here: to its end tag, if it has one.
fn whole(text: &str) -> usize {
    let tag = text.find('>').map_or(text.len(), |at| at + 1);
    let name = text.get(1..tag).unwrap_or_default().trim_end_matches('>');
    let end = format!("</{name}>");
    text.find(&end).map_or(tag, |at| at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::xml::parse;

    #[test]
    fn most_documents_are_xml_and_some_are_not() {
        let made = |index| document(&mut Unstructured::new(&crate::generate::bytes(2, index, 1024)));
        let well_formed = (0..500).filter(|index| parse(&made(*index)).is_ok()).count();
        assert!((350..480).contains(&well_formed), "{well_formed} of 500");
    }

    #[test]
    fn another_form_says_the_same() {
        for index in 0..500 {
            let bytes = crate::generate::bytes(4, index, 2048);
            let mut u = Unstructured::new(&bytes);
            let set = rule_set(&mut u, &Dialect::oss().limits);
            let values = |text: &str| {
                let document = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
                let rules = document.rules.iter().map(|rule| {
                    let lists = rule.lists();
                    lists.map(|list| list.iter().map(|text| text.value.clone()).collect::<Vec<_>>())
                });
                let vary: Vec<String> = document.response_vary.iter().map(|text| text.value.clone()).collect();
                (rules.collect::<Vec<_>>(), vary)
            };
            assert_eq!(values(&styled(&mut u, &set)), values(&set.to_xml()));
        }
    }

    #[test]
    fn mutants_stay_in_bounds_and_many_stay_xml() {
        let document = rule_set(&mut Unstructured::new(&[]), &Dialect::oss().limits).to_xml().into_bytes();
        let mutants: Vec<Vec<u8>> = (0..500).map(|seed| mutate(&document, seed, 2000)).collect();
        assert!(mutants.iter().all(|mutant| mutant.len() <= 2000));
        let well_formed = mutants.iter().filter(|mutant| crate::xml::parse(mutant).is_ok()).count();
        assert!((100..450).contains(&well_formed), "{well_formed} of 500");
        assert_eq!(mutate(&[], 1, 10).len(), 10);
    }
}
