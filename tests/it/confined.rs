//! The built program with no more than its container and its service let it have, and the files that
//! say what that is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::exporter::Exporter;
use crate::support::peer::{self, Then};
use crate::support::real_parts;

/// A user of its own, no right of root's, nothing that is writable, as in the image.
const CONFINE: &str = "
    for mount in $(findmnt -rno TARGET); do mount -o remount,bind,ro \"$mount\" 2>/dev/null; done
    exec setpriv --reuid=65532 --regid=65532 --clear-groups --bounding-set=-all --inh-caps=-all \
        --no-new-privs \"$@\"";

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name)
}

/// `program` with its arguments, confined.
fn confined(program: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--propagation=private",
        "sh",
        "-c",
        CONFINE,
        "sh",
    ]);
    command.arg(program);
    command
}

/// Whether this machine lets a program be confined.
fn can_confine() -> bool {
    // Everybody may write there, unless nobody can.
    let look = "test ! -w /var/tmp && test \"$(id -u)\" = 65532";
    let tried = confined(Path::new("sh")).args(["-c", look]).output();
    let is_possible = tried.is_ok_and(|output| output.status.success());
    if !is_possible {
        real_parts::skip("no program can be confined, which takes root, unshare and setpriv");
    }
    is_possible
}

/// A folder with the program, which anybody may run.
fn program() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("httpcycle_exporter");
    fs::copy(env!("CARGO_BIN_EXE_httpcycle_exporter"), &path).unwrap();
    (folder, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_probes_and_tells_that_it_is_alive_with_no_rights_at_all() {
    if !can_confine() {
        return;
    }
    let (_folder, program) = program();
    let response = "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n";
    let peer = peer::answering(response.into(), Then::Close).await;
    let config = format!(
        "targets: [{{name: peer, url: 'http://{}/', interval: 100ms}}]",
        peer.address
    );
    let mut exporter = Exporter::start_by(confined(&program), &config, &[]);
    exporter.wait_for("httpcycle_conflicts_total{target=\"peer\"", |value| {
        value > Some(1.0)
    });
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.pid())).unwrap();
    for line in [
        "Uid:\t65532\t65532\t65532\t65532",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(
            status.lines().any(|found| found == line),
            "{line} is not in {status}"
        );
    }
    let url = format!("http://{}", exporter.address);
    let asked = confined(&program)
        .args(["healthcheck", &url])
        .output()
        .unwrap();
    assert!(asked.status.success(), "{asked:?}");
    exporter.reload(&config);
    exporter.wait_for_log("reload");
    exporter.signal("TERM");
    assert!(exporter.wait().success());
}

#[test]
fn the_container_of_the_exporter_may_do_nothing_else() {
    let compose = fs::read_to_string(deploy("compose.yml")).unwrap();
    let mut services = compose.split("\n  exporter:\n").skip(1);
    let exporter = services.next().unwrap().split("\n\n").next().unwrap();
    for line in [
        "read_only: true",
        "cap_drop: [ALL]",
        "security_opt: [no-new-privileges:true]",
        "user: 65532:65532",
    ] {
        let is_there = exporter.lines().any(|found| found.trim() == line);
        assert!(is_there, "{line} is not in\n{exporter}");
    }
    let dockerfile = Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile");
    let dockerfile = fs::read_to_string(dockerfile).unwrap();
    assert!(dockerfile.contains("\nUSER 65532:65532\n"));
    assert!(dockerfile.contains("\nARG RUNTIME_IMAGE=scratch\n"));
}

#[test]
fn the_service_is_held_to_what_it_needs() {
    let unit = fs::read_to_string(deploy("systemd/httpcycle_exporter.service")).unwrap();
    for line in [
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "User=httpcycle_exporter",
        "DynamicUser=yes",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "LockPersonality=yes",
        "MemoryDenyWriteExecute=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "RestrictNamespaces=yes",
        "SystemCallFilter=@system-service",
    ] {
        assert!(
            unit.lines().any(|found| found == line),
            "{line} is not in the unit"
        );
    }
}

#[test]
fn systemd_takes_the_unit_and_finds_it_closed() {
    let program_of_systemd = "systemd-analyze";
    if !real_parts::is_installed(
        program_of_systemd,
        Command::new(program_of_systemd).arg("--version"),
    ) {
        return;
    }
    let (folder, program) = program();
    let unit = fs::read_to_string(deploy("systemd/httpcycle_exporter.service")).unwrap();
    let installed = format!("\nExecStart={} ", program.display());
    let unit = unit.replace("\nExecStart=httpcycle_exporter ", &installed);
    assert!(unit.contains(&installed));
    let path = folder.path().join("httpcycle_exporter.service");
    fs::write(&path, unit).unwrap();
    let socket = "httpcycle_exporter.socket";
    let socket_path = folder.path().join(socket);
    fs::copy(deploy("systemd").join(socket), &socket_path).unwrap();
    let told = |output: Output| {
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    };
    let analyze = |arguments: &[&str], paths: &[&Path]| {
        let mut command = Command::new(program_of_systemd);
        told(command.args(arguments).args(paths).output().unwrap())
    };
    let (is_fine, said) = analyze(&["verify", "--man=no"], &[&path, &socket_path]);
    // What it says of other units of this machine is not about this one.
    let about_it: Vec<_> = said
        .lines()
        .filter(|line| line.contains("httpcycle"))
        .collect();
    assert!(is_fine || !about_it.is_empty(), "{said}");
    assert!(about_it.is_empty(), "{about_it:?}");
    let (is_closed, said) = analyze(&["security", "--offline=true", "--threshold=15"], &[&path]);
    if said.contains("unrecognized option") {
        return real_parts::skip("this systemd-analyze judges no files");
    }
    assert!(is_closed, "more open than it was: {said}");
}
