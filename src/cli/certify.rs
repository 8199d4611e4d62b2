//! `corsuite certify`
#![expect(clippy::disallowed_methods, reason = "shell: writes the certificate")]

use std::collections::BTreeSet;
use std::path::Path;
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
    if arguments.against.endpoint.auth == Auth::Anonymous {
        return Err(
            Failure::usage("a run without keys says nothing about conformance").help("leave out --auth anonymous")
        );
    }
    let reports = destinations(&arguments.report)?;
    let key = arguments.sign_key.as_deref().map(sign_key).transpose()?;
    free(&arguments.out)?;
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
    write(&arguments.out, &bundle).map_err(|error| {
        Failure::unknown(format!("certificate {} cannot be written: {error}", arguments.out.display()))
    })?;
    let folder = arguments.out.display();
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

/// Whether the folder is still to be made.
fn free(path: &Path) -> Result<(), Failure> {
    let empty = |path: &Path| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if !path.exists() || (path.is_dir() && empty(path)) {
        return Ok(());
    }
    Err(Failure::usage(format!("--out {} is there already", path.display())).help("name a new folder"))
}

/// A folder that appears whole or not at all.
fn write(path: &Path, bundle: &Bundle) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    // One that is there may hold anything.
    std::fs::create_dir(beside)?;
    for (name, content) in bundle {
        std::fs::write(beside.join(name), content)?;
    }
    if path.exists() {
        std::fs::remove_dir(path)?;
    }
    std::fs::rename(beside, path)
}
