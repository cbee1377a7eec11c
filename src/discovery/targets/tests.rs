use std::time::Duration;

use super::*;
use crate::config::ConfiguredModule;
use crate::config::groups::Group;
use crate::discovery::targets::shared::MAX_LABEL_BYTES;
use crate::discovery::targets::shared::MAX_TARGET_BYTES;
use crate::target::module::Module;

fn module(name: &str, timeout: Option<u64>) -> (String, UsableModule) {
    let module = Module {
        name: name.to_owned(),
        ..Module::http_2xx()
    };
    let usable = UsableModule {
        configured: ConfiguredModule {
            module: Arc::new(module),
            timeout: timeout.map(Duration::from_secs),
        },
        no_tls: (name == "plain").then(|| "no authorities".to_owned()),
    };
    (name.to_owned(), usable)
}

fn wanted() -> Wanted {
    let modules = [("http_2xx", None), ("slow", Some(20)), ("plain", None)];
    let modules = modules.map(|(name, timeout)| module(name, timeout));
    Wanted {
        modules: modules.into_iter().collect(),
        configured: ["http://own.test/".to_owned()].into(),
        shard: Shard::WHOLE,
    }
}

fn group(targets: &[&str], labels: &[(&str, &str)]) -> Group {
    let targets = targets.iter().zip(1..);
    let labels = labels.iter();
    Group {
        targets: targets
            .map(|(text, line)| Listed {
                text: (*text).into(),
                line,
            })
            .collect(),
        labels: labels
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

fn answer(groups: Vec<Group>) -> Answer {
    let name = "f".to_owned();
    [Arc::new(Part { name, groups })].into()
}

fn find_in(groups: Vec<Group>, before: &HashMap<String, Arc<Target>>) -> Found {
    find(&wanted(), &[answer(groups)], before)
}

#[test]
fn labels_say_how_a_target_is_probed() {
    for (target, labels, expected) in [
        ("a.test", &[][..], "http://a.test/ http_2xx 15s 10s"),
        (
            "a.test:9/x?k=v",
            &[],
            "http://a.test:9/x?k=xxxxx http_2xx 15s 10s",
        ),
        (
            "HTTPS://u:p@a.test",
            &[],
            "https://a.test/ http_2xx 15s 10s",
        ),
        (
            "a.test",
            &[("__scheme__", "https")],
            "https://a.test/ http_2xx 15s 10s",
        ),
        (
            "http://a.test",
            &[("__scheme__", "https")],
            "http://a.test/ http_2xx 15s 10s",
        ),
        (
            "a.test",
            &[("__metrics_path__", "/m?x=1")],
            "http://a.test/m?x=xxxxx http_2xx 15s 10s",
        ),
        (
            "a.test",
            &[("__metrics_path__", "m")],
            "http://a.test/m http_2xx 15s 10s",
        ),
        (
            "http://a.test",
            &[("__metrics_path__", "/m")],
            "http://a.test/m http_2xx 15s 10s",
        ),
        (
            "a.test/",
            &[("__metrics_path__", "/m")],
            "http://a.test/ http_2xx 15s 10s",
        ),
        (
            "a.test",
            &[("__param_module", "plain")],
            "http://a.test/ plain 15s 10s",
        ),
        (
            "a.test",
            &[("__param_module", "")],
            "http://a.test/ http_2xx 15s 10s",
        ),
        (
            "a.test",
            &[("__scrape_interval__", "2s")],
            "http://a.test/ http_2xx 2s 2s",
        ),
        (
            "a.test",
            &[("__scrape_interval__", "1m"), ("__scrape_timeout__", "30s")],
            "http://a.test/ http_2xx 60s 30s",
        ),
        (
            "a.test",
            &[
                ("__param_module", "slow"),
                ("__scrape_interval__", "1m"),
                ("__scrape_timeout__", "30s"),
            ],
            "http://a.test/ slow 60s 20s",
        ),
        (
            "a.test",
            &[
                ("__param_module", "slow"),
                ("__scrape_interval__", "5s"),
                ("__scrape_timeout__", "5s"),
            ],
            "http://a.test/ slow 5s 5s",
        ),
    ] {
        let found = find_in(vec![group(&[target], labels)], &HashMap::new());
        assert_eq!(found.remarks, [], "{target} {labels:?}");
        let one = &found.targets[0];
        let (name, module) = (&one.name, &one.module.name);
        let shown = format!("{name} {module} {:?} {:?}", one.interval, one.timeout);
        assert_eq!(shown, expected, "{target} {labels:?}");
        assert_eq!(one.labels.iter().count(), 0);
    }
}

#[test]
fn what_cannot_be_probed_is_told_and_the_others_are() {
    let many: Vec<(String, String)> = (0..65).map(|n| (format!("l{n}"), "v".to_owned())).collect();
    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let long = "v".repeat(MAX_LABEL_BYTES);
    let far = format!("a.test/{}", "x".repeat(MAX_TARGET_BYTES));
    for (targets, labels, said) in [
        (
            &["ftp://b"][..],
            &[][..],
            "f:1: group 2, target 1: the URL is invalid: scheme \"ftp\" is not probed",
        ),
        (
            &["http://b", "b:x"],
            &[],
            "f:2: group 2, target 2: the URL is invalid: invalid port number",
        ),
        (&[""], &[], "target 1: the URL is invalid: empty host"),
        (&[&*far], &[], "at most 8192 will do"),
        (
            &["own.test"],
            &[],
            "\"http://own.test/\" is left out: the configuration has a target",
        ),
        (
            &["a.test"],
            &[],
            "\"http://a.test/\" is left out: it is listed twice",
        ),
        (
            &["https://b"],
            &[("__param_module", "plain")],
            "TLS of module \"plain\" cannot work: no authorities",
        ),
        (
            &["b"],
            &[("__param_module", "plane")],
            "f: group 2: module \"plane\" of __param_module cannot be had; did you mean \"plain\"?",
        ),
        (
            &["b"],
            &[("__scrape_interval__", "5")],
            "__scrape_interval__ must be a duration like 5s or 1m30s, found \"5\" without a unit",
        ),
        (
            &["b"],
            &[("__scrape_interval__", "1ms")],
            "__scrape_interval__ must be at least 10ms",
        ),
        (
            &["b"],
            &[("__scrape_timeout__", "1m")],
            "__scrape_timeout__ is 1m, longer than the interval 15s",
        ),
        (
            &["b"],
            &[("__param_module", "slow")],
            "the timeout of module \"slow\" is 20s, longer than the interval 15s",
        ),
        (
            &["b"],
            &[("__scheme__", "ftp")],
            "__scheme__ must be http or https, found \"ftp\"",
        ),
        (&["b"], &many, "it has 65 labels"),
        (
            &["b"],
            &[("l", &*long)],
            "at most 64 of 8192 bytes will do; its targets are left out",
        ),
        (
            &["b"],
            &[("le", "x")],
            "label name \"le\" is reserved for the exporter; choose another; it is left out",
        ),
        (&["b"], &[("a-b", "x")], "label name \"a-b\" is invalid"),
        (
            &["b"],
            &[("l", "http://u:s3cret@h/")],
            "label \"l\" holds the user and password of a URL",
        ),
    ] {
        let groups = vec![
            group(&["a.test"], &[]),
            group(targets, labels),
            group(&["c.test"], &[]),
        ];
        let found = find_in(groups, &HashMap::new());
        let [remark] = &found.remarks[..] else {
            panic!("{said}: {:?}", found.remarks);
        };
        assert!(remark.text.contains(said), "{said}: {}", remark.text);
        assert!(!remark.text.contains("s3cret"));
        let names: Vec<&str> = found.targets.iter().map(|one| &*one.name).collect();
        let around =
            names.first() == Some(&"http://a.test/") && names.last() == Some(&"http://c.test/");
        assert!(around, "{names:?}");
    }
}

#[test]
fn a_target_that_is_as_it_was_is_the_very_same() {
    let wanted_first = wanted();
    let list = |labels: [&str; 2]| {
        let [one, other] = labels;
        let groups = vec![
            group(&["a.test"], &[("l", one)]),
            group(&["b.test"], &[("l", other)]),
        ];
        [answer(groups)]
    };
    let first = find(&wanted_first, &list(["1", "1"]), &HashMap::new());
    let before = first.targets.iter();
    let before = before.map(|one| (one.name.clone(), one.clone())).collect();
    let again = find(&wanted_first, &list(["1", "2"]), &before);
    assert!(Arc::ptr_eq(&again.targets[0], &first.targets[0]));
    assert!(!Arc::ptr_eq(&again.targets[1], &first.targets[1]));
    // The same configuration, read again.
    let reloaded = find(&wanted(), &list(["1", "1"]), &before);
    assert_eq!(reloaded.targets[0], first.targets[0]);
    assert!(!Arc::ptr_eq(&reloaded.targets[0], &first.targets[0]));
}

#[test]
fn beyond_the_bound_those_that_run_stay() {
    let names: Vec<String> = (0..MAX_TARGETS + 10).map(|n| format!("{n}.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let last = *names.last().expect("many");
    let running = find_in(vec![group(&[last], &[])], &HashMap::new());
    let before = running.targets.iter();
    let before = before.map(|one| (one.name.clone(), one.clone())).collect();
    let found = find_in(vec![group(&names, &[])], &before);
    assert_eq!(found.targets.len(), MAX_TARGETS);
    assert!(found.targets.iter().any(|one| one == &running.targets[0]));
    assert_eq!(found.targets[0].name, "http://0.test/");
    let said = &found.remarks[0].text;
    assert!(
        said.starts_with("200010 targets are listed; 200000 of them are probed"),
        "{said}"
    );
}

#[test]
fn each_target_is_that_of_one_shard() {
    let urls: Vec<String> = (0..100).map(|n| format!("http://{n}.test/")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let answers = [answer(vec![group(&urls, &[])])];
    let found_by = |shard| {
        let wanted = Wanted { shard, ..wanted() };
        let found = find(&wanted, &answers, &HashMap::new()).targets;
        let names = found.iter().map(|target| target.name.clone());
        names.collect::<Vec<_>>()
    };
    let shards = (0..3).map(|ordinal| found_by(Shard::new(ordinal, 3).unwrap()));
    let shards: Vec<_> = shards.collect();
    assert!(shards.iter().all(|names| names.len() > 10), "{shards:?}");
    let mut all = shards.concat();
    all.sort();
    let mut expected = found_by(Shard::WHOLE);
    expected.sort();
    assert_eq!(all, expected);
}
