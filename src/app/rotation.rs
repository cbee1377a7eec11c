//! Files of modules that change while the exporter runs: a thread looks at them, and the probes that
//! begin after it are made of what they hold then.

use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::current::Current;
use crate::app::current::Joining;
use crate::app::current::Latest;
use crate::auth::Tokens;
use crate::auth::source::Source;
use crate::config::file;
use crate::probe::Prober;
use crate::probe::tls::TlsClient;
use crate::target::files::FileError;
use crate::target::files::PartFile;
use crate::target::module::Module;
use crate::target::stamp::Stamp;

/// The time between two looks. A change counts within a second.
const EVERY: Duration = Duration::from_millis(500);

/// A file that is being written holds nothing of use, as does a certificate whose key is about to
/// follow. What was there before stands in for so long.
const WRITING: Duration = Duration::from_secs(10);

/// What cannot be used stays so until a file changes, but for what else there may be to it, such as
/// authorities of the system that were being replaced: it is tried again so seldom.
const AGAIN: Duration = Duration::from_secs(60);

/// Reads a file.
type Read<'r> = dyn Fn(&PartFile) -> io::Result<Vec<u8>> + 'r;

/// The thread that looks at files. It ends when this is dropped.
#[derive(Debug)]
pub struct Watcher(mpsc::Sender<Change>);

/// What to look at from now on.
#[derive(Debug)]
enum Change {
    /// These and no others.
    All(Vec<Watched>),
    /// These besides.
    More(Vec<Joining>),
}

impl Watcher {
    /// Starts the thread, which sleeps as long as there are no files. It is one of its own, as a file
    /// system that hangs would hold up whoever reads from it, and the end of the process if that
    /// were a thread of the runtime.
    pub fn start() -> io::Result<Self> {
        let (send, inbox) = mpsc::channel();
        thread::Builder::new()
            .name("watching".to_owned())
            .spawn(move || watch(&inbox))?;
        Ok(Self(send))
    }

    /// Looks from now on at the files of these probers' modules and no others.
    pub fn watch(&self, probers: Vec<Prober>, tokens: &Tokens) -> Vec<Current> {
        let mut watched: Vec<Watched> = Vec::new();
        let mut current = Vec::with_capacity(probers.len());
        for prober in probers {
            let prober = Arc::new(prober);
            let module = &prober.target().module;
            let source = tokens.of(module);
            if module.files.is_empty() {
                current.push(Current::fixed(prober, source));
                continue;
            }
            let known = watched
                .iter()
                .position(|one| Arc::ptr_eq(&one.module, module));
            let place = known.unwrap_or_else(|| {
                watched.push(Watched::new(module.clone(), source.clone()));
                watched.len() - 1
            });
            let (send, receive) = watch::channel(Some(prober.clone()));
            if let Some(one) = watched.get_mut(place) {
                one.probers.push((prober.clone(), send));
            }
            current.push(Current::changing(receive, prober, source));
        }
        self.send(Change::All(watched));
        current
    }

    /// Has these probers follow the files of their modules, which are looked at already.
    pub fn join(&self, joining: Vec<Joining>) {
        if !joining.is_empty() {
            self.send(Change::More(joining));
        }
    }

    fn send(&self, change: Change) {
        if self.0.send(change).is_err() {
            tracing::error!("files of modules are not looked at: their thread has ended");
        }
    }
}

