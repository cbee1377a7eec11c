//! The files of one pattern: looked at twice a second, read when they have changed and have been left
//! alone, and each kept as it was while it cannot be read.

mod known;
#[cfg(test)]
mod tests;

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
use crate::config::groups;
use crate::discovery::Answer;
use crate::discovery::Failures;
use crate::discovery::Voice;
use crate::discovery::files::known::Known;
use crate::discovery::glob;

/// The time between two looks, and how long a file has to be left alone before it is read: who writes
/// into a file in use leaves half of it there for a moment, and half a list can be without mistakes.
const EVERY: Duration = Duration::from_millis(500);

/// Looks that take long are made less often: of the time they take a fifth at most, ...
const SHARE: u32 = 4;
/// ... but not less often than this.
const SELDOM: Duration = Duration::from_secs(10);

/// How many looks find a file missing before it is gone: who replaces it may remove it first.
const N_MISSING: u32 = 4;

/// How many files a pattern may name.
const MAX_FILES: usize = 10_000;

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
        let began = Instant::now();
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
        // Reading what is new is no reason to look less often.
        let took = match seen.answer {
            Some(_) => Duration::ZERO,
            None => began.elapsed(),
        };
        voice.tell(seen.answer);
        sleep((SHARE * took).clamp(EVERY, SELDOM)).await;
    }
}

impl LookOut {
    /// Begins with what the files listed `before`, if they were looked at.
    pub fn new(source: FileSource, before: Option<Answer>) -> Self {
        let parts = before.iter().flat_map(|answer| answer.iter());
        let files = parts.map(|part| (PathBuf::from(&part.name), Known::with(part.clone())));
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
        self.files.retain(|path, known| {
            if found.binary_search(path).is_ok() {
                known.n_missing = 0;
                return true;
            }
            known.n_missing += 1;
            let stays = known.n_missing < N_MISSING;
            if !stays {
                let file = path.display();
                let what = format!("{file} is gone, and with it the targets that it listed");
                seen.notes.push(what);
            }
            stays
        });
        let mut has_changed = self.files.len() < n_before;
        if self.files.is_empty() && found.is_empty() && (self.is_first || has_changed) {
            seen.notes.push("there is no file of that name".to_owned());
        }
        let mut n_listed: usize = self.files.values().map(|known| known.n_listed).sum();
        for path in found {
            let known = self.files.entry(path.clone()).or_default();
            let had_trouble = known.trouble.is_some();
            let n_others = n_listed - known.n_listed;
            let room = groups::MAX_ITEMS.saturating_sub(n_others);
            let looked = known.look(&path, self.is_first, is_due, room);
            n_listed = n_others + known.n_listed;
            match looked {
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

    /// The files that the pattern names now, sorted. Of a name without a pattern a link counts that
    /// leads nowhere, as its target may be about to come. A folder that is not there has no files,
    /// unless there were some: then it is one that is not mounted, or about to be moved here.
    fn listed(&self) -> io::Result<Vec<PathBuf>> {
        let FileSource { folder, names, .. } = &self.source;
        let gone = |error: &io::Error| {
            let kind = error.kind();
            kind == io::ErrorKind::NotFound || kind == io::ErrorKind::NotADirectory
        };
        let here = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        if !names.contains(['*', '?', '[', '\\']) {
            let path = folder.join(names);
            return match fs::symlink_metadata(&path) {
                Ok(_) => Ok(vec![path]),
                Err(error) if gone(&error) && self.files.is_empty() => Ok(Vec::new()),
                Err(error) if gone(&error) => fs::metadata(here).map(|_| Vec::new()),
                Err(error) => Err(error),
            };
        }
        let entries = match fs::read_dir(here) {
            Ok(entries) => entries,
            Err(error) if gone(&error) && self.files.is_empty() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            if name.to_str().is_some_and(|name| glob::fits(names, name)) {
                if found.len() == MAX_FILES {
                    let what = format!("more than {MAX_FILES} files fit; at most as many are read");
                    return Err(io::Error::other(what));
                }
                found.push(folder.join(name));
            }
        }
        found.sort();
        Ok(found)
    }
}
