//! The limits of the process.

use nix::sys::resource::Resource;
use nix::sys::resource::getrlimit;
use nix::sys::resource::setrlimit;

/// Raises the limit of open files as far as the system allows: every probe in flight takes one.
pub fn raise_open_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map(|()| (soft, hard))
    });
    match raised {
        Ok((soft, hard)) => tracing::debug!(soft, hard, "limit of open files raised"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
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
