//! What was typed. What it means is decided where it is used.

mod reports;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(super) use self::reports::{
    Baseline, BaselineCheck, BaselineDiff, BaselineUpdate, Certify, Compare, Fingerprint, MergeReports, ProfileChoice,
    Verify,
};

/// Does an object store's bucket CORS do what its documentation says?
#[derive(Debug, Parser)]
#[command(name = "corsuite", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  yes: the server does what it must
  1  no: a must clause is broken or unsupported (with --strict also a should clause)
  2  the command line or a case file is wrong, or a selector matches nothing
  3  not known: the endpoint cannot be used, or a must case was skipped or ended in an error

Start with `corsuite run`: it runs the suite against the reference server that is built in.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the suite against an endpoint, or against the built-in reference server
    Run(Run),
    /// Send generated cases and hold the answers against the oracle, until time or requests are spent
    Fuzz(Fuzz),
    /// Look for what would spoil a run: name, connection, TLS, clocks, keys, a bucket, something between that touches CORS
    Doctor(Doctor),
    /// Join the parts of a campaign that several machines made
    Merge(Merge),
    /// Known failures: make or update the file, check it, hold a report against it
    #[command(subcommand)]
    Baseline(Baseline),
    /// Join the reports of the parts of a suite that several machines ran
    MergeReports(MergeReports),
    /// Compare reports side by side: clauses and choices by server, the odd one out, the trend of one server
    Compare(Compare),
    /// Find out what a server does at the points that the documents leave open; prints a dialect file
    Fingerprint(Fingerprint),
    /// Run the complete suite and write a certificate: a folder from which anybody can judge each answer anew
    Certify(Certify),
    /// Judge a certificate anew, without a server
    Verify(Verify),
    /// Audit a live bucket: lint its rules and ask preflights at their edges; nothing is changed
    Audit(Audit),
    /// Start the reference server
    Serve(Serve),
    /// Measure the suite: run it against every fault of the catalogue
    Mutants(Mutants),
    /// Say which rule answers a request, why the others do not, and what a browser would do
    Explain(Explain),
    /// Check case files without running them against a server
    Check(Check),
    /// List cases, or clauses with --clauses
    List(List),
    /// Remove buckets and restore borrowed ones that an interrupted run left
    Cleanup(Cleanup),
    /// Sign one request; prints lines for `curl -K -`
    Sign(Sign),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// The dialect of those who name none.
pub(super) const USUAL_DIALECT: &str = "oss";

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Auth {
    V1,
    V4,
    /// AWS signature version 4, for servers that speak S3
    AwsV4,
    Anonymous,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum AddressingChoice {
    Auto,
    Path,
    Virtual,
}

/// Whom to ask
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Endpoint")]
pub(super) struct EndpointArguments {
    /// The server's address, such as https://oss-cn-hangzhou.aliyuncs.com
    #[arg(long, value_name = "URL")]
    pub(super) endpoint: Option<String>,
    /// How requests are signed [default: v4, or aws-v4 where the dialect's servers want it]; keys come from OSS_ACCESS_KEY_ID and
    /// OSS_ACCESS_KEY_SECRET (and OSS_SESSION_TOKEN), for aws-v4 from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (and
    /// AWS_SESSION_TOKEN), a second account's from the same names with CORSUITE_OTHER_ in front
    #[arg(long, value_enum)]
    pub(super) auth: Option<Auth>,
    /// Whether a bucket is named in the host or in the path; auto: in the path for IP addresses and localhost
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) addressing: AddressingChoice,
    /// Region id for V4 signatures [default: from the endpoint's name, else cn-hangzhou, for aws-v4 us-east-1]
    #[arg(long)]
    pub(super) region: Option<String>,
    /// Time for one request and its answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(super) timeout: std::time::Duration,
    /// At most this many requests a second
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// Accept any TLS certificate
    #[arg(long)]
    pub(super) insecure: bool,
    /// Trust the certificates of this PEM file, too
    #[arg(long, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub(super) struct DialectArgument {
    /// Whose documents count: a bundled dialect (oss, s3) or a file
    #[arg(long, value_name = "NAME|FILE", default_value = USUAL_DIALECT)]
    pub(super) dialect: String,
}

