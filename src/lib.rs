//! corsuite: does an object store's bucket CORS do what its documentation says?

pub mod cors;
pub mod diagnostic;
pub mod dialect;
pub mod sign;
pub mod xml;
pub mod yaml;
