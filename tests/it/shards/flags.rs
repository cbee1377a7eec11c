//! The flags of shards: what is refused, and that mistakes are found whosever target has them.

use crate::support::exporter::program;

/// The exit status of a command line and all that was said.
fn run(arguments: &[&str], config: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("httpcycle.yml"), config).unwrap();
    let mut command = program();
    let output = command.args(arguments).current_dir(folder.path()).output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn flags_that_name_no_shard_are_wrong_usage() {
    for (arguments, part) in [
        (&["--shard.ordinal=1"][..], "without --shard.total"),
        (&["--shard.ordinal=0"], "without --shard.total"),
        (&["--shard.total=3"], "without --shard.ordinal"),
        (&["--shard.total=1"], "without --shard.ordinal"),
        (&["--shard.ordinal=0", "--shard.total=0"], "'--shard.total"),
        (
            &["--shard.ordinal=5", "--shard.total=5"],
            "the last one is 4",
        ),
        (
            &["--shard.ordinal=9", "--shard.total=5"],
            "the last one is 4",
        ),
        (&["--shard.ordinal=-1", "--shard.total=5"], "-1"),
        (&["--shard.ordinal=x-1", "--shard.total=5"], "x-1"),
        (&["--shard.ordinal=", "--shard.total=5"], "--shard.ordinal"),
        (&["--shard.ordinal=1", "--shard.total=65536"], "65536"),
        (
            &["demo", "--shard.ordinal=0", "--shard.total=2"],
            "--shard.total has no effect on demo",
        ),
        (
            &[
                "--shard.ordinal=0",
                "--shard.total=2",
                "probe",
                "http://127.0.0.1:1/",
            ],
            "--shard.ordinal has no effect on probe",
        ),
        (
            &["healthcheck", "--shard.ordinal=0"],
            "without --shard.total",
        ),
    ] {
        for check in [&["--config.check"][..], &[]] {
            // Of these the check itself would be refused.
            if !arguments[0].starts_with('-') && !check.is_empty() {
                continue;
            }
            let (status, said) = run(&[arguments, check].concat(), "");
            assert_eq!(status, Some(2), "{arguments:?}: {said}");
            assert!(said.contains(part), "{arguments:?}: {said}");
        }
    }
}

/// A container has the same flags for its exporter and for the check of its health.
#[test]
fn flags_of_a_shard_stand_on_either_side_of_a_subcommand() {
    let url = "http://127.0.0.1:1/";
    for arguments in [
        ["--shard.ordinal=1", "--shard.total=2", "healthcheck", url],
        ["--shard.ordinal=1", "healthcheck", url, "--shard.total=2"],
        ["healthcheck", url, "--shard.ordinal=1", "--shard.total=2"],
    ] {
        let (status, said) = run(&arguments, "");
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("not healthy"), "{said}");
    }
}

#[test]
fn the_mistakes_of_every_shard_are_found() {
    let config = "targets:\n- {name: a, url: 'ftp://x/'}\n- {name: b, url: 'ftp://x/'}\n\
                  - {name: c, url: 'ftp://x/'}\n- {name: d, url: 'ftp://x/'}\n";
    for ordinal in ["--shard.ordinal=0", "--shard.ordinal=1"] {
        for check in [&["--config.check"][..], &[]] {
            let flags = [ordinal, "--shard.total=2"];
            let (status, said) = run(&[&flags[..], check].concat(), config);
            assert_eq!(status, Some(2), "{said}");
            assert_eq!(said.matches("ftp").count(), 4, "{said}");
        }
    }
}
