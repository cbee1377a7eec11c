//! Requests that go through a proxy: what it is asked, what is measured, and how it can refuse.

mod answers;
pub mod peer;
mod way;
