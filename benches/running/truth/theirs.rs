//! blackbox_exporter, asked for one probe after the other.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::http::KeepAlive;
use crate::subjects;
use crate::subjects::Blackbox;
use crate::truth::Plan;
use crate::truth::cell::TLS_CONFIG;
use crate::truth::connection::Durations;
use crate::truth::connection::PHASES;
use crate::truth::responder::Scheme;

/// The pause between two probes, so that they are no hotter than ours.
const PAUSE: Duration = Duration::from_millis(5);

/// What it tells of each probe, in their order; `None` if the probe failed.
pub fn probe(plan: &Plan<'_>, scheme: Scheme, server: SocketAddr) -> Vec<Option<Durations>> {
    let Some(program) = plan.blackbox else {
        return Vec::new();
    };
    let config = subjects::module(TLS_CONFIG);
    let (_process, address) = Blackbox::launch(program, plan.folder, &config);
    let mut client = KeepAlive::connect(address);
    let path = format!("/probe?target={}://{server}/&module=bench", scheme.of_url());
    let probes = (0..plan.n_theirs).map(|_| {
        thread::sleep(PAUSE);
        let page = client.get(&path).expect("blackbox_exporter answers");
        page.contains("\nprobe_success 1\n")
            .then(|| durations(&page, scheme))
    });
    probes.collect()
}

fn durations(page: &str, scheme: Scheme) -> Durations {
    PHASES.map(|phase| {
        if phase == "tls" && scheme == Scheme::Plain {
            return None;
        }
        // It counts the writing of the request to the waiting, which here is no time.
        let phase = if phase == "first_byte" {
            "processing"
        } else {
            phase
        };
        let name = format!("probe_http_duration_seconds{{phase=\"{phase}\"}} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&name));
        Some(value.unwrap().parse::<f64>().unwrap() * 1e6)
    })
}
