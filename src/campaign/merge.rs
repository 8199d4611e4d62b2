//! Several logs of one campaign as one: [`merge`].

use std::collections::BTreeMap;

use super::{Event, Kind, Record};

/// What several logs tell together: each input once, and of each finding one record, that of the smallest case, with the earliest
/// time.
pub fn merge(logs: impl IntoIterator<Item = Vec<Event>>) -> Vec<Event> {
    let mut judged: BTreeMap<u64, Event> = BTreeMap::new();
    let mut unjudged: BTreeMap<u64, Event> = BTreeMap::new();
    let mut records: BTreeMap<Kind, Box<Record>> = BTreeMap::new();
    for event in logs.into_iter().flatten() {
        match event {
            Event::Judged { index, .. } => {
                judged.entry(index).or_insert(event);
            }
            Event::Unjudged { index, .. } => {
                unjudged.entry(index).or_insert(event);
            }
            Event::Finished(record) => {
                let (kind, seen, index) = (record.kind.clone(), record.seen, record.index);
                let kept = records.entry(kind).or_insert_with(|| record.clone());
                let first = (kept.seen, kept.index).min((seen, index));
                // One that showed each time is worth more than one that did not.
                let worth = |record: &Record| (record.shown < record.tried, record.case.len());
                if worth(&record) < worth(kept) {
                    *kept = record;
                }
                (kept.seen, kept.index) = first;
            }
        }
    }
    unjudged.retain(|index, _| !judged.contains_key(index));
    let records = records.into_values().map(Event::Finished);
    judged.into_values().chain(unjudged.into_values()).chain(records).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::case::expect::Mismatch;
    use crate::report::MismatchReport;

    fn judged(index: u64) -> Event {
        Event::Judged { index, requests: 1, kinds: Vec::new(), features: Vec::new(), allowed: Vec::new() }
    }

    fn finished(index: u64, case: &str, shown: u32) -> Event {
        let mismatch = Mismatch::new("match.origin", "status", "403", "200");
        let mismatch = MismatchReport::bare(mismatch, 1);
        Event::Finished(Box::new(Record {
            kind: Kind::of(&mismatch),
            index,
            seen: jiff::Timestamp::from_second(1_000 + i64::try_from(index).unwrap()).unwrap(),
            shown,
            tried: 3,
            companions: BTreeSet::new(),
            case: case.to_owned(),
            mismatch,
        }))
    }

    fn check(logs: Vec<Vec<Event>>, expected: &str) {
        let shown: Vec<String> = merge(logs)
            .into_iter()
            .map(|event| match event {
                Event::Judged { index, .. } => index.to_string(),
                Event::Unjudged { index, .. } => format!("{index}?"),
                Event::Finished(record) => format!("{} of input {}", record.case, record.index),
            })
            .collect();
        assert_eq!(shown.join(", "), expected);
    }

    #[test]
    fn nothing_is_counted_twice() {
        let lost = |index| Event::Unjudged { index, reason: "why".to_owned() };
        check(vec![vec![judged(1), judged(2)], vec![judged(2), judged(0)]], "0, 1, 2");
        check(vec![vec![lost(1), lost(3)], vec![judged(1)]], "1, 3?");
        check(vec![vec![finished(5, "long", 3)], vec![finished(9, "abc", 3)]], "abc of input 5");
        check(vec![vec![finished(5, "long", 3)], vec![finished(9, "abc", 2)]], "long of input 5");
    }
}
