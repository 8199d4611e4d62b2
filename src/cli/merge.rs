//! `corsuite merge`
#![expect(clippy::disallowed_methods, reason = "shell: copies kept inputs")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::args::Merge;
use super::fuzz::{Begun, Folder, Header, Log, Ran, shown};
use super::{Context, Exit, Failure, files, print};
use crate::campaign::{self, Campaign, Plan};
use crate::diagnostic::visible;
use crate::dialect::Level;
use crate::report::Kind;
use crate::run::Reading;

pub(super) fn merge(arguments: &Merge, context: &Context) -> Result<Exit, Failure> {
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let mut logs = Vec::new();
    let mut header: Option<Header> = None;
    for folder in &arguments.folders {
        let Begun { header: here, events, .. } = Log::read(folder)?;
        if let Some(first) = &header
            && let Some(what) = differs(first, &here)
        {
            let text = format!("{} is no part of the same campaign: {what}", folder.display());
            return Err(Failure::usage(visible(&text)).help("merge parts of one seed, one server and one version"));
        }
        header.get_or_insert(here);
        logs.push(events);
    }
    let Some(header) = header else { return Err(Failure::usage("no folder is named")) };
    let plan = Plan { part: 1, parts: 1, requests: None, stop_after: None, ..header.plan };
    let header = Header { plan: plan.clone(), ..header };
    let events = campaign::merge(logs);
    let mut log = Log::create(&arguments.out, &header)?;
    let fail = |error: std::io::Error| {
        Failure::unknown(format!("{} cannot be written: {error}", arguments.out.display()))
            .help("name a folder that can be written to, with room on its disk")
    };
    for event in &events {
        log.event(event).map_err(fail)?;
    }
    let mut machine = Campaign::new(plan, Arc::clone(&dialect))
        .resume(&events)
        .map_err(|why| Failure::unknown(format!("the logs cannot be used: {}", visible(&why))))?;
    machine.end(&format!("{} parts were merged", arguments.folders.len()));
    let out = Folder::new(&arguments.out, &header);
    for finding in machine.findings() {
        out.finding(finding).map_err(fail)?;
    }
    for folder in &arguments.folders {
        corpus(folder, &arguments.out).map_err(fail)?;
    }
    let ran = Ran {
        name: header.endpoint,
        kind: Kind::Endpoint,
        started: jiff::Timestamp::now(),
        elapsed: Duration::ZERO,
        reading: Reading::default(),
        notes: Vec::new(),
        folder: Some(arguments.out.clone()),
    };
    print(&shown(&machine, &ran))?;
    let counts = |level: Level| level == Level::Must || arguments.strict;
    let found = machine.findings().iter().any(|finding| counts(finding.mismatch.level));
    Ok(if found { Exit::No } else { Exit::Yes })
}

/// Why two logs are not of one campaign.
fn differs(first: &Header, other: &Header) -> Option<&'static str> {
    if first.version != other.version {
        Some("another version made it")
    } else if (&first.endpoint, &first.versus) != (&other.endpoint, &other.versus) {
        Some("it is about another server")
    } else if first.plan.seed != other.plan.seed {
        Some("it has another seed")
    } else if first.plan.reach != other.plan.reach {
        Some("it had another bucket or account to use")
    } else if first.behaviours != other.behaviours {
        Some("the server chose otherwise at an open point")
    } else {
        None
    }
}

/// Inputs that were kept; the same input has the same name.
fn corpus(from: &Path, to: &Path) -> std::io::Result<()> {
    let (from, to) = (from.join("corpus"), to.join("corpus"));
    if !from.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(&to)?;
    for entry in std::fs::read_dir(&from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
