//! Configurations, requests, documents and whole cases from bytes: [`case`](fn@case).
//!
//! The bytes come from libFuzzer, from proptest, or from [`fn@bytes`], which makes them of a seed and an index. The same bytes
//! give the same value for ever: tests pin that, so a finding is replayed from its seed by any later version.
//!
//! Mostly valid, near misses on purpose. Rules come first; requests are made from the rules that they will be held
//! against, most of them one step away from being allowed or refused ([`near`]). Where bytes run out, each choice is its
//! first one, which is the simplest.
//!
//! # Bounds
//!
//! Rules: 4, now and then the limit of ten and what lies beyond; a fault that needs more than four rules is one of counting.
//! Values of an element: 3, so that one, several, first, middle and last are there. Requests after a change of rules: 12,
//! enough to meet each rule from both sides, few enough that a failing case is read at a glance. Texts: up to about 300
//! bytes, beyond the field sizes (63, 255) at which servers cut.

mod document;
mod known;
pub mod near;
mod request;
mod rules;
mod session;

use arbitrary::Unstructured;

pub use self::document::{document, mutate};
pub use self::known::{KNOWN, known};
pub use self::request::cors_request;
pub use self::rules::{configuration, pattern, rule_set, stored_rule};
pub use self::session::{BYTES, case, draft};

/// The bytes of input `index` of a campaign with this seed: xoshiro256** started by `SplitMix64`, so that neighbours have nothing
/// in common.
pub fn bytes(seed: u64, index: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_add(index.wrapping_mul(0xd134_2543_de82_ef95));
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut s = [next(), next(), next(), next()];
    let mut made = Vec::with_capacity(length + 8);
    while made.len() < length {
        made.extend_from_slice(&s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9).to_le_bytes());
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
    }
    made.truncate(length);
    made
}

/// Choices from bytes.
#[derive(Debug)]
struct Source<'a, 'b>(&'a mut Unstructured<'b>);

impl Source<'_, '_> {
    /// A number below `n`; 0 where bytes have run out.
    fn below(&mut self, n: usize) -> usize {
        self.0.int_in_range(0..=n.saturating_sub(1)).unwrap_or(0)
    }

    /// A number from `least` to `most`.
    fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    /// True once in `n` times; false where bytes have run out.
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) + 1 == n
    }

    /// One of these; the default of an empty list.
    fn pick<T: Copy + Default>(&mut self, of: &[T]) -> T {
        let at = self.below(of.len());
        of.get(at).copied().unwrap_or_default()
    }

    /// One of these, as many times in a hundred as the number beside it says.
    fn weighted<T: Copy>(&mut self, first: T, others: &[(usize, T)]) -> T {
        // The first of all stands where bytes have run out, so it takes what is left over.
        let at = self.below(100);
        let mut from = 100_usize;
        for (weight, value) in others {
            from = from.saturating_sub(*weight);
            if at >= from {
                return *value;
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::case::{Case, Operation, write};
    use crate::dialect::Dialect;

    #[test]
    fn the_same_seed_gives_the_same_bytes_for_ever() {
        assert_eq!(bytes(0, 0, 8), [180, 242, 117, 203, 54, 95, 236, 153]);
        assert_eq!(bytes(7, 1, 9).len(), 9);
        assert_ne!(bytes(7, 1, 32), bytes(7, 2, 32));
    }

    fn made(seed: u64, index: u64) -> Case {
        let bytes = bytes(seed, index, BYTES);
        case(&mut Unstructured::new(&bytes), &format!("pinned-{index}"), Dialect::oss())
    }

    /// What is sent; what is expected may be sharpened later.
    fn sent(mut case: Case) -> String {
        case.clauses.clear();
        for step in &mut case.steps {
            step.expect.clear();
        }
        write("Pinned: it may not change.", &[case])
    }

    #[test]
    fn the_same_bytes_give_the_same_case_for_ever() {
        crate::assert_snapshot!("generated_case", sent(made(1, 1)));
        let nothing = case(&mut Unstructured::new(&[]), "nothing", Dialect::oss());
        crate::assert_snapshot!("generated_from_nothing", sent(nothing));
        // Many more, in a few digits.
        let digest = (0..60).map(|index| sent(made(2, index))).fold(Sha256::new(), Sha256::chain_update);
        let digest: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        insta::assert_snapshot!(digest, @"0438797e66918623");
    }

    /// What stands just within a limit, and just beyond it.
    #[test]
    fn near_the_limits_of_each_dialect() {
        use crate::case::DocumentSource;

        for (dialect, rules, sizes) in [
            (Dialect::oss(), [10, 11, 20, 21].as_slice(), [16_000, 16_384, 16_385, 20_000]),
            (Dialect::s3(), &[10, 100, 101], [64_000, 65_536, 65_537, 80_000]),
        ] {
            let mut found: (BTreeSet<usize>, BTreeSet<usize>) = Default::default();
            for index in 0..1500 {
                let bytes = bytes(5, index, BYTES);
                for step in draft(&mut Unstructured::new(&bytes), "near", dialect).steps {
                    let Operation::PutCors(put) = step.operation else { continue };
                    if let DocumentSource::Rules { rules, size, .. } = put.body {
                        found.0.insert(rules.rules.len());
                        found.1.extend(size);
                    }
                }
            }
            found.0.retain(|count| *count > 5);
            assert_eq!(found, (rules.iter().copied().collect(), sizes.into()), "{}", dialect.name);
        }
    }

    /// Each kind of step is there, and none crowds the others out.
    #[test]
    fn a_mixture() {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for step in (0..400).flat_map(|index| made(3, index).steps) {
            let kind = match step.operation {
                Operation::PutCors(_) => "put_cors",
                Operation::GetCors(_) => "get_cors",
                Operation::DeleteCors(_) => "delete_cors",
                Operation::Preflight(_) => "preflight",
                Operation::Request(_) => "request",
                Operation::Raw(_) => "raw",
            };
            *counts.entry(kind).or_default() += 1;
        }
        let shown: Vec<String> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        insta::assert_snapshot!(shown.join(", "), @"delete_cors 125, get_cors 321, preflight 3513, put_cors 2009, request 2307");
    }
}
