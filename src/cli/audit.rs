//! `corsuite audit`

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

use super::args::{Audit, AuditFormat, Auth};
use super::explain::configuration;
use super::{Context, Exit, Failure, files, interrupted, print, runtime, target};
use crate::audit::{Severity, Warning, fit, lint, probes};
use crate::case::{Case, Suite};
use crate::cors::CorsConfiguration;
use crate::diagnostic::{SourceFile, Style, visible};
use crate::report::{Answer, Report, Verdict, terminal};
use crate::run::{self, Buckets, Options, SetupError, Target, fetch_cors};

/// Version of the JSON form.
const FORMAT_VERSION: u32 = 1;

/// What an audit found.
#[derive(Debug, Serialize)]
struct Findings {
    format_version: u32,
    /// What was audited, as the user named it.
    subject: String,
    rules: usize,
    warnings: Vec<Warning>,
    /// How many more preflights there would have been.
    preflights_left_out: usize,
    /// The preflights against the oracle; null where no server was asked.
    preflights: Option<Report>,
}

pub(super) fn audit(arguments: &Audit, context: &Context) -> Result<Exit, Failure> {
    let dialect = files::dialect(&arguments.dialect.dialect, context)?;
    let target = match (&arguments.endpoint.endpoint, &arguments.bucket) {
        (None, _) => None,
        (Some(_), None) => return Err(Failure::usage("--endpoint without a bucket").help("name it with --bucket")),
        (Some(endpoint), Some(bucket)) => {
            Some((target::target(endpoint, &arguments.endpoint, &dialect, context)?, bucket.clone()))
        }
    };
    let runtime = runtime()?;
    let file = match (&arguments.config, &target) {
        (Some(path), _) => Some(files::rules(path, context)?),
        (None, Some((target, bucket))) => {
            if arguments.endpoint.auth == Some(Auth::Anonymous) {
                return Err(Failure::usage("without a key the rules cannot be fetched")
                    .help("give what is in place with --config FILE"));
            }
            let fetched = runtime.block_on(fetch_cors(target, bucket)).map_err(unusable)?;
            fetched.map(|text| SourceFile::new(format!("{}/{bucket}?cors", target.name), text))
        }
        (None, None) => return Err(Failure::usage("no rules").help("give --config FILE, or --endpoint and --bucket")),
    };
    let subject = match (&target, &arguments.config) {
        (Some((target, bucket)), _) => format!("bucket {bucket} at {}", target.name),
        (None, Some(path)) => path.display().to_string(),
        (None, None) => String::new(),
    };
    let Some(file) = file else {
        print(&format!("{}: no CORS rules, so no site is let in\n", visible(&subject)))?;
        return Ok(Exit::Yes);
    };
    let rules = configuration(&file, &dialect, context)?;
    let (preflights, left_out) = match target {
        None => (None, 0),
        Some((target, bucket)) => {
            let (cases, left_out) = probes(&rules, &dialect);
            let asked = runtime.block_on(asked(target, &bucket, &rules, cases, arguments.endpoint.rate));
            (Some(asked.map_err(unusable)?), left_out)
        }
    };
    runtime.shutdown_background();
    let findings = Findings {
        format_version: FORMAT_VERSION,
        subject,
        rules: rules.rules.len(),
        warnings: lint(&rules, &dialect),
        preflights_left_out: left_out,
        preflights,
    };
    match arguments.format {
        AuditFormat::Terminal => print(&shown(&findings, context.output_style))?,
        AuditFormat::Json => {
            // Serializing maps with text keys, text and numbers cannot fail.
            let text = serde_json::to_string_pretty(&findings).unwrap_or_default();
            print(&(text + "\n"))?;
        }
    }
    Ok(exit(&findings, arguments.strict))
}

