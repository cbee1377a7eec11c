//! Outcomes become series, series become the text that Prometheus reads.
//!
//! ```text
//! catalogue  every family: name, kind, unit, help
//! store      the series of all targets ── series ── counts, codes, gauge, histograms (bounds),
//!            and those of single addresses (addresses)
//! own        what the exporter tells about itself
//! page       all of it as text, in chunks ── samples (which lines) ── lines, labels (how written)
//! format     which of the two formats a scraper wants
//! ```
//!
//! Recording is a handful of relaxed additions to cells that were made with the target: nothing is
//! locked, sent or allocated, so probing and scraping never wait for each other.

mod addresses;
pub mod bounds;
pub mod catalogue;
mod codes;
mod conflicts;
mod counts;
pub mod format;
mod gauge;
mod histograms;
mod labels;
mod lines;
pub mod own;
pub mod page;
mod samples;
pub mod series;
pub mod store;
