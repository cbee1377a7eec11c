//! The limits of the process.

use std::fs;

use nix::sys::resource::Resource;
use nix::sys::resource::getrlimit;
use nix::sys::resource::setrlimit;

/// What is taken to be the limit of open files where the system does not tell it.
const USUAL: u64 = 1_024;

/// How many files are taken to be open where the system does not tell it.
const USUALLY_OPEN: u64 = 20;

/// Raises the limit of open files as far as the system allows, as every probe in flight takes some.
/// Returns the limit.
pub fn raise_open_files() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        tracing::warn!("the system does not tell the limit of open files");
        return USUAL;
    };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => {
            tracing::debug!(soft, hard, "limit of open files raised");
            hard
        }
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it is");
            soft
        }
    }
}

/// How many files are open.
pub fn n_open_files() -> u64 {
    let open = fs::read_dir("/proc/self/fd").map(|open| open.count());
    open.map_or(USUALLY_OPEN, |open| open.try_into().unwrap_or(u64::MAX))
}

/// Has a crash leave no image of the memory, which holds secrets. Whoever needs one can raise the
/// limit again while the process runs.
pub fn leave_no_core() {
    let lowered = getrlimit(Resource::RLIMIT_CORE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_CORE, 0, hard));
    if let Err(error) = lowered {
        tracing::warn!(%error, "a crash may leave an image of the memory");
    }
}
