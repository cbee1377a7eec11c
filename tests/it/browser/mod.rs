//! The status page in a real browser: a headless Chromium works it, as the scripts in
//! `tests/browser/scenarios` say, one a test.

mod demo;
mod doors;
mod run;
mod scenarios;
mod world;
