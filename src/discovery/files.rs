//! The files of one pattern: looked at twice a second, read when they have changed and have been left
//! alone, and each kept as it was while it cannot be read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio::time::sleep;

use crate::config::discovery::FileSource;
use crate::config::file;
use crate::config::groups;
use crate::config::groups::Format;
use crate::config::stamp::Stamp;
use crate::discovery::Answer;
use crate::discovery::Failures;
use crate::discovery::Part;
use crate::discovery::Voice;
use crate::discovery::glob;

/// The time between two looks, and how long a file has to be left alone before it is read: who writes
/// into a file in use leaves half of it there for a moment, and half a list can be without mistakes.
const EVERY: Duration = Duration::from_millis(500);

/// How often a file that changes all the time is waited for.
const N_SETTLING: u32 = 10;

/// The files of a pattern, as they were seen last.
#[derive(Debug)]
pub struct LookOut {
    source: FileSource,
    files: BTreeMap<PathBuf, Known>,
    /// Why the folder could not be looked through, if it could not.
    trouble: Option<String>,
    /// When all files are to be read again.
    due: Instant,
    is_first: bool,
}

/// What is known of a file.
#[derive(Debug, Default)]
struct Known {
    /// What it looked like when it was read, if it had been left alone by then.
    seen: Option<Stamp>,
    /// What it looked like in the last look, and how many looks have waited for it.
    settling: Option<(Option<Stamp>, u32)>,
    /// What it held when it could be read.
    part: Option<Arc<Part>>,
    /// Why it cannot be read now.
    trouble: Option<String>,
}

/// What came of a look.
#[derive(Debug, Default)]
pub struct Seen {
    /// What the files list, if that has changed.
    pub answer: Option<Answer>,
    /// How many readings failed.
    pub n_failed: usize,
    /// What has gone wrong since the last look.
    pub wrong: Vec<String>,
    /// What else there is to know since the last look.
    pub notes: Vec<String>,
}

/// What the files of a source list now, and what is wrong with them.
pub fn read_once(source: &FileSource) -> (Answer, Vec<String>) {
    let seen = LookOut::new(source.clone(), None).look();
    let said = seen.wrong.into_iter().chain(seen.notes);
    let said = said.map(|what| format!("{}: {what}", source.pattern));
    (seen.answer.unwrap_or_default(), said.collect())
}

/// Looks at the files for as long as it is awaited.
pub async fn run(mut look_out: LookOut, voice: Voice, failures: Arc<dyn Failures>) {
    let source = look_out.source.pattern.clone();
    loop {
        let spare = LookOut::new(look_out.source.clone(), Some(look_out.answer()));
        let looked = spawn_blocking(move || {
            let seen = look_out.look();
            (look_out, seen)
        });
        let seen = match looked.await {
            Ok((same, seen)) => {
                look_out = same;
                seen
            }
            Err(error) => {
                tracing::error!(source, %error, "reading targets panicked, please report it");
                look_out = spare;
                Seen {
                    n_failed: 1,
                    ..Seen::default()
                }
            }
        };
        for what in &seen.wrong {
            tracing::warn!(source, "{what}; what was listed stays");
        }
        for what in &seen.notes {
            tracing::info!(source, "{what}");
        }
        for _ in 0..seen.n_failed {
            failures.failed(&source);
        }
        voice.tell(seen.answer);
        sleep(EVERY).await;
    }
}

impl LookOut {
    /// Begins with what the files listed `before`, if they were looked at.
    pub fn new(source: FileSource, before: Option<Answer>) -> Self {
        let parts = before.iter().flat_map(|answer| answer.iter());
        let files = parts.map(|part| {
            let known = Known {
                part: Some(part.clone()),
                ..Known::default()
            };
            (PathBuf::from(&part.name), known)
        });
        Self {
            files: files.collect(),
            trouble: None,
            due: Instant::now() + source.every,
            is_first: before.is_none(),
            source,
        }
    }

    /// What the files list.
    pub fn answer(&self) -> Answer {
        let known = self.files.values();
        known.filter_map(|known| known.part.clone()).collect()
    }

