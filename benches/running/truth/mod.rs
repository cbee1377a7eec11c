//! Are the phases those of the target, or those of a busy exporter?
//!
//! A server is probed by this exporter and by blackbox_exporter, on an idle machine and on one
//! whose cores are all taken twice over, while every segment on the wire is captured. Each probe is
//! compared with its own connection in the capture, so a server that is late itself does no harm:
//! the capture tells when bytes really came and went.
//!
//! `TRUTH_PROBES=2000` are made in each part, `TRUTH_BLACKBOX_PROBES=1000` by blackbox_exporter,
//! and `TRUTH_WORST=5` prints the worst pairs of each phase with their segments. `TRUTH_NICE=-15`
//! gives this exporter that priority on the busy machine, as a service manager can.

mod capture;
mod cell;
mod connection;
mod load;
mod pairs;
mod pcap;
mod probes;
mod responder;
mod table;
mod theirs;

use std::env;
use std::path::Path;

use crate::setting;
use crate::subjects::Blackbox;
use crate::truth::cell::Cell;
use crate::truth::responder::Scheme;

/// What is measured, and with what.
pub struct Plan<'a> {
    /// Where files go.
    pub folder: &'a Path,
    /// How many probes of ours each cell has at least.
    pub n_ours: usize,
    /// How many of blackbox_exporter.
    pub n_theirs: usize,
    /// blackbox_exporter, if it is here.
    pub blackbox: Option<&'static str>,
    /// How many of the worst pairs to show.
    pub n_worst: usize,
    /// The priority of this exporter on the busy machine, such as -15.
    pub nice: Option<String>,
}

/// Measures and prints all.
pub fn run(folder: &Path) {
    let number = |name, default| usize::try_from(setting(name, default)).unwrap();
    let plan = Plan {
        folder,
        n_ours: number("TRUTH_PROBES", 2_000),
        n_theirs: number("TRUTH_BLACKBOX_PROBES", 1_000),
        blackbox: Blackbox::program(),
        n_worst: number("TRUTH_WORST", 0),
        nice: env::var("TRUTH_NICE").ok(),
    };
    if let Err(why) = capture::works(folder) {
        println!("skipped: nothing can be captured: {why}");
        return;
    }
    let mut cells = Vec::new();
    for busy in [false, true] {
        for scheme in [Scheme::Plain, Scheme::Tls, Scheme::TlsTickets] {
            cells.push(Cell::measure(&plan, scheme, busy));
        }
    }
    table::print(&cells, &plan);
}
