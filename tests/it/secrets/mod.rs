//! What lets somebody in somewhere: it goes where it belongs, and the exporter shows it nowhere.

mod broken;
mod canary;
mod page;
mod scene;
mod shown;
