//! The web configuration while the exporter runs: a thread looks whether it or a file that it names
//! has changed, and makes the door of what they hold then.

use std::cell::RefCell;
use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::StartError;
use crate::config::LoadError;
use crate::config::file;
use crate::config::web;
use crate::config::web::WebConfig;
use crate::server::door::Door;
use crate::server::door::tls;

/// The time between two looks. A change counts when the second of them finds what the first one
/// found, so that no file is taken that is half written.
const EVERY: Duration = Duration::from_millis(500);

/// The files of a web configuration, the file itself first, and what stands for what each held; none
/// where it could not be read.
type Seen = Vec<(PathBuf, Option<u64>)>;

/// Reads and checks a web configuration; opens no socket.
pub fn check(path: &Path) -> Result<(), StartError> {
    Reader::default().load(path).0.map(|_| ())?;
    Ok(())
}

/// Makes the door, and keeps it as its files say from then on.
pub fn keep(path: &Path) -> Result<watch::Receiver<Arc<Door>>, StartError> {
    let reader = Reader::default();
    let (config, seen) = reader.load(path);
    let config = config?;
    let door = Door::new(&config, None).map_err(|what| {
        let what = format!("{}: {what}", path.display());
        StartError::Unbuildable(what)
    })?;
    let (send, doors) = watch::channel(Arc::new(door));
    let keeper = Keeper {
        path: path.to_owned(),
        reader,
        config,
        judged: seen,
        changed: None,
        send,
    };
    // One of its own, as a file system that hangs would hold up whoever reads from it, and the end
    // of the process if that were a thread of a runtime.
    thread::Builder::new()
        .name("door".to_owned())
        .spawn(move || keeper.look_again_and_again())
        .map_err(StartError::Runtime)?;
    Ok(doors)
}

/// The door of an exporter without a web configuration.
pub fn open() -> watch::Receiver<Arc<Door>> {
    watch::channel(Arc::new(Door::open())).1
}

/// Reads files and notes what they held.
#[derive(Debug, Default)]
struct Reader(RandomState);

impl Reader {
    fn load(&self, path: &Path) -> (Result<WebConfig, LoadError>, Seen) {
        let seen = RefCell::new(Seen::new());
        let read = |path: &Path| {
            let bytes = file::read(path, file::MAX_BYTES);
            let print = self.print(&bytes);
            seen.borrow_mut().push((path.to_owned(), print));
            bytes
        };
        let check = |settings: &web::TlsServer| tls::server_config(settings, true).map(|_| ());
        let config = web::load(path, &read, &check);
        (config, seen.into_inner())
    }

    fn print(&self, bytes: &io::Result<Vec<u8>>) -> Option<u64> {
        let bytes = bytes.as_ref().ok()?;
        Some(self.0.hash_one(bytes))
    }
}

/// What the thread knows.
#[derive(Debug)]
struct Keeper {
    path: PathBuf,
    reader: Reader,
    /// What the door is made of.
    config: WebConfig,
    /// What was loaded last, whether it is in use or could not be.
    judged: Seen,
    /// What the last look found, if it was something else.
    changed: Option<Seen>,
    send: watch::Sender<Arc<Door>>,
}

impl Keeper {
    fn look_again_and_again(mut self) {
        while !self.send.is_closed() {
            thread::sleep(EVERY);
            self.look();
        }
    }

    fn look(&mut self) {
        let paths = self.judged.iter().map(|(path, _)| path);
        let found: Seen = paths
            .map(|path| {
                (
                    path.clone(),
                    self.reader.print(&file::read(path, file::MAX_BYTES)),
                )
            })
            .collect();
        if found == self.judged {
            self.changed = None;
            return;
        }
        if self.changed.as_ref() != Some(&found) {
            self.changed = Some(found);
            return;
        }
        self.changed = None;
        let (config, seen) = self.reader.load(&self.path);
        self.judged = seen;
        let adopted = config
            .map_err(|error| error.to_string())
            .and_then(|config| self.adopt(config));
        match adopted {
            Ok(()) => tracing::info!("the web configuration is read again"),
            // Once for each state of the files.
            Err(error) => {
                tracing::error!(error, "web configuration not reloaded, the old one stays");
            }
        }
    }

    /// Makes a new door, unless it would stand open where the old one did not.
    fn adopt(&mut self, config: WebConfig) -> Result<(), String> {
        if config.tls.is_some() != self.config.tls.is_some() {
            return Err("TLS is switched on or off by a restart only".to_owned());
        }
        if config.users.is_empty() && !self.config.users.is_empty() {
            return Err("basic authentication is switched off by a restart only".to_owned());
        }
        let before = self.send.borrow().clone();
        let door = Door::new(&config, Some((&self.config, &before)))?;
        self.config = config;
        self.send.send_replace(Arc::new(door));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_change_counts_once_it_has_settled() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("web.yml");
        let write = |text: &str| fs::write(&path, text).expect("written");
        write("rate_limit: {interval: 1s, burst: 1}");
        let reader = Reader::default();
        let (config, judged) = reader.load(&path);
        let config = config.expect("a web configuration");
        let door = Door::new(&config, None).expect("a door");
        let (send, mut doors) = watch::channel(Arc::new(door));
        let mut keeper = Keeper {
            path: path.clone(),
            reader,
            config,
            judged,
            changed: None,
            send,
        };
        let mut looks = |text: &str| {
            write(text);
            keeper.look();
            let has_changed = doors.has_changed().expect("a sender");
            doors.mark_unchanged();
            has_changed
        };
        assert!(!looks("rate_limit: {interval: 1s, burst: 1}"));
        // Half of it is valid as well.
        assert!(!looks("http_server_config: {}"));
        let whole = "http_server_config: {http2: false}";
        assert!(!looks(whole));
        assert!(looks(whole));
        assert!(!looks(whole));
        // What is broken is judged once, and what was there before counts again.
        assert!(!looks("a: b"));
        assert!(!looks("a: b"));
        assert!(!looks("a: b"));
        assert!(!looks(whole));
        assert!(looks(whole));
    }
}
