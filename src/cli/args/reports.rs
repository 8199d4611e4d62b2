//! Commands that read reports: what was typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Against, CasesArgument, DialectArgument};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Baseline {
    /// Write the file anew from a report: entries that still hold stay, fixed ones go, new failures come
    Update(BaselineUpdate),
    /// Say which entries are expired, or about cases and steps that the suite does not have
    Check(BaselineCheck),
    /// Say what a report says that the file does not, and the other way round
    Diff(BaselineDiff),
}

#[derive(Args, Debug)]
pub(in crate::cli) struct BaselineUpdate {
    /// The file; a new one is made
    pub(in crate::cli) file: PathBuf,
    /// A report in JSON
    pub(in crate::cli) report: PathBuf,
    /// Known failures may be broken shoulds, too
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Reason of new entries [default: what went wrong]
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reason: Option<String>,
    /// Last day on which new entries count
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(in crate::cli) expires: Option<jiff::civil::Date>,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct BaselineCheck {
    /// The file
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) cases: CasesArgument,
    #[command(flatten)]
    pub(in crate::cli) dialect: DialectArgument,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct BaselineDiff {
    /// The file
    pub(in crate::cli) file: PathBuf,
    /// A report in JSON
    pub(in crate::cli) report: PathBuf,
    /// A broken should counts like a broken must
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    #[command(flatten)]
    pub(in crate::cli) cases: CasesArgument,
    #[command(flatten)]
    pub(in crate::cli) dialect: DialectArgument,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Compare {
    /// Reports in JSON; `NAME=FILE` gives one a name
    #[arg(value_name = "[NAME=]REPORT", required = true, num_args = 1..)]
    pub(in crate::cli) reports: Vec<String>,
    /// Show every clause, not those alone that differ or that some report breaks
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// Write the comparison, too; FORMAT is markdown or html, PATH `-` is standard output; may be given several times
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(in crate::cli) report: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) cases: CasesArgument,
    #[command(flatten)]
    pub(in crate::cli) dialect: DialectArgument,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Fingerprint {
    /// A report in JSON of the complete suite, instead of asking a server
    #[arg(conflicts_with = "endpoint")]
    pub(in crate::cli) report: Option<PathBuf>,
    /// Name of the dialect
    #[arg(long, default_value = "my-server")]
    pub(in crate::cli) name: String,
    #[command(flatten)]
    pub(in crate::cli) dialect: DialectArgument,
    #[command(flatten)]
    pub(in crate::cli) against: Against,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct MergeReports {
    /// Reports in JSON of every part, as `run --partition N/M --report json=PATH` wrote them
    #[arg(value_name = "REPORT", required = true)]
    pub(in crate::cli) reports: Vec<PathBuf>,
    /// Write the whole as a report, in the formats of `run`; may be given several times
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(in crate::cli) report: Vec<String>,
    /// Failures that are known, as for `run`
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) baseline: Option<PathBuf>,
    /// A broken should counts like a broken must
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    #[command(flatten)]
    pub(in crate::cli) cases: CasesArgument,
    #[command(flatten)]
    pub(in crate::cli) dialect: DialectArgument,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(in crate::cli) enum ProfileChoice {
    /// Every must holds
    Core,
    /// Every should, too, and no case is left out
    Full,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Certify {
    /// The new folder
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) out: PathBuf,
    /// What the certificate says
    #[arg(long, value_enum, default_value = "core")]
    pub(in crate::cli) profile: ProfileChoice,
    /// Name of the product that is certified
    #[arg(long, value_name = "TEXT", value_parser = declared, help_heading = "Declared")]
    pub(in crate::cli) name: String,
    /// Its version
    #[arg(long, value_name = "TEXT", value_parser = declared, help_heading = "Declared")]
    pub(in crate::cli) product_version: String,
    /// Who makes it
    #[arg(long, value_name = "TEXT", value_parser = declared, help_heading = "Declared")]
    pub(in crate::cli) vendor: String,
    /// Whom to ask about it: an address or a URL
    #[arg(long, value_name = "TEXT", value_parser = declared, help_heading = "Declared")]
    pub(in crate::cli) contact: String,
    /// Sign the certificate with this Ed25519 key (PKCS #8 in PEM, as `openssl genpkey -algorithm ed25519` writes it)
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sign_key: Option<PathBuf>,
    /// Write a report of the run, too, in the formats of `run`; may be given several times
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(in crate::cli) report: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) dialect: DialectArgument,
    #[command(flatten)]
    pub(in crate::cli) against: Against,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Verify {
    /// The folder that `certify` wrote
    #[arg(value_name = "DIR")]
    pub(in crate::cli) folder: PathBuf,
    /// The issuer's Ed25519 key (PEM, as `openssl pkey -pubout` writes it): the certificate must be signed by it
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) public_key: Option<PathBuf>,
}

fn declared(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("one line of 1 to 200 characters".to_owned()) }
}

fn day(text: &str) -> Result<jiff::civil::Date, String> {
    text.parse().map_err(|_| "a day, such as 2027-01-31".to_owned())
}
