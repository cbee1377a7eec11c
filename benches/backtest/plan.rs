//! In which order rules are replayed on data that is there already.
//!
//! A rule is evaluated for the whole of a history at once, so whatever it reads has to be recorded
//! for the whole of it: rules go into passes, each of which reads what the ones before it recorded.
//! Within a group a rule reads what the rules before it recorded at the same time, and so it does
//! here, as samples have the time of their evaluation.

use std::collections::BTreeMap;

use crate::promql;
use crate::rules::Group;
use crate::rules::Holds;
use crate::rules::Rule;
use crate::tsdb::Labels;

/// What there is to evaluate for a set of alerts.
pub struct Plan {
    /// What to record, that which others read first.
    pub passes: Vec<Vec<Query>>,
    /// The alerts, in the order that was asked for.
    pub alerts: Vec<(Query, Holds)>,
}

/// An expression and when it is evaluated.
#[derive(Clone)]
pub struct Query {
    /// The recorded name or that of the alert.
    pub name: String,
    /// Labels that are added.
    pub labels: Labels,
    /// The expression.
    pub text: String,
    /// The group, as a number.
    pub group: usize,
    /// The group's own interval.
    pub interval: Option<i64>,
}

/// A rule: the number of its group and its place in it.
type Place = (usize, usize);

/// Makes the plan for the alerts of these names.
pub fn make(groups: &[Group], alerts: &[String]) -> Plan {
    let mut planner = Planner {
        groups,
        depths: BTreeMap::new(),
    };
    let mut planned = Vec::new();
    for name in alerts {
        let mut rules = planner.rules();
        let alert = rules.find_map(|(place, rule)| {
            let holds = rule.alert.filter(|_| rule.name == *name);
            holds.map(|holds| (place, holds))
        });
        let (place, holds) = alert.unwrap_or_else(|| panic!("there is no alert {name}"));
        drop(rules);
        for read in planner.reads(place) {
            planner.descend(read, &mut Vec::new());
        }
        planned.push((planner.query(place), holds));
    }
    let mut passes: Vec<Vec<Query>> = Vec::new();
    for (place, depth) in &planner.depths {
        passes.resize_with(passes.len().max(depth + 1), Vec::new);
        passes[*depth].push(planner.query(*place));
    }
    Plan {
        passes,
        alerts: planned,
    }
}

struct Planner<'a> {
    groups: &'a [Group],
    /// The pass of each rule that is needed.
    depths: BTreeMap<Place, usize>,
}

impl<'a> Planner<'a> {
    fn rules(&self) -> impl Iterator<Item = (Place, &'a Rule)> + use<'a> {
        let groups = self.groups.iter().enumerate();
        groups.flat_map(|(number, group)| {
            let rules = group.rules.iter().enumerate();
            rules.map(move |(at, rule)| ((number, at), rule))
        })
    }

    fn rule(&self, place: Place) -> &'a Rule {
        &self.groups[place.0].rules[place.1]
    }

    fn recorders(&self, name: &str) -> Vec<Place> {
        self.rules()
            .filter(|(_, rule)| rule.alert.is_none() && rule.name == name)
            .map(|(place, _)| place)
            .collect()
    }

    /// The rules that a rule reads.
    fn reads(&self, place: Place) -> Vec<Place> {
        let rule = self.rule(place);
        let is_recorded = |name: &str| !self.recorders(name).is_empty();
        let mut reads = Vec::new();
        for selector in promql::selectors(&rule.query, is_recorded) {
            for recorder in self.recorders(&selector.name) {
                let is_later = recorder.0 == place.0 && recorder.1 >= place.1;
                if is_later && selector.is_instant {
                    // One that adds to its own name means what was recorded under it before.
                    assert!(
                        selector.name == rule.name,
                        "{} reads {}, which its group records only afterwards: \
                         that cannot be replayed",
                        rule.name,
                        selector.name
                    );
                } else {
                    reads.push(recorder);
                }
            }
        }
        reads
    }

    /// Finds out in which pass a rule is evaluated; `path` leads to it.
    fn descend(&mut self, place: Place, path: &mut Vec<Place>) -> usize {
        if let Some(depth) = self.depths.get(&place) {
            return *depth;
        }
        let name = &self.rule(place).name;
        assert!(
            !path.contains(&place),
            "{name} reads its own past: that cannot be replayed"
        );
        path.push(place);
        let below = self.reads(place).into_iter();
        let below = below.map(|read| self.descend(read, path) + 1);
        let depth = below.max().unwrap_or(0);
        path.pop();
        self.depths.insert(place, depth);
        depth
    }

    fn query(&self, place: Place) -> Query {
        let rule = self.rule(place);
        Query {
            name: rule.name.clone(),
            labels: rule.labels.clone(),
            text: rule.query.clone(),
            group: place.0,
            interval: self.groups[place.0].interval,
        }
    }
}