#[derive(Args, Clone, Debug)]
pub(super) struct CasesArgument {
    /// Take the cases of this folder instead of the bundled ones
    #[arg(long, value_name = "DIR")]
    pub(super) cases: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Run {
    /// Run only these: case ids, themes (folders), clauses; `*` stands for any text, as in `match.*`
    #[arg(value_name = "SELECTOR")]
    pub(super) selectors: Vec<String>,
    #[command(flatten)]
    pub(super) cases: CasesArgument,
    #[command(flatten)]
    pub(super) dialect: DialectArgument,
    /// Run only cases with an assertion of at least this level
    #[arg(long, value_enum)]
    pub(super) level: Option<LevelChoice>,
    /// A failed should counts like a failed must
    #[arg(long)]
    pub(super) strict: bool,
    /// Run only the small set of bundled cases that catches every fault of the catalogue: for slow servers
    #[arg(long, conflicts_with_all = ["selectors", "cases"])]
    pub(super) minimal: bool,
    /// Stop after the first failed case
    #[arg(long, conflicts_with = "baseline")]
    pub(super) fail_fast: bool,
    /// Failures that are known: a file with `known:`, as `corsuite baseline update` writes it. New failures, and entries that are fixed,
    /// vanished or expired, make the answer no
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
    /// Run only this part of the cases: several machines share a suite; `0+1/8` is `1/8`, for machines that count from 0
    #[arg(long, value_name = "N/M", value_parser = partition)]
    pub(super) partition: Option<(u64, u64)>,
    /// Write a report; FORMAT is json, jsonl, junit, tap, markdown, github, sarif or html, PATH `-` is standard output; may be given
    /// several times
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(super) report: Vec<String>,
    #[command(flatten)]
    pub(super) against: Against,
}

/// A server, and how cases are run against it
#[derive(Args, Debug)]
pub(super) struct Against {
    #[command(flatten)]
    pub(super) pace: PaceArguments,
    #[command(flatten)]
    pub(super) endpoint: EndpointArguments,
    /// Names of created buckets begin with this
    #[arg(long, value_name = "PREFIX", default_value = "corsuite-", help_heading = "Endpoint")]
    pub(super) bucket_prefix: String,
    /// Borrow this bucket instead of creating any: its CORS rules and ACL are saved and restored, only objects that the
    /// run wrote are deleted
    #[arg(long, value_name = "NAME", conflicts_with = "bucket_prefix", help_heading = "Endpoint")]
    pub(super) bucket: Option<String>,
    /// With --auth anonymous: the rules that are in place in --bucket (XML, or YAML with `rules:`)
    #[arg(long, value_name = "FILE", requires = "bucket", help_heading = "Endpoint")]
    pub(super) in_place: Option<PathBuf>,
    #[command(flatten)]
    pub(super) journal: JournalArgument,
}

#[derive(Args, Debug)]
pub(super) struct Doctor {
    #[command(flatten)]
    pub(super) dialect: DialectArgument,
    #[command(flatten)]
    pub(super) against: Against,
}

#[derive(Args, Debug)]
pub(super) struct Fuzz {
    /// All inputs are made from it: the same seed, the same inputs [default: another one each time]
    #[arg(long, value_name = "NUMBER")]
    pub(super) seed: Option<u64>,
    /// Stop making inputs after so many seconds [default: 60, unless --requests is given]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) time: Option<std::time::Duration>,
    /// Stop making inputs after so many requests of cases
    #[arg(long, value_name = "COUNT")]
    pub(super) requests: Option<u64>,
    /// Stop altogether after about so many requests, preparation, confirming and shrinking included
    #[arg(long, value_name = "COUNT")]
    pub(super) budget: Option<u64>,
    /// Stop making inputs after so many findings
    #[arg(long, value_name = "FINDINGS")]
    pub(super) stop_after: Option<usize>,
    /// Make only this part of the inputs: several machines share a seed; `0+1/8` is `1/8`, for machines that count from 0
    #[arg(long, value_name = "N/M", default_value = "1/1", value_parser = partition)]
    pub(super) partition: (u64, u64),
    /// Where this server differs from --endpoint, whatever the documents say: keys as for --endpoint
    #[arg(long, value_name = "URL", requires = "endpoint")]
    pub(super) versus: Option<String>,
    /// Divergences that are known: a file with `known:`, entries of clause, reason and, if wanted, field, expected, actual, link,
    /// expires
    #[arg(long, value_name = "FILE")]
    pub(super) allow: Option<PathBuf>,
    /// Keep the campaign in this new folder: each finding as a case file, inputs that reached something new, and a log
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Go on with the campaign of this folder, which was broken off or has ended
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "seed", "partition"])]
    pub(super) resume: Option<PathBuf>,
    /// --resume if there is a campaign in this folder, else --out
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "resume"])]
    pub(super) keep: Option<PathBuf>,
    /// Write the findings as a report, in the formats of `run`; may be given several times
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(super) report: Vec<String>,
    /// A broken should counts like a broken must
    #[arg(long)]
    pub(super) strict: bool,
    #[command(flatten)]
    pub(super) dialect: DialectArgument,
    #[command(flatten)]
    pub(super) pace: PaceArguments,
    /// Most requests of a case at a time, where they change nothing
    #[arg(long, default_value = "8", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) batch: u16,
    #[command(flatten)]
    pub(super) endpoint: EndpointArguments,
    /// Names of created buckets begin with this
    #[arg(long, value_name = "PREFIX", default_value = "corsuite-", help_heading = "Endpoint")]
    pub(super) bucket_prefix: String,
    /// Borrow this bucket instead of creating any: its CORS rules and ACL are saved and restored, only objects that the campaign
    /// wrote are deleted
    #[arg(long, value_name = "NAME", conflicts_with_all = ["bucket_prefix", "versus"], requires = "endpoint", help_heading = "Endpoint")]
    pub(super) bucket: Option<String>,
    #[command(flatten)]
    pub(super) journal: JournalArgument,
}

