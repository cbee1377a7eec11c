//! What the user wrote.
pub mod duration;
pub mod problem;
pub mod text;
pub mod yaml;
mod yaml_build;
