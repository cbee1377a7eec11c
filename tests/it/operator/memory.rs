//! What the exporter says to the allocator of its C library, and what the operator has said before.

use std::fs;

use crate::support::exporter::{Exporter, program};

const TUNABLES: &str = "GLIBC_TUNABLES";

/// The variables and the arguments that a process was started with last.
fn started_with(pid: u32) -> (Vec<String>, Vec<String>) {
    let read = |name: &str| {
        let bytes = fs::read(format!("/proc/{pid}/{name}")).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    };
    (read("environ"), read("cmdline"))
}

#[cfg(target_env = "gnu")]
#[test]
fn freed_memory_is_given_back_unless_the_operator_has_other_wishes() {
    for (said, expected) in [
        // glibc cuts the text where a setting ends.
        (None, "glibc.malloc.arena_max=1"),
        (Some("glibc.malloc.arena_max=3"), "glibc.malloc.arena_max=3"),
        (Some(""), ""),
    ] {
        let mut command = program();
        command.env_remove(TUNABLES);
        if let Some(said) = said {
            command.env(TUNABLES, said);
        }
        let exporter = Exporter::start_by(command, "", &["--log.level=info", "--history.limit=3"]);
        // Same process, so that who started it can wait for it and end it.
        let (variables, arguments) = started_with(exporter.pid());
        let found: Vec<_> = variables
            .iter()
            .filter_map(|variable| variable.strip_prefix("GLIBC_TUNABLES="))
            .collect();
        assert!(
            matches!(found[..], [one] if one.starts_with(expected)),
            "{said:?}: {found:?}"
        );
        assert!(
            arguments[0].ends_with("httpcycle_exporter"),
            "{arguments:?}"
        );
        assert_eq!(arguments.len(), 4, "{arguments:?}");
    }
}