#[derive(Args, Debug)]
pub(super) struct Merge {
    /// Folders of campaigns with one seed, as `fuzz --out` made them
    #[arg(value_name = "DIR", required = true)]
    pub(super) folders: Vec<PathBuf>,
    /// The new folder
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// A broken should counts like a broken must
    #[arg(long)]
    pub(super) strict: bool,
    #[command(flatten)]
    pub(super) dialect: DialectArgument,
}

#[derive(Args, Clone, Debug)]
pub(super) struct PaceArguments {
    /// Cases at a time, each in a bucket of its own
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) jobs: u16,
    /// Longest wait for a change of rules to show, in seconds [default: 10; the built-in reference needs none]
    #[arg(long, value_name = "SECONDS", value_parser = seconds_or_none)]
    pub(super) settle: Option<std::time::Duration>,
}

#[derive(Args, Clone, Debug)]
pub(super) struct JournalArgument {
    /// Where created and borrowed buckets are written down [default: in the user's state folder]
    #[arg(long, value_name = "FILE", help_heading = "Endpoint")]
    pub(super) journal: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum LevelChoice {
    Must,
    Should,
}

#[derive(Args, Debug)]
pub(super) struct Serve {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// Be wrong in one way: a fault of the catalogue, see `corsuite list --faults`
    #[arg(long, value_name = "ID", conflicts_with_all = ["control", "lenient"])]
    pub(super) fault: Option<String>,
    /// Answer preflights and requests with an Origin always alike
    #[arg(long, value_name = "NAME", conflicts_with = "lenient")]
    pub(super) control: Option<String>,
    /// Vary all that no clause fixes, and take any allowed choice, by this seed
    #[arg(long, value_name = "SEED")]
    pub(super) lenient: Option<u64>,
    #[command(flatten)]
    pub(super) dialect: DialectArgument,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum MutantsFormat {
    /// The score, and what is missing
    Terminal,
    /// The score by clause
    Clauses,
    /// Case by fault, as text
    Matrix,
    /// All of it
    Json,
}

#[derive(Args, Debug)]
pub(super) struct Mutants {
    /// Measure these cases alone: case ids, themes (folders), clauses; `*` stands for any text
    #[arg(value_name = "SELECTOR")]
    pub(super) selectors: Vec<String>,
    /// What is printed
    #[arg(long, value_enum, default_value = "terminal")]
    pub(super) format: MutantsFormat,
    /// Measure the fuzzer instead: how many generated exchanges it takes to notice each fault
    #[arg(long, conflicts_with_all = ["selectors", "cases"])]
    pub(super) fuzz: bool,
    /// Seeds of the generated exchanges, each a hunt of its own
    #[arg(long, value_name = "SEED", value_delimiter = ',', default_value = "1,2,3", requires = "fuzz")]
    pub(super) seeds: Vec<u64>,
    /// Generated exchanges after which a fault counts as not found
    #[arg(long, value_name = "COUNT", default_value = "100000", requires = "fuzz")]
    pub(super) exchanges: usize,
    /// Faults at a time
    #[arg(long, default_value = "2", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) jobs: u16,
    #[command(flatten)]
    pub(super) cases: CasesArgument,
    #[command(flatten)]
    pub(super) dialect: DialectArgument,
}

#[derive(Args, Debug)]
pub(super) struct Explain {
    /// The rules: XML, or YAML with `rules:` as in a case file
    #[arg(long, value_name = "FILE", conflicts_with = "endpoint", required_unless_present = "endpoint")]
    pub(super) config: Option<PathBuf>,
    /// With --endpoint: the bucket whose rules are fetched
    #[arg(long, value_name = "NAME")]
    pub(super) bucket: Option<String>,
    /// Origin of the request
    #[arg(long)]
    pub(super) origin: Option<String>,
    /// Method that a script would use
    #[arg(long, default_value = "GET")]
    pub(super) method: String,
    /// Header that a script would send; may be given several times
    #[arg(long = "header", value_name = "NAME")]
    pub(super) headers: Vec<String>,
    /// Explain the actual request, not the preflight before it
    #[arg(long)]
    pub(super) actual: bool,
    /// The script sends credentials
    #[arg(long)]
    pub(super) credentials: bool,
    #[command(flatten)]
    pub(super) dialect: DialectArgument,
    #[command(flatten)]
    pub(super) endpoint: EndpointArguments,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum AuditFormat {
    /// For people
    Terminal,
    /// For programs
    Json,
}

#[derive(Args, Debug)]
pub(super) struct Audit {
    /// The rules: XML, or YAML with `rules:` as in a case file; with --endpoint, too: what is in place in --bucket, so that no key is
    /// needed
    #[arg(long, value_name = "FILE", required_unless_present = "endpoint")]
    pub(super) config: Option<PathBuf>,
    /// With --endpoint: the bucket
    #[arg(long, value_name = "NAME", requires = "endpoint")]
    pub(super) bucket: Option<String>,
    /// Warnings count like dangers, and a broken should like a broken must
    #[arg(long)]
    pub(super) strict: bool,
    /// What is printed
    #[arg(long, value_enum, default_value = "terminal")]
    pub(super) format: AuditFormat,
    #[command(flatten)]
    pub(super) dialect: DialectArgument,
    #[command(flatten)]
    pub(super) endpoint: EndpointArguments,
}

#[derive(Args, Debug)]
pub(super) struct Check {
    /// Case files, folders of them, and dialects; the bundled suite, if none is given
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) dialect: DialectArgument,
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Only these, as in `run`
    #[arg(value_name = "SELECTOR")]
    pub(super) selectors: Vec<String>,
    /// List clauses: level, confidence, number of cases, number of faults they catch, sentence, source
    #[arg(long)]
    pub(super) clauses: bool,
    /// List the points that the documents leave open
    #[arg(long, conflicts_with = "clauses")]
    pub(super) behaviours: bool,
    /// List the faults that measure the suite: clause, effect, sentence, where such a bug was seen
    #[arg(long, conflicts_with_all = ["clauses", "behaviours"])]
    pub(super) faults: bool,
    #[command(flatten)]
    pub(super) cases: CasesArgument,
    #[command(flatten)]
    pub(super) dialect: DialectArgument,
}

#[derive(Args, Debug)]
pub(super) struct Cleanup {
    #[command(flatten)]
    pub(super) endpoint: EndpointArguments,
    #[command(flatten)]
    pub(super) journal: JournalArgument,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum SignAs {
    Owner,
    Other,
    Skewed,
    Presigned,
    Expired,
    UnknownKey,
    BadSignature,
}

#[derive(Args, Debug)]
pub(super) struct Sign {
    /// Method
    pub(super) method: String,
    /// URL
    pub(super) url: String,
    /// Header field that is sent and, where the scheme signs it, signed; may be given several times
    #[arg(short = 'H', value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// The bucket, where the host names it; else it is the first segment of the path
    #[arg(long)]
    pub(super) bucket: Option<String>,
    /// Who signs
    #[arg(long = "as", value_enum, default_value = "owner")]
    pub(super) identity: SignAs,
    /// How
    #[arg(long, value_enum, default_value = "v4")]
    pub(super) auth: Auth,
    /// Region id for V4 signatures [default: from the URL's host, else cn-hangzhou]
    #[arg(long)]
    pub(super) region: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Completions {
    /// The shell
    pub(super) shell: clap_complete::Shell,
}

fn partition(text: &str) -> Result<(u64, u64), String> {
    let part = |text: &str| match text.strip_suffix("+1") {
        Some(index) => index.parse::<u64>().ok()?.checked_add(1),
        None => text.parse().ok(),
    };
    let parts = text.split_once('/').and_then(|(number, parts)| Some((part(number)?, parts.parse().ok()?)));
    parts.filter(|(part, parts)| (1..=*parts).contains(part)).ok_or_else(|| "part and parts, such as 2/8".to_owned())
}

fn seconds(text: &str) -> Result<std::time::Duration, String> {
    match seconds_or_none(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("a number of seconds above 0, such as 10 or 0.5".to_owned()),
    }
}

fn seconds_or_none(text: &str) -> Result<std::time::Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds <= 86_400.0);
    let duration = seconds.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "a number of seconds from 0 to 86400, such as 10 or 0.5".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| rate.is_finite() && (0.01..=1e6).contains(rate));
    rate.ok_or_else(|| "a number of requests a second, from 0.01 to 1000000".to_owned())
}
