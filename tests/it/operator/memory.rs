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
    for (set, expected) in [
        (&[][..], &["glibc.malloc.arena_max=1"][..]),
        (
            &[(TUNABLES, "glibc.malloc.arena_max=3")],
            &["glibc.malloc.arena_max=3"],
        ),
        (&[(TUNABLES, "")], &[""]),
        // Where the system takes the other variable away, it is done once and not again and again.
        (&[("HTTPCYCLE_EXPORTER_SETTLED", "1")], &[]),
    ] {
        let mut command = program();
        command.env_remove(TUNABLES).envs(set.iter().copied());
        let exporter = Exporter::start_by(command, "", &["--log.level=info", "--history.limit=3"]);
        // Same process, so that who started it can wait for it and end it.
        let (variables, arguments) = started_with(exporter.pid());
        let found: Vec<_> = variables
            .iter()
            .filter_map(|variable| variable.strip_prefix("GLIBC_TUNABLES="))
            // Some glibc cut the text where a setting ends.
            .filter_map(|settings| settings.split(':').next())
            .collect();
        assert_eq!(found, expected, "{set:?}");
        assert!(
            arguments[0].ends_with("httpcycle_exporter"),
            "{arguments:?}"
        );
        assert_eq!(arguments.len(), 4, "{arguments:?}");
    }
}
