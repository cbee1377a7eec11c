//! What `deploy` starts, as far as it can be judged without containers: the folders that they would
//! see are laid out, and the programs of others read their files there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use granit_parser::Parser;
use httpcycle_exporter::assets;
use tempfile::TempDir;

use crate::support::exporter::program;
use crate::support::real_parts;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// What the services mount of the repository, and where.
fn mounts() -> Vec<(PathBuf, PathBuf)> {
    let compose = fs::read_to_string(deploy().join("compose.yml")).unwrap();
    let volumes = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ."));
    let mounts: Vec<_> = volumes
        .map(|volume| {
            let (here, there) = volume.strip_suffix(":ro").unwrap().split_once(':').unwrap();
            let there = Path::new(there).strip_prefix("/").unwrap();
            (deploy().join(format!(".{here}")), there.to_owned())
        })
        .collect();
    assert!(mounts.len() > 5, "{mounts:?}");
    mounts
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

/// A folder with the mounts of all services at their places; no two services share one.
fn laid_out() -> TempDir {
    let root = TempDir::new().unwrap();
    for (here, there) in mounts() {
        copy(&here, &root.path().join(there));
    }
    root
}

/// Whether the program judged; one that is not installed is skipped.
fn judged_by(name: &str, version: &str, command: &mut Command) -> bool {
    real_parts::is_installed(name, Command::new(name).arg(version)) && {
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&said)
        );
        true
    }
}

#[test]
fn every_file_is_yaml_and_every_mounted_path_exists() {
    for (here, _) in mounts() {
        assert!(here.exists(), "{}", here.display());
    }
    let mut folders = vec![deploy()];
    let mut n_files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yml" || extension == "yaml")
            {
                n_files += 1;
                let text = fs::read_to_string(&path).unwrap();
                for event in Parser::new_from_str(&text) {
                    assert!(event.is_ok(), "{}: {event:?}", path.display());
                }
            }
        }
    }
    assert!(n_files > 5);
}

#[test]
fn prometheus_and_alertmanager_take_their_files_as_mounted() {
    let root = laid_out();
    let prometheus = root.path().join("etc/prometheus/prometheus.yml");
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "config"]).arg(prometheus);
    if judged_by("promtool", "--version", &mut promtool) {
        let said = String::from_utf8(promtool.output().unwrap().stdout).unwrap();
        assert!(
            said.contains("alerts/probes.yml"),
            "rules are found: {said}"
        );
    }
    let mut amtool = Command::new("amtool");
    amtool
        .arg("check-config")
        .arg(root.path().join("etc/alertmanager/alertmanager.yml"));
    judged_by("amtool", "--version", &mut amtool);
}

#[test]
fn the_exporter_takes_its_file_as_mounted() {
    let root = laid_out();
    let file = root.path().join("etc/httpcycle_exporter/httpcycle.yml");
    let output = program()
        .arg("--config.check")
        .arg(format!("--config.file={}", file.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn nginx_takes_the_shop_as_mounted() {
    let root = laid_out();
    let shop = root.path().join("etc/nginx/conf.d/default.conf");
    let text = fs::read_to_string(&shop).unwrap();
    // It is asked to listen even by a check.
    let listen = format!("listen {};", real_parts::free_address());
    fs::write(&shop, text.replace("listen 8080;", &listen)).unwrap();
    let here = root.path().display();
    let config = format!(
        "pid {here}/pid; error_log stderr; events {{}} http {{ access_log off; \
         client_body_temp_path {here}/a; proxy_temp_path {here}/b; fastcgi_temp_path {here}/c; \
         uwsgi_temp_path {here}/d; scgi_temp_path {here}/e; include {}; }}",
        shop.display()
    );
    let path = root.path().join("nginx.conf");
    fs::write(&path, config).unwrap();
    let mut nginx = Command::new("nginx");
    nginx
        .arg("-t")
        .arg("-c")
        .arg(&path)
        .arg("-p")
        .arg(root.path());
    judged_by("nginx", "-v", &mut nginx);
}

/// What a build reads and `.dockerignore` keeps out is missed by nobody but who builds the image.
#[test]
fn the_image_is_built_from_all_that_the_program_is_built_from() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = fs::read_to_string(root.join(".dockerignore")).unwrap();
    let mut folders = vec![root.join("src")];
    // askama reads these.
    let mut needed = vec![root.join("templates")];
    needed.extend(assets::FILES.map(|file| root.join(file.path)));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Some are no text.
            let text = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&text);
            for start in ["include_str!(\"", "include_bytes!(\""] {
                let named = text.split(start).skip(1);
                let named = named.map(|rest| rest.split('"').next().unwrap());
                needed.extend(named.map(|name| folder.join(name).canonicalize().unwrap()));
            }
        }
    }
    assert!(needed.len() > 5, "{needed:?}");
    // Only fuzzers and tests read these.
    needed.retain(|path| {
        ["fuzz", "tests"]
            .iter()
            .all(|of| !path.starts_with(root.join(of)))
    });
    for path in needed {
        let path = path.strip_prefix(root).unwrap();
        let mut places = listed.lines().filter_map(|line| line.strip_prefix('!'));
        assert!(
            places.any(|place| path.starts_with(place)),
            "{}",
            path.display()
        );
    }
}
