//! Processes that end with the benchmark, however it ends.

use std::process::Child;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// All that were started, for the end by a signal, where nothing is dropped.
static STARTED: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

/// A process that is killed when this is dropped.
pub struct Running(Arc<Mutex<Child>>);

impl Running {
    /// Starts `command`.
    pub fn start(command: &mut Command) -> Self {
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let child = Arc::new(Mutex::new(child));
        locked(&STARTED).push(child.clone());
        Self(child)
    }

    /// The process itself.
    pub fn child(&self) -> MutexGuard<'_, Child> {
        locked(&self.0)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child().id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        kill(&self.0);
        locked(&STARTED).retain(|child| !Arc::ptr_eq(child, &self.0));
    }
}

/// Kills whatever still runs.
pub fn kill_all() {
    for child in locked(&STARTED).drain(..) {
        kill(&child);
    }
}

fn kill(child: &Mutex<Child>) {
    let mut child = locked(child);
    // One that ended by itself is fine too.
    child.kill().ok();
    child.wait().ok();
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
