//! blackbox_exporter beside ours: one file, one set of servers, and what each of them says.
//!
//! Debian's is 0.23, ours has the schema of 0.28; what came between is in [`EVERYWHERE`].
//! What differs on purpose in one case stands beside it, with the reason.

mod case;
mod cases;
mod comparing;
mod servers;
mod stage;
pub mod theirs;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::process::Command;

use futures_util::{StreamExt, stream};

use crate::blackbox::case::{Case, Difference};
use crate::blackbox::comparing::{ask, compare};
use crate::blackbox::servers::World;
use crate::blackbox::stage::Stage;
use crate::blackbox::theirs::Theirs;
use crate::support::exporter::Exporter;
use crate::support::real_parts;

/// How many cases run at a time.
const AT_A_TIME: usize = 6;

/// What differs wherever it occurs.
const EVERYWHERE: &[Difference] = &[
    Difference {
        what: "probe_tls_cipher_info*",
        theirs: "absent",
        ours: "1",
        why: "since 0.26",
    },
    Difference {
        what: "type of probe_tls_cipher_info",
        theirs: "absent",
        ours: "gauge",
        why: "since 0.26",
    },
    Difference {
        what: "*probe_timeout_seconds",
        theirs: "absent",
        ours: "*",
        why: "0.28 has it unreleased",
    },
    Difference {
        what: "*probe_ssl_earliest_cert_expiry",
        theirs: "absent",
        ours: "*",
        why: "that a certificate has expired is no reason to forget when",
    },
    Difference {
        what: "* referer",
        theirs: "*",
        ours: "absent",
        why: "it would tell one origin about another",
    },
    Difference {
        what: "* user-agent",
        theirs: "*",
        ours: "httpcycle_exporter/*",
        why: "each says who it is",
    },
    Difference {
        what: "* connection",
        theirs: "close",
        ours: "absent",
        why: "the server's closing would come with its last bytes and move their time stamp",
    },
];

/// The configuration of both.
fn file_of(stages: &[(Case, Stage)]) -> String {
    let mut file = "modules:\n".to_owned();
    for (case, stage) in stages {
        let (name, timeout) = (case.name, case.timeout);
        let http = stage.fill(case.http);
        writeln!(
            file,
            "  {name}: {{prober: http, timeout: {timeout}, http: {{{http}}}}}"
        )
        .unwrap();
    }
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_say_the_same_about_every_case() {
    let has_nginx = real_parts::is_installed("nginx", Command::new("nginx").arg("-v"));
    if !theirs::is_installed() || !has_nginx {
        return;
    }
    let version = theirs::version();
    assert!(
        version.contains(theirs::VERSION),
        "the expectations are about {}: {version}",
        theirs::VERSION
    );
    let world = World::new();
    let mut names = world.names();
    let _nginx = world.nginx(&mut names);
    let mut stages = Vec::new();
    for case in cases::all() {
        let stage = Stage::set(&case, &world, &names).await;
        stages.push((case, stage));
    }
    let file = file_of(&stages);
    let path = world.folder.path().join("blackbox.yml");
    fs::write(&path, &file).unwrap();
    let theirs = Theirs::start(&path);
    let ours = Exporter::start_with(&file, &["--web.enable-probe-endpoint"]);

    let verdicts: Vec<_> = stream::iter(&stages)
        .map(|(case, stage)| {
            let (theirs, ours) = (theirs.address, ours.address);
            async move {
                let theirs = ask(theirs, case, stage).await;
                let ours = ask(ours, case, stage).await;
                (case.name, compare(case, EVERYWHERE, &theirs, &ours))
            }
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;

    let mut wrong = BTreeMap::new();
    let mut met = BTreeSet::new();
    for (name, verdict) in verdicts {
        met.extend(verdict.met);
        if !verdict.wrong.is_empty() {
            wrong.insert(name, verdict.wrong);
        }
    }
    let never = EVERYWHERE
        .iter()
        .filter(|difference| !met.contains(difference.what));
    for difference in never {
        let said = format!("  never differs any more ({})\n", difference.why);
        wrong.insert(difference.what, said);
    }
    let said: String = wrong
        .iter()
        .map(|(name, said)| format!("{name}\n{said}"))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{said}",
        wrong.len(),
        stages.len()
    );
}
