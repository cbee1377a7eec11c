//! How to replay rules on data that is there already: which recorded series have to be made first,
//! and what the alerts ask then.
//!
//! A rule that reads, without a range or an offset, what its own group has just recorded, reads
//! values of the same time stamp: the recording expression can stand in its place. Whatever else is
//! recorded is evaluated beforehand, step by step, and read from storage as in production.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::promql;
use crate::promql::Selector;
use crate::rules::Group;
use crate::rules::Holds;
use crate::rules::Rule;

/// What there is to ask for a set of alerts.
pub struct Plan {
    /// Series to make, those that others read first.
    pub passes: Vec<Vec<Query>>,
    /// The alerts, as they were asked for.
    pub alerts: Vec<(Query, Holds)>,
}

/// An expression and when it is evaluated.
#[derive(Clone)]
pub struct Query {
    /// The recorded name or that of the alert.
    pub name: String,
    /// Labels that are added.
    pub labels: BTreeMap<String, String>,
    /// What to ask.
    pub text: String,
    /// The group, as a number.
    pub group: usize,
    /// The group's own interval.
    pub interval: Option<i64>,
}

/// Makes the plan for the alerts of these names.
pub fn make(groups: &[Group], alerts: &[String]) -> Plan {
    let planner = Planner { groups };
    let mut needed = BTreeSet::new();
    let mut planned = Vec::new();
    for name in alerts {
        let found = groups.iter().enumerate().find_map(|(number, group)| {
            let mut rules = group.rules.iter().enumerate();
            let is_it = |rule: &Rule| rule.alert.is_some() && rule.name == *name;
            rules.find_map(|(at, rule)| is_it(rule).then_some((number, at, rule.alert?)))
        });
        let Some((group, at, holds)) = found else {
            panic!("there is no alert {name} in the rules");
        };
        planned.push((planner.query(group, at, &mut needed), holds));
    }
    let mut passes: Vec<Vec<Query>> = Vec::new();
    // Each pass reads what the one before it makes, so they are found from the end.
    while !needed.is_empty() {
        assert!(
            passes.len() < 20,
            "rules read each other in a circle: {needed:?}"
        );
        let mut further = BTreeSet::new();
        let pass = planner.all_of(&needed, &mut further);
        passes.push(pass);
        needed = further;
    }
    passes.reverse();
    Plan {
        passes: first_of_each(passes),
        alerts: planned,
    }
}

/// Drops what an earlier pass has made already.
fn first_of_each(passes: Vec<Vec<Query>>) -> Vec<Vec<Query>> {
    let mut seen = BTreeSet::new();
    let passes = passes.into_iter().map(|pass| {
        let names: BTreeSet<String> = pass.iter().map(|query| query.name.clone()).collect();
        let fresh: BTreeSet<String> = names.difference(&seen).cloned().collect();
        seen.extend(names);
        let queries = pass.into_iter();
        queries
            .filter(|query| fresh.contains(&query.name))
            .collect::<Vec<_>>()
    });
    passes.filter(|pass| !pass.is_empty()).collect()
}

struct Planner<'a> {
    groups: &'a [Group],
}

impl Planner<'_> {
    /// Where a name is recorded: group and place in it.
    fn recorders(&self, name: &str) -> Vec<(usize, usize)> {
        let groups = self.groups.iter().enumerate();
        let rules = groups.flat_map(|(number, group)| {
            let rules = group.rules.iter().enumerate();
            rules.map(move |(at, rule)| (number, at, rule))
        });
        rules
            .filter(|(_, _, rule)| rule.alert.is_none() && rule.name == name)
            .map(|(number, at, _)| (number, at))
            .collect()
    }

    fn all_of(&self, names: &BTreeSet<String>, needed: &mut BTreeSet<String>) -> Vec<Query> {
        let rules = names.iter().flat_map(|name| self.recorders(name));
        rules
            .map(|(group, at)| self.query(group, at, needed))
            .collect()
    }

    fn query(&self, group: usize, at: usize, needed: &mut BTreeSet<String>) -> Query {
        let rule = &self.groups[group].rules[at];
        Query {
            name: rule.name.clone(),
            labels: rule.labels.clone(),
            text: self.inlined(group, at, needed),
            group,
            interval: self.groups[group].interval,
        }
    }

    /// The expression of a rule with what its group has recorded before it put in.
    fn inlined(&self, group: usize, at: usize, needed: &mut BTreeSet<String>) -> String {
        let rule = &self.groups[group].rules[at];
        let mut text = rule.query.clone();
        let is_recorded = |name: &str| !self.recorders(name).is_empty();
        for selector in promql::selectors(&rule.query, is_recorded)
            .into_iter()
            .rev()
        {
            let recorders = self.recorders(&selector.name);
            let is_own = recorders.iter().all(|(of, _)| *of == group);
            if !selector.is_instant || !is_own {
                needed.insert(selector.name);
                continue;
            }
            let is_before = recorders.iter().all(|(_, place)| *place < at);
            assert!(
                is_before,
                "{} reads {}, which its group records only afterwards: that cannot be replayed",
                rule.name, selector.name
            );
            let union = self.union(group, &recorders, &selector, needed);
            text.replace_range(selector.span, &union);
        }
        text
    }

    fn union(
        &self,
        group: usize,
        recorders: &[(usize, usize)],
        selector: &Selector,
        needed: &mut BTreeSet<String>,
    ) -> String {
        let mut parts = Vec::new();
        for (_, at) in recorders {
            let labels = &self.groups[group].rules[*at].labels;
            let accepted = selector.accepts(labels).unwrap_or_else(|| {
                panic!(
                    "the labels that the rules of {} add do not tell whether a selector takes them",
                    selector.name
                )
            });
            if accepted {
                let text = format!("({})", self.inlined(group, *at, needed));
                let labelled = labels.iter().fold(text, |text, (name, value)| {
                    format!("label_replace({text}, {name:?}, {value:?}, \"\", \"\")")
                });
                parts.push(labelled);
            }
        }
        assert!(
            !parts.is_empty(),
            "no rule of {} fits a selector",
            selector.name
        );
        format!("({})", parts.join(" or "))
    }
}
