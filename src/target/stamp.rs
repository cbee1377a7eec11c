//! What a file looks like from outside, so that a change is seen without reading it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;
use std::time::SystemTime;

/// A file that was changed so shortly before it was read may have been changed again within the same
/// tick of its time stamps, and is read once more.
const SETTLED: Duration = Duration::from_secs(2);

/// What tells one state of a file from another without reading it. Through a symbolic link it is that
/// of the file behind it, so that a link that is moved counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of the file at `path`.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Whether the file has been left alone for long enough that another change would show.
    pub fn has_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let (seconds, _) = self.changed;
        let changed = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        now.is_ok_and(|now| changed + SETTLED < now)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn whatever_changes_a_file_changes_its_stamp() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let stamp = || Stamp::of(&at("link")).expect("a file");
        for (name, text) in [("one", "1"), ("two", "2"), ("three", "3")] {
            fs::write(at(name), text).expect("written");
        }
        symlink("one", at("link")).expect("linked");
        let before = stamp();
        assert_eq!(stamp(), before);
        assert!(!before.has_settled(), "it was written just now");

        let moved = at("moved");
        symlink("two", &moved).expect("linked");
        fs::rename(&moved, at("link")).expect("moved");
        let of_two = stamp();
        assert_ne!(of_two, before);
        fs::rename(at("three"), at("two")).expect("replaced");
        let of_three = stamp();
        assert_ne!(of_three, of_two);
        fs::write(at("two"), "longer").expect("rewritten");
        assert_ne!(stamp(), of_three);
        fs::remove_file(at("two")).expect("removed");
        assert!(Stamp::of(&at("link")).is_err());
    }
}
