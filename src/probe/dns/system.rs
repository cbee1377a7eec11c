//! What the system says about looking names up: resolv.conf(5) and hosts(5).

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::thread;
use std::time::Duration;

use hickory_resolver::proto::rr::Name;
use hickory_resolver::system_conf::parse_resolv_conf;

use crate::probe::dns::hosts::Hosts;
use crate::probe::stop::own_fault;
use crate::target::stamp::Stamp;

/// The time between two looks at the files.
const EVERY: Duration = Duration::from_secs(1);

/// How to ask name servers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name servers, in the order in which they are asked.
    pub servers: Vec<SocketAddr>,
    /// The domains to append to a name that is not fully qualified.
    pub search: Vec<Name>,
    /// From how many dots on a name is tried as it is before the search list.
    pub ndots: usize,
    /// How often all servers are asked while they do not answer.
    pub attempts: usize,
    /// How long one server has to answer.
    pub timeout: Duration,
    /// Whether questions carry EDNS (RFC 6891).
    pub edns0: bool,
}

impl Default for Settings {
    /// What resolv.conf(5) says of a file that is not there.
    fn default() -> Self {
        Self {
            servers: vec![(Ipv4Addr::LOCALHOST, 53).into()],
            search: Vec::new(),
            ndots: 1,
            attempts: 2,
            timeout: Duration::from_secs(5),
            edns0: false,
        }
    }
}

impl Settings {
    /// The same patience with another server, and without the search list, which belongs to the
    /// servers that it stands with.
    pub fn asking_only(&self, server: SocketAddr) -> Self {
        Self {
            servers: vec![server],
            search: Vec::new(),
            ..self.clone()
        }
    }

    /// The fully qualified names to try for `name`, in order.
    pub fn candidates(&self, name: &Name) -> Vec<Name> {
        let mut absolute = name.clone();
        absolute.set_fqdn(true);
        if name.is_fqdn() {
            return vec![absolute];
        }
        let dots = usize::from(name.num_labels()).saturating_sub(1);
        let searched = self
            .search
            .iter()
            .filter_map(|domain| name.clone().append_domain(domain).ok());
        if dots >= self.ndots {
            [absolute].into_iter().chain(searched).collect()
        } else {
            searched.chain([absolute]).collect()
        }
    }
}

/// Both files as they were read together.
#[derive(Debug)]
pub struct Snapshot {
    /// From resolv.conf.
    pub settings: Settings,
    /// From the hosts file.
    pub hosts: Arc<Hosts>,
    /// What the files that there were looked like, if they had settled and another reading would say
    /// the same.
    seen: Option<[Option<Stamp>; 2]>,
    /// Whether a file that is there could not be read, which is logged once.
    is_stale: bool,
}

/// The two files, as they were read last.
pub struct SystemFiles {
    resolv_conf: PathBuf,
    hosts: PathBuf,
    state: RwLock<Arc<Snapshot>>,
}

impl fmt::Debug for SystemFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemFiles")
            .field("resolv_conf", &self.resolv_conf)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

impl SystemFiles {
    /// The files of this system.
    pub fn of_this_system() -> Self {
        Self::new("/etc/resolv.conf".into(), "/etc/hosts".into())
    }

    /// Files at other places.
    pub fn new(resolv_conf: PathBuf, hosts: PathBuf) -> Self {
        let snapshot = Arc::new(read(&resolv_conf, &hosts, None));
        Self {
            resolv_conf,
            hosts,
            state: RwLock::new(snapshot),
        }
    }

    /// The same files, read again once they have changed, by a thread that ends when nobody else has
    /// them any more: where a worker reads a long file, or one of a file system that hangs, the
    /// probes wait.
    pub fn watched(self) -> io::Result<Arc<Self>> {
        let files = Arc::new(self);
        let watched = Arc::downgrade(&files);
        let watch = move || {
            loop {
                thread::sleep(EVERY);
                match watched.upgrade() {
                    Some(files) => {
                        if catch_unwind(AssertUnwindSafe(|| files.look())).is_err() {
                            tracing::error!(
                                "reading resolv.conf and hosts panicked, please report it"
                            );
                        }
                    }
                    None => return,
                }
            }
        };
        thread::Builder::new()
            .name("system-files".to_owned())
            .spawn(watch)?;
        Ok(files)
    }

