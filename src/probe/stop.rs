//! Why a walk through the cycle ended early: a failure of the target, or a fault of this machine.

use std::io;

use nix::errno::Errno;

use crate::outcome::Failure;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;

/// The early end of a walk.
#[derive(Debug)]
pub enum Stop {
    /// The target failed.
    Failed(Failure),
    /// This machine could not probe, which is no fault of the target.
    Skipped(SkipReason),
}

impl Stop {
    /// A failure of the target; `detail` is for the log only.
    pub fn failed(reason: Reason, detail: impl Into<String>) -> Self {
        Self::Failed(Failure {
            reason,
            detail: detail.into(),
        })
    }

    /// Whether this machine lacked something, so that nothing was learnt; that it has no route to one
    /// address says nothing of others.
    pub fn is_lack(&self) -> bool {
        matches!(self, Self::Skipped(reason) if *reason != SkipReason::NoRoute)
    }

    /// Whether it is a failure for this reason.
    pub fn is_for(&self, reason: Reason) -> bool {
        matches!(self, Self::Failed(failure) if failure.reason == reason)
    }

    /// Whether it is that of name servers that did not answer.
    pub fn is_timeout_of_dns(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.reason == Reason::DnsTimeout)
    }
}

/// The fault of this machine that a system call reports, if it is one whatever the call was.
pub fn own_fault(error: &io::Error) -> Option<SkipReason> {
    match errno(error)? {
        // The last one is epoll's, of how much it may watch.
        Errno::EMFILE | Errno::ENFILE | Errno::ENOSPC => Some(SkipReason::FdLimit),
        Errno::ENOMEM | Errno::ENOBUFS => Some(SkipReason::Overload),
        _ => None,
    }
}

/// The number of the error that the kernel gave, if it came from there.
pub fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_told_from_what_peers_do() {
        for (errno, skip) in [
            (Errno::EMFILE, Some(SkipReason::FdLimit)),
            (Errno::ENFILE, Some(SkipReason::FdLimit)),
            (Errno::ENOSPC, Some(SkipReason::FdLimit)),
            (Errno::ENOMEM, Some(SkipReason::Overload)),
            (Errno::ENOBUFS, Some(SkipReason::Overload)),
            (Errno::ECONNRESET, None),
            (Errno::ETIMEDOUT, None),
        ] {
            let error = io::Error::from_raw_os_error(errno as i32);
            assert_eq!(own_fault(&error), skip, "{errno}");
            let stop = skip.map(Stop::Skipped);
            assert_eq!(stop.is_some_and(|stop| stop.is_lack()), skip.is_some());
        }
        assert!(!Stop::Skipped(SkipReason::NoRoute).is_lack());
        assert!(!Stop::failed(Reason::DnsTimeout, "").is_lack());
    }
}
