//! `corsuite cleanup`

use std::sync::Arc;

use super::args::{Auth, Cleanup};
use super::run::journal;
use super::{Context, Exit, Failure, print, runtime, target, tell};
use crate::diagnostic::visible;
use crate::dialect::Dialect;
use crate::run::clean_up;

pub(super) fn cleanup(arguments: &Cleanup, context: &Context) -> Result<Exit, Failure> {
    let Some(endpoint) = &arguments.endpoint.endpoint else {
        return Err(Failure::usage("cleanup needs --endpoint").help("the one of the run that was interrupted"));
    };
    if arguments.endpoint.auth == Some(Auth::Anonymous) {
        return Err(Failure::usage("cleanup needs a key").help("use --auth v4 or v1"));
    }
    let dialect = Arc::new(Dialect::oss().clone());
    let target = target::target(endpoint, &arguments.endpoint, &dialect, context)?;
    let (journal, path) = journal(&arguments.journal, context)?;
    let entries = journal
        .pending(&target.name)
        .map_err(|error| Failure::unknown(format!("journal {} cannot be read: {error}", path.display())))?;
    if entries.is_empty() {
        print(&format!("nothing is left over at {}, by journal {}\n", target.name, path.display()))?;
        return Ok(Exit::Yes);
    }
    let (done, left) = runtime()?.block_on(clean_up(&target, &entries, journal.as_ref(), arguments.endpoint.rate));
    for bucket in &done {
        print(&format!("clean: {}\n", visible(bucket)))?;
    }
    for leftover in &left {
        tell(&format!("left over: {}: {}\n", visible(&leftover.bucket), visible(&leftover.reason)));
    }
    Ok(if left.is_empty() { Exit::Yes } else { Exit::Unknown })
}