    /// What the files said when they were looked at last.
    pub fn current(&self) -> Arc<Snapshot> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.clone()
    }

    /// Reads the files if they may have changed.
    fn look(&self) {
        let before = self.current();
        if before.seen == Some(stamps(&self.resolv_conf, &self.hosts)) {
            return;
        }
        let fresh = Arc::new(read(&self.resolv_conf, &self.hosts, Some(&before)));
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}

fn stamps(resolv_conf: &Path, hosts: &Path) -> [Option<Stamp>; 2] {
    [resolv_conf, hosts].map(|path| Stamp::of(path).ok())
}

/// Reads both files. One that is there and cannot be read says what it said `before`: that the exporter
/// has no descriptor left is no reason to ask other servers.
fn read(resolv_conf: &Path, hosts: &Path, before: Option<&Snapshot>) -> Snapshot {
    // The stamps come first: a change during the reading is then seen at the next check.
    let stamps = stamps(resolv_conf, hosts);
    let has_settled = stamps.iter().flatten().all(Stamp::has_settled);
    let mut seen = has_settled.then_some(stamps);
    let mut is_stale = false;
    let mut complain = |path: &Path, error: &io::Error| {
        if !before.is_some_and(|before| before.is_stale) {
            tracing::warn!(path = %path.display(), %error, "cannot read the file");
        }
        is_stale |= error.kind() != io::ErrorKind::NotFound;
    };
    let settings = fs::read(resolv_conf).map(|bytes| parse(&bytes));
    let settings = settings.unwrap_or_else(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            return Settings::default();
        }
        complain(resolv_conf, &error);
        if own_fault(&error).is_some() {
            seen = None;
        }
        before.map_or_else(Settings::default, |before| before.settings.clone())
    });
    let table = fs::read(hosts).map(|bytes| Arc::new(Hosts::parse(&bytes)));
    let hosts = table.unwrap_or_else(|error| {
        complain(hosts, &error);
        if error.kind() == io::ErrorKind::NotFound {
            return Arc::default();
        }
        if own_fault(&error).is_some() {
            seen = None;
        }
        before.map_or_else(Arc::default, |before| before.hosts.clone())
    });
    Snapshot {
        settings,
        hosts,
        seen,
        is_stale,
    }
}

fn parse(resolv_conf: &[u8]) -> Settings {
    // A file without a name server is an error to hickory and means localhost to resolv.conf(5).
    let Ok((config, options)) = parse_resolv_conf(resolv_conf) else {
        return Settings::default();
    };
    let servers = config.name_servers().iter();
    Settings {
        servers: servers.map(|server| with_dns_port(server.ip)).collect(),
        search: config.search().to_vec(),
        ndots: options.ndots,
        attempts: options.attempts,
        timeout: options.timeout,
        edns0: options.edns0,
    }
}

