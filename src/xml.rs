//! A strict reader of small XML documents: [`parse`] gives a tree of [`Element`]s or the first error with its byte.
//!
//! quick-xml finds the tokens; this module adds what makes a document well-formed by XML 1.0 and Namespaces in XML: one
//! root, legal characters and names, attributes, references, declared prefixes.
//!
//! # Not covered
//!
//! Document type declarations are refused, so there is no entity but the five of XML. Encodings other than UTF-8 are
//! refused. Attribute values are checked and dropped.
//!
//! # Limits
//!
//! [`MAX_DEPTH`] levels, [`MAX_BYTES`] bytes.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;

/// Largest document that is read, in bytes: what an answer may have.
pub const MAX_BYTES: usize = 4 << 20;
/// Most attributes of a tag: a root with its namespace has one or two.
const MAX_ATTRIBUTES: usize = 64;
/// Deepest nesting that is read; a CORS configuration has three levels.
pub const MAX_DEPTH: usize = 32;

/// An element, its text and its children.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Element {
    /// Name without prefix.
    pub name: String,
    /// Whether the element is in a namespace.
    pub namespaced: bool,
    /// Byte at which its start tag begins.
    pub offset: usize,
    /// Text of this element itself, references and CDATA resolved, line ends as LF.
    pub text: String,
    /// Child elements, in order.
    pub children: Vec<Self>,
}

impl Element {
    /// Child elements of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Text of the first child of a name.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.children.iter().find(|child| child.name == name).map(|child| child.text.as_str())
    }
}

/// Why a document is not read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message} at byte {offset}")]
#[non_exhaustive]
pub struct XmlError {
    /// Byte at which it was noticed.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

fn fail<T>(offset: usize, message: impl Into<String>) -> Result<T, XmlError> {
    Err(XmlError { offset, message: message.into() })
}

/// Reads a document.
///
/// # Errors
///
/// The first reason why it is not well-formed, or the limit it exceeds.
pub fn parse(bytes: &[u8]) -> Result<Element, XmlError> {
    if bytes.len() > MAX_BYTES {
        return fail(0, format!("larger than {MAX_BYTES} bytes"));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return fail(error.valid_up_to(), "not valid UTF-8"),
    };
    let (text, skipped) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest, 3),
        None => (text, 0),
    };
    // The reader below would take off another one.
    if text.starts_with('\u{feff}') {
        return fail(skipped, "text outside the root element");
    }
    if let Some(at) = forbidden(text) {
        return fail(at + skipped, "a character that XML does not allow");
    }
    Builder::default().run(text).map_err(|mut error| {
        error.offset += skipped;
        error
    })
}

/// Byte of the first character that XML does not allow.
fn forbidden(text: &str) -> Option<usize> {
    // All that are forbidden begin with a control character or, U+FFFE and U+FFFF, with byte EF; few documents hold either.
    let suspect = |byte: u8| byte == 0xef || byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    if !text.as_bytes().chunks(64).any(|part| part.iter().fold(false, |found, byte| found | suspect(*byte))) {
        return None;
    }
    text.char_indices().find(|(_, character)| !is_char(*character)).map(|(at, _)| at)
}

