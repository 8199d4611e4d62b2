//! The clauses that cases may cite: [`Catalogue`].

use super::{DocumentSource, Expectation, Operation, PutCors, Step};
use crate::dialect::{Clause, Dialect, ResponseVary};

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

    /// Whether the dialect in use fixes a point so.
    pub(super) fn fixes(&self, point: &str, value: &str) -> bool {
        self.dialect.stated(point) == Some(value)
    }

    /// Whether the dialect in use has it.
    pub(super) fn has(&self, id: &str) -> bool {
        self.dialect.clauses.get(id).is_some()
    }

    /// Leaves out what a step says under clauses that the dialect does not have, answers that it does not allow, and ResponseVary where
    /// it is no element.
    pub(super) fn fit(&self, step: &mut Step) {
        let vary = self.dialect.behaviours.response_vary == ResponseVary::Known;
        fit_rules(step, self.dialect);
        // A case in which something changes that nothing is said of would go on from a state that it does not know.
        if writes(step) && !step.expect.iter().any(|block| self.has(&block.clause)) {
            return;
        }
        step.expect.retain(|block| self.has(&block.clause));
        for block in &mut step.expect {
            if let Some(cors) = block.cors.as_mut().filter(|_| !vary) {
                cors.response_vary = None;
                block.cors = block.cors.take().filter(|cors| cors.rules.is_some());
            }
            block.any_of.retain(|answer| {
                let open = self.dialect.open.get(answer.behaviour.as_str());
                open.is_none_or(|values| values.contains(&answer.value.as_str()))
            });
        }
        step.expect.retain(Expectation::asserts);
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.dialect.clauses.iter().map(|clause| clause.id.as_str())
    }
}

/// Leaves ResponseVary out of rules where it is no element; a document in bytes may have it as one that is not known.
pub(crate) fn fit_rules(step: &mut Step, dialect: &Dialect) {
    if let Operation::PutCors(PutCors { body: DocumentSource::Rules { rules, .. }, .. }) = &mut step.operation {
        rules.response_vary.take_if(|_| dialect.behaviours.response_vary != ResponseVary::Known);
    }
}

/// Whether a step may change what later ones find.
fn writes(step: &Step) -> bool {
    let reads = |method: &str| matches!(method, "GET" | "HEAD" | "OPTIONS");
    match &step.operation {
        Operation::PutCors(_) | Operation::DeleteCors(_) => true,
        Operation::GetCors(_) | Operation::Preflight(_) => false,
        Operation::Request(request) => !reads(&request.method),
        Operation::Raw(messages) => !messages.iter().all(|message| reads(&message.method)),
    }
}
