//! Redirects: which are followed, as what request, what is left behind, and what it is measured as.

mod following;
mod phases;
mod secrets;
mod site;