fn with_dns_port(ip: IpAddr) -> SocketAddr {
    (ip, 53).into()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn resolv_conf_is_followed() {
        let settings = parse(
            b"nameserver 127.0.0.2\nnameserver ::1\nsearch a.test b.test\n\
              options ndots:2 timeout:3 attempts:4 edns0\n",
        );
        assert_eq!(settings.servers[0], ([127, 0, 0, 2], 53).into());
        assert_eq!(settings.servers.len(), 2);
        assert_eq!((settings.ndots, settings.attempts), (2, 4));
        assert_eq!(settings.timeout, Duration::from_secs(3));
        assert!(settings.edns0);
        for (name, candidates) in [
            ("x", &["x.a.test.", "x.b.test.", "x."][..]),
            ("x.y", &["x.y.a.test.", "x.y.b.test.", "x.y."]),
            ("x.y.z", &["x.y.z.", "x.y.z.a.test.", "x.y.z.b.test."]),
            ("x.", &["x."]),
        ] {
            let name = Name::from_ascii(name).expect("valid");
            let found: Vec<String> = settings
                .candidates(&name)
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(found, candidates);
        }
    }

    #[test]
    fn no_file_or_no_server_means_localhost() {
        for text in [&b""[..], b"search a.test\n"] {
            assert_eq!(parse(text).servers, [([127, 0, 0, 1], 53).into()]);
        }
    }

    /// A folder with both files, and the files.
    fn written() -> (TempDir, SystemFiles) {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("resolv.conf"), "nameserver 127.0.0.3\n").expect("written");
        fs::write(at("hosts"), "127.0.0.4 a.test\n").expect("written");
        let files = SystemFiles::new(at("resolv.conf"), at("hosts"));
        (folder, files)
    }

    /// The first name server, and the address of `a.test` or nothing.
    fn says(files: &SystemFiles) -> [String; 2] {
        let current = files.current();
        let name = Name::from_ascii("a.test").expect("valid");
        let known = current.hosts.addresses(&name).map(|known| known[0]);
        let known = known.map(|ip| ip.to_string());
        let server = current.settings.servers[0].ip();
        [server.to_string(), known.unwrap_or_default()]
    }

    /// A look-up takes what was read last, and reads nothing.
    #[test]
    fn changed_files_are_read_again_by_who_looks() {
        let (folder, files) = written();
        let resolv_conf = folder.path().join("resolv.conf");
        fs::write(&resolv_conf, "nameserver 127.0.0.5\n").expect("written");
        fs::remove_file(folder.path().join("hosts")).expect("removed");
        assert_eq!(says(&files), ["127.0.0.3", "127.0.0.4"]);
        files.look();
        assert_eq!(says(&files), ["127.0.0.5", ""]);
        fs::remove_file(&resolv_conf).expect("removed");
        files.look();
        assert_eq!(says(&files), ["127.0.0.1", ""]);
    }

    /// Has the files seem to be older than they are.
    fn settle(files: &SystemFiles) {
        let now = files.current();
        let settled = Snapshot {
            settings: now.settings.clone(),
            hosts: now.hosts.clone(),
            seen: Some(stamps(&files.resolv_conf, &files.hosts)),
            is_stale: false,
        };
        *files.state.write().expect("nobody panicked") = Arc::new(settled);
    }

    #[test]
    fn a_thread_looks() {
        let (folder, files) = written();
        let files = files.watched().expect("a thread");
        fs::write(folder.path().join("hosts"), "127.0.0.5 a.test\n").expect("written");
        let looked = (0..60 * 50).any(|_| {
            thread::sleep(EVERY / 50);
            says(&files)[1] == "127.0.0.5"
        });
        assert!(looked);
    }

    /// Images and stores of packages give all their files one time.
    #[test]
    fn a_file_of_the_same_time_and_length_is_another_one() {
        let (folder, files) = written();
        let at = |name: &str| folder.path().join(name);
        let modified = |name: &str| {
            let metadata = fs::metadata(at(name)).expect("a file");
            metadata.modified().expect("a time")
        };
        for (name, text, now_says) in [
            ("hosts", "127.0.0.5 a.test\n", ["127.0.0.3", "127.0.0.5"]),
            (
                "resolv.conf",
                "nameserver 127.0.0.6\n",
                ["127.0.0.6", "127.0.0.5"],
            ),
        ] {
            let time = modified(name);
            settle(&files);
            let before = files.current();
            files.look();
            assert!(Arc::ptr_eq(&before, &files.current()), "{name}");
            fs::write(at("other"), text).expect("written");
            let other = File::options().append(true).open(at("other"));
            let set = other.and_then(|other| other.set_modified(time));
            set.expect("the same time");
            fs::rename(at("other"), at(name)).expect("replaced");
            assert_eq!(modified(name), time);
            files.look();
            assert_eq!(says(&files), now_says, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_what_it_said() {
        let (folder, files) = written();
        let at = |name: &str| folder.path().join(name);
        // Folders cannot be read even by root.
        for name in ["resolv.conf", "hosts"] {
            fs::rename(at(name), at("kept")).expect("moved");
            fs::create_dir(at(name)).expect("made");
            files.look();
            assert_eq!(says(&files), ["127.0.0.3", "127.0.0.4"], "{name}");
            fs::remove_dir(at(name)).expect("removed");
            fs::rename(at("kept"), at(name)).expect("moved back");
        }
    }
}
