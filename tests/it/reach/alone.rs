//! A network of a test's own, in which there is nothing but loopback: what must not be sent cannot
//! be, whatever is broken.

use std::env;
use std::process::Command;

use crate::support::real_parts;

/// Set for the test that runs in such a network.
const MARK: &str = "HTTPCYCLE_TEST_ALONE";

/// Whether this is the process that has one.
pub fn is_here() -> bool {
    env::var_os(MARK).is_some()
}

/// Runs the test of this name once more, in a network whose loopback has these addresses as well.
/// Where that is not allowed it says so.
pub fn run(test: &str, addresses: &[&str]) {
    let mut script = "set -e; ip link set lo up".to_owned();
    for address in addresses {
        // An address that is doubted for a second could not be listened at meanwhile.
        let (bits, option) = match address.contains(':') {
            true => (128, "nodad"),
            false => (32, ""),
        };
        script.push_str(&format!("; ip addr add {address}/{bits} dev lo {option}"));
    }
    let has_network = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        let command = command.args(arguments).args(["sh", "-c", &script]);
        command.output().is_ok_and(|output| output.status.success())
    };
    // The first is for root, who may not be allowed to be another one.
    let ways = [&["--net"][..], &["--map-root-user", "--net"]];
    let Some(way) = ways.into_iter().find(|way| has_network(way)) else {
        let why = format!("no network of its own for {test}, or not with these addresses");
        return real_parts::skip(&why);
    };
    script.push_str("; exec \"$0\" \"$@\"");
    let output = Command::new("unshare")
        .args(way)
        .args(["sh", "-c", &script])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "it did not run: {said}");
}
