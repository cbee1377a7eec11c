//! The web configuration while the exporter runs: a thread looks whether it or a file that it names
//! has changed, and makes the door of what they hold then.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
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

/// The time between two looks. A change counts when the second of them loads what the first one
/// loaded, so that no file is taken that is half written.
const EVERY: Duration = Duration::from_millis(500);

/// The files of a web configuration, the file itself first, and what stands for what each held; none
/// where it could not be read.
type Seen = Vec<(PathBuf, Option<u64>)>;

/// Reads and checks a web configuration; opens no socket.
pub fn check(path: &Path) -> Result<(), StartError> {
    Reader::default().load(path, file::read).0.map(|_| ())?;
    Ok(())
}

/// Makes the door, and keeps it as its files say from then on.
pub fn keep(path: &Path) -> Result<watch::Receiver<Arc<Door>>, StartError> {
    let reader = Reader::default();
    let (config, seen) = reader.load(path, file::read);
    let config = config?;
    let door = Door::new(&config, None).map_err(|what| {
        let what = format!("{}: {what}", path.display());
        StartError::Unbuildable(what)
    })?;
    let (send, doors) = watch::channel(Arc::new(door));
    let keeper = Keeper {
        path: path.to_owned(),
        reader,
        make: Door::new,
        config,
        judged: seen,
        changed: None,
        trouble: None,
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

/// What reads a file of at most so many bytes.
type Read = fn(&Path, u64) -> io::Result<Vec<u8>>;

/// Reads files and notes what they held.
#[derive(Debug, Default)]
struct Reader(RandomState);

impl Reader {
    fn load(&self, path: &Path, read: Read) -> (Result<WebConfig, LoadError>, Seen) {
        let seen = RefCell::new(Seen::new());
        let read = |path: &Path| {
            let bytes = read(path, file::MAX_BYTES);
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

/// What makes doors.
type Make = fn(&WebConfig, Option<(&WebConfig, &Door)>) -> Result<Door, String>;

/// What the thread knows.
#[derive(Debug)]
struct Keeper {
    path: PathBuf,
    reader: Reader,
    make: Make,
    /// What the door is made of.
    config: WebConfig,
    /// What was loaded last, whether it is in use or could not be.
    judged: Seen,
    /// What the last look loaded, if it was something else.
    changed: Option<Seen>,
    /// Why there is no new door, for a reason that may pass.
    trouble: Option<String>,
    send: watch::Sender<Arc<Door>>,
}

/// Why the old door stays.
#[derive(Debug)]
enum Trouble {
    /// It does so until the files change.
    OfFiles(String),
    /// This system lacks something now.
    Passing(String),
}

impl Keeper {
    fn look_again_and_again(mut self) {
        while !self.send.is_closed() {
            thread::sleep(EVERY);
            self.look();
        }
    }

    /// Looks at the files, and makes a new door if they have changed. Errors are told once for each
    /// state of the files.
    fn look(&mut self) {
        // A mistake that one state of the files leads to is no reason to look no more.
        let renewed = catch_unwind(AssertUnwindSafe(|| self.renewed()));
        let bug = || Trouble::OfFiles("reading it panicked, which is a bug".to_owned());
        let error = match renewed.unwrap_or_else(|_| {
            // The same would come of it again.
            self.judged = self.found();
            self.changed = None;
            Err(bug())
        }) {
            Ok(false) => return,
            Ok(true) => {
                self.trouble = None;
                return tracing::info!("the web configuration is read again");
            }
            Err(Trouble::OfFiles(error)) => error,
            Err(Trouble::Passing(error)) => {
                if self.trouble.as_ref() == Some(&error) {
                    return;
                }
                self.trouble = Some(error.clone());
                error
            }
        };
        tracing::error!(error, "web configuration not reloaded, the old one stays");
    }

    /// Whether there is a new door. What makes it is what was loaded by two looks in a row.
    fn renewed(&mut self) -> Result<bool, Trouble> {
        if self.found() == self.judged {
            self.changed = None;
            return Ok(false);
        }
        let (config, seen) = self.reader.load(&self.path, file::read_again);
        if self.changed.as_ref() != Some(&seen) {
            self.changed = Some(seen);
            return Ok(false);
        }
        let adopted = config
            .map_err(|error| Trouble::OfFiles(error.to_string()))
            .and_then(|config| self.adopt(config));
        // What may pass is tried again by the next look.
        if !matches!(adopted, Err(Trouble::Passing(_))) {
            self.judged = seen;
            self.changed = None;
        }
        adopted.map(|()| true)
    }

    /// What the files hold now that were judged last.
    fn found(&self) -> Seen {
        let paths = self.judged.iter().map(|(path, _)| path.clone());
        paths
            .map(|path| {
                let bytes = file::read_again(&path, file::MAX_BYTES);
                let print = self.reader.print(&bytes);
                (path, print)
            })
            .collect()
    }

    /// Makes a new door, unless it would stand open where the old one did not.
    fn adopt(&mut self, config: WebConfig) -> Result<(), Trouble> {
        if let Some(what) = opened(&self.config, &config) {
            let message = format!("{what} by a restart only");
            return Err(Trouble::OfFiles(message));
        }
        let before = self.send.borrow().clone();
        let door = (self.make)(&config, Some((&self.config, &before)));
        let door = door.map_err(Trouble::Passing)?;
        self.config = config;
        self.send.send_replace(Arc::new(door));
        Ok(())
    }
}

/// What keeps somebody out `before` and nobody any more then, which half a file may look like.
fn opened(before: &WebConfig, then: &WebConfig) -> Option<&'static str> {
    if then.tls.is_some() != before.tls.is_some() {
        return Some("TLS is switched on or off");
    }
    if then.users.is_empty() && !before.users.is_empty() {
        return Some("basic authentication is switched off");
    }
    let keeps_out = |config: &WebConfig| config.tls.as_ref().map(|tls| tls.clients.keep_out());
    let (before, then) = (keeps_out(before)?, keeps_out(then)?);
    if before.without_certificate && !then.without_certificate {
        return Some("clients without a certificate are let in");
    }
    if before.unverified && !then.unverified {
        return Some("certificates of clients are no longer verified");
    }
    if before.other_names && !then.other_names {
        return Some("client_allowed_sans is switched off");
    }
    None
}
