//! What the system says about looking names up: resolv.conf(5) and hosts(5).

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;
use std::time::SystemTime;

use hickory_resolver::proto::rr::Name;
use hickory_resolver::system_conf::parse_resolv_conf;
use tokio::time::Instant;

use crate::probe::dns::hosts::Hosts;
use crate::probe::stop::own_fault;

/// How long the files are taken to be unchanged; Go's resolver looks as often.
const RECHECK: Duration = Duration::from_secs(5);

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
    stamps: [Option<SystemTime>; 2],
}

/// The two files, read again once they have changed.
pub struct SystemFiles {
    resolv_conf: PathBuf,
    hosts: PathBuf,
    state: RwLock<(Instant, Arc<Snapshot>)>,
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
            state: RwLock::new((Instant::now(), snapshot)),
        }
    }

    /// What the files say now, or said at most five seconds ago.
    pub fn current(&self) -> Arc<Snapshot> {
        let (checked, snapshot) = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            (state.0, state.1.clone())
        };
        if checked.elapsed() < RECHECK {
            return snapshot;
        }
        let fresh = if snapshot.stamps == [modified(&self.resolv_conf), modified(&self.hosts)] {
            snapshot
        } else {
            Arc::new(read(&self.resolv_conf, &self.hosts, Some(&snapshot)))
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = (Instant::now(), fresh.clone());
        fresh
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}

/// Reads both files. One that is there and cannot be read says what it said `before`: that the exporter
/// has no descriptor left is no reason to ask other servers.
fn read(resolv_conf: &Path, hosts: &Path, before: Option<&Snapshot>) -> Snapshot {
    // The stamps come first: a change during the reading is then seen at the next check.
    let mut stamps = [modified(resolv_conf), modified(hosts)];
    let settings = fs::read(resolv_conf).map(|bytes| parse(&bytes));
    let settings = settings.unwrap_or_else(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            return Settings::default();
        }
        tracing::warn!(path = %resolv_conf.display(), %error, "cannot read the file");
        if own_fault(&error).is_some() {
            stamps[0] = None;
        }
        before.map_or_else(Settings::default, |before| before.settings.clone())
    });
    let table = fs::read(hosts).map(|bytes| Arc::new(Hosts::parse(&bytes)));
    let hosts = table.unwrap_or_else(|error| {
        tracing::warn!(path = %hosts.display(), %error, "cannot read the file");
        if error.kind() == io::ErrorKind::NotFound {
            return Arc::default();
        }
        if own_fault(&error).is_some() {
            stamps[1] = None;
        }
        before.map_or_else(Arc::default, |before| before.hosts.clone())
    });
    Snapshot {
        settings,
        hosts,
        stamps,
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

    #[tokio::test(start_paused = true)]
    async fn changed_files_are_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts = folder.path().join("hosts");
        let files = SystemFiles::new(folder.path().join("resolv.conf"), hosts.clone());
        assert_eq!(files.current().settings.servers.len(), 1);
        fs::write(
            folder.path().join("resolv.conf"),
            "nameserver 127.0.0.3\nnameserver 127.0.0.4\n",
        )
        .expect("written");
        assert_eq!(files.current().settings.servers.len(), 1, "not looked yet");
        tokio::time::advance(RECHECK).await;
        assert_eq!(files.current().settings.servers.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_says_what_it_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("resolv.conf"), "nameserver 127.0.0.3\n").expect("written");
        fs::write(at("hosts"), "127.0.0.4 a.test\n").expect("written");
        let files = SystemFiles::new(at("resolv.conf"), at("hosts"));
        let says = |servers: &str, n_known: usize| {
            let current = files.current();
            let name = Name::from_ascii("a.test").expect("valid");
            let known = current.hosts.addresses(&name);
            assert_eq!(current.settings.servers[0].ip().to_string(), servers);
            assert_eq!(known.is_some(), n_known == 1);
        };
        says("127.0.0.3", 1);
        // Folders cannot be read even by root.
        for name in ["resolv.conf", "hosts"] {
            fs::rename(at(name), at("kept")).expect("moved");
            fs::create_dir(at(name)).expect("made");
            tokio::time::advance(RECHECK).await;
            says("127.0.0.3", 1);
            fs::remove_dir(at(name)).expect("removed");
            fs::rename(at("kept"), at(name)).expect("moved back");
        }
        fs::write(at("resolv.conf"), "nameserver 127.0.0.5\n").expect("written");
        fs::remove_file(at("hosts")).expect("removed");
        tokio::time::advance(RECHECK).await;
        says("127.0.0.5", 0);
    }
}