fn watch(inbox: &mpsc::Receiver<Change>) {
    let mut watched: Vec<Watched> = Vec::new();
    // Those who join put no look off, however many come.
    let mut due = Instant::now();
    loop {
        let next = if watched.is_empty() {
            inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            inbox.recv_timeout(due.saturating_duration_since(Instant::now()))
        };
        match next {
            Ok(Change::All(others)) => watched = others,
            Ok(Change::More(joining)) => {
                take_in(&mut watched, joining);
                if Instant::now() < due {
                    continue;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        for one in &mut watched {
            one.look(&|file| file::read_again(&file.path, file.part.max_bytes()));
        }
        due = Instant::now() + EVERY;
    }
}

/// Adds probers to their modules, which have a name once, and forgets those that nobody has any more.
fn take_in(watched: &mut [Watched], joining: Vec<Joining>) {
    for one in &mut *watched {
        one.probers.retain(|(_, send)| !send.is_closed());
    }
    for one in joining {
        let target = one.prober.target().clone();
        let module = &target.module.name;
        let mut known = watched.iter_mut();
        match known.find(|known| known.first.name == *module) {
            Some(known) => known.take_in(one.prober, one.send),
            None => {
                let target = &target.name;
                tracing::error!(target, module, "nobody looks at the files of the module");
            }
        }
    }
}

/// A module with files and the probers that are made of it.
#[derive(Debug)]
struct Watched {
    /// As the configuration was read.
    first: Arc<Module>,
    /// What its files hold for TLS, once they have changed.
    tls: Option<Arc<TlsClient>>,
    /// As it was read last.
    module: Arc<Module>,
    /// Whether it is what the probers are made of.
    in_use: bool,
    /// What the files looked like when they were read, if they could be and had settled.
    seen: Option<Vec<Stamp>>,
    /// When they were read.
    read_at: Instant,
    /// Since when they hold nothing of use, though it is not held against them yet.
    useless_since: Option<Instant>,
    probers: Vec<(Arc<Prober>, watch::Sender<Latest>)>,
    tokens: Option<Arc<Source>>,
}

/// Why there are no new probers.
#[derive(Debug)]
enum Trouble {
    /// A file cannot be read.
    Unreadable(String),
    /// The files hold nothing of use.
    Useless(String),
}

impl Watched {
    fn new(module: Arc<Module>, tokens: Option<Arc<Source>>) -> Self {
        Self {
            first: module.clone(),
            tls: None,
            module,
            in_use: true,
            seen: None,
            read_at: Instant::now(),
            useless_since: None,
            probers: Vec::new(),
            tokens,
        }
    }

    /// Looks at the files, reads them if they may have changed, and makes new probers if they have.
    fn look(&mut self, read: &Read<'_>) {
        // A mistake that one module's files lead to is no reason to look at no others.
        let renewed = catch_unwind(AssertUnwindSafe(|| self.renewed(read)));
        let bug = || Trouble::Useless("reading it panicked, which is a bug".to_owned());
        match renewed.unwrap_or_else(|_| Err(bug())) {
            Ok(None) => self.useless_since = None,
            Ok(Some(renewed)) => {
                for ((_, send), prober) in self.probers.iter().zip(renewed) {
                    send.send_replace(Some(Arc::new(prober)));
                }
                if let (Some(tokens), Some(settings)) = (&self.tokens, self.module.oauth2()) {
                    tokens.change(settings);
                }
                (self.in_use, self.useless_since) = (true, None);
                let module = &self.module.name;
                tracing::info!(module, "the files of the module are read again");
            }
            Err(Trouble::Useless(why)) if self.may_be_written() => {
                let module = &self.module.name;
                tracing::debug!(module, why, "a file of the module may be half written");
            }
            Err(Trouble::Unreadable(why) | Trouble::Useless(why)) => {
                for (_, send) in &self.probers {
                    send.send_replace(None);
                }
                if std::mem::replace(&mut self.in_use, false) {
                    let module = &self.module.name;
                    tracing::warn!(module, why, "a file of the module cannot be used");
                }
            }
        }
    }

    /// Adds a prober and makes it what the others are.
    fn take_in(&mut self, prober: Arc<Prober>, send: watch::Sender<Latest>) {
        let latest =
            self.in_use.then(
                || match Arc::ptr_eq(&self.module, &prober.target().module) {
                    true => prober.clone(),
                    false => Arc::new(prober.renewed(self.module.clone(), self.tls.clone())),
                },
            );
        send.send_replace(latest);
        self.probers.push((prober, send));
    }

    /// Whether what is in the files may become of use within a moment. They are read until then.
    fn may_be_written(&mut self) -> bool {
        let since = *self.useless_since.get_or_insert_with(Instant::now);
        let may_be = self.in_use && since.elapsed() < WRITING;
        if may_be {
            self.seen = None;
        }
        may_be
    }

    /// New probers if the files may have changed and have.
    fn renewed(&mut self, read: &Read<'_>) -> Result<Option<Vec<Prober>>, Trouble> {
        let paths = self.module.files.iter().map(|file| file.path.as_path());
        let stamps: Option<Vec<Stamp>> = paths.map(|path| Stamp::of(path).ok()).collect();
        let is_due = !self.in_use && self.read_at.elapsed() > AGAIN;
        if stamps.is_some() && stamps == self.seen && !is_due {
            return Ok(None);
        }
        self.seen = stamps.filter(|stamps| stamps.iter().all(Stamp::has_settled));
        self.read_at = Instant::now();
        // Half of the files may have been those of before a link was moved, and half those of after it.
        self.reread(read).or_else(|_| self.reread(read))
    }

    /// Reads the files, and makes a prober of what they hold for each that is there, unless that is
    /// what they are made of.
    fn reread(&mut self, read: &Read<'_>) -> Result<Option<Vec<Prober>>, Trouble> {
        let module = self.module.reread(read).map_err(|error| match error {
            FileError::Unreadable(..) => {
                // That a file can be read again need not show on it.
                self.seen = None;
                Trouble::Unreadable(error.to_string())
            }
            FileError::Useless(..) => Trouble::Useless(error.to_string()),
        })?;
        if self.in_use && module == *self.module {
            return Ok(None);
        }
        let tls = match module.has_tls_files() {
            true => {
                let client = TlsClient::new(&module.tls).map_err(Trouble::Useless)?;
                Some(Arc::new(client))
            }
            false => None,
        };
        (self.module, self.tls) = (Arc::new(module), tls.clone());
        let renewed = self.probers.iter().map(|(prober, _)| {
            let module = self.module.clone();
            prober.renewed(module, tls.clone())
        });
        Ok(Some(renewed.collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::Path;

    use super::*;
    use crate::target::files::Part;

    /// A module whose file has been as it is for long.
    fn watched() -> Watched {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let mut module = Module::http_2xx();
        let part = Part::Authorities;
        module.files.push(PartFile { part, path });
        Watched::new(Arc::new(module), None)
    }

    #[test]
    fn what_cannot_be_used_is_tried_again_when_there_is_a_reason() {
        let n_read = Cell::new(0);
        let useless = |_: &PartFile| {
            n_read.set(n_read.get() + 1);
            Ok(b"no certificate".to_vec())
        };
        let mut one = watched();
        for _ in 0..5 {
            one.look(&useless);
        }
        assert!(one.in_use, "the rest may follow");
        let since = one.useless_since.and_then(|at| at.checked_sub(WRITING));
        one.useless_since = Some(since.expect("a time"));
        n_read.take();
        for _ in 0..5 {
            one.look(&useless);
        }
        assert!(!one.in_use);
        assert_eq!(n_read.take(), 2, "twice, as a link may be moved meanwhile");
        one.read_at = one.read_at.checked_sub(2 * AGAIN).expect("a time");
        one.look(&useless);
        one.look(&useless);
        assert_eq!(n_read.take(), 2, "once more after a while");
        one.seen = None;
        one.look(&useless);
        assert_eq!(n_read.take(), 2, "it has changed");

        let mut one = watched();
        for n_looks in 1..5 {
            one.look(&|_| {
                n_read.set(n_read.get() + 1);
                Err(io::ErrorKind::PermissionDenied.into())
            });
            assert_eq!(
                n_read.get(),
                2 * n_looks,
                "nothing shows that it can be read"
            );
        }
    }

    #[test]
    fn a_panic_is_that_of_one_module() {
        let mut one = watched();
        one.look(&|_| panic!("a bug"));
        assert!(one.useless_since.is_some());
        one.look(&|_| Err(io::ErrorKind::NotFound.into()));
        assert!(!one.in_use, "what is not there is not being written");
    }
}
