//! Tests that need a system of their own run once more, in it: alone with a loopback that leads
//! nowhere, and with limits that hurt nobody else.

use std::env;
use std::process::Command;

use crate::support::real_parts;

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
        real_parts::skip(&format!("no system of its own for {test}"));
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
