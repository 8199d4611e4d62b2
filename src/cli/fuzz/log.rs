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

use crate::campaign::{Event, Plan};
use crate::cli::Failure;

/// The way out where there is no log to read.
const HELP: &str = "name the folder of a campaign, as --out made it";
const NAME: &str = "campaign.jsonl";

/// What a campaign is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(in crate::cli) struct Header {
    /// Version of the program that makes the inputs.
    pub(in crate::cli) version: String,
    pub(in crate::cli) endpoint: String,
    /// The second server, if it is one against another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) versus: Option<String>,
    pub(in crate::cli) plan: Plan,
    /// What the server chose at the open points.
    pub(in crate::cli) behaviours: BTreeMap<String, String>,
}

/// A campaign that was begun before.
#[derive(Debug)]
pub(in crate::cli) struct Begun {
    /// To go on with; none if it was only read.
    pub(in crate::cli) log: Option<Log>,
    pub(in crate::cli) header: Header,
    pub(in crate::cli) events: Vec<Event>,
}

/// A log that events are appended to.
#[derive(Debug)]
pub(in crate::cli) struct Log(File);

impl Log {
    /// A new one.
    pub(in crate::cli) fn create(folder: &Path, header: &Header) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        let fail = |error: io::Error| {
            let text = format!("log {} cannot be written: {error}", path.display());
            Failure::unknown(text).help("name a folder that can be written to, with room on its disk")
        };
        if path.exists() {
            return Err(Failure::usage(format!("there is a campaign in {} already", folder.display()))
                .help("go on with it by --resume, or name another folder"));
        }
        std::fs::create_dir_all(folder).map_err(fail)?;
        let mut log = Self(File::options().create_new(true).append(true).open(&path).map_err(fail)?);
        log.line(header).map_err(fail)?;
        Ok(log)
    }

    /// Whether a campaign was begun in a folder.
    pub(in crate::cli) fn exists(folder: &Path) -> bool {
        folder.join(NAME).exists()
    }

    /// One that was broken off, and what it holds.
    pub(in crate::cli) fn open(folder: &Path) -> Result<Begun, Failure> {
        let begun = Self::read(folder)?;
        let path = folder.join(NAME);
        let open = File::options().append(true).open(&path).and_then(|mut file| {
            // A torn line must not swallow the next one.
            file.write_all(b"\n")?;
            Ok(file)
        });
        let file = open.map_err(|error| {
            Failure::unknown(format!("log {} cannot be gone on with: {error}", path.display()))
                .help("name a folder that can be written to, with room on its disk")
        })?;
        Ok(Begun { log: Some(Self(file)), ..begun })
    }

    /// What a log holds.
    pub(in crate::cli) fn read(folder: &Path) -> Result<Begun, Failure> {
        let path = folder.join(NAME);
        let fail =
            |error: io::Error| Failure::unknown(format!("log {} cannot be used: {error}", path.display())).help(HELP);
        let reader = BufReader::new(File::open(&path).map_err(fail)?);
        let (mut header, mut events) = (None, Vec::new());
        for line in reader.split(b'\n') {
            let line = line.map_err(fail)?;
            if header.is_none() {
                header = Some(serde_json::from_slice::<Header>(&line).map_err(|error| {
                    Failure::unknown(format!("log {} does not begin with a campaign: {error}", path.display()))
                        .help(HELP)
                })?);
            } else if let Ok(event) = serde_json::from_slice(&line) {
                events.push(event);
            }
        }
        let header = header.ok_or_else(|| Failure::unknown(format!("log {} is empty", path.display())).help(HELP))?;
        Ok(Begun { log: None, header, events })
    }

    pub(in crate::cli) fn event(&mut self, event: &Event) -> io::Result<()> {
        self.line(event)
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}
