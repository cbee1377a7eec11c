//! Histories in a Prometheus, and when the alerts fire on them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::firing;
use crate::firing::Episode;
use crate::history::History;
use crate::plan::Plan;
use crate::plan::Query;
use crate::prometheus::Prometheus;
use crate::prometheus::Steps;
use crate::recorder::Recorder;
use crate::rules::Holds;
use crate::tsdb::Block;
use crate::tsdb::Labels;

/// Groups with an interval of their own are evaluated this much after one another.
const BETWEEN_GROUPS: i64 = 17_000;

/// When groups are evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Each at its own interval and at a time of its own, as Prometheus does.
    OfEachGroup,
    /// All at the global interval and at the same time, as `promtool test rules` does.
    OneForAll,
}

/// The episodes of each alert of the plan, in its order, by target. The histories have one pace.
pub fn replay(
    folder: &Path,
    histories: &[History],
    plan: &Plan,
    clock: Clock,
) -> Vec<BTreeMap<String, Vec<Episode>>> {
    let pace = histories[0].pace;
    let data = folder.join("data");
    let mut block = Block::new(&data, 1).unwrap();
    for history in histories {
        history.write(&mut block).unwrap();
    }
    block.finish().unwrap();
    let all = Steps {
        start: 0,
        end: pace.length - pace.scrape,
        step: pace.scrape,
    };
    for (number, pass) in (2..).zip(&plan.passes) {
        let prometheus = Prometheus::start(folder, "");
        // As long as there is a block without its end, Prometheus spares itself the merging of those
        // that are there.
        let mut recorder = Recorder::new(&data, number).unwrap();
        for query in pass {
            let steps = steps(query, all, clock);
            prometheus.evaluate(&query.text, steps, |part| {
                recorder.add(query, steps, part).unwrap();
            });
            recorder.end(steps).unwrap();
        }
        drop(prometheus);
        recorder.finish().unwrap();
    }
    let prometheus = Prometheus::start(folder, "");
    let fired = plan.alerts.iter();
    let fired = fired
        .map(|(query, holds)| fire(&prometheus, query, *holds, steps(query, all, clock)))
        .collect();
    drop(prometheus);
    fs::remove_dir_all(&data).unwrap();
    fired
}

fn steps(query: &Query, all: Steps, clock: Clock) -> Steps {
    match (clock, query.interval) {
        (Clock::OfEachGroup, Some(interval)) => Steps {
            start: i64::try_from(query.group).expect("there are few groups") * BETWEEN_GROUPS
                % interval,
            step: interval,
            ..all
        },
        _ => all,
    }
}

fn fire(
    prometheus: &Prometheus,
    query: &Query,
    holds: Holds,
    steps: Steps,
) -> BTreeMap<String, Vec<Episode>> {
    let mut holding: BTreeMap<Labels, Vec<i64>> = BTreeMap::new();
    prometheus.evaluate(&query.text, steps, |part| {
        for mut series in part {
            series.labels.remove("__name__");
            let times = series.points.iter().map(|(time, _)| *time);
            holding.entry(series.labels).or_default().extend(times);
        }
    });
    let mut fired: BTreeMap<String, Vec<Episode>> = BTreeMap::new();
    for (labels, times) in holding {
        let target = labels
            .get("target")
            .unwrap_or_else(|| panic!("{} has no label target", query.name));
        let episodes = firing::episodes(&times, steps, holds);
        fired.entry(target.clone()).or_default().extend(episodes);
    }
    for episodes in fired.values_mut() {
        *episodes = firing::joined(std::mem::take(episodes));
    }
    fired
}
