//! What stands on a vendor's page: a badge as a picture, and for shields.io.

use super::Certificate;

const LABEL: &str = "bucket CORS";

/// `oss core`.
fn message(certificate: &Certificate) -> String {
    format!("{} {}", certificate.suite.dialect, certificate.profile.as_str())
}

/// JSON for the endpoint badge of shields.io.
pub(super) fn shield(certificate: &Certificate) -> String {
    let badge = serde_json::json!({
        "schemaVersion": 1,
        "label": LABEL,
        "message": message(certificate),
        "color": "brightgreen",
    });
    format!("{badge:#}\n")
}

/// A picture of 20 pixels' height. Texts are stretched to the room that is made for them, since who looks has other fonts.
pub(super) fn svg(certificate: &Certificate) -> String {
    // About the width of a letter at 11 pixels.
    let wide = |text: &str| text.chars().count() * 7;
    let message = escaped(&message(certificate));
    let about = escaped(&format!("{LABEL}: {message}, corsuite {}", certificate.tool.version));
    let (left, right) = (wide(LABEL) + 10, wide(&message) + 10);
    let all = left + right;
    let text = |middle: usize, room: usize, text: &str| {
        format!(
            "<text x=\"{middle}\" y=\"15\" fill=\"#010101\" fill-opacity=\".3\" textLength=\"{room}\">{text}</text>\
             <text x=\"{middle}\" y=\"14\" textLength=\"{room}\">{text}</text>"
        )
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"20\" role=\"img\" aria-label=\"{about}\">\
         <title>{about}</title>\
         <clipPath id=\"r\"><rect width=\"{all}\" height=\"20\" rx=\"3\"/></clipPath>\
         <g clip-path=\"url(#r)\"><rect width=\"{left}\" height=\"20\" fill=\"#444c56\"/>\
         <rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"#0a7a43\"/></g>\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\" font-size=\"11\">{}{}</g></svg>\n",
        text(left / 2, left - 10, LABEL),
        text(left + right / 2, right - 10, &message),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
