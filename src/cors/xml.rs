//! The document of PutBucketCors and GetBucketCors: [`parse`] and [`write()`].

use super::CorsConfiguration;
use crate::dialect::{Behaviours, ResponseVary, RuleForm};
use crate::xml::{self, Element, XmlError, escape};

/// A document as it was written, before anything is checked but that it is XML.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Document {
    /// Local name of the root.
    pub root: String,
    /// Whether the root is in a namespace.
    pub namespaced: bool,
    /// Byte at which the root begins.
    pub offset: usize,
    /// CORSRule elements.
    pub rules: Vec<RuleElement>,
    /// ResponseVary elements.
    pub response_vary: Vec<Text>,
    /// Names of other elements.
    pub unknown: Vec<Text>,
}

/// A CORSRule element as it was written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RuleElement {
    /// Byte at which it begins.
    pub offset: usize,
    /// ID elements.
    pub ids: Vec<Text>,
    /// AllowedOrigin elements.
    pub allowed_origins: Vec<Text>,
    /// AllowedMethod elements.
    pub allowed_methods: Vec<Text>,
    /// AllowedHeader elements.
    pub allowed_headers: Vec<Text>,
    /// ExposeHeader elements.
    pub expose_headers: Vec<Text>,
    /// MaxAgeSeconds elements.
    pub max_age_seconds: Vec<Text>,
    /// Names of other elements.
    pub unknown: Vec<Text>,
}

impl RuleElement {
    /// AllowedOrigin, AllowedMethod, AllowedHeader, ExposeHeader, MaxAgeSeconds.
    pub fn lists(&self) -> [&Vec<Text>; 5] {
        [
            &self.allowed_origins,
            &self.allowed_methods,
            &self.allowed_headers,
            &self.expose_headers,
            &self.max_age_seconds,
        ]
    }

    /// All values, in one text: equal for rules that say the same in the same order.
    pub fn to_text(&self) -> String {
        let lists = self.lists();
        let values = lists.map(|list| list.iter().map(|text| text.value.trim_ascii()).collect::<Vec<_>>().join("\n"));
        values.join("\n\n")
    }
}

/// A text and its place.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Text {
    /// The text.
    pub value: String,
    /// Byte at which its element begins.
    pub offset: usize,
}

/// Reads a document.
///
/// ```
/// let document = corsuite::cors::xml::parse(b"<CORSConfiguration><CORSRule/></CORSConfiguration>").unwrap();
/// assert_eq!(document.rules.len(), 1);
/// assert_eq!(corsuite::cors::xml::parse(b"<CORSConfiguration>").unwrap_err().offset, 19);
/// ```
///
/// # Errors
///
/// The first reason why it is not well-formed XML (clause `xml.ill-formed`), or why its elements hold what they cannot:
/// text between elements, or elements in a value.
pub fn parse(bytes: &[u8]) -> Result<Document, XmlError> {
    read(&xml::parse(bytes)?)
}

/// The same of a tree.
///
/// # Errors
///
/// If its elements hold what they cannot.
pub fn read(root: &Element) -> Result<Document, XmlError> {
    let mut document = Document {
        root: root.name.clone(),
        namespaced: root.namespaced,
        offset: root.offset,
        rules: Vec::new(),
        response_vary: Vec::new(),
        unknown: Vec::new(),
    };
    no_text(root)?;
    for child in &root.children {
        match child.name.as_str() {
            "CORSRule" => document.rules.push(rule(child)?),
            "ResponseVary" => document.response_vary.push(value(child)?),
            _ => document.unknown.push(name(child)),
        }
    }
    Ok(document)
}

fn rule(element: &Element) -> Result<RuleElement, XmlError> {
    let mut rule = RuleElement { offset: element.offset, ..RuleElement::default() };
    no_text(element)?;
    for child in &element.children {
        let list = match child.name.as_str() {
            "ID" => &mut rule.ids,
            "AllowedOrigin" => &mut rule.allowed_origins,
            "AllowedMethod" => &mut rule.allowed_methods,
            "AllowedHeader" => &mut rule.allowed_headers,
            "ExposeHeader" => &mut rule.expose_headers,
            "MaxAgeSeconds" => &mut rule.max_age_seconds,
            _ => {
                rule.unknown.push(name(child));
                continue;
            }
        };
        list.push(value(child)?);
    }
    Ok(rule)
}

fn no_text(element: &Element) -> Result<(), XmlError> {
    if element.text.trim_ascii().is_empty() {
        return Ok(());
    }
    Err(XmlError { offset: element.offset, message: format!("text between the elements of `{}`", element.name) })
}

