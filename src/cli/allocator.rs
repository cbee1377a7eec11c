//! How the C library keeps memory that the exporter has freed.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Where glibc reads its settings from, once, before `main`.
const TUNABLES: &str = "GLIBC_TUNABLES";

/// Says that this was done: a program with more rights than its user is not shown the other variable.
const SETTLED: &str = "HTTPCYCLE_EXPORTER_SETTLED";

/// One arena instead of one for each thread, and large pieces mapped, so that they are given back when
/// they are freed. Left to itself, glibc keeps what a body of many megabytes took in the arena of the
/// thread that happened to have it, in one after the other (the manual of the GNU C Library, "Memory
/// Allocation Tunables").
const SETTINGS: &str = "glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=131072:\
                        glibc.malloc.trim_threshold=131072";

/// Starts the program anew in this process with the settings of glibc's allocator, unless the operator
/// has set some. Goes on as it is where that cannot be done: nothing but memory depends on it.
pub fn settle(arguments: &[OsString]) {
    let is_settled = [TUNABLES, SETTLED]
        .map(env::var_os)
        .iter()
        .any(Option::is_some);
    if !cfg!(target_env = "gnu") || is_settled {
        return;
    }
    let (Ok(program), Some((name, rest))) = (env::current_exe(), arguments.split_first()) else {
        return;
    };
    // Where a loader was called by hand, it is the program, and knows none of the arguments.
    if program.file_name() != Path::new(name).file_name() {
        return;
    }
    // Returns only if it failed. What is open stays open, and so do the sockets of systemd.
    let _not_done = Command::new(program)
        .arg0(name)
        .args(rest)
        .env(TUNABLES, SETTINGS)
        .env(SETTLED, "1")
        .exec();
}
