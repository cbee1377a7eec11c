//! Programs that are not ours and judge what we write.
//!
//! A machine without one of them skips the test and says so, unless `HTTPCYCLE_REQUIRE_REAL_PARTS`
//! is 1: then a test that cannot judge fails.

use std::env;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

/// Whether `command` runs here, which only asks the part called `name` for a sign of life.
pub fn is_installed(name: &str, command: &mut Command) -> bool {
    let alive = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !alive {
        skip(&format!("{name} is not installed"));
    }
    alive
}

/// Says why a test is skipped, or fails it where nothing may be.
pub fn skip(why: &str) {
    let required = env::var("HTTPCYCLE_REQUIRE_REAL_PARTS").is_ok_and(|value| value == "1");
    assert!(!required, "{why}, but required");
    tell(why);
}

/// Says that a test is skipped for want of a part that `scripts/test` cannot install, and that is
/// required nowhere for that reason.
pub fn do_without(name: &str) {
    tell(&format!("{name} is not installed"));
}

fn tell(why: &str) {
    // Not by println!, which the test harness swallows.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "skipped: {why}").unwrap();
}

/// An address that is free, for programs that cannot take port 0.
///
/// From below the range out of which systems choose ports (RFC 6335 has it from 49152 on, Linux from
/// 32768): what has port 0 meanwhile, a listener or a connection, cannot be given this one. No other
/// test of this process gets it either, and another process begins elsewhere.
pub fn free_address() -> SocketAddr {
    const FIRST: u32 = 12_000;
    const PORTS: u32 = 18_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let of_process = std::process::id().wrapping_mul(7_919);
    loop {
        let step = of_process.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + step % PORTS).unwrap();
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr().unwrap();
        }
    }
}

/// Runs `command` with `input`; returns its standard output, or what it complained about.
pub fn run(command: &mut Command, input: &[u8]) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        // From its own thread: a child that writes before it has read all would block both. One
        // that stops reading has failed and says so by its status.
        scope.spawn(move || stdin.write_all(input).ok());
        child.wait_with_output().unwrap()
    });
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.success() && stderr.is_empty() {
        Ok(stdout)
    } else {
        Err(format!("{}: {stderr}{stdout}", output.status))
    }
}