/// Production 2 of XML 1.0.
fn is_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Production 4 of XML 1.0, without the colon.
fn is_name_start(character: char) -> bool {
    matches!(character, 'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}'
        | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
        | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
        | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// Production 4a of XML 1.0, without the colon.
fn is_name_char(character: char) -> bool {
    is_name_start(character)
        || matches!(character, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// A name without colon (Namespaces in XML, production 4).
fn is_nc_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(is_name_start) && characters.all(is_name_char)
}

/// Namespace of the prefix `xml`, and the one of `xmlns` itself.
const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// Whether a prefix, empty for the default namespace, may be bound to a name (Namespaces in XML 1.0 section 3).
fn may_declare(prefix: &str, namespace: &str) -> bool {
    match prefix {
        "xmlns" => false,
        "xml" => namespace == XML_NAMESPACE,
        _ => namespace != XML_NAMESPACE && namespace != XMLNS_NAMESPACE && (prefix.is_empty() || !namespace.is_empty()),
    }
}

/// Prefix and local name of a qualified name.
fn split_name(name: &str) -> Option<(Option<&str>, &str)> {
    match name.split_once(':') {
        Some((prefix, local)) => (is_nc_name(prefix) && is_nc_name(local)).then_some((Some(prefix), local)),
        None => is_nc_name(name).then_some((None, name)),
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    /// Prefixes declared at each open element; the empty prefix is the default namespace.
    scopes: Vec<Vec<(String, String)>>,
}

impl Builder {
    fn run(mut self, text: &str) -> Result<Element, XmlError> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().enable_all_checks(true);
        loop {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
                    return fail(at, error.to_string());
                }
            };
            match event {
                Event::Start(tag) => self.start(&tag, at)?,
                Event::Empty(tag) => {
                    self.start(&tag, at)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(part) => self.text(&part, at)?,
                Event::CData(part) => match self.open.last_mut() {
                    Some(element) => push_lines(&mut element.text, &part),
                    None => return fail(at, "CDATA outside the root element"),
                },
                Event::GeneralRef(name) => {
                    let character = resolve(&name).ok_or_else(|| XmlError {
                        offset: at,
                        message: "a reference to no known character".to_owned(),
                    })?;
                    match self.open.last_mut() {
                        Some(element) => element.text.push(character),
                        None => return fail(at, "a reference outside the root element"),
                    }
                }
                Event::Comment(_) => {}
                Event::PI(instruction) => {
                    let target = instruction.split(is_space).next().unwrap_or_default();
                    if !is_nc_name(target) || target.eq_ignore_ascii_case("xml") {
                        return fail(at, "a processing instruction of a forbidden name");
                    }
                }
                Event::Decl(declaration) => {
                    if at != 0 {
                        return fail(at, "an XML declaration that is not at the start");
                    }
                    declared(&declaration)?;
                }
                Event::DocType(_) => {
                    return fail(at, "a document type declaration is not accepted");
                }
                Event::Eof => break,
            }
        }
        if let Some(open) = self.open.last() {
            return fail(text.len(), format!("`{}` is not closed", open.name));
        }
        match self.root {
            Some(root) => Ok(root),
            None => fail(text.len(), "no root element"),
        }
    }

    fn start(&mut self, tag: &str, at: usize) -> Result<(), XmlError> {
        if self.open.is_empty() && self.root.is_some() {
            return fail(at, "a second root element");
        }
        if self.open.len() >= MAX_DEPTH {
            return fail(at, format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let name_ends = tag.find(is_space).unwrap_or(tag.len());
        let (name, rest) = tag.split_at(name_ends);
        let Some((prefix, local)) = split_name(name) else {
            return fail(at, "not a name of an element");
        };
        let attributes = attributes(rest, at)?;
        let mut scope = Vec::new();
        for (attribute, value) in &attributes {
            let declared = if *attribute == "xmlns" { Some("") } else { attribute.strip_prefix("xmlns:") };
            if let Some(prefix) = declared {
                if !may_declare(prefix, value) {
                    return fail(at, "a namespace prefix declared wrongly");
                }
                scope.push((prefix.to_owned(), value.clone()));
            }
        }
        self.scopes.push(scope);
        let mut expanded: Vec<(&str, &str)> = Vec::new();
        for (attribute, _) in &attributes {
            let Some((prefix, local)) = split_name(attribute) else {
                return fail(at, "not a name of an attribute");
            };
            if let Some(prefix) = prefix.filter(|prefix| *prefix != "xmlns") {
                let Some(namespace) = self.namespace(prefix) else {
                    return fail(at, format!("namespace prefix `{prefix}` is not declared"));
                };
                if expanded.contains(&(namespace, local)) {
                    return fail(at, "an attribute is given twice");
                }
                expanded.push((namespace, local));
            }
        }
        let namespaced = match prefix {
            Some(prefix) => match self.namespace(prefix) {
                Some(_) if prefix != "xmlns" => true,
                _ => return fail(at, format!("namespace prefix `{prefix}` is not declared")),
            },
            None => self.namespace("").is_some_and(|namespace| !namespace.is_empty()),
        };
        self.open.push(Element {
            name: local.to_owned(),
            namespaced,
            offset: at,
            text: String::new(),
            children: Vec::new(),
        });
        Ok(())
    }

    fn namespace(&self, prefix: &str) -> Option<&str> {
        if prefix == "xml" {
            return Some(XML_NAMESPACE);
        }
        let scopes = self.scopes.iter().rev().flat_map(|scope| scope.iter());
        scopes.into_iter().find(|(declared, _)| declared == prefix).map(|(_, namespace)| namespace.as_str())
    }

    fn end(&mut self) {
        self.scopes.pop();
        // quick-xml has checked that the names agree and that something is open.
        if let Some(element) = self.open.pop() {
            match self.open.last_mut() {
                Some(parent) => parent.children.push(element),
                None => self.root = Some(element),
            }
        }
    }

    fn text(&mut self, part: &str, at: usize) -> Result<(), XmlError> {
        // A byte is found sooner than a text, and few documents hold it.
        if part.as_bytes().contains(&b']')
            && let Some(found) = part.find("]]>")
        {
            return fail(at + found, "`]]>` outside CDATA");
        }
        match self.open.last_mut() {
            Some(element) => push_lines(&mut element.text, part),
            None if part.chars().all(is_space) => {}
            None => return fail(at, "text outside the root element"),
        }
        Ok(())
    }
}

/// Line ends as XML 1.0 section 2.11 wants them.
fn push_lines(text: &mut String, part: &str) {
    if part.contains('\r') {
        text.push_str(&part.replace("\r\n", "\n").replace('\r', "\n"));
    } else {
        text.push_str(part);
    }
}

/// A character reference, or one of the five entities of XML.
fn resolve(name: &str) -> Option<char> {
    let number = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "apos" => return Some('\''),
        "quot" => return Some('"'),
        _ => name.strip_prefix('#')?,
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // `from_str_radix` takes a sign, XML does not.
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).ok()?;
    char::from_u32(code).filter(|character| is_char(*character))
}

/// `version="1.x"`, then `encoding="UTF-8"`, then `standalone="yes|no"` (production 23).
fn declared(declaration: &str) -> Result<(), XmlError> {
    const OTHER: &str = "an XML declaration other than version 1.0 in UTF-8";
    let rest = declaration.strip_prefix("xml").unwrap_or(declaration);
    // No reference stands in one.
    let Some(found) = attributes(rest, 0).ok().filter(|_| !declaration.contains('&')) else { return fail(0, OTHER) };
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    let in_order = matches!(
        names.as_slice(),
        ["version"] | ["version", "encoding" | "standalone"] | ["version", "encoding", "standalone"]
    );
    let valid = found.iter().all(|(name, value)| match *name {
        "version" => value
            .strip_prefix("1.")
            .is_some_and(|minor| !minor.is_empty() && minor.chars().all(|digit| digit.is_ascii_digit())),
        "encoding" => value.eq_ignore_ascii_case("utf-8"),
        _ => value == "yes" || value == "no",
    });
    if in_order && valid { Ok(()) } else { fail(0, OTHER) }
}

/// Name and value of each attribute; the input is what follows the name in a tag.
fn attributes(text: &str, at: usize) -> Result<Vec<(&str, String)>, XmlError> {
    let mut found: Vec<(&str, String)> = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start_matches(is_space);
        if trimmed.is_empty() {
            return Ok(found);
        }
        if trimmed.len() == rest.len() {
            return fail(at, "attributes are not separated by white space");
        }
        let Some((name, after)) = trimmed.split_once('=') else {
            return fail(at, "an attribute without a value");
        };
        let name = name.trim_end_matches(is_space);
        let after = after.trim_start_matches(is_space);
        let Some(quote) = after.chars().next().filter(|quote| matches!(quote, '"' | '\'')) else {
            return fail(at, "an attribute value without quotes");
        };
        let Some((value, after)) = after.get(1..).and_then(|value| value.split_once(quote)) else {
            return fail(at, "an attribute value that does not end");
        };
        if split_name(name).is_none() {
            return fail(at, "not a name of an attribute");
        }
        if found.len() == MAX_ATTRIBUTES {
            return fail(at, format!("more than {MAX_ATTRIBUTES} attributes"));
        }
        if found.iter().any(|(before, _)| *before == name) {
            return fail(at, "an attribute is given twice");
        }
        found.push((name, attribute_value(value, at)?));
        rest = after;
    }
}

fn attribute_value(value: &str, at: usize) -> Result<String, XmlError> {
    if value.contains('<') {
        return fail(at, "`<` in an attribute value");
    }
    let mut resolved = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('&') {
        resolved.push_str(before);
        let character = after.split_once(';').and_then(|(name, after)| Some((resolve(name)?, after)));
        let Some((character, after)) = character else {
            return fail(at, "a reference to no known character");
        };
        resolved.push(character);
        rest = after;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// Text of an element with what XML reserves there escaped, so that reading it gives the same text; characters that XML cannot hold become
/// U+FFFD.
pub fn escape(text: &str) -> Cow<'_, str> {
    let reserved = |byte: u8| matches!(byte, b'&' | b'<' | b'>' | b'\r');
    if !text.bytes().any(reserved) && forbidden(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\r' => escaped.push_str("&#13;"),
            _ if is_char(character) => escaped.push(character),
            _ => escaped.push('\u{fffd}'),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Ok(text of the root)` or the offset and message.
    fn check(document: &str) -> Result<String, String> {
        parse(document.as_bytes()).map(|root| root.text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_read() {
        let cases = [
            ("<a>x</a>", "x"),
            ("\u{feff}<?xml version='1.0' encoding=\"utf-8\" standalone='no'?>\n<!-- c --><a>x</a>\n<?p i?>", "x"),
            ("<a>x<!-- c --><![CDATA[<y>]]>&amp;&#x41;&#66;</a>", "x<y>&AB"),
            ("<a>1\r\n2\r3&#13;</a>", "1\n2\n3\r"),
            ("<p:a xmlns:p='u' p:b='&lt;'/>", ""),
            ("<a xmlns='u'\n b = \"1\" />", ""),
            ("<a>x</a \n>", "x"),
            ("<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xmlns=''>x</a>", "x"),
        ];
        for (document, text) in cases {
            assert_eq!(check(document).as_deref(), Ok(text), "{document}");
        }
    }

    #[test]
    fn what_is_refused() {
        let cases = [
            "",
            " ",
            "x",
            "<a>",
            "<a><b></a>",
            "</a>",
            "<a/><b/>",
            "<a/>x",
            "x<a/>",
            "\u{feff}\u{feff}<a/>",
            "<a/>&amp;",
            "<a/><![CDATA[x]]>",
            " <?xml version='1.0'?><a/>",
            "<?xml version='1.0'?><?xml version='1.0'?><a/>",
            "<?xml?><a/>",
            "<?xml version='2.0'?><a/>",
            "<?xml version='1.0' encoding='gbk'?><a/>",
            "<?xml encoding='utf-8' version='1.0'?><a/>",
            "<?xml version='1.0' encoding='&#117;tf-8'?><a/>",
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
            "<a>&e;</a>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a>&#+65;</a>",
            "<a>&#;</a>",
            "<a>&</a>",
            "<a>]]></a>",
            "<a>\u{1}</a>",
            "<a>\u{fffe}</a>",
            "<1a/>",
            "<a b/>",
            "<a b=1/>",
            "<a b='1' b='2'/>",
            "<a b='1'c='2'/>",
            "<a b='<'/>",
            "<a b='&e;'/>",
            "<p:a/>",
            "<a p:b=''/>",
            "<a:b:c/>",
            "<a><!-- -- --></a>",
            "<a><?xml x?></a>",
            "<a xmlns:p=''/>",
            "<a xmlns:xml='u'/>",
            "<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
            "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
            "<A></a>",
            "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
        ];
        for document in cases {
            assert!(check(document).is_err(), "{document}");
        }
        assert!(parse(b"<a>\xff</a>").is_err());
        assert!(parse("<a>".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn errors_name_the_byte() {
        assert_eq!(check("<a>\u{1}</a>").unwrap_err(), "a character that XML does not allow at byte 3");
        assert_eq!(check("\u{feff}<a/><b/>").unwrap_err(), "a second root element at byte 7");
        assert_eq!(check("<a>&e;</a>").unwrap_err(), "a reference to no known character at byte 3");
    }
}