fn value(element: &Element) -> Result<Text, XmlError> {
    if let Some(child) = element.children.first() {
        let message = format!("an element inside `{}`", element.name);
        return Err(XmlError { offset: child.offset, message });
    }
    Ok(Text { value: element.text.clone(), offset: element.offset })
}

fn name(element: &Element) -> Text {
    Text { value: element.name.clone(), offset: element.offset }
}

/// Writes what GetBucketCors returns: rules and values in order, unset elements absent, ResponseVary, where it is an element, always
/// there (clauses `get.rules`, `get.unset-absent`, `get.vary-false`).
pub fn write(configuration: &CorsConfiguration, behaviours: &Behaviours, namespace: Option<&str>) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let namespace = namespace.map_or_else(String::new, |name| format!(" xmlns=\"{}\"", escape(name)));
    let [line, inner, end] = match behaviours.rule_form {
        RuleForm::Documented => ["\n  ", "\n    ", "\n"],
        RuleForm::Canonical | RuleForm::Other => [""; 3],
    };
    text.extend(["<CORSConfiguration", &namespace, ">"]);
    for rule in &configuration.rules {
        let origins = rule.allowed_origins.iter().map(|origin| ("AllowedOrigin", origin.as_str()));
        let methods = rule.allowed_methods.iter().map(|method| ("AllowedMethod", method.as_str()));
        let headers = rule.allowed_headers.iter().map(|header| ("AllowedHeader", header.as_str()));
        let exposed = rule.expose_headers.iter().map(|header| ("ExposeHeader", header.as_str()));
        let seconds = rule.max_age_seconds.map(|seconds| seconds.to_string());
        let seconds = seconds.iter().map(|seconds| ("MaxAgeSeconds", seconds.as_str()));
        let id = rule.id.iter().map(|id| ("ID", id.as_str()));
        let elements: Vec<(&str, &str)> = match behaviours.rule_form {
            RuleForm::Documented => {
                id.chain(origins).chain(methods).chain(headers).chain(exposed).chain(seconds).collect()
            }
            RuleForm::Canonical => {
                id.chain(origins).chain(methods).chain(seconds).chain(exposed).chain(headers).collect()
            }
            RuleForm::Other => headers.chain(methods).chain(origins).chain(exposed).chain(id).chain(seconds).collect(),
        };
        text.extend([line, "<CORSRule>"]);
        for (name, value) in elements {
            text.extend([inner, "<", name, ">", &escape(value), "</", name, ">"]);
        }
        text.extend([line, "</CORSRule>"]);
    }
    if behaviours.response_vary == ResponseVary::Known {
        text.extend([
            line,
            "<ResponseVary>",
            if configuration.response_vary { "true" } else { "false" },
            "</ResponseVary>",
        ]);
    }
    text.extend([end, "</CORSConfiguration>", end]);
    text
}

#[cfg(test)]
mod tests {
    use super::super::{CorsRule, Pattern};
    use super::*;
    use crate::dialect::Dialect;

    #[test]
    fn what_get_returns() {
        let rule = CorsRule {
            allowed_origins: vec![Pattern::new("https://a.example/<&>").unwrap()],
            allowed_methods: vec!["GET".to_owned()],
            expose_headers: vec!["ETag".to_owned()],
            max_age_seconds: Some(0),
            ..CorsRule::default()
        };
        let configuration = CorsConfiguration { rules: vec![rule], response_vary: false };
        insta::assert_snapshot!(write(&configuration, &Dialect::oss().behaviours, None), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <CORSConfiguration>
          <CORSRule>
            <AllowedOrigin>https://a.example/&lt;&amp;&gt;</AllowedOrigin>
            <AllowedMethod>GET</AllowedMethod>
            <ExposeHeader>ETag</ExposeHeader>
            <MaxAgeSeconds>0</MaxAgeSeconds>
          </CORSRule>
          <ResponseVary>false</ResponseVary>
        </CORSConfiguration>
        "#);
    }

    #[test]
    fn elements_hold_what_they_may() {
        let wrap = |inner: &str| format!("<CORSConfiguration>{inner}</CORSConfiguration>");
        for inner in ["x", "<CORSRule>x</CORSRule>", "<CORSRule><AllowedOrigin><b/></AllowedOrigin></CORSRule>"] {
            assert!(parse(wrap(inner).as_bytes()).is_err(), "{inner}");
        }
        let document = parse(wrap("<CORSRule><ID>x</ID><Id/></CORSRule><More/>").as_bytes()).unwrap();
        assert_eq!(document.rules[0].ids[0].value, "x");
        assert_eq!(document.rules[0].unknown[0].value, "Id");
        assert_eq!(document.unknown[0].value, "More");
    }
}
