//! `corsuite certify`
#![expect(clippy::disallowed_methods, reason = "shell: writes the certificate")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Auth, Certify, ProfileChoice};
use super::run::{Finish, Job, Measured, SETTLE, destinations, finish, measure};
use super::{Context, Exit, Failure, files, print};
use crate::certificate::{
    Bundle, Declared, Edition, Environment, MOST_EVIDENCE, Problem, Profile, SignKey, Tried, issue,
};
use crate::diagnostic::visible;
use crate::dialect::Dialect;
use crate::report::{Answer, Setting};

/// How many problems are told.
pub(super) const TOLD: usize = 20;

pub(super) fn certify(arguments: &Certify, context: &Context) -> Result<Exit, Failure> {
    let name = &arguments.dialect.dialect;
    let Some(edition) = Edition::bundled(name) else {
        return Err(Failure::usage(format!(
            "--dialect `{name}` is not bundled, and a certificate is about a bundled one"
        ))
        .help(format!("give `{}`", Dialect::BUNDLED.join("`, `"))));
    };
    if arguments.against.endpoint.auth == Some(Auth::Anonymous) {
        return Err(
            Failure::usage("a run without keys says nothing about conformance").help("leave out --auth anonymous")
        );
    }
    if arguments.against.bucket.is_some() {
        return Err(Failure::usage("a borrowed bucket leaves cases out, and a certificate is about all of them")
            .help("leave out --bucket"));
    }
    let reports = destinations(&arguments.report)?;
    let key = arguments.sign_key.as_deref().map(sign_key).transpose()?;
    let folder = Folder::new(&arguments.out)?;
    let dialect = Arc::new(edition.dialect.clone());
    let to_stdout = reports.iter().any(|(_, path)| path.as_os_str() == "-");
    let job = Job {
        suite: &edition.suite,
        dialect: &dialect,
        against: &arguments.against,
        complete: true,
        partition: None,
        fail_fast: false,
        quiet: to_stdout,
        known: BTreeSet::new(),
        evidence: Some(MOST_EVIDENCE),
    };
    let Measured { report, target, too_much } = measure(job, context)?;
    let profile = match arguments.profile {
        ProfileChoice::Core => Profile::Core,
        ProfileChoice::Full => Profile::Full,
    };
    let strict = profile == Profile::Full;
    let setting = Setting { suite: &edition.suite, dialect: &dialect, strict };
    let exit = finish(&Finish { report: &report, setting, paths: &reports, gate: None }, context)?;
    if too_much {
        return Err(Failure::unknown("no certificate: the answers are larger than a certificate may be")
            .help(format!("{MOST_EVIDENCE} bytes are kept at most")));
    }
    let pace = &arguments.against.pace;
    let settle = pace.settle.unwrap_or(if arguments.against.endpoint.endpoint.is_some() {
        SETTLE
    } else {
        std::time::Duration::ZERO
    });
    let tried = Tried {
        report: &report,
        site: target.site(),
        declared: Declared {
            name: arguments.name.clone(),
            version: arguments.product_version.clone(),
            vendor: arguments.vendor.clone(),
            contact: arguments.contact.clone(),
        },
        profile,
        environment: Environment {
            os: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            jobs: usize::from(pace.jobs),
            settle_ms: u64::try_from(settle.as_millis()).unwrap_or(u64::MAX),
        },
    };
    let bundle = issue(&tried, &edition, key.as_ref()).map_err(|problems| {
        // A run that says yes, and evidence that does not.
        let exit = if exit == Exit::Yes && report.answer(strict) == Answer::Yes { Exit::Unknown } else { exit };
        let exit = if exit == Exit::Yes { Exit::No } else { exit };
        Failure { exit, text: format!("error: no certificate\n{}", list(&problems)) }
    })?;
    folder.fill(&bundle).map_err(|error| {
        Failure::unknown(format!("certificate {} cannot be written: {error}", arguments.out.display()))
    })?;
    let folder = folder.path.display();
    let declared = format!("{} {} by {}", arguments.name, arguments.product_version, arguments.vendor);
    let (with, origin) = match key {
        Some(_) => (" --public-key KEY.pem", "signed: who has the public key knows who made it"),
        None => ("", "not signed: it cannot show who made it; --sign-key FILE signs it"),
    };
    let text = format!(
        "\ncertificate of profile {} for {}: {folder}\n  anybody can judge it anew: corsuite verify {folder}{with}\n  {origin}\n",
        profile.as_str(),
        visible(&declared),
    );
    print(&text)?;
    Ok(Exit::Yes)
}

/// The first problems, a line each.
pub(super) fn list(problems: &[Problem]) -> String {
    let mut text: String =
        problems.iter().take(TOLD).map(|problem| format!("  {}\n", visible(&problem.to_string()))).collect();
    if problems.len() > TOLD {
        text.extend(["  and ", &(problems.len() - TOLD).to_string(), " more\n"]);
    }
    text
}

fn sign_key(path: &Path) -> Result<SignKey, Failure> {
    let file = files::read(path)?;
    SignKey::from_pem(&file.text).map_err(|why| {
        Failure::usage(format!("--sign-key {}: {why}", path.display()))
            .help("`openssl genpkey -algorithm ed25519` makes one")
    })
}

/// The folder in the making, beside the one that it becomes; gone, unless it becomes that.
struct Folder {
    path: PathBuf,
    part: PathBuf,
}

impl Folder {
    /// Makes it before the run, since afterwards it would be too late to find out that it cannot be made.
    fn new(path: &Path) -> Result<Self, Failure> {
        // Without a slash at its end.
        let path: PathBuf = path.components().collect();
        let shown = path.display();
        let Some(name) = path.file_name().filter(|_| !path.exists()) else {
            return Err(Failure::usage(format!("--out {shown} is there already")).help("name a new folder"));
        };
        let mut part = name.to_owned();
        part.push(".part");
        let part = path.with_file_name(part);
        let fail = |error: &std::io::Error| {
            Failure::usage(format!("--out {shown}: {} cannot be made: {error}", part.display()))
                .help("it is left over if a run was killed; else name a folder that can be written to")
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| fail(&error))?;
        }
        std::fs::create_dir(&part).map_err(|error| fail(&error))?;
        Ok(Self { path, part })
    }

    fn fill(&self, bundle: &Bundle) -> std::io::Result<()> {
        for (name, content) in bundle {
            std::fs::write(self.part.join(name), content)?;
        }
        std::fs::rename(&self.part, &self.path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.part.exists() {
            // What is left of it is seen at the next attempt.
            drop(std::fs::remove_dir_all(&self.part));
        }
    }
}
