//! `corsuite doctor`

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::args::{Auth, Doctor};
use super::run::{SETTLE, journal, prefix};
use super::{Context, Exit, Failure, files, interrupted, print, runtime, target};
use crate::diagnostic::visible;
use crate::implementation::reach;
use crate::run::doctor::{Check, Health, examine};
use crate::run::{Buckets, NoJournal, Options};

pub(super) fn doctor(arguments: &Doctor, context: &Context) -> Result<Exit, Failure> {
    let against = &arguments.against;
    let Some(endpoint) = &against.endpoint.endpoint else {
        return Err(Failure::usage("no server to look at").help("name it with --endpoint"));
    };
    if against.endpoint.auth == Some(Auth::Anonymous) && against.bucket.is_none() {
        return Err(Failure::usage("--auth anonymous cannot create a bucket").help("name one with --bucket"));
    }
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let target = target::target(endpoint, &against.endpoint, &dialect, context)?;
    let options = Options {
        settle: against.pace.settle.unwrap_or(SETTLE),
        buckets: match &against.bucket {
            Some(name) => Buckets::Borrowed(name.clone()),
            None => Buckets::Own { prefix: prefix(&against.bucket_prefix)? },
        },
        journal: if against.endpoint.auth == Some(Auth::Anonymous) {
            Arc::new(NoJournal)
        } else {
            journal(&against.journal, context)?.0
        },
        rate: against.endpoint.rate,
        ..Options::default()
    };
    let runtime = runtime()?;
    let (host, port) = host_and_port(&target.protocol, &target.authority);
    let timeout = against.endpoint.timeout;
    let mut text = String::new();
    let looking = async {
        let mut checks = vec![connection(&host, port, timeout).await];
        if checks.iter().all(|check| check.health != Health::Bad) {
            checks.extend(examine(target, options).await);
        }
        checks
    };
    let checks = runtime.block_on(async {
        tokio::select! {
            // The signal is listened for before the first request is sent.
            biased;
            () = interrupted() => None,
            checks = looking => Some(checks),
        }
    });
    runtime.shutdown_background();
    let Some(checks) = checks else {
        return Err(Failure::unknown("interrupted")
            .help("run `corsuite cleanup`: it removes what was made, and restores a bucket that was borrowed"));
    };
    for check in &checks {
        let word = match check.health {
            Health::Good => "ok  ",
            Health::Bad => "FAIL",
            _ => "note",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{word}  {:<10}  {}", check.name, check.found);
        if !check.help.is_empty() {
            let _ = writeln!(text, "{:18}{}", "", check.help);
        }
    }
    let bad = checks.iter().filter(|check| check.health == Health::Bad).count();
    let _ = match bad {
        0 => writeln!(text, "\n`corsuite run --endpoint {}` can begin", visible(endpoint)),
        1 => writeln!(text, "\none thing would spoil a run"),
        more => writeln!(text, "\n{more} things would spoil a run"),
    };
    print(&text)?;
    Ok(if bad == 0 { Exit::Yes } else { Exit::No })
}

async fn connection(host: &str, port: u16, timeout: Duration) -> Check {
    match reach(host, port, timeout).await {
        Ok((addresses, elapsed)) => {
            let shown: Vec<String> = addresses.iter().take(4).map(|address| address.ip().to_string()).collect();
            let found =
                format!("{host} is {}, port {port} takes connections ({} ms)", shown.join(", "), elapsed.as_millis());
            Check::new("connection", Health::Good, found, "")
        }
        Err((addresses, why)) if addresses.is_empty() => {
            let help = "check the name in --endpoint, and this machine's resolver";
            Check::new("name", Health::Bad, format!("{host} has no address: {why}"), help)
        }
        Err((addresses, why)) => {
            let shown: Vec<String> = addresses.iter().take(4).map(ToString::to_string).collect();
            let help = "check the port in --endpoint, that the server runs, and what a firewall lets through";
            Check::new("connection", Health::Bad, format!("no connection to {}: {why}", shown.join(", ")), help)
        }
    }
}

/// The port of the protocol, unless there is one.
fn host_and_port(protocol: &str, authority: &str) -> (String, u16) {
    let usual = if protocol == "https" { 443 } else { 80 };
    match authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => (host.to_owned(), port),
        None => (authority.to_owned(), usual),
    }
}
