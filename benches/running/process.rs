//! What the system says of a process.

use std::fs;

/// What `/proc` counts CPU time in, the same on all architectures that tell it there.
const TICKS_A_SECOND: f64 = 100.0;

/// The CPU time, user and system, that the process has used.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name before it may hold anything.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS_A_SECOND
}

/// A line of the process's status in MB, such as `VmHWM`.
pub fn memory_mb(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found == name).then(|| value.trim().trim_end_matches(" kB"))
    });
    line.unwrap().parse::<f64>().unwrap() * 1024.0 / 1e6
}
