//! One file of targets, as it is known: when to read it, and what it listed when it could be read.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::config::content::Digest;
use crate::config::file;
use crate::config::groups;
use crate::config::groups::Format;
use crate::discovery::Part;
use crate::target::stamp::Stamp;

/// How many looks wait for a file that changes all the time before that counts as a failure.
pub const N_SETTLING: u32 = 10;

/// A file that many looks found the same has been left alone, whatever its time stamps say: those of
/// another machine may lie in the future.
const N_SAME: u32 = 6;

/// What is known of a file.
#[derive(Debug, Default)]
pub struct Known {
    /// What it looked like when it was read, if it had been left alone by then.
    seen: Option<Stamp>,
    /// What it looked like in the last look, and how many looks have waited for it.
    settling: Option<(Option<Stamp>, u32)>,
    /// What it looked like last, and how many looks in a row found it like that.
    same: (Option<Stamp>, u32),
    /// What it held when it was read last, and what is wrong with that.
    held: Option<(Digest, Option<String>)>,
    /// What it held when it could be read.
    pub part: Option<Arc<Part>>,
    /// How many groups and targets that has, the larger number.
    pub n_listed: usize,
    /// Why it cannot be read now.
    pub trouble: Option<String>,
    /// How many looks in a row have not found it.
    pub n_missing: u32,
}

impl Known {
    /// One that listed this.
    pub fn with(part: Arc<Part>) -> Self {
        Self {
            n_listed: n_listed(&part),
            part: Some(part),
            ..Self::default()
        }
    }

    /// Reads the file if there is reason to, and takes it if it lists no more than `room`. Tells whether
    /// it lists something else than before.
    pub fn look(
        &mut self,
        path: &Path,
        is_first: bool,
        is_due: bool,
        room: usize,
    ) -> Result<bool, String> {
        let stamp = Stamp::of(path).ok();
        self.same = match self.same {
            (before, n_looks) if before == stamp => (stamp, n_looks.saturating_add(1)),
            _ => (stamp, 1),
        };
        let is_as_read = stamp.is_some() && stamp == self.seen;
        if is_as_read && !is_due {
            return self.as_before();
        }
        if !is_first && !is_as_read {
            let (before, n_looks) = self.settling.unwrap_or_default();
            if before != stamp || n_looks == 0 {
                self.settling = Some((stamp, n_looks.saturating_add(1)));
                if n_looks < N_SETTLING {
                    return self.as_before();
                }
                let shown = path.display();
                return Err(format!(
                    "{shown} changes all the time; it is read once it has been left alone"
                ));
            }
        }
        self.settling = None;
        self.seen = None;
        let bytes = bytes(path);
        // Changed while it was read, or within the tick of its time stamps: it is read once more.
        let is_whole = stamp.is_some_and(|stamp| stamp.has_settled() || self.same.1 >= N_SAME)
            && Stamp::of(path).ok() == stamp;
        self.seen = stamp.filter(|_| is_whole);
        let bytes = bytes?;
        let digest = Digest::of(&bytes);
        match &self.held {
            Some((held, Some(why))) if *held == digest => return Err(why.clone()),
            Some((held, None)) if *held == digest => {
                self.trouble = None;
                return Ok(false);
            }
            _ => {}
        }
        let parsed = self.parsed(path, &bytes);
        self.held = Some((digest, parsed.as_ref().err().cloned()));
        self.take(parsed?, room)
    }

    /// Takes what is listed now. Tells whether it is something else than before.
    fn take(&mut self, part: Part, room: usize) -> Result<bool, String> {
        let n_listed = n_listed(&part);
        if n_listed > room {
            // The others may list less at the next reading.
            self.held = None;
            let (name, most) = (&part.name, groups::MAX_ITEMS);
            return Err(format!(
                "{name}: the files of its pattern list more than {most} targets or groups together; at most as many are read"
            ));
        }
        self.trouble = None;
        if self.part.as_deref() == Some(&part) {
            return Ok(false);
        }
        self.n_listed = n_listed;
        self.part = Some(Arc::new(part));
        Ok(true)
    }

    /// Whether it is not read again until it changes or it is time.
    #[cfg(test)]
    pub fn is_settled(&self) -> bool {
        self.seen.is_some()
    }

    fn as_before(&self) -> Result<bool, String> {
        match &self.trouble {
            Some(why) => Err(why.clone()),
            None => Ok(false),
        }
    }

    /// What the file lists. The error names it.
    fn parsed(&self, path: &Path, bytes: &[u8]) -> Result<Part, String> {
        let name = path.display().to_string();
        let extension = path.extension().unwrap_or_default();
        let format = match extension.eq_ignore_ascii_case("json") {
            true => Format::Json,
            false => Format::Yaml,
        };
        let groups = groups::parse(&name, format, bytes)?;
        if self.n_listed > 0 && groups.is_empty() && groups::says_nothing(bytes) {
            return Err(format!(
                "{name} is empty; [] would say that it lists no target any more"
            ));
        }
        Ok(Part { name, groups })
    }
}

fn n_listed(part: &Part) -> usize {
    let n_targets: usize = part.groups.iter().map(|group| group.targets.len()).sum();
    n_targets.max(part.groups.len())
}

/// The bytes of a file. The error names it.
fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| format!("{} cannot be read: {error}", path.display());
    // A pipe would be waited for.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    file::read_again(path, groups::MAX_BYTES).map_err(unreadable)
}