/// What the preflights say: the oracle takes the server's choice wherever the documents leave one. Nothing is changed, and nothing is
/// signed.
async fn asked(
    target: Target,
    bucket: &str,
    rules: &CorsConfiguration,
    cases: Vec<Case>,
    rate: Option<f64>,
) -> Result<Report, SetupError> {
    let target = Target { credentials: None, other: None, ..target };
    let (cancel, cancelled) = watch::channel(false);
    let options = Options {
        jobs: 2,
        batch: 8,
        complete: false,
        buckets: Buckets::Borrowed(bucket.to_owned()),
        preconfigured: Some(rules.clone()),
        keep_answers: true,
        rate,
        cancelled,
        ..Options::default()
    };
    let suite = Suite { cases };
    let running = async {
        let report = run::run(target.clone(), &suite, options.clone(), Arc::new(|_| {})).await?;
        if report.cases.iter().all(|case| case.verdict == Verdict::Pass) {
            return Ok(report);
        }
        let answers: Vec<_> = report.cases.iter().map(|case| case.answers.clone()).collect();
        let fitted = fit(&suite.cases, &answers, &target.dialect);
        if fitted.behaviours == target.dialect.behaviours {
            return Ok(report);
        }
        // Asked once more, so that each finding comes with the answer that it is about.
        let (cases, _) = probes(rules, &fitted);
        let target = Target { dialect: Arc::new(fitted), ..target.clone() };
        run::run(target, &Suite { cases }, options, Arc::new(|_| {})).await
    };
    let mut running = std::pin::pin!(running);
    tokio::select! {
        biased;
        () = interrupted() => {
            cancel.send_replace(true);
            running.await
        }
        result = &mut running => result,
    }
}

fn unusable(error: SetupError) -> Failure {
    Failure::unknown(visible(&error.to_string())).help(error.help)
}

/// A danger, or a preflight that is answered otherwise than documented, is a no.
fn exit(findings: &Findings, strict: bool) -> Exit {
    let least = if strict { Severity::Warning } else { Severity::Danger };
    let answer = findings.preflights.as_ref().map_or(Answer::Yes, |report| report.answer(strict));
    if findings.warnings.iter().any(|warning| warning.severity >= least) {
        return Exit::No;
    }
    match answer {
        Answer::Yes => Exit::Yes,
        Answer::No => Exit::No,
        Answer::Unknown => Exit::Unknown,
    }
}

/// The worst first, then what the server does otherwise, then the count.
fn shown(findings: &Findings, style: Style) -> String {
    let mut text = String::new();
    let mut warnings: Vec<&Warning> = findings.warnings.iter().collect();
    warnings.sort_by_key(|warning| (std::cmp::Reverse(warning.severity), warning.rule));
    for warning in &warnings {
        let place = warning.rule.map_or_else(|| "all rules".to_owned(), |rule| format!("rule {rule}"));
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{} {} ({place})\n  {}\n  help: {}\n\n",
            warning.severity.as_str().to_uppercase(),
            warning.id,
            visible(&warning.text),
            warning.help
        );
    }
    let count = |severity: Severity| {
        number(warnings.iter().filter(|warning| warning.severity == severity).count(), severity.as_str())
    };
    let _ = writeln!(
        text,
        "{}: {}, {}, {}, {}",
        visible(&findings.subject),
        number(findings.rules, "rule"),
        count(Severity::Danger),
        count(Severity::Warning),
        count(Severity::Note)
    );
    if let Some(report) = &findings.preflights {
        let bad: Vec<_> = report.cases.iter().filter(|case| case.verdict != Verdict::Pass).collect();
        let failures: String = bad.iter().map(|case| terminal::failure(case, style) + "\n").collect();
        text = failures + &text;
        let _ = match bad.len() {
            0 => writeln!(
                text,
                "{} requests at the edges of the rules: all answered as documented",
                report.totals.requests
            ),
            bad => writeln!(
                text,
                "{} requests at the edges of the rules: {} not served as documented",
                report.totals.requests,
                number(bad, "rule")
            ),
        };
    }
    if findings.preflights_left_out > 0 {
        let _ = writeln!(text, "{} more preflights were left out", findings.preflights_left_out);
    }
    text
}

/// A number and what it counts.
fn number(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::{CorsRule, Pattern};

    #[test]
    fn what_is_shown() {
        let rule = |origins: &[&str], methods: &[&str], max_age_seconds| CorsRule {
            id: None,
            allowed_origins: origins.iter().map(|text| Pattern::new(*text).unwrap()).collect(),
            allowed_methods: methods.iter().map(|text| (*text).to_owned()).collect(),
            max_age_seconds,
            ..CorsRule::default()
        };
        let rules = vec![
            rule(&["https://*example.com", "http://app.example.com"], &["GET", "PUT"], Some(86_400)),
            rule(&["http://app.example.com"], &["GET"], None),
        ];
        let findings = Findings {
            format_version: FORMAT_VERSION,
            subject: "rules.yaml".to_owned(),
            rules: rules.len(),
            warnings: lint(&CorsConfiguration { rules, response_vary: false }, crate::dialect::Dialect::oss()),
            preflights_left_out: 0,
            preflights: None,
        };
        crate::assert_snapshot!("audit", shown(&findings, Style::Plain));
        assert_eq!((exit(&findings, false), exit(&findings, true)), (Exit::No, Exit::No));
    }
}
