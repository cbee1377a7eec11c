//! What the program prints of itself: completions and the manual page.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::support::exporter::program;
use crate::support::real_parts;

fn printed(arguments: &[&str]) -> String {
    let output = program().args(arguments).output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The long flags that `--help` tells of.
fn flags(arguments: &[&str]) -> Vec<String> {
    let help = printed(&[arguments, &["--help"]].concat());
    let names = help.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line
            .split_once("-")
            .filter(|(before, _)| before.is_empty())?
            .1;
        let (_, name) = line.split_once("--").or_else(|| line.split_once('-'))?;
        Some(format!("--{}", name.split([' ', ',']).next().unwrap()))
    });
    let names: Vec<String> = names.filter(|name| name.len() > 3).collect();
    assert!(names.len() > 10, "{names:?}");
    names
}

const SUBCOMMANDS: [&str; 7] = [
    "assets",
    "completions",
    "demo",
    "healthcheck",
    "man",
    "probe",
    "schema",
];

#[test]
fn each_shell_is_told_of_every_flag_and_subcommand() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = printed(&["completions", shell]);
        for name in flags(&[]) {
            // fish writes the dashes of its own.
            assert!(
                text.contains(name.trim_start_matches("--")),
                "{shell}: {name}"
            );
        }
        for name in SUBCOMMANDS {
            assert!(text.contains(name), "{shell}: {name}");
        }
    }
    for arguments in [
        &["completions"][..],
        &["completions", "csh"],
        &["man", "--log.level=info"],
        &["schema", "x"],
    ] {
        let status = program().args(arguments).output().unwrap().status;
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
}

/// What bash offers behind these words.
fn offered(script: &str, words: &[&str]) -> Vec<String> {
    let asked = format!(
        "source {script} && complete -p httpcycle_exporter >/dev/null || exit 1
         COMP_WORDS=({}); COMP_CWORD={}
         _httpcycle_exporter httpcycle_exporter \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len() - 1
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &asked])
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes() {
    if !real_parts::is_installed("bash", Command::new("bash").arg("--version")) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("httpcycle_exporter");
    fs::write(&path, printed(&["completions", "bash"])).unwrap();
    let script = path.to_str().unwrap();
    for (words, expected) in [
        (&["httpcycle_exporter", "--config.ch"][..], "--config.check"),
        (&["httpcycle_exporter", "sch"], "schema"),
        (&["httpcycle_exporter", "--log.level", "w"], "warn"),
        (&["httpcycle_exporter", "assets", "--fo"], "--force"),
        (&["httpcycle_exporter", "completions", "fi"], "fish"),
        (&["httpcycle_exporter", "probe", "--mod"], "--module"),
    ] {
        assert_eq!(offered(script, words), [expected], "{words:?}");
    }
}

#[test]
fn the_manual_page_tells_what_the_help_tells() {
    let page = printed(&["man"]);
    // Dashes that are to be typed have a backslash.
    let plain = page.replace('\\', "");
    for name in flags(&[]).iter().chain(&flags(&["probe"])) {
        assert!(plain.contains(name.as_str()), "{name}");
    }
    for name in SUBCOMMANDS {
        assert!(plain.contains(&format!("\n.SS {name}\n")), "{name}");
    }
    for heading in [
        "NAME",
        "SYNOPSIS",
        "OPTIONS",
        "\"EXIT STATUS\"",
        "SIGNALS",
        "FILES",
    ] {
        assert!(plain.contains(&format!(".SH {heading}\n")), "{heading}");
    }
    assert!(plain.contains("[default: httpcycle.yml]"));
    assert!(!plain.contains("(1)\n.SS"), "pages that there are not");
}

#[test]
fn groff_finds_nothing_wrong_with_the_manual_page() {
    if !real_parts::is_installed(
        "groff with the macros of pages",
        Command::new("groff").args(["-man", "-Tutf8", "/dev/null"]),
    ) {
        return;
    }
    let mut groff = Command::new("groff");
    groff.args(["-man", "-Tutf8", "-P-cbou", "-ww", "-rCHECKSTYLE=3"]);
    let shown = real_parts::run(&mut groff, printed(&["man"]).as_bytes()).unwrap();
    assert!(shown.contains("EXIT STATUS"), "{shown}");
}

/// Who reads a line and leaves has what was wanted.
#[test]
fn a_reader_may_leave_and_a_full_disk_is_told() {
    for arguments in ["man", "schema", "completions bash"] {
        let path = env!("CARGO_BIN_EXE_httpcycle_exporter");
        let script = format!(
            "{path} {arguments} >/dev/full; echo $?; {{ {path} {arguments}; echo $? >&2; }} | head -c1 >/dev/null"
        );
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(output.stdout, b"1\n", "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].starts_with("cannot write: "), "{said}");
        assert_eq!(lines[1..], ["0"], "{said}");
    }
}