    /// Looks at the files, and reads those that have changed, or all if it is time.
    pub fn look(&mut self) -> Seen {
        let is_due = self.due <= Instant::now();
        if is_due {
            self.due = Instant::now() + self.source.every;
        }
        let mut seen = Seen::default();
        let found = match self.listed() {
            Ok(found) => found,
            Err(error) => {
                let why = format!("files of targets cannot be looked for: {error}");
                let is_new = self.trouble.as_ref() != Some(&why);
                seen.n_failed = usize::from(is_new || is_due);
                seen.wrong.extend(is_new.then(|| why.clone()));
                self.trouble = Some(why);
                self.is_first = false;
                return seen;
            }
        };
        if self.trouble.take().is_some() {
            seen.notes
                .push("files of targets can be looked for again".to_owned());
        }
        let n_before = self.files.len();
        self.files.retain(|path, _| {
            let is_there = found.binary_search(path).is_ok();
            if !is_there {
                let file = path.display();
                let what = format!("{file} is gone, and with it the targets that it listed");
                seen.notes.push(what);
            }
            is_there
        });
        let mut has_changed = self.files.len() < n_before;
        if found.is_empty() && (self.is_first || has_changed) {
            seen.notes.push("there is no file of that name".to_owned());
        }
        for path in found {
            let known = self.files.entry(path.clone()).or_default();
            let had_trouble = known.trouble.is_some();
            match known.look(&path, self.is_first, is_due) {
                Ok(is_new) => {
                    has_changed |= is_new;
                    if had_trouble && known.trouble.is_none() {
                        seen.notes
                            .push(format!("{} can be used again", path.display()));
                    }
                }
                Err(why) => {
                    let is_new = known.trouble.as_ref() != Some(&why);
                    seen.n_failed += usize::from(is_new || is_due);
                    seen.wrong.extend(is_new.then(|| why.clone()));
                    known.trouble = Some(why);
                }
            }
        }
        let is_first = std::mem::take(&mut self.is_first);
        seen.answer = (has_changed || is_first).then(|| self.answer());
        seen
    }

    /// The files that the pattern names now. Of a name without a pattern a link counts that leads
    /// nowhere, as its target may be about to come.
    fn listed(&self) -> io::Result<Vec<PathBuf>> {
        let FileSource { folder, names, .. } = &self.source;
        let gone = |error: &io::Error| {
            let kind = error.kind();
            kind == io::ErrorKind::NotFound || kind == io::ErrorKind::NotADirectory
        };
        if !names.contains(['*', '?', '[', '\\']) {
            let path = folder.join(names);
            return match fs::symlink_metadata(&path) {
                Ok(_) => Ok(vec![path]),
                Err(error) if gone(&error) => Ok(Vec::new()),
                Err(error) => Err(error),
            };
        }
        let here = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        let entries = match fs::read_dir(here) {
            Ok(entries) => entries,
            Err(error) if gone(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            if name.to_str().is_some_and(|name| glob::fits(names, name)) {
                found.push(folder.join(name));
            }
        }
        found.sort();
        Ok(found)
    }
}

impl Known {
    /// Reads the file if there is reason to. Tells whether it lists something else than before.
    fn look(&mut self, path: &Path, is_first: bool, is_due: bool) -> Result<bool, String> {
        let stamp = Stamp::of(path).ok();
        if stamp.is_some() && stamp == self.seen && !is_due {
            return match &self.trouble {
                Some(why) => Err(why.clone()),
                None => Ok(false),
            };
        }
        if !is_first && stamp != self.seen {
            let (before, n_looks) = self.settling.unwrap_or_default();
            if (before != stamp || n_looks == 0) && n_looks < N_SETTLING {
                self.settling = Some((stamp, n_looks + 1));
                return match &self.trouble {
                    Some(why) => Err(why.clone()),
                    None => Ok(false),
                };
            }
        }
        self.settling = None;
        self.seen = None;
        let read = read(path);
        // Changed while it was read, or within the tick of its time stamps: it is read once more.
        let is_whole =
            stamp.is_some_and(|stamp| stamp.has_settled()) && Stamp::of(path).ok() == stamp;
        self.seen = stamp.filter(|_| is_whole);
        let part = read?;
        self.trouble = None;
        if self.part.as_deref() == Some(&part) {
            return Ok(false);
        }
        self.part = Some(Arc::new(part));
        Ok(true)
    }
}

/// Reads a file and what it lists. The error names it.
fn read(path: &Path) -> Result<Part, String> {
    let shown = path.display().to_string();
    let unreadable = |error: io::Error| format!("{shown} cannot be read: {error}");
    // A pipe would be waited for.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(format!("{shown} is no file"));
    }
    let bytes = file::read(path, groups::MAX_BYTES).map_err(unreadable)?;
    let extension = path.extension().unwrap_or_default();
    let format = match extension.eq_ignore_ascii_case("json") {
        true => Format::Json,
        false => Format::Yaml,
    };
    let groups = groups::parse(&shown, format, &bytes)?;
    Ok(Part {
        name: shown,
        groups,
    })
}
