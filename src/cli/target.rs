//! From options to a [`Target`].

use std::sync::Arc;

use super::args::{AddressingChoice, Auth, EndpointArguments};
use super::{Context, Failure};
use crate::diagnostic::visible;
use crate::dialect::{Dialect, Signature};
use crate::implementation::{Endpoint, EndpointOptions};
use crate::run::{Addressing, Target};
use crate::sign::Scheme;

/// The environment's names for an access key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variables {
    pub(super) id: &'static str,
    pub(super) secret: &'static str,
    pub(super) token: &'static str,
    /// Both names of a key, for people.
    pub(super) owner: &'static str,
    /// The same of the second account.
    pub(super) other: &'static str,
}

/// As the clients of OSS name them.
pub(super) const OSS: Variables = Variables {
    id: "OSS_ACCESS_KEY_ID",
    secret: "OSS_ACCESS_KEY_SECRET",
    token: "OSS_SESSION_TOKEN",
    owner: "OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET",
    other: "CORSUITE_OTHER_OSS_ACCESS_KEY_ID and CORSUITE_OTHER_OSS_ACCESS_KEY_SECRET",
};

/// As those of AWS do.
pub(super) const AWS: Variables = Variables {
    id: "AWS_ACCESS_KEY_ID",
    secret: "AWS_SECRET_ACCESS_KEY",
    token: "AWS_SESSION_TOKEN",
    owner: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    other: "CORSUITE_OTHER_AWS_ACCESS_KEY_ID and CORSUITE_OTHER_AWS_SECRET_ACCESS_KEY",
};

impl Auth {
    /// The choice, or what the dialect's servers want.
    pub(super) fn of(chosen: Option<Self>, dialect: &Dialect) -> Self {
        chosen.unwrap_or(match dialect.behaviours.signature {
            Signature::Oss => Self::V4,
            Signature::Aws => Self::AwsV4,
        })
    }

    pub(super) const fn variables(self) -> Variables {
        match self {
            Self::V1 | Self::V4 | Self::Anonymous => OSS,
            Self::AwsV4 => AWS,
        }
    }
}
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
        return Err(bad("keys do not belong into the URL").help(format!("set {}, or {}", OSS.owner, AWS.owner)));
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
    let auth = Auth::of(arguments.auth, dialect);
    let (variables, keys) = (auth.variables(), context.keys(auth));
    let credentials = match (auth, &keys.owner) {
        (Auth::Anonymous, _) => None,
        (_, Some(owner)) => Some(owner.clone()),
        (_, None) => {
            return Err(Failure::usage("no access key for the endpoint")
                .help(format!("set {}; `corsuite serve` prints those of the reference", variables.owner)));
        }
    };
    let same = |other: &crate::sign::Credentials| {
        credentials.as_ref().is_some_and(|own| own.access_key_id == other.access_key_id)
    };
    if keys.other.as_ref().is_some_and(same) {
        return Err(Failure::usage("the second account's access key is the owner's")
            .help(format!("set {} to those of an account that does not own the buckets", variables.other)));
    }
    Ok(Target {
        implementation: Arc::new(client(arguments)?),
        name: format!("{protocol}://{authority}"),
        scheme: scheme(auth, arguments.region.as_deref(), &authority),
        protocol,
        authority,
        addressing,
        credentials,
        other: keys.other.clone(),
        other_variables: variables.other,
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
