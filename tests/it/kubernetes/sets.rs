//! Sets of exporters that overlays make: each pod knows how many there are, and no set is taken for
//! another one.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kubernetes::{arguments, container, is_installed, judged, objects, of_kind, read, root};

#[test]
fn as_many_shards_are_told_of_as_there_are_pods() {
    if !is_installed() {
        return;
    }
    let objects = objects("overlays/shards");
    let (container, set) = container(&objects);
    let n_pods = set["spec"]["replicas"].as_u64().unwrap();
    assert!(n_pods > 1);
    are_told_of(container, n_pods);
}

/// Each pod of a set of shards is told its number, and how many there are.
fn are_told_of(container: &Value, n_pods: u64) {
    let arguments = arguments(container);
    for expected in ["--shard.total=$(SHARDS)", "--shard.ordinal=$(ORDINAL)"] {
        assert!(arguments.contains(&expected), "{arguments:?}");
    }
    let mut told = container["env"].as_array().unwrap().clone();
    told.sort_by_key(|variable| variable["name"].to_string());
    let expected = json!([
        {
            "name": "ORDINAL",
            "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['apps.kubernetes.io/pod-index']"}},
        },
        {"name": "SHARDS", "value": n_pods.to_string()},
    ]);
    assert_eq!(Value::Array(told), expected);
}

/// What kustomize makes of a file that names this repository as the document does.
fn made_of(kustomization: &str) -> Vec<Value> {
    let folder = TempDir::new().unwrap();
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).unwrap();
    let repository = format!("{}/deploy", root().display());
    let way = way_up(&mine, &repository);
    let text = kustomization.replace("../httpcycle_exporter/deploy", &way);
    fs::write(mine.join("kustomization.yaml"), text).unwrap();
    fs::write(mine.join("httpcycle.yml"), "targets: [] # mine\n").unwrap();
    judged(&mine)
}

#[test]
fn a_base_with_another_argument_is_told_of_its_shards_all_the_same() {
    if !is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let base = folder.path().join("base");
    fs::create_dir(&base).unwrap();
    let way = way_up(
        &base,
        &format!("{}/deploy/kubernetes/base", root().display()),
    );
    let text = format!(
        "resources: [{way}]\npatches:\n  - target: {{kind: StatefulSet}}\n    patch: |-\n      - op: add\n        \
         path: /spec/template/spec/containers/0/args/-\n        value: --log.level=debug\n"
    );
    fs::write(base.join("kustomization.yaml"), text).unwrap();
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).unwrap();
    let way = way_up(&mine, &format!("{}/deploy/kubernetes", root().display()));
    let text = format!("resources: [../base]\ncomponents: [{way}/components/shards]\n");
    fs::write(mine.join("kustomization.yaml"), text).unwrap();
    let objects = judged(&mine);
    let (container, set) = container(&objects);
    assert!(arguments(container).contains(&"--log.level=debug"));
    are_told_of(container, set["spec"]["replicas"].as_u64().unwrap());
}

/// The labels by which something selects all hold of what it is to select, and not of `other`.
fn selects(selector: &Value, labels: &Value, other: &Value) {
    let selector = selector.as_object().unwrap();
    let fits = |labels: &Value| selector.iter().all(|(name, value)| labels[name] == *value);
    assert!(
        fits(labels) && !fits(other),
        "{selector:?} {labels} {other}"
    );
}

/// The blocks of the document that are files of kustomize, in a folder beside the repository.
#[test]
fn the_overlays_of_the_document_can_be_made() {
    if !is_installed() {
        return;
    }
    let document = read(&root().join("docs/kubernetes.md"));
    let blocks = document.split("\n```yaml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("\n```").next().unwrap());
    // What is no whole file continues the first one; one is of Prometheus.
    let (files, parts): (Vec<&str>, Vec<&str>) =
        blocks.partition(|block| block.contains("resources:\n"));
    let [mine, shards, second] = files[..] else {
        panic!("{files:?}");
    };
    assert_eq!(parts.len(), 2);
    let larger = parts[0];
    let objects = made_of(&format!("{mine}\n{larger}\n"));
    let (container_of_mine, _) = container(&objects);
    assert_eq!(container_of_mine["resources"]["limits"]["memory"], "2Gi");
    let image = container_of_mine["image"].as_str().unwrap();
    assert!(image.starts_with("registry.example/"), "{image}");
    let maps = of_kind(&objects, "ConfigMap");
    assert!(
        maps.iter()
            .any(|map| map["data"]["httpcycle.yml"] == "targets: [] # mine\n")
    );

    let objects = made_of(shards);
    let (container_of_shards, set) = container(&objects);
    assert_eq!(set["spec"]["replicas"], 5);
    are_told_of(container_of_shards, 5);

    are_apart(&objects, &made_of(second));
}

/// Neither set is taken for the other.
fn are_apart(first: &[Value], second: &[Value]) {
    for (own, other) in [(first, second), (second, first)] {
        let only = |objects: &[Value], kind| of_kind(objects, kind)[0].clone();
        let (set, set_of_other) = (only(own, "StatefulSet"), only(other, "StatefulSet"));
        let (service, of_other) = (only(own, "Service"), only(other, "Service"));
        let monitor = only(own, "ServiceMonitor");
        let pod = |set: &Value| set["spec"]["template"]["metadata"]["labels"].clone();
        let (pods, others) = (pod(&set), pod(&set_of_other));
        selects(&set["spec"]["selector"]["matchLabels"], &pods, &others);
        selects(&service["spec"]["selector"], &pods, &others);
        let labels = |service: &Value| service["metadata"]["labels"].clone();
        let (found, not_found) = (labels(&service), labels(&of_other));
        selects(
            &monitor["spec"]["selector"]["matchLabels"],
            &found,
            &not_found,
        );
        let job = monitor["spec"]["jobLabel"].as_str().unwrap();
        assert_ne!(found[job], not_found[job], "{job}");
        for (kind, own) in [("StatefulSet", &set), ("Service", &service)] {
            assert_ne!(
                own["metadata"]["name"],
                only(other, kind)["metadata"]["name"]
            );
        }
    }
}

/// A path from a folder that leads up first, as kustomize takes no other.
fn way_up(from: &Path, to: &str) -> String {
    let from = from.canonicalize().unwrap();
    let n_parts = from.components().count() - 1;
    format!("{}{}", "../".repeat(n_parts), to.trim_start_matches('/'))
}
