//! By how much a single hostile probe raises the peak of the prober's memory. Each is the first of its
//! kind in a process of its own: what an earlier one has freed would else be used again and not be seen.

use std::env;
use std::fs;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use httpcycle_exporter::app;
use httpcycle_exporter::probe::Prober;
use httpcycle_exporter::probe::heartbeat::Heartbeat;
use tokio::task::JoinSet;

use crate::figures;
use crate::figures::memory_kb;
use crate::healthy;
use crate::is_wanted;
use crate::lists::List;
use crate::peers::Cores;
use crate::peers::Peers;
use crate::peers::Staged;
use crate::told;

/// What makes this binary a process that probes once; a list, an index and places follow.
pub const CHILD: &str = "memory";

const TIMEOUT: Duration = Duration::from_secs(1);

/// How many probes of healthy peers come first, so that what a process allocates once is there.
const N_BEFORE: usize = 24;

/// How often one that seems to take too much is measured, of which the least counts: what else the
/// process touches for the first time is not the probe's.
const TRIES: usize = 3;

const MAX_KB: u64 = 1000;

const N_SHOWN: usize = 5;

/// Measures and prints all.
pub fn run() {
    let healthy = Peers::start(List::Healthy, Cores::Less);
    let mut raises = Vec::new();
    for list in [List::Catalogue, List::Floods] {
        let peers = Peers::start(list, Cores::Less);
        let staged = peers.staged.iter().enumerate();
        for (index, staged) in staged.filter(|(_, staged)| is_wanted(&staged.behaviour.name)) {
            let mut least = u64::MAX;
            for _ in 0..TRIES {
                least = least.min(raise(list, index, staged, &healthy));
                if least <= MAX_KB {
                    break;
                }
            }
            eprintln!("{least} kB: {}", staged.behaviour.name);
            let keeps = staged.behaviour.module(&staged.place).checks.body != Default::default();
            raises.push((least, staged.behaviour.name.clone(), keeps));
        }
    }
    raises.sort_by(|one, other| other.cmp(one));
    println!(
        "\nWhat a single hostile probe raises the peak of memory by, of {} behaviours and floods; load {}.",
        raises.len(),
        figures::load()
    );
    figures::head(&["behaviour", "kB", "wanted", "reached"]);
    let by_caps: Vec<_> = raises.iter().filter(|(.., keeps)| !keeps).collect();
    for (raise, name, _) in by_caps.iter().take(N_SHOWN) {
        figures::judge(name, raise, "<= 1000", *raise <= MAX_KB);
    }
    if let Some((median, ..)) = by_caps.get(by_caps.len() / 2) {
        figures::row(&[&"median", median, &"-", &"-"]);
    }
    let kept = raises.iter().filter(|(.., keeps)| *keeps);
    for (raise, name, _) in kept.take(3) {
        let what = format!("{name} (its module keeps the body)");
        figures::row(&[&what, raise, &"bounded by the module", &"-"]);
    }
}

fn raise(list: List, index: usize, staged: &Staged, healthy: &Peers) -> u64 {
    let program = env::current_exe().unwrap();
    let output = Command::new(program)
        .args([CHILD, list.name(), &index.to_string()])
        .arg(told::line(&staged.place))
        .args(healthy.staged.iter().map(|one| told::line(&one.place)))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", staged.behaviour.name);
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().parse().unwrap()
}

/// Probes once and tells by how much the peak rose, in kB.
pub fn measure(arguments: &[String]) -> ExitCode {
    let [list, index, place, healthy @ ..] = arguments else {
        return ExitCode::FAILURE;
    };
    let heartbeat = Arc::<Heartbeat>::default();
    let prober_of = |list: List, index: usize, line: &str| -> Arc<Prober> {
        let behaviour = list.behaviours().swap_remove(index);
        let place = told::place(line);
        Arc::new(Staged { behaviour, place }.prober(TIMEOUT, &heartbeat))
    };
    let hostile = prober_of(List::named(list), index.parse().unwrap(), place);
    let healthy = healthy.iter().enumerate();
    let healthy: Vec<_> = healthy
        .filter(|(index, _)| List::Healthy.behaviours()[*index].name != healthy::DEAD_NAME)
        .map(|(index, line)| prober_of(List::Healthy, index, line))
        .collect();
    let runtime = app::probing_runtime().unwrap();
    let raise = runtime.block_on(async {
        for _ in 0..N_BEFORE {
            let mut probes = JoinSet::new();
            for prober in &healthy {
                let prober = prober.clone();
                probes.spawn(async move { prober.probe().await });
            }
            probes.join_all().await;
        }
        let before = memory_kb("VmRSS");
        // Has the peak begin anew (proc(5)).
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let probe = tokio::spawn(async move { Box::pin(hostile.probe()).await });
        drop(probe.await.unwrap());
        memory_kb("VmHWM").saturating_sub(before)
    });
    println!("{raise}");
    ExitCode::SUCCESS
}
