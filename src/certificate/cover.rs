//! The first page of a certificate.

use askama::Template;

use super::{COVER, Certificate, PAGE, Profile};
use crate::diagnostic::visible;
use crate::dialect::Dialect;
use crate::report::{Report, html_style};

#[derive(Template)]
#[template(path = "certificate.html", config = "src/report/html/askama.toml")]
struct Cover {
    style: &'static str,
    style_hash: String,
    name: String,
    version: String,
    says: String,
    facts: Vec<(&'static str, String)>,
    page: &'static str,
    own: &'static str,
}

pub(super) fn write(certificate: &Certificate, report: &Report, dialect: &Dialect) -> String {
    let (style, style_hash) = html_style();
    let totals = &report.totals;
    let says = match certificate.profile {
        Profile::Core => "every must of the documents holds",
        Profile::Full => "every must and every should of the documents holds",
    };
    let cases = format!(
        "{} of {} passed, {} broke a should, {} not judged",
        totals.pass,
        report.cases.len(),
        totals.failed_should,
        totals.skip + totals.error + totals.unsupported
    );
    let Certificate { target, endpoint, tool, suite, strength, environment, started, .. } = certificate;
    let signatures = format!(
        "{}{}",
        endpoint.signatures,
        endpoint.region.iter().map(|region| format!(", {region}")).collect::<String>()
    );
    let facts = vec![
        ("vendor", target.vendor.clone()),
        ("contact", target.contact.clone()),
        ("asked at", endpoint.name()),
        ("buckets in the", if endpoint.addressing == "path" { "path" } else { "host" }.to_owned()),
        ("signatures", signatures),
        ("begun", started.clone()),
        ("cases", cases),
        ("conditions looked at", totals.assertions.to_string()),
        ("documents of", dialect.title.clone()),
        ("suite", suite.digest.clone()),
        ("faults the suite notices", format!("{} of {}", strength.caught, strength.faults)),
        ("made by", format!("{} {}", tool.name, tool.version)),
        ("from", format!("{} on {}", environment.os, environment.architecture)),
    ];
    let cover = Cover {
        style,
        style_hash,
        name: visible(&target.name),
        version: visible(&target.version),
        says: format!("Profile {}: {says}", certificate.profile.as_str()),
        facts: facts.into_iter().map(|(name, value)| (name, visible(&value))).collect(),
        page: PAGE,
        own: COVER,
    };
    // A template of texts and lists does not fail.
    cover.render().unwrap_or_default()
}
