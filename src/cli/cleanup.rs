//! `corsuite cleanup`
#![expect(clippy::disallowed_methods, reason = "shell: reads the journal")]

use std::sync::Arc;

use super::args::{Auth, Cleanup};
use super::run::journal;
use super::{Context, Exit, Failure, print, runtime, target, tell};
use crate::diagnostic::visible;
use crate::dialect::Dialect;
use crate::run::{clean_up, pending};

pub(super) fn cleanup(arguments: &Cleanup, context: &Context) -> Result<Exit, Failure> {
    let Some(endpoint) = &arguments.endpoint.endpoint else {
        return Err(Failure::usage("cleanup needs --endpoint").help("the one of the run that was interrupted"));
    };
    if arguments.endpoint.auth == Auth::Anonymous {
        return Err(Failure::usage("cleanup needs a key").help("use --auth v4 or v1"));
    }
    let dialect = Arc::new(Dialect::oss().clone());
    let target = target::target(endpoint, &arguments.endpoint, &dialect, context)?;
    let (journal, path) = journal(&arguments.journal, context)?;
    let text = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::unknown(format!("journal {} cannot be read: {error}", path.display()))),
    };
    let entries = pending(&text, &target.name);
    if entries.is_empty() {
        print(&format!("nothing is left over at {}, by journal {}\n", target.name, path.display()))?;
        return Ok(Exit::Yes);
    }
    let (done, left) = runtime()?.block_on(clean_up(&target, &entries, journal.as_ref(), arguments.endpoint.rate));
    for bucket in &done {
        print(&format!("clean: {bucket}\n"))?;
    }
    for leftover in &left {
        tell(&format!("left over: {}: {}\n", leftover.bucket, visible(&leftover.reason)));
    }
    Ok(if left.is_empty() { Exit::Yes } else { Exit::Unknown })
}
