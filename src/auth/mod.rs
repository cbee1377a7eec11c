//! What is fetched over ordinary HTTP to be let in: outside any measurement, on a thread of its own.

pub mod client;
