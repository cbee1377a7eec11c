//! Tests that need a system of their own run once more, in it: alone with a loopback that leads
//! nowhere, and with limits that hurt nobody else.

use std::env;
use std::io::Write;
use std::process::Command;

/// Says to a test that it already runs there.
const ALONE: &str = "HTTPCYCLE_TEST_IS_ALONE";

/// Whether the calling test, of this name, is alone and is to go on. If it is not, this has it run
/// once more behind the commands of `setup`, which may need root, and sees that it passes there; a
/// machine that does not allow it says so.
pub fn is_alone(test: &str, setup: &str) -> bool {
    if env::var_os(ALONE).is_some() {
        return true;
    }
    let setup = format!("ip link set lo up && {setup}");
    let unshare = || {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--net", "--mount", "sh", "-c"]);
        unshare
    };
    let tried = unshare().arg(&setup).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        let required = env::var("HTTPCYCLE_REQUIRE_REAL_PARTS").is_ok_and(|value| value == "1");
        assert!(!required, "no system of its own for {test}, but required");
        // Not by println!, which the test harness swallows.
        let mut stderr = std::io::stderr();
        writeln!(stderr, "skipped: no system of its own for {test}").unwrap();
        return false;
    }
    let output = unshare()
        .arg(format!(r#"{setup} && exec "$0" "$@""#))
        .arg(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(format!("operator::{test}"))
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
    false
}
