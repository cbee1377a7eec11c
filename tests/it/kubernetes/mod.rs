//! `deploy/kubernetes`: what kustomize makes of it, by the schemas of the kinds and against what it is
//! made from. It can be judged without a cluster.

mod sets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use httpcycle_exporter::config;
use serde_json::{Value, json};

use crate::support::exporter::program;
use crate::support::real_parts;

/// The first version that tells a pod its number, and the last one whose kinds are known.
const VERSIONS: [&str; 2] = ["1.28", "1.37"];

const OVERLAYS: [&str; 3] = ["base", "overlays/operator", "overlays/shards"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn folder(overlay: &str) -> PathBuf {
    root().join("deploy/kubernetes").join(overlay)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder that end so, by name.
fn named(folder: &Path, end: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| name.into_string().unwrap());
    names
        .filter_map(|name| name.strip_suffix(end).map(str::to_owned))
        .collect()
}

#[test]
fn the_rules_of_the_operator_are_those_of_the_repository() {
    let rules = folder("overlays/operator/rules");
    let names = named(&root().join("alerts"), ".yml");
    assert!(names.len() > 3, "{names:?}");
    let advice = "run scripts/kubernetes";
    assert_eq!(named(&rules, ".yaml"), names, "{advice}");
    let listed = read(&folder("overlays/operator/kustomization.yaml"));
    for name in names {
        let written = read(&rules.join(format!("{name}.yaml")));
        let (head, spec) = written.split_once("\nspec:\n").unwrap();
        let object = format!("  name: httpcycle-{}\n", name.replace('_', "-"));
        assert!(
            head.contains("\nkind: PrometheusRule\n") && head.contains(&object),
            "{head}"
        );
        let below: String = spec
            .lines()
            .map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
            .collect();
        let own = read(&root().join(format!("alerts/{name}.yml")));
        // Not assert_eq!, which would print both.
        assert!(below == own, "{name}: {advice}");
        assert!(
            listed.contains(&format!("\n  - rules/{name}.yaml\n")),
            "{name} is not listed"
        );
    }
}

#[test]
fn every_dashboard_becomes_a_config_map() {
    let listed = read(&root().join("dashboards/kustomization.yaml"));
    for name in named(&root().join("dashboards"), ".json") {
        assert!(listed.contains(&format!("[{name}.json]")), "{name}");
    }
}

#[test]
fn the_exporter_takes_its_file_and_the_image_is_of_this_version() {
    let base = folder("base");
    let config = config::load(&base.join("httpcycle.yml"), &|_| Ok(())).unwrap();
    assert!(!config.targets.is_empty());
    assert_eq!(config.warnings.len(), 0);
    let tag = format!("newTag: {}\n", env!("CARGO_PKG_VERSION"));
    assert!(
        read(&base.join("kustomization.yaml")).contains(&tag),
        "{tag}"
    );
}

/// Whether this machine has a kubectl with a kustomize that is current. It is never required, as
/// `scripts/test` cannot install one.
fn is_installed() -> bool {
    let asked = Command::new("kubectl")
        .args(["version", "--client"])
        .output();
    let told = asked.map(|output| String::from_utf8(output.stdout).unwrap());
    let is_current = told.is_ok_and(|told| told.contains("Kustomize Version: v5."));
    if !is_current {
        real_parts::do_without("kubectl with kustomize 5");
        return false;
    }
    let mut import = Command::new("python3");
    import.args(["-c", "import kubernetes_validate, yaml"]);
    real_parts::is_installed("kubernetes-validate of PyPI", &mut import)
}

/// The objects that an overlay makes, if they are what their kinds are.
fn objects(overlay: &str) -> Vec<Value> {
    judged(&folder(overlay))
}

fn judged(folder: &Path) -> Vec<Value> {
    let mut kubectl = Command::new("kubectl");
    kubectl.arg("kustomize").arg(folder);
    let made = real_parts::run(&mut kubectl, b"").unwrap();
    let mut python = Command::new("python3");
    python
        .arg(root().join("tests/check_kubernetes.py"))
        .args(VERSIONS);
    let told = real_parts::run(&mut python, made.as_bytes()).unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["wrong"], json!([]), "{}", folder.display());
    told["objects"].as_array().unwrap().clone()
}

fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

/// The one container of the one StatefulSet, and its pods.
fn container(objects: &[Value]) -> (&Value, &Value) {
    let [set] = of_kind(objects, "StatefulSet")[..] else {
        panic!("there is one StatefulSet");
    };
    let pod = &set["spec"]["template"]["spec"];
    assert_eq!(pod["containers"].as_array().unwrap().len(), 1);
    (&pod["containers"][0], set)
}

fn arguments(container: &Value) -> Vec<&str> {
    let arguments = container["args"].as_array().unwrap();
    arguments
        .iter()
        .map(|argument| argument.as_str().unwrap())
        .collect()
}

