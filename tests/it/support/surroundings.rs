//! The parts that users have before and behind the exporter and Prometheus, on loopback: nginx as the
//! target, Alertmanager.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is ended when the test is.
pub struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(silent.spawn().unwrap())
    }

    /// Waits until it listens there itself, for which it must not have ended.
    fn until_it_listens(mut self, name: &str, address: SocketAddr) -> Self {
        wait_until(&format!("{name} listens"), || {
            let ended = self.0.try_wait().unwrap();
            assert!(ended.is_none(), "{name} ended: {ended:?}");
            TcpStream::connect(address).is_ok()
        });
        self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM, so that nginx takes its workers with it.
        let pid = self.0.id().to_string();
        Command::new("kill").arg(&pid).status().ok();
        self.0.wait().ok();
    }
}

pub fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    wait_for(PATIENCE, what, is_so);
}

/// Waits for a state, mostly asleep.
pub fn wait_for(patience: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < patience, "never: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// nginx with WebDAV over the folder `files`, logging method and status of each request; `more`
/// goes into its section `http`, and `locations` into that of the server.
pub fn nginx(folder: &Path, address: SocketAddr, more: &str, locations: &str) -> Running {
    fs::create_dir_all(folder.join("files")).unwrap();
    fs::create_dir(folder.join("tmp")).unwrap();
    // Run as root, its workers would be another user, who may not write here.
    let user = if is_root() { "user root;" } else { "" };
    let here = folder.display();
    let config = format!(
        "{user}\ndaemon off;\npid {here}/pid;\nerror_log {here}/error.log;\nworker_processes 1;\n\
         events {{}}\nhttp {{\n  log_format counted '$request_method $status';\n  \
         access_log {here}/access.log counted;\n  client_body_temp_path {here}/tmp/body;\n  \
         proxy_temp_path {here}/tmp/proxy;\n  fastcgi_temp_path {here}/tmp/fastcgi;\n  \
         uwsgi_temp_path {here}/tmp/uwsgi;\n  scgi_temp_path {here}/tmp/scgi;\n  {more}\n  \
         server {{ listen {address}; root {here}/files; dav_methods PUT DELETE MKCOL; {locations} }}\n}}\n"
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, config).unwrap();
    let mut command = Command::new("nginx");
    Running::start(command.arg("-c").arg(&path).arg("-p").arg(folder))
        .until_it_listens("nginx", address)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// Alertmanager that knows no other and tells nobody but its receivers.
pub fn alertmanager(folder: &Path, address: SocketAddr, config: &str) -> Running {
    let path = folder.join("alertmanager.yml");
    fs::write(&path, config).unwrap();
    let storage = folder.join("alertmanager");
    let running = Running::start(
        Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.path={}", storage.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address="),
    );
    running.until_it_listens("Alertmanager", address)
}
