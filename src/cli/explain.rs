//! `corsuite explain`

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};

use super::args::Explain;
use super::{Context, Exit, Failure, files, print, runtime, target};
use crate::browser::{self, Script};
use crate::cors::{self, CorsConfiguration, CorsRequest, Decision, Outcome};
use crate::diagnostic::{Diagnostic, SourceFile, render, visible};
use crate::dialect::Dialect;
use crate::report::decision::told;
use crate::run::fetch_cors;

pub(super) fn explain(arguments: &Explain, context: &Context) -> Result<Exit, Failure> {
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let file = match (&arguments.config, &arguments.endpoint.endpoint) {
        (Some(path), _) => Some(files::rules(path, context)?),
        (None, Some(endpoint)) => {
            let Some(bucket) = &arguments.bucket else {
                return Err(Failure::usage("--endpoint without a bucket").help("name it with --bucket"));
            };
            let target = target::target(endpoint, &arguments.endpoint, &dialect, context)?;
            let fetched = runtime()?.block_on(fetch_cors(&target, bucket));
            let document = fetched.map_err(|error| Failure::unknown(visible(&error.to_string())).help(error.help))?;
            document.map(|text| SourceFile::new(format!("{}/{bucket}?cors", target.name), text))
        }
        (None, None) => return Err(Failure::usage("no rules").help("give --config FILE, or --endpoint and --bucket")),
    };
    let configuration = match &file {
        Some(file) => Some(configuration(file, &dialect, context)?),
        None => None,
    };
    let request = request(arguments)?;
    let asked = CorsRequest::from_parts(request.method(), request.headers());
    let decision = cors::evaluate(configuration.as_ref(), &asked, &dialect.behaviours);
    let mut text = format!("{}\n\n", question(arguments));
    text.push_str(&told(configuration.as_ref(), &asked, &decision));
    text.push_str(&in_a_browser(&decision, arguments));
    print(&text)?;
    Ok(match decision.outcome {
        Outcome::Allow(_) => Exit::Yes,
        _ => Exit::No,
    })
}

/// The configuration of a document; all that is wrong with it, at its place, otherwise.
pub(super) fn configuration(
    file: &Arc<SourceFile>,
    dialect: &Dialect,
    context: &Context,
) -> Result<CorsConfiguration, Failure> {
    let bytes = file.text.as_bytes();
    let fail = |found: Vec<Diagnostic>| Failure { exit: Exit::Usage, text: render(&found, context.error_style) };
    let document = cors::xml::parse(bytes)
        .map_err(|error| fail(vec![Diagnostic::error(file, error.offset..error.offset + 1, error.message)]))?;
    cors::validate(&document, &dialect.limits, &dialect.behaviours).map_err(|violations| {
        let found = violations.into_iter().map(|violation| {
            let diagnostic = Diagnostic::error(file, violation.offset..violation.offset + 1, violation.message);
            match dialect.clauses.get(violation.clause) {
                Some(clause) => diagnostic.help(format!("clause {}: {}", clause.id, clause.text)),
                None => diagnostic,
            }
        });
        fail(found.collect())
    })
}

fn request(arguments: &Explain) -> Result<Request<Bytes>, Failure> {
    let method = Method::from_bytes(arguments.method.as_bytes())
        .map_err(|_| Failure::usage(format!("--method `{}` is not a method", arguments.method)))?;
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str, option: &str| {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Failure::usage(format!("{option} `{}` cannot be sent", visible(value))))?;
        headers.insert(name, value);
        Ok::<(), Failure>(())
    };
    if let Some(origin) = &arguments.origin {
        set(header::ORIGIN, origin, "--origin")?;
    }
    if !arguments.actual {
        set(header::ACCESS_CONTROL_REQUEST_METHOD, method.as_str(), "--method")?;
        if !arguments.headers.is_empty() {
            set(header::ACCESS_CONTROL_REQUEST_HEADERS, &arguments.headers.join(","), "--header")?;
        }
    }
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = if arguments.actual { method } else { Method::OPTIONS };
    *request.headers_mut() = headers;
    Ok(request)
}

fn question(arguments: &Explain) -> String {
    let origin = arguments
        .origin
        .as_deref()
        .map_or_else(|| "without Origin".to_owned(), |origin| format!("from {}", visible(origin)));
    let headers = if arguments.headers.is_empty() {
        String::new()
    } else {
        format!(" with {}", visible(&arguments.headers.join(", ")))
    };
    let kind = if arguments.actual { "the actual request" } else { "the preflight before" };
    format!("{kind} {} {origin}{headers}", visible(&arguments.method))
}

fn in_a_browser(decision: &Decision, arguments: &Explain) -> String {
    let Some(origin) = &arguments.origin else {
        return "\na browser sends a script's cross-origin requests with Origin only\n".to_owned();
    };
    let script = Script {
        origin: origin.clone(),
        method: arguments.method.clone(),
        headers: arguments.headers.clone(),
        credentials: arguments.credentials,
    };
    let mut headers = HeaderMap::new();
    let mut status = StatusCode::OK;
    if let Outcome::Allow(grant) = &decision.outcome {
        for (name, value) in grant.headers() {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.insert(name, value);
            }
        }
    } else {
        status = StatusCode::FORBIDDEN;
    }
    let result = if arguments.actual {
        browser::cors_check(&script, &headers)
    } else {
        browser::preflight_check(&script, status, &headers)
    };
    match (result, arguments.actual) {
        (Ok(()), true) => "\na browser lets the script read the answer\n".to_owned(),
        (Ok(()), false) => "\na browser sends the request\n".to_owned(),
        (Err(blocked), true) => {
            format!("\na browser keeps the answer from the script: {}\n", visible(&blocked.to_string()))
        }
        (Err(blocked), false) => format!("\na browser does not send the request: {}\n", visible(&blocked.to_string())),
    }
}
