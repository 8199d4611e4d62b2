//! How soon generated exchanges notice each fault: [`Hunt`].

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

/// A fault and when it was noticed.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Hunted {
    /// Its name.
    pub id: String,
    /// The clause that it breaks.
    pub clause: String,
    /// For each seed the number of the exchange that showed it; none if there was none up to the limit.
    pub found: Vec<Option<usize>>,
    /// Why no generated exchange can show it; such a fault is not hunted.
    pub hidden: Option<String>,
}

impl Hunted {
    fn sorted(&self) -> Vec<usize> {
        let mut found: Vec<usize> = self.found.iter().map(|found| found.unwrap_or(usize::MAX)).collect();
        found.sort_unstable();
        found
    }

    /// The middle of the seeds; none if it was not found by then.
    pub fn median(&self) -> Option<usize> {
        let sorted = self.sorted();
        sorted.get(sorted.len() / 2).copied().filter(|found| *found < usize::MAX)
    }

    /// The worst of the seeds; none if one of them did not find it.
    pub fn worst(&self) -> Option<usize> {
        self.sorted().last().copied().filter(|found| *found < usize::MAX)
    }
}

/// The result of a hunt.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Hunt {
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Exchanges after which a fault counts as not found.
    pub exchanges: usize,
    /// Every fault that the documents do not allow.
    pub faults: Vec<Hunted>,
    /// Generated cases that the reference fails without any fault; they are left out.
    pub false_alarms: Vec<String>,
}

impl Hunt {
    /// Whether every fault that is not hidden was found under every seed, and nothing where there was no fault.
    pub fn is_complete(&self) -> bool {
        self.missed().next().is_none() && self.false_alarms.is_empty()
    }

    /// Faults that a seed did not find.
    pub fn missed(&self) -> impl Iterator<Item = &Hunted> {
        self.faults.iter().filter(|fault| fault.hidden.is_none() && fault.worst().is_none())
    }

    /// The middle of the faults' medians.
    pub fn median(&self) -> Option<usize> {
        let mut medians: Vec<usize> = self.faults.iter().filter_map(Hunted::median).collect();
        medians.sort_unstable();
        medians.get(medians.len() / 2).copied()
    }
}

/// For people: how many, how soon, the worst ten, what was not found, and what cannot be.
pub fn terminal(hunt: &Hunt) -> String {
    let mut text = String::new();
    let hunted: Vec<&Hunted> = hunt.faults.iter().filter(|fault| fault.hidden.is_none()).collect();
    let found = hunted.iter().filter(|fault| fault.worst().is_some()).count();
    let mut line = |args: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{args}");
    };
    let shown = |found: Option<usize>| found.map_or_else(|| "-".to_owned(), |found| found.to_string());
    let seeds: Vec<String> = hunt.seeds.iter().map(u64::to_string).collect();
    line(format_args!(
        "{found} of {} faults found within {} exchanges under each of the seeds {}; median {}",
        hunted.len(),
        hunt.exchanges,
        seeds.join(", "),
        shown(hunt.median())
    ));
    line(format_args!("\n{:<34} {:>8} {:>8}  clause", "slowest", "median", "worst"));
    let mut slow: Vec<&&Hunted> = hunted.iter().filter(|fault| fault.worst().is_some()).collect();
    slow.sort_by_key(|fault| std::cmp::Reverse(fault.worst()));
    for fault in slow.into_iter().take(10) {
        line(format_args!(
            "{:<34} {:>8} {:>8}  {}",
            fault.id,
            shown(fault.median()),
            shown(fault.worst()),
            fault.clause
        ));
    }
    for fault in hunt.missed() {
        line(format_args!("\nNOT FOUND {} ({}): median {}", fault.id, fault.clause, shown(fault.median())));
    }
    for case in &hunt.false_alarms {
        line(format_args!("\nFALSE ALARM {case}: the reference fails it without any fault"));
    }
    let hidden: Vec<&Hunted> = hunt.faults.iter().filter(|fault| fault.hidden.is_some()).collect();
    if !hidden.is_empty() {
        line(format_args!("\n{} faults that no generated exchange shows:", hidden.len()));
    }
    let mut reasons: Vec<&str> = hidden.iter().filter_map(|fault| fault.hidden.as_deref()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        line(format_args!("  {reason}:"));
        let of = hidden.iter().filter(|fault| fault.hidden.as_deref() == Some(reason));
        let ids: Vec<&str> = of.map(|fault| fault.id.as_str()).collect();
        line(format_args!("    {}", ids.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hunt() {
        let fault = |id: &str, found: &[Option<usize>], hidden: Option<&str>| Hunted {
            id: id.to_owned(),
            clause: "vary.off".to_owned(),
            found: found.to_vec(),
            hidden: hidden.map(str::to_owned),
        };
        let hunt = Hunt {
            seeds: vec![1, 2, 3],
            exchanges: 1000,
            faults: vec![
                fault("quick", &[Some(3), Some(1), Some(2)], None),
                fault("slow", &[Some(900), Some(10), None], None),
                fault("deep", &[], Some("needs bytes")),
            ],
            false_alarms: vec!["generated-1-7".to_owned()],
        };
        assert!(!hunt.is_complete());
        insta::assert_snapshot!(terminal(&hunt), @"
        1 of 2 faults found within 1000 exchanges under each of the seeds 1, 2, 3; median 900

        slowest                              median    worst  clause
        quick                                     2        3  vary.off

        NOT FOUND slow (vary.off): median 900

        FALSE ALARM generated-1-7: the reference fails it without any fault

        1 faults that no generated exchange shows:
          needs bytes:
            deep
        ");
    }
}
