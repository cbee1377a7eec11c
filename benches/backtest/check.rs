//! Whether the replay tells what Prometheus' own evaluation of the same rule files tells: one small
//! history through both.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::class::BASELINES;
use crate::class::Pace;
use crate::firing::Episode;
use crate::history::History;
use crate::plan::Plan;
use crate::random::Random;
use crate::replay::Clock;
use crate::replay::replay;
use crate::rules::Group;
use crate::settings::Settings;
use crate::spikes::Shape;
use crate::spikes::Spike;
use crate::time::HOUR;
use crate::time::MINUTE;
use crate::time::SECOND;

/// Long enough for a baseline of a day that ends two hours ago.
const PACE: Pace = Pace {
    interval: 20 * SECOND,
    scrape: MINUTE,
    length: 32 * HOUR,
    n_histories: 1,
};
/// When spikes begin, and what they are like.
const SPIKES: [(i64, u32, u32); 3] = [
    (27 * HOUR, 100, 40),
    (29 * HOUR, 50, 40),
    (31 * HOUR, 20, 100),
];

/// Evaluates the alerts in both ways and ends the program if they differ.
pub fn run(folder: &Path, groups: &[Group], plan: &Plan, settings: &Settings, naive: &Path) {
    let folder = folder.join("check");
    fs::create_dir_all(&folder).unwrap();
    let history = history();
    let fired = replay(
        &folder,
        std::slice::from_ref(&history),
        plan,
        Clock::OneForAll,
    );
    let none = Vec::new();
    let n_episodes: usize = fired
        .iter()
        .flat_map(|fired| fired.values())
        .map(Vec::len)
        .sum();
    let mut file = Vec::new();
    writeln!(file, "rule_files: {:?}", rule_files(settings, naive)).unwrap();
    writeln!(file, "group_eval_order: {:?}", in_order(groups, plan)).unwrap();
    writeln!(file, "evaluation_interval: {}s", PACE.scrape / SECOND).unwrap();
    writeln!(
        file,
        "tests:\n- interval: {}s\n  input_series:",
        PACE.scrape / SECOND
    )
    .unwrap();
    history.write_test_input(&mut file).unwrap();
    writeln!(file, "  promql_expr_test:").unwrap();
    for ((query, _), fired) in plan.alerts.iter().zip(&fired) {
        let episodes = fired.get(&history.target).unwrap_or(&none);
        file.extend(expected(&query.name, episodes).as_bytes());
    }
    let path = folder.join("test.yml");
    fs::write(&path, file).unwrap();
    let output = Command::new("promtool")
        .args(["test", "rules"])
        .arg(&path)
        .output()
        .unwrap_or_else(|error| panic!("promtool cannot be started: {error}"));
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<&str> = said.lines().chain(complained.lines()).take(60).collect();
    assert!(
        output.status.success(),
        "the replay differs from what promtool makes of the rules:\n{}",
        complaints.join("\n")
    );
    eprintln!("the replay agrees with promtool test rules on {n_episodes} alarms");
}

/// The names of groups, those of alerts last: at one time they read what the others have made.
fn in_order<'a>(groups: &'a [Group], plan: &Plan) -> Vec<&'a str> {
    let alerts: Vec<usize> = plan.alerts.iter().map(|(query, _)| query.group).collect();
    let numbers = 0..groups.len();
    let (last, first): (Vec<usize>, Vec<usize>) =
        numbers.partition(|number| alerts.contains(number));
    let all = first.iter().chain(&last);
    all.map(|number| &*groups[*number].name).collect()
}

fn history() -> History {
    let mut random = Random::new(1, &[]);
    let spikes = SPIKES.map(|(start, height, n_probes)| Spike {
        shape: Shape { height, n_probes },
        start,
        end: start + i64::from(n_probes) * PACE.interval,
        conflicts: Vec::new(),
    });
    // The baseline of 1 %.
    let baseline = BASELINES[3];
    History::draw(
        "check".to_owned(),
        baseline,
        PACE,
        spikes.to_vec(),
        Some(0),
        &mut random,
    )
}

fn rule_files(settings: &Settings, naive: &Path) -> Vec<PathBuf> {
    let files = settings.rules.read_dir().unwrap();
    let mut files: Vec<PathBuf> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    files.push(naive.to_owned());
    files
}

/// Whether the alert fires at each evaluation, as a test of promtool.
fn expected(alert: &str, episodes: &[Episode]) -> String {
    let mut text = String::new();
    let mut time = 0;
    while time < PACE.length {
        let is_firing = episodes
            .iter()
            .any(|one| one.start <= time && time < one.end);
        write!(
            text,
            "  - expr: count(ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}) or vector(0)\n    \
             eval_time: {}s\n    exp_samples: [{{labels: '{{}}', value: {}}}]\n",
            time / SECOND,
            u32::from(is_firing)
        )
        .expect("a text takes what is written to it");
        time += PACE.scrape;
    }
    text
}
