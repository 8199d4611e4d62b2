//! The form of errors.

use super::Effect::{BrokenClient, Misleading, Security};
use super::Fault;
use super::Plant::Answer;
use super::change::{body, code, edit_body, put};
use super::fault;

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "error-request-id",
        "error.document",
        Misleading,
        "RequestId is not the x-oss-request-id.",
        "",
        Answer(|_, answer| edit_body(answer, |text| text.replace("<RequestId>", "<RequestId>0"))),
    ),
    fault(
        "error-no-request-id",
        "error.document",
        BrokenClient,
        "Errors have no RequestId.",
        "emulators",
        Answer(|_, answer| edit_body(answer, |text| super::change::values(text, "RequestId", |_| None))),
    ),
    fault(
        "error-host",
        "error.document",
        Misleading,
        "HostId is the name of the machine.",
        "emulators",
        Answer(|_, answer| {
            edit_body(answer, |text| super::change::values(text, "HostId", |_| Some("node-1".to_owned())));
        }),
    ),
    fault(
        "error-no-host",
        "error.document",
        BrokenClient,
        "Errors have no HostId.",
        "emulators",
        Answer(|_, answer| edit_body(answer, |text| super::change::values(text, "HostId", |_| None))),
    ),
    fault(
        "error-no-message",
        "error.document",
        BrokenClient,
        "Errors have no Message.",
        "",
        Answer(|_, answer| edit_body(answer, |text| super::change::values(text, "Message", |_| None))),
    ),
    fault(
        "error-json",
        "error.document",
        BrokenClient,
        "Errors are JSON.",
        "gateways",
        Answer(|_, answer| {
            if let Some(code) = code(answer) {
                body(answer, format!("{{\"code\":\"{code}\"}}"));
            }
        }),
    ),
    fault(
        "error-root",
        "error.document",
        BrokenClient,
        "Errors are in an ErrorResponse.",
        "other services of the same vendors",
        Answer(|_, answer| {
            edit_body(answer, |text| {
                text.replace("<Error>", "<ErrorResponse><Error>").replace("</Error>", "</Error></ErrorResponse>")
            });
        }),
    ),
    fault(
        "error-unescaped",
        "error.document",
        Security,
        "What was wrong is quoted without being escaped.",
        "documents made with printf",
        Answer(|_, answer| {
            if code(answer).is_some() {
                edit_body(answer, |text| text.replace("&lt;", "<").replace("&amp;", "&"));
            }
        }),
    ),
    fault(
        "error-media-type",
        "error.form",
        BrokenClient,
        "Errors are text/html.",
        "gateways",
        Answer(|_, answer| {
            if code(answer).is_some() {
                put(answer.headers_mut(), "content-type", "text/html");
            }
        }),
    ),
    fault(
        "error-order",
        "error.form",
        Misleading,
        "RequestId comes before Code.",
        "",
        Answer(|_, answer| {
            edit_body(answer, |text| {
                match (
                    text.find("<RequestId>"),
                    text.split_once("<RequestId>").and_then(|(_, rest)| rest.split_once("</RequestId>")),
                ) {
                    (Some(_), Some((id, _))) => super::change::values(text, "RequestId", |_| None).replacen(
                        "<Error>",
                        &format!("<Error><RequestId>{id}</RequestId>"),
                        1,
                    ),
                    _ => text.to_owned(),
                }
            });
        }),
    ),
    fault(
        "error-namespace",
        "error.form",
        BrokenClient,
        "Errors have a namespace.",
        "an older page of the vendor",
        Answer(|_, answer| {
            edit_body(answer, |text| {
                text.replace("<Error>", "<Error xmlns=\"http://doc.oss-cn-hangzhou.aliyuncs.com\">")
            });
        }),
    ),
    fault(
        "error-ec",
        "error.ec",
        Misleading,
        "EC is not the x-oss-ec.",
        "",
        Answer(|_, answer| {
            edit_body(answer, |text| super::change::values(text, "EC", |_| Some("0000-00000000".to_owned())));
        }),
    ),
    fault(
        "head-errors-200",
        "error.head",
        Misleading,
        "HEAD answers 200 where GET answers an error.",
        "",
        Answer(|exchange, answer| {
            if exchange.request.method() == http::Method::HEAD && answer.status().is_client_error() {
                super::change::status(answer, 200);
            }
        }),
    ),
];
