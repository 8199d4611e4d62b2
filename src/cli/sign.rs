//! `corsuite sign`
#![expect(clippy::disallowed_methods, reason = "shell: signs with the time of now")]

use http::Request;
use jiff::SignedDuration;

use super::args::{Auth, Sign, SignAs};
use super::{Context, Exit, Failure, print, target};
use crate::request::{unknown_key, wrong_secret};
use crate::sign::{Form, Resource, decode_component, sign as add_signature};

/// Prints lines of a curl configuration: header fields, or the URL of a presigned request.
pub(super) fn sign(arguments: &Sign, context: &Context) -> Result<Exit, Failure> {
    let request = Request::builder().method(arguments.method.as_str()).uri(arguments.url.as_str());
    let mut request = request.body(()).map_err(|error| Failure::usage(format!("not a request: {error}")))?;
    for text in &arguments.headers {
        // curl's spelling of a field without a value.
        let pair = text.split_once(':').or_else(|| text.strip_suffix(';').map(|name| (name, "")));
        let (name, value) =
            pair.ok_or_else(|| Failure::usage(format!("-H `{text}`")).help("such as -H 'Origin: https://a.example'"))?;
        let bad = |error: &dyn std::fmt::Display| Failure::usage(format!("-H `{text}`: {error}"));
        let name: http::HeaderName = name.trim().parse().map_err(|error| bad(&error))?;
        let value = http::HeaderValue::from_str(value.trim()).map_err(|error| bad(&error))?;
        request.headers_mut().append(name, value);
    }
    let keys = context.keys(arguments.auth);
    let key = match arguments.identity {
        SignAs::Other => keys.other.clone(),
        SignAs::UnknownKey => Some(unknown_key()),
        SignAs::BadSignature => keys.owner.clone().map(wrong_secret),
        _ => keys.owner.clone(),
    };
    let Some(key) = key else {
        let names = match arguments.identity {
            SignAs::Other => arguments.auth.variables().other,
            _ => arguments.auth.variables().owner,
        };
        return Err(Failure::usage("no access key to sign with").help(format!("set {names}")));
    };
    if arguments.auth == Auth::Anonymous {
        return Err(Failure::usage("there is nothing to sign for --auth anonymous"));
    }
    let Some(authority) = request.uri().authority().map(ToString::to_string) else {
        return Err(Failure::usage(format!("`{}` is not a URL", arguments.url))
            .help("such as http://localhost:9000/bucket/key"));
    };
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let some = |text: &str| Some(decode_component(text)).filter(|text| !text.is_empty());
    let in_host = arguments.bucket.as_deref().filter(|bucket| authority.starts_with(&format!("{bucket}.")));
    let resource = if let Some(bucket) = in_host {
        Resource { bucket: Some(bucket.to_owned()), object: some(&path) }
    } else {
        let (bucket, object) = path.split_once('/').unwrap_or((&path, ""));
        Resource { bucket: some(bucket), object: some(object) }
    };
    let now = jiff::Timestamp::now();
    let (form, now) = match arguments.identity {
        SignAs::Presigned => (Form::Presigned { expires: 300 }, now),
        SignAs::Expired => (Form::Presigned { expires: 60 }, now - SignedDuration::from_mins(5)),
        SignAs::Skewed => (Form::Header, now - SignedDuration::from_mins(20)),
        SignAs::Owner | SignAs::Other | SignAs::UnknownKey | SignAs::BadSignature => (Form::Header, now),
    };
    let scheme = target::scheme(arguments.auth, arguments.region.as_deref(), &authority);
    let (mut parts, ()) = request.into_parts();
    // What is signed and what curl sends by itself.
    if let Ok(host) = http::HeaderValue::from_str(&authority) {
        parts.headers.entry(http::header::HOST).or_insert(host);
    }
    let given: Vec<String> = parts.headers.keys().map(ToString::to_string).collect();
    add_signature(&mut parts, &scheme, form, &key, &resource, now);
    let mut text = String::new();
    for (name, value) in parts.headers.iter().filter(|(name, _)| !given.contains(&name.to_string())) {
        text.extend(["header = \"", name.as_str(), ": ", &quoted(&String::from_utf8_lossy(value.as_bytes())), "\"\n"]);
    }
    text.extend(["url = \"", &quoted(&parts.uri.to_string()), "\"\n"]);
    print(&text).map(|()| Exit::Yes)
}

/// For a quoted value of a curl configuration.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
