//! Trees to requests in bytes: [`messages`].

use http::Method;

use super::decode_sent::{OURS, object, query};
use super::fields::MESSAGE;
use super::{Framing, Message};
use crate::yaml::{Decoder, Node, Value};

/// Most requests on a connection.
const MOST: usize = 100;

/// One message or a list of them.
pub(super) fn messages(decoder: &mut Decoder, node: &Node) -> Option<Vec<Message>> {
    let items = match &node.value {
        Value::Seq(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() || items.len() > MOST {
        let found = decoder.error(&node.span, format!("{} requests", items.len())).label(format!("1 to {MOST}"));
        decoder.push(found);
        return None;
    }
    let messages: Vec<Option<Message>> = items.iter().map(|item| message(decoder, item)).collect();
    messages.into_iter().collect()
}

fn message(decoder: &mut Decoder, node: &Node) -> Option<Message> {
    let fields = decoder.fields(node, &MESSAGE)?;
    let method = fields.get("method").and_then(|node| decoder.text(node, "a method").map(|text| (node, text)));
    if let Some((node, text)) = &method
        && Method::from_bytes(text.as_bytes()).is_err()
    {
        let found = decoder.error(&node.span, format!("`{text}` is not a method"));
        decoder.push(found);
    }
    let object = match fields.get("object") {
        Some(node) if node.text() == Some("/") => None,
        Some(node) => object(decoder, node),
        None => None,
    };
    let query = fields.get("query").and_then(|node| query(decoder, node));
    let lines = fields.get("lines").map_or_else(Vec::new, |node| lines(decoder, node));
    let body = fields.get("body").and_then(|node| decoder.text(node, "text")).unwrap_or_default();
    let words = [("length", Framing::Length), ("chunked", Framing::Chunked), ("absent", Framing::Absent)];
    let framing = fields.get("framing").and_then(|node| decoder.word(node, &words)).unwrap_or_default();
    if let (Framing::Absent, false, Some(node)) = (framing, body.is_empty(), fields.get("framing")) {
        let found = decoder
            .error(&node.span, "a body of which nothing tells the end")
            .label("it would be read as the next request");
        decoder.push(found);
    }
    Some(Message { method: method?.1, object, query, lines, body, framing })
}

fn lines(decoder: &mut Decoder, node: &Node) -> Vec<String> {
    let texts = decoder.texts(node, "a header line or a list of them").unwrap_or_default();
    for text in &texts {
        let name = text.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
        let problem = if text.contains(['\r', '\n']) {
            "a line break ends the line"
        } else if text.chars().any(|c| u32::from(c) > 0xff) {
            "a character above U+00FF is no byte"
        } else if !text.contains(':') {
            "a line is `Name: value`"
        } else if OURS.contains(&name.as_str()) && name != "connection" {
            "the runner writes this field; see `framing`"
        } else {
            continue;
        };
        let found = decoder.error(&node.span, format!("not a header line: `{}`", text.escape_default())).label(problem);
        decoder.push(found);
    }
    texts
}
