//! The log of a campaign: a folder's `campaign.jsonl`, one line an event.
//!
//! The first line says what the campaign is. Lines are appended as they happen; one that was torn by a crash is passed over, what it told
//! happens again.
#![expect(clippy::disallowed_methods, reason = "shell: the log is a file")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::campaign::{Event, Plan};

const NAME: &str = "campaign.jsonl";

/// What a campaign is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Header {
    /// Version of the program that makes the inputs.
    pub(super) version: String,
    pub(super) endpoint: String,
    pub(super) plan: Plan,
    /// What the server chose at the open points.
    pub(super) behaviours: BTreeMap<String, String>,
}

/// A campaign that was begun before.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) log: Log,
    pub(super) header: Header,
    pub(super) events: Vec<Event>,
}

/// A log that events are appended to.
#[derive(Debug)]
pub(super) struct Log(File);

impl Log {
    /// A new one.
    pub(super) fn create(folder: &Path, header: &Header) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        let fail = |error: io::Error| Failure::unknown(format!("log {} cannot be written: {error}", path.display()));
        if path.exists() {
            return Err(Failure::usage(format!("there is a campaign in {} already", folder.display()))
                .help("go on with it by --resume, or name another folder"));
        }
        std::fs::create_dir_all(folder).map_err(fail)?;
        let mut log = Self(File::options().create_new(true).append(true).open(&path).map_err(fail)?);
        log.line(header).map_err(fail)?;
        Ok(log)
    }

    /// One that was broken off, and what it holds.
    pub(super) fn open(folder: &Path) -> Result<Begun, Failure> {
        let path = folder.join(NAME);
        let fail = |error: io::Error| Failure::unknown(format!("log {} cannot be used: {error}", path.display()));
        let reader = BufReader::new(File::open(&path).map_err(fail)?);
        let (mut header, mut events) = (None, Vec::new());
        for line in reader.split(b'\n') {
            let line = line.map_err(fail)?;
            if header.is_none() {
                header = Some(serde_json::from_slice::<Header>(&line).map_err(|error| {
                    Failure::unknown(format!("log {} does not begin with a campaign: {error}", path.display()))
                })?);
            } else if let Ok(event) = serde_json::from_slice(&line) {
                events.push(event);
            }
        }
        let header = header.ok_or_else(|| Failure::unknown(format!("log {} is empty", path.display())))?;
        let mut file = File::options().append(true).open(&path).map_err(fail)?;
        // A torn line must not swallow the next one.
        file.write_all(b"\n").map_err(fail)?;
        Ok(Begun { log: Self(file), header, events })
    }

    pub(super) fn event(&mut self, event: &Event) -> io::Result<()> {
        self.line(event)
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}
