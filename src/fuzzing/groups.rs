//! Groups of targets, as files and servers list them: what is read again after it is written is the
//! same, and what is found in them can be probed.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::config::ConfiguredModule;
use crate::config::groups;
use crate::config::groups::Format;
use crate::config::groups::Group;
use crate::discovery::Answer;
use crate::discovery::Part;
use crate::discovery::targets;
use crate::discovery::targets::UsableModule;
use crate::discovery::targets::Wanted;
use crate::target::module::Module;
use crate::target::shard::Shard;

/// Reads the bytes in both formats, and makes targets of what they list.
pub fn run(data: &[u8]) {
    for format in [Format::Json, Format::Yaml] {
        match groups::parse("f", format, data) {
            Err(error) => assert!(error.starts_with("f:"), "{error}"),
            Ok(groups) => check(groups),
        }
    }
}

fn check(groups: Vec<Group>) {
    let written: Vec<_> = groups
        .iter()
        .map(|group| {
            let targets: Vec<&str> = group.targets.iter().map(|one| &*one.text).collect();
            let labels: HashMap<&str, &str> = group
                .labels
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            serde_json::json!({"targets": targets, "labels": labels})
        })
        .collect();
    let written = serde_json::Value::from(written).to_string();
    let again = groups::parse("f", Format::Json, written.as_bytes());
    let again = again.expect("what was read can be written");
    let texts = |groups: &[Group]| -> Vec<Vec<Box<str>>> {
        let groups = groups.iter();
        let texts = |group: &Group| group.targets.iter().map(|one| one.text.clone()).collect();
        groups.map(texts).collect()
    };
    assert_eq!(texts(&groups), texts(&again));

    let part = Part {
        name: "f".to_owned(),
        groups,
    };
    let answers: [Answer; 1] = [[Arc::new(part)].into()];
    let wanted = wanted();
    let found = targets::find(&wanted, &answers, &HashMap::new());
    let mut names = BTreeSet::new();
    for target in &found.targets {
        assert!(names.insert(&target.name), "{:?} twice", target.name);
        assert!(target.timeout > Duration::ZERO && target.timeout <= target.interval);
        assert!(
            target
                .labels
                .iter()
                .all(|(name, value)| { !name.starts_with("__") && !value.is_empty() })
        );
    }
    for remark in &found.remarks {
        assert!(remark.text.starts_with("f:"), "{remark:?}");
    }
    let before: HashMap<_, _> = found
        .targets
        .iter()
        .map(|target| (target.name.clone(), target.clone()))
        .collect();
    let again = targets::find(&wanted, &answers, &before);
    assert!(
        again
            .targets
            .iter()
            .zip(&found.targets)
            .all(|(one, other)| Arc::ptr_eq(one, other))
    );
}

fn wanted() -> Wanted {
    let module = |name: &str, timeout| {
        let module = Module {
            name: name.to_owned(),
            ..Module::http_2xx()
        };
        let configured = ConfiguredModule {
            module: Arc::new(module),
            timeout,
        };
        let usable = UsableModule {
            configured,
            no_tls: None,
        };
        (name.to_owned(), usable)
    };
    let slow = module("m", Some(Duration::from_secs(20)));
    Wanted {
        modules: HashMap::from([module("http_2xx", None), slow]),
        configured: HashSet::from(["http://own.test/".to_owned()]),
        shard: Shard::WHOLE,
    }
}
