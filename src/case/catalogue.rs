//! The clauses that cases may cite: [`Catalogue`].

use crate::dialect::{Clause, Dialect};

/// Clauses that a case may cite: those of the dialect in use and of the bundled ones, since a suite serves several.
pub(super) struct Catalogue<'a> {
    dialect: &'a Dialect,
}

impl<'a> Catalogue<'a> {
    pub(super) fn of(dialect: &'a Dialect) -> Self {
        Self { dialect }
    }

    pub(super) fn get(&self, id: &str) -> Option<&'a Clause> {
        self.dialect.clauses.get(id).or_else(|| {
            let bundled = Dialect::BUNDLED.iter().filter_map(|name| Dialect::bundled(name));
            bundled.into_iter().find_map(|dialect| dialect.clauses.get(id))
        })
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.dialect.clauses.iter().map(|clause| clause.id.as_str())
    }
}
