//! From options to a [`Target`].

use std::sync::Arc;

use super::args::{AddressingChoice, Auth, EndpointArguments};
use super::{Context, Failure};
use crate::diagnostic::visible;
use crate::dialect::Dialect;
use crate::implementation::{Endpoint, EndpointOptions};
use crate::run::{Addressing, Target};
use crate::sign::Scheme;

pub(super) const OTHER_VARIABLES: &str = "CORSUITE_OTHER_OSS_ACCESS_KEY_ID and CORSUITE_OTHER_OSS_ACCESS_KEY_SECRET";
const DEFAULT_REGION: &str = "cn-hangzhou";
const AWS_REGION: &str = "us-east-1";

/// Protocol and host of a URL without a path.
pub(super) fn parse(endpoint: &str) -> Result<(String, String), Failure> {
    // What stands before an `@` may be a secret.
    let shown = endpoint.rsplit_once('@').map_or_else(|| endpoint.to_owned(), |(_, host)| format!("***@{host}"));
    let bad = |why: &str| Failure::usage(format!("--endpoint `{}`: {why}", visible(&shown)));
    let Some((protocol, rest)) = endpoint.split_once("://") else {
        return Err(bad("no protocol").help(format!("did you mean `http://{}`?", visible(&shown))));
    };
    let protocol = protocol.to_ascii_lowercase();
    if protocol != "http" && protocol != "https" {
        return Err(bad("only http and https are spoken"));
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains('@') {
        return Err(bad("keys do not belong into the URL").help("set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET"));
    }
    if authority.contains(['/', '?', '#']) {
        return Err(bad("a path").help("give the server's address only; buckets are created, or lent with --bucket"));
    }
    match authority.parse::<http::uri::Authority>() {
        Ok(parsed) if !parsed.host().is_empty() => Ok((protocol, authority.to_ascii_lowercase())),
        _ => Err(bad("not a host")),
    }
}

fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn is_address(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok() || host.starts_with('[')
}

/// The region that an OSS endpoint names, as in `oss-cn-hangzhou.aliyuncs.com`.
pub(super) fn region_of(authority: &str) -> Option<&str> {
    let host = host(authority).strip_suffix(".aliyuncs.com")?;
    let label = host.rsplit('.').next()?.strip_prefix("oss-")?;
    Some(label.strip_suffix("-internal").unwrap_or(label)).filter(|region| !region.starts_with("accelerate"))
}

pub(super) fn scheme(auth: Auth, region: Option<&str>, authority: &str) -> Scheme {
    match auth {
        Auth::V1 | Auth::Anonymous => Scheme::V1,
        Auth::AwsV4 => Scheme::AwsV4 { region: region.unwrap_or(AWS_REGION).to_owned() },
        Auth::V4 => {
            let region = region.or_else(|| region_of(authority)).unwrap_or(DEFAULT_REGION);
            Scheme::V4 { region: region.strip_prefix("oss-").unwrap_or(region).to_owned() }
        }
    }
}

/// The target that the options describe.
pub(super) fn target(
    endpoint: &str,
    arguments: &EndpointArguments,
    dialect: &Arc<Dialect>,
    context: &Context,
) -> Result<Target, Failure> {
    let (protocol, authority) = parse(endpoint)?;
    let named = !is_address(host(&authority));
    let addressing = match arguments.addressing {
        AddressingChoice::Virtual if named => Addressing::Virtual,
        AddressingChoice::Virtual => {
            return Err(Failure::usage("--addressing virtual needs a name, and the endpoint is an IP address")
                .help("for this machine use http://localhost:PORT: names under localhost are this machine, too"));
        }
        AddressingChoice::Auto if named && host(&authority) != "localhost" => Addressing::Virtual,
        AddressingChoice::Path | AddressingChoice::Auto => Addressing::Path,
    };
    let credentials = match (arguments.auth, &context.owner) {
        (Auth::Anonymous, _) => None,
        (_, Some(owner)) => Some(owner.clone()),
        (_, None) => {
            return Err(Failure::usage("no access key for the endpoint").help(
                "set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET; `corsuite serve` prints those of the reference",
            ));
        }
    };
    let same = |other: &crate::sign::Credentials| {
        credentials.as_ref().is_some_and(|own| own.access_key_id == other.access_key_id)
    };
    if context.other.as_ref().is_some_and(same) {
        return Err(Failure::usage("the second account's access key is the owner's")
            .help(format!("set {OTHER_VARIABLES} to those of an account that does not own the buckets")));
    }
    Ok(Target {
        implementation: Arc::new(client(arguments)?),
        name: format!("{protocol}://{authority}"),
        scheme: scheme(arguments.auth, arguments.region.as_deref(), &authority),
        protocol,
        authority,
        addressing,
        credentials,
        other: context.other.clone(),
        other_variables: OTHER_VARIABLES,
        dialect: Arc::clone(dialect),
    })
}

fn client(arguments: &EndpointArguments) -> Result<Endpoint, Failure> {
    let ca_certificates = match &arguments.cacert {
        None => None,
        Some(path) => Some(super::files::read(path)?.text.clone().into_bytes()),
    };
    let options = EndpointOptions { timeout: arguments.timeout, insecure: arguments.insecure, ca_certificates };
    Endpoint::new(&options).map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let ok = |text: &str| parse(text).map_err(|failure| failure.text);
        assert_eq!(ok("HTTP://Localhost:80/").unwrap(), ("http".to_owned(), "localhost:80".to_owned()));
        assert!(ok("localhost:80").unwrap_err().contains("did you mean `http://localhost:80`?"));
        for text in ["ftp://a", "http://", "http://a/b", "http://k:s@a", "http://a?x"] {
            assert!(ok(text).is_err(), "{text}");
        }
    }

    #[test]
    fn regions() {
        assert_eq!(region_of("oss-cn-hangzhou.aliyuncs.com"), Some("cn-hangzhou"));
        assert_eq!(region_of("b.oss-eu-west-1-internal.aliyuncs.com:443"), Some("eu-west-1"));
        assert_eq!(region_of("oss-accelerate.aliyuncs.com"), None);
        assert_eq!(region_of("localhost:80"), None);
    }
}
