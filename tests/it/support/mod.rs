//! What the tests share.

pub mod real_parts;
