//! What an open point is: [`Point`], and `behaviours!`, which makes the table of them out of one declaration.

/// A point that documents leave open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Point {
    /// Its name.
    pub name: &'static str,
    /// Its allowed values.
    pub values: &'static [&'static str],
}

/// What is wrong with a set of values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A point has no value.
    #[error("behaviour `{0}` has no default")]
    Missing(&'static str),
    /// There is no such point.
    #[error("unknown behaviour `{0}`")]
    Unknown(String),
    /// The point has no such value.
    #[error("behaviour `{name}` has no value `{found}`")]
    Value {
        /// The point.
        name: &'static str,
        /// What was given.
        found: String,
    },
}

/// Declares [`Behaviours`]: one field and one enum a point.
macro_rules! behaviours {
    ($($(#[$doc:meta])* $field:ident: $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
            #[non_exhaustive]
            pub enum $type { $($(#[$variant_doc])* $variant),+ }

            impl $type {
                /// Every value, in the order of the dialect's documentation.
                pub const ALL: &'static [Self] = &[$(Self::$variant),+];

                /// The value as case files and reports write it.
                pub const fn as_str(self) -> &'static str {
                    match self { $(Self::$variant => $text),+ }
                }
            }
        )+

        /// What the oracle does at each open point.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[expect(missing_docs, reason = "each field is documented at the type of its values")]
        #[non_exhaustive]
        pub struct Behaviours { $(pub $field: $type),+ }

        impl Behaviours {
            /// Every point and its values.
            pub const POINTS: &'static [Point] = &[
                $(Point { name: stringify!($field), values: &[$($text),+] }),+
            ];

            /// From a value for each point.
            ///
            /// # Errors
            ///
            /// Every point that is missing, unknown or has an unknown value.
            pub fn from_values(values: &BTreeMap<String, String>) -> Result<Self, Vec<Problem>> {
                let mut problems = Vec::new();
                $(
                    let $field = match values.get(stringify!($field)) {
                        None => {
                            problems.push(Problem::Missing(stringify!($field)));
                            None
                        }
                        Some(text) => {
                            let value = $type::ALL.iter().copied().find(|value| value.as_str() == text);
                            if value.is_none() {
                                problems.push(Problem::Value { name: stringify!($field), found: text.clone() });
                            }
                            value
                        }
                    };
                )+
                for name in values.keys() {
                    if !Self::POINTS.iter().any(|point| point.name == name) {
                        problems.push(Problem::Unknown(name.clone()));
                    }
                }
                match ($($field,)+) {
                    ($(Some($field),)+) if problems.is_empty() => Ok(Self { $($field),+ }),
                    _ => Err(problems),
                }
            }

            /// The value of a point, as text.
            pub fn value(&self, name: &str) -> Option<&'static str> {
                match name {
                    $(stringify!($field) => Some(self.$field.as_str()),)+
                    _ => None,
                }
            }

            /// Sets a point to a value.
            ///
            /// # Errors
            ///
            /// If there is no such point, or it has no such value.
            pub fn set(&mut self, name: &str, text: &str) -> Result<(), Problem> {
                match name {
                    $(stringify!($field) => {
                        self.$field = $type::ALL.iter().copied().find(|value| value.as_str() == text)
                            .ok_or_else(|| Problem::Value { name: stringify!($field), found: text.to_owned() })?;
                        Ok(())
                    })+
                    _ => Err(Problem::Unknown(name.to_owned())),
                }
            }
        }
    };
}

pub(super) use behaviours;
