//! Requests that go through a proxy: what it is asked, what is measured, and how it can refuse.

mod peer;
mod way;
