//! The dashboards are what their sources in scripts/dashboards say.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::dashboards::model::shipped;
use crate::support::real_parts;

#[test]
fn the_dashboards_are_those_that_the_script_writes() {
    if !real_parts::is_installed("python3", Command::new("python3").arg("--version")) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let run = Command::new("python3")
        .arg(shipped("scripts/dashboards"))
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let mut n_written = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let shipped = shipped("dashboards").join(entry.file_name());
        n_written += 1;
        // Not assert_eq!, which would print both.
        let is_same = fs::read(&shipped).unwrap() == fs::read(entry.path()).unwrap();
        let name = shipped.display();
        assert!(is_same, "{name}: run python3 scripts/dashboards");
    }
    let n_shipped = fs::read_dir(shipped("dashboards"))
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|end| end == "json")
        })
        .count();
    assert_eq!(n_shipped, n_written, "each dashboard has a source");
}
