//! `corsuite verify`
#![expect(clippy::disallowed_methods, reason = "shell: reads the certificate")]

use std::path::Path;

use super::args::Verify;
use super::certify::list;
use super::{Context, Exit, Failure, files, print};
use crate::certificate::{
    self, Bundle, Edition, FILES, MOST_EVIDENCE, MOST_OTHER, Problem, Profile, PublicKey, Verified,
};
use crate::diagnostic::visible;
use crate::dialect::Dialect;

/// Most entries of the folder that are looked at.
const MOST_ENTRIES: usize = 100;

pub(super) fn verify(arguments: &Verify, _context: &Context) -> Result<Exit, Failure> {
    let key = match &arguments.public_key {
        None => None,
        Some(path) => {
            let file = files::read(path)?;
            let key = PublicKey::from_pem(&file.text);
            Some(key.map_err(|why| {
                Failure::usage(format!("--public-key {}: {why}", path.display()))
                    .help("give the issuer's public key: `openssl pkey -in KEY.pem -pubout` writes it")
            })?)
        }
    };
    let (bundle, unread) = read(&arguments.folder)?;
    // One that names no dialect of ours is of another suite than any of them.
    let edition = Edition::named_by(&bundle).or_else(|| Edition::bundled(Dialect::BUNDLED.first()?));
    let Some(edition) = edition else { return Err(Failure::unknown("no dialect is bundled")) };
    let folder = visible(&arguments.folder.display().to_string());
    match certificate::verify(&bundle, &edition, key.as_ref()) {
        _ if !unread.is_empty() => {
            print(&format!("not verified: {folder}\n{}", list(&unread)))?;
            Ok(Exit::No)
        }
        Ok(verified) => print(&told(&verified)).map(|()| Exit::Yes),
        Err(problems) => {
            print(&format!("not verified: {folder}\n{}", list(&problems)))?;
            Ok(Exit::No)
        }
    }
}

fn told(verified: &Verified) -> String {
    let Verified { certificate, report, exchanges, signed, origin_proven, .. } = verified;
    let (target, suite, totals) = (&certificate.target, &certificate.suite, &report.totals);
    let says = match certificate.profile {
        Profile::Core => "every must of the documents holds",
        Profile::Full => "every must and every should of the documents holds",
    };
    let origin = match (origin_proven, signed) {
        (true, _) => "origin: signed with the key that belongs to --public-key",
        (false, true) => {
            "integrity only, origin not proven: there is a signature, and no --public-key to check it with"
        }
        (false, false) => "integrity only, origin not proven: it is not signed",
    };
    let lines = [
        format!("verified: {} {} by {} ({})", target.name, target.version, target.vendor, target.contact),
        format!("  profile {} of {}: {says}", certificate.profile.as_str(), suite.dialect),
        format!(
            "  {exchanges} exchanges with {} judged anew: {} of {} cases passed, {} broke a should, {} not judged",
            certificate.endpoint.name(),
            totals.pass,
            report.cases.len(),
            totals.failed_should,
            totals.skip + totals.error + totals.unsupported,
        ),
        format!(
            "  suite {} of {} {}, which notices {} of {} faults; begun {}",
            suite.digest,
            certificate.tool.name,
            certificate.tool.version,
            certificate.strength.caught,
            certificate.strength.faults,
            certificate.started,
        ),
        format!("  {origin}"),
    ];
    lines.iter().map(|line| visible(line) + "\n").collect()
}

/// The files of a folder, and those that are none or too large. Of one that no certificate has, the name alone.
fn read(folder: &Path) -> Result<(Bundle, Vec<Problem>), Failure> {
    let fail = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::usage(format!("{} cannot be read: {error}", path.display()))
            .help("name the folder that `corsuite certify` wrote")
    };
    let (mut bundle, mut unread) = (Bundle::new(), Vec::new());
    let entries = std::fs::read_dir(folder).map_err(|error| fail(folder, &error))?;
    for entry in entries.take(MOST_ENTRIES) {
        let entry = entry.map_err(|error| fail(folder, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let mut content = Vec::new();
        if let Some(file) = FILES.iter().find(|known| **known == name) {
            let found = std::fs::symlink_metadata(&path).map_err(|error| fail(&path, &error))?;
            let most = if name == "evidence.jsonl" { MOST_EVIDENCE } else { MOST_OTHER };
            if !found.is_file() || found.len() > most as u64 {
                let message = format!("not a file of at most {most} bytes");
                unread.push(Problem { file, case: None, message });
                continue;
            }
            content = std::fs::read(&path).map_err(|error| fail(&path, &error))?;
        }
        bundle.insert(name, content);
    }
    Ok((bundle, unread))
}
