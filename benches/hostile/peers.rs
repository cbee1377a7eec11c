//! Peers in a process of their own, so that the descriptors, the memory and the time of the prober are
//! its own.

use std::env;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use httpcycle_exporter::probe::Prober;
use httpcycle_exporter::probe::heartbeat::Heartbeat;
use tokio::runtime;

use crate::catalogue::Behaviour;
use crate::catalogue::Place;
use crate::children::Running;
use crate::lists::List;
use crate::support::probing;
use crate::told;

/// What makes this binary a process of peers; the name of a list follows.
pub const CHILD: &str = "peers";

const READY: &str = "ready";

/// A list of behaviours that runs, each with its place.
pub struct Peers {
    /// In the order of the list.
    pub staged: Vec<Staged>,
    _process: Running,
}

/// When peers have the cores, which those of others do not take from the exporter at all.
#[derive(Clone, Copy)]
pub enum Cores {
    /// As often as the exporter.
    Equal,
    /// When they have waited for a while.
    Less,
    /// When nobody else wants them. A niceness of 19 is not enough: the kernel lets a slice of
    /// milliseconds that has begun come to its end.
    Spare,
}

impl Cores {
    /// What starts a program so: its name, an option and the option's value.
    fn command(self) -> [&'static str; 3] {
        match self {
            Self::Equal => ["nice", "-n", "0"],
            Self::Less => ["nice", "-n", "5"],
            Self::Spare => ["chrt", "--idle", "0"],
        }
    }
}

/// A behaviour that runs.
pub struct Staged {
    /// What it is.
    pub behaviour: Behaviour,
    /// Where it is.
    pub place: Place,
}

impl Peers {
    /// Starts the list.
    pub fn start(list: List, cores: Cores) -> Self {
        let program = env::current_exe().unwrap();
        let [runner, option, value] = cores.command();
        let process = Running::start(
            Command::new(runner)
                .args([option, value])
                .arg(program)
                .args([CHILD, list.name()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                // A peer that is left alone in the middle of its act panics.
                .stderr(Stdio::null()),
        );
        let told = process.child().stdout.take().unwrap();
        let lines = BufReader::new(told).lines().map_while(Result::ok);
        let places: Vec<Place> = lines
            .take_while(|line| line != READY)
            .map(|line| told::place(&line))
            .collect();
        let behaviours = list.behaviours();
        assert_eq!(places.len(), behaviours.len(), "all of {list:?} started");
        let staged = behaviours.into_iter().zip(places);
        Self {
            staged: staged
                .map(|(behaviour, place)| Staged { behaviour, place })
                .collect(),
            _process: process,
        }
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> &Staged {
        let found = self.staged.iter().find(|one| one.behaviour.name == name);
        found.unwrap_or_else(|| panic!("nothing is called {name}"))
    }
}

impl Staged {
    /// What probes it.
    pub fn prober(&self, timeout: Duration, heartbeat: &Arc<Heartbeat>) -> Prober {
        let module = self.behaviour.module(&self.place);
        probing::prober(&self.place.url, module, timeout).with_heartbeat(heartbeat.clone())
    }
}

/// Runs a list until standard input ends.
pub fn serve(name: &str) -> ExitCode {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let behaviours = List::named(name).behaviours();
    let stages = runtime.block_on(async {
        let mut stages = Vec::new();
        for behaviour in &behaviours {
            let stage = behaviour.start().await;
            println!("{}", told::line(&stage.place));
            stages.push(stage);
        }
        stages
    });
    println!("{READY}");
    let mut nothing = Vec::new();
    std::io::stdin().read_to_end(&mut nothing).unwrap();
    drop(stages);
    runtime.shutdown_background();
    ExitCode::SUCCESS
}
