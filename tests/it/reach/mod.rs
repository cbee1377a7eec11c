//! Which addresses are never connected to, whichever way they are written and asked for: canaries
//! count.

pub mod alone;
mod hops;
mod names;
mod notations;
mod on_request;
mod scene;
mod ways;

use crate::reach::notations::{BEYOND, BEYOND_ADDRESSES, LOOPBACK, Leads, STANDING_IN};
use crate::reach::scene::Scene;

/// A URL and who gets to the canary by it.
type Row = (&'static str, Leads);

#[test]
fn there_are_many_notations() {
    assert!(LOOPBACK.len() >= 60, "{}", LOOPBACK.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_notation_leads_to_a_denied_address() {
    let scene = Scene::new(false).await;
    ways::all(&scene, LOOPBACK).await;
}

/// Where there is nothing but loopback, addresses are asked for that are elsewhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_notation_leads_beyond() {
    if !alone::is_here() {
        let test = "reach::no_notation_leads_beyond";
        return tokio::task::block_in_place(|| alone::run(test, BEYOND_ADDRESSES));
    }
    let scene = Scene::new(true).await;
    ways::all(&scene, LOOPBACK).await;
    ways::all(&scene, BEYOND).await;
    ways::straight(&scene, STANDING_IN).await;
}