#[test]
fn every_overlay_is_what_its_kinds_are_and_closed() {
    if !is_installed() {
        return;
    }
    for overlay in OVERLAYS {
        let objects = objects(overlay);
        let (container, set) = container(&objects);
        let pod = &set["spec"]["template"]["spec"];
        let expected = json!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
        });
        assert_eq!(container["securityContext"], expected, "{overlay}");
        let context = &pod["securityContext"];
        assert_eq!(context["runAsNonRoot"], true);
        assert_eq!(context["runAsUser"], 65532, "as in the image");
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(pod["automountServiceAccountToken"], false);
        let [account] = of_kind(&objects, "ServiceAccount")[..] else {
            panic!("there is one account");
        };
        assert_eq!(account["automountServiceAccountToken"], false);
        assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
        assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/-/healthy");
        assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/-/ready");
        // A file of many targets takes longer to read than a process that hangs is left alone.
        let starts = &container["startupProbe"];
        assert_eq!(starts["httpGet"], container["livenessProbe"]["httpGet"]);
        let seconds = starts["periodSeconds"].as_u64().unwrap()
            * starts["failureThreshold"].as_u64().unwrap();
        assert!(seconds >= 120, "{seconds}");
        assert!(container["resources"]["requests"]["memory"].is_string());
        let n_pods = set["spec"]["replicas"].as_u64().unwrap();
        for ordinal in 0..n_pods {
            is_taken(&arguments(container), ordinal, n_pods);
        }
        let [service] = of_kind(&objects, "Service")[..] else {
            panic!("there is one service");
        };
        assert_eq!(
            service["spec"]["selector"],
            set["spec"]["selector"]["matchLabels"]
        );
        assert_eq!(set["spec"]["serviceName"], service["metadata"]["name"]);
        let annotations = &set["spec"]["template"]["metadata"]["annotations"];
        let is_scraped_by_annotation = annotations["prometheus.io/scrape"] == "true";
        assert_eq!(
            is_scraped_by_annotation,
            overlay != "overlays/operator",
            "{overlay}"
        );
        is_mounted_where_it_is_read(&objects, container, pod);
    }
}

/// The exporter takes the arguments of a pod.
fn is_taken(arguments: &[&str], ordinal: u64, n_pods: u64) {
    let mut program = program();
    for argument in arguments {
        match argument.strip_prefix("--config.file=") {
            Some(_) => {
                let file = folder("base").join("httpcycle.yml");
                program.arg(format!("--config.file={}", file.display()))
            }
            None => {
                let of_pod = argument.replace("$(ORDINAL)", &ordinal.to_string());
                program.arg(of_pod.replace("$(SHARDS)", &n_pods.to_string()))
            }
        };
    }
    let output = program.arg("--config.check").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// The file that the exporter reads is one of the ConfigMap, which changes without a restart.
fn is_mounted_where_it_is_read(objects: &[Value], container: &Value, pod: &Value) {
    let arguments = arguments(container);
    let file = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("--config.file="));
    let file = Path::new(file.unwrap());
    let mount = &container["volumeMounts"][0];
    assert_eq!(
        Path::new(mount["mountPath"].as_str().unwrap()),
        file.parent().unwrap()
    );
    assert!(mount["subPath"].is_null(), "such a file never changes");
    assert!(arguments.contains(&"--config.enable-auto-reload"));
    let volume = &pod["volumes"][0];
    assert_eq!(volume["name"], mount["name"]);
    let map = of_kind(objects, "ConfigMap");
    let map = map
        .iter()
        .find(|map| map["metadata"]["name"] == volume["configMap"]["name"]);
    let name = file.file_name().unwrap().to_str().unwrap();
    let own = read(&folder("base/httpcycle.yml"));
    assert_eq!(map.unwrap()["data"][name], own);
}

#[test]
fn the_operator_is_given_the_rules_and_the_dashboards() {
    if !is_installed() {
        return;
    }
    let objects = objects("overlays/operator");
    let [monitor] = of_kind(&objects, "ServiceMonitor")[..] else {
        panic!("there is one ServiceMonitor");
    };
    let [service] = of_kind(&objects, "Service")[..] else {
        panic!("there is one service");
    };
    let wanted = monitor["spec"]["selector"]["matchLabels"]
        .as_object()
        .unwrap();
    let labels = &service["metadata"]["labels"];
    assert!(wanted.iter().all(|(name, value)| labels[name] == *value) && !wanted.is_empty());
    assert_eq!(
        monitor["spec"]["endpoints"][0]["port"],
        service["spec"]["ports"][0]["name"]
    );

    // As data, by a reader of YAML that is not ours.
    let mut python = Command::new("python3");
    let read_all = "import json, sys, yaml; json.dump([yaml.safe_load(open(p)) for p in sys.argv[1:]], sys.stdout)";
    let names = named(&root().join("alerts"), ".yml");
    let paths = names
        .iter()
        .map(|name| root().join(format!("alerts/{name}.yml")));
    python.args(["-c", read_all]).args(paths);
    let written: Value = serde_json::from_str(&real_parts::run(&mut python, b"").unwrap()).unwrap();
    let made = of_kind(&objects, "PrometheusRule");
    assert_eq!(made.len(), names.len());
    for rules in written.as_array().unwrap() {
        // Not assert_eq!, which would print all.
        let is_made = made.iter().any(|object| object["spec"] == *rules);
        assert!(
            is_made,
            "rules are lost or changed: {}",
            rules["groups"][0]["name"]
        );
    }

    let mut shown = BTreeSet::new();
    for map in of_kind(&objects, "ConfigMap") {
        if map["metadata"]["labels"]["grafana_dashboard"] != "1" {
            continue;
        }
        for (name, content) in map["data"].as_object().unwrap() {
            let own = read(&root().join("dashboards").join(name));
            assert!(content.as_str() == Some(&own), "{name}");
            shown.insert(name.strip_suffix(".json").unwrap().to_owned());
        }
        // kubectl notes the whole object in an annotation of 256 KiB.
        assert!(
            map.to_string().len() < 200_000,
            "{}",
            map["metadata"]["name"]
        );
    }
    assert_eq!(shown, named(&root().join("dashboards"), ".json"));
}
