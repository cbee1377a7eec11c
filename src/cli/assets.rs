//! `assets DIR`: the files that the program brings, written into a folder.
//!
//! All of them are written beside their places first and then moved there, so that none is ever seen
//! in half; and each folder on the way is opened as such, so that no symbolic link below DIR leads out
//! of it.

use std::fmt::Write as _;
use std::fs;
use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::RenameFlags;
use rustix::fs::Stat;
use rustix::io::Errno;

use crate::assets::File;

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// Writes `files` below `folder`, which is made if it is not there. Files that are there are refused,
/// and nothing is written then, unless they are to be replaced; the error names them all.
pub fn write(folder: &Path, files: &[&File], may_replace: bool) -> Result<(), String> {
    let of_folder = |error: io::Error| format!("cannot write to {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(of_folder)?;
    let root = rustix::fs::open(folder, FOLDER, Mode::empty());
    let root = root.map_err(|error| of_folder(error.into()))?;
    refuse(folder, &root, files, may_replace)?;
    let mut staged = Vec::new();
    for file in files {
        let one = Staged::write(&root, file);
        staged.push(one.map_err(|error| cannot_write(folder, file, error))?);
    }
    for (mut one, file) in staged.into_iter().zip(files) {
        let moved = one.move_in(may_replace);
        moved.map_err(|error| cannot_write(folder, file, error.into()))?;
    }
    Ok(())
}

fn cannot_write(folder: &Path, file: &File, error: io::Error) -> String {
    let path = folder.join(file.path);
    format!("cannot write {}: {error}", path.display())
}

/// What stands at the place of a file.
enum Place {
    Free,
    /// By a file, which may be as it would be written.
    Taken {
        is_same: bool,
    },
    /// What no file can replace.
    Blocked(&'static str),
}

/// Refuses to go on if there is something in the way.
fn refuse(folder: &Path, root: &OwnedFd, files: &[&File], may_replace: bool) -> Result<(), String> {
    let (mut taken, mut n_same, mut blocked) = (String::new(), 0, String::new());
    for file in files {
        let path = folder.join(file.path);
        let path = path.display();
        let place = look(root, file).map_err(|error| cannot_write(folder, file, error.into()))?;
        match place {
            Place::Free => {}
            Place::Taken { is_same: true } => n_same += 1,
            Place::Taken { is_same: false } => {
                writeln!(taken, "{path} exists").unwrap_or_default();
            }
            Place::Blocked(why) => writeln!(blocked, "{path} {why}").unwrap_or_default(),
        }
    }
    if !blocked.is_empty() {
        return Err(format!("{blocked}nothing is written; clear the way first"));
    }
    if n_same > 0 {
        // Whoever is to decide about those that were changed need not look at these.
        writeln!(taken, "{n_same} exist as they would be written").unwrap_or_default();
    }
    if !taken.is_empty() && !may_replace {
        return Err(format!("{taken}nothing is written; --force replaces them"));
    }
    Ok(())
}

fn look(root: &OwnedFd, file: &File) -> Result<Place, Errno> {
    let (folders, name) = split(file.path);
    let mut opened: Option<OwnedFd> = None;
    for folder in folders {
        let parent = opened.as_ref().unwrap_or(root);
        opened = match open_below(parent, folder) {
            Ok(folder) => Some(folder),
            Err(Errno::NOENT) => return Ok(Place::Free),
            Err(Errno::LOOP | Errno::NOTDIR) => {
                return Ok(Place::Blocked(
                    "would stand in what is no folder, or a symbolic link to one",
                ));
            }
            Err(error) => return Err(error),
        };
    }
    let parent = opened.as_ref().unwrap_or(root);
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(there) if FileType::from_raw_mode(there.st_mode) == FileType::Directory => {
            Ok(Place::Blocked("is a folder"))
        }
        Ok(there) => Ok(Place::Taken {
            is_same: holds(parent, name, &there, file.content.as_bytes()),
        }),
        Err(Errno::NOENT) => Ok(Place::Free),
        Err(error) => Err(error),
    }
}

/// Whether a file is known to hold just that.
fn holds(parent: &OwnedFd, name: &str, there: &Stat, content: &[u8]) -> bool {
    let is_file = FileType::from_raw_mode(there.st_mode) == FileType::RegularFile;
    if !is_file || u64::try_from(there.st_size) != Ok(content.len() as u64) {
        return false;
    }
    // It may have become something else since, which is not waited for.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(opened) = rustix::fs::openat(parent, name, flags, Mode::empty()) else {
        return false;
    };
    let mut held = Vec::new();
    let bound = content.len() as u64 + 1;
    let read = fs::File::from(opened).take(bound).read_to_end(&mut held);
    read.is_ok() && held == content
}

/// The folders on the way to a file of the repository, and its name.
fn split(path: &str) -> (impl Iterator<Item = &str>, &str) {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    (folders.split('/').filter(|name| !name.is_empty()), name)
}

fn open_below(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(parent, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())
}

/// A file that is whole and not yet at its place. It goes if it never gets there.
struct Staged {
    folder: OwnedFd,
    name: String,
    /// Its name until then, if it has not been moved.
    staged_as: Option<String>,
}

impl Staged {
    fn write(root: &OwnedFd, file: &File) -> io::Result<Self> {
        let (folders, name) = split(file.path);
        let mut folder = root.try_clone()?;
        for name in folders {
            match rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            folder = open_below(&folder, name)?;
        }
        // Not the number of the process, which is 1 in every container: what a run that was killed
        // left would be in the way of each that follows.
        let random = RandomState::new().hash_one(name);
        let staged_as = format!(".{name}.{random:016x}");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        let opened = rustix::fs::openat(&folder, &staged_as, flags | OFlags::NOFOLLOW, mode)?;
        let staged = Self {
            folder,
            name: name.to_owned(),
            staged_as: Some(staged_as),
        };
        // One that was closed to others, as it had got credentials, stays so.
        if let Ok(there) = rustix::fs::statat(&staged.folder, name, AtFlags::SYMLINK_NOFOLLOW)
            && FileType::from_raw_mode(there.st_mode) == FileType::RegularFile
        {
            rustix::fs::fchmod(&opened, Mode::from_raw_mode(there.st_mode & 0o777))?;
        }
        let mut opened = fs::File::from(opened);
        opened.write_all(file.content.as_bytes())?;
        // So that a name never stands for less than the whole, even if the machine stops.
        opened.sync_all()?;
        Ok(staged)
    }

    fn move_in(&mut self, may_replace: bool) -> Result<(), Errno> {
        let Some(staged_as) = &self.staged_as else {
            return Ok(());
        };
        // What came in since it was looked at is not replaced either.
        let flags = match may_replace {
            true => RenameFlags::empty(),
            false => RenameFlags::NOREPLACE,
        };
        let (folder, name) = (&self.folder, &self.name);
        match rustix::fs::renameat_with(folder, staged_as, folder, name, flags) {
            Ok(()) => self.staged_as = None,
            // A file system that cannot do that can mostly link, which never replaces; the other name
            // goes when this does.
            Err(Errno::INVAL | Errno::NOSYS) if !may_replace => {
                rustix::fs::linkat(folder, staged_as, folder, name, AtFlags::empty())?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(staged_as) = &self.staged_as {
            // What cannot be removed is left: the error that led here is the one to tell.
            rustix::fs::unlinkat(&self.folder, staged_as, AtFlags::empty()).ok();
        }
    }
}
