//! Below which versions no crate of the tree may fall, by the advisory that the version ended.

use std::fs;
use std::path::Path;

/// The crate, the first good version, and what was wrong below it.
const FLOORS: &[(&str, [u64; 3], &str)] = &[
    (
        "h2",
        [0, 4, 16],
        "RUSTSEC-2026-0258: empty DATA frames without end",
    ),
    (
        "h2",
        [0, 4, 4],
        "RUSTSEC-2024-0332: CONTINUATION frames without end",
    ),
    (
        "h2",
        [0, 4, 2],
        "RUSTSEC-2024-0003: a queue of resets without end",
    ),
    (
        "h2",
        [0, 3, 17],
        "RUSTSEC-2023-0034: streams that are reset at once",
    ),
    (
        "hyper",
        [1, 11, 0],
        "panics and busy loops of 1.9 and 1.10, bounds that were not kept",
    ),
    (
        "hyper",
        [0, 14, 10],
        "RUSTSEC-2021-0078, -0079, -0020: lengths of bodies",
    ),
    (
        "quinn-proto",
        [0, 11, 14],
        "RUSTSEC-2026-0037: a panic for parameters of a peer",
    ),
    (
        "rustls",
        [0, 23, 18],
        "RUSTSEC-2024-0399: a panic of the acceptor",
    ),
    (
        "rustls",
        [0, 23, 5],
        "RUSTSEC-2024-0336: an endless loop behind close_notify",
    ),
    (
        "rustls-webpki",
        [0, 103, 13],
        "RUSTSEC-2026-0049, -0098, -0099, -0104: names, revocation",
    ),
    (
        "rustls-webpki",
        [0, 101, 4],
        "RUSTSEC-2023-0053: paths that take all time there is",
    ),
    (
        "tokio-rustls",
        [0, 13, 1],
        "RUSTSEC-2020-0019: memory without end",
    ),
    ("ring", [0, 17, 12], "RUSTSEC-2025-0009: a panic in AES"),
    (
        "aws-lc-sys",
        [0, 39, 0],
        "RUSTSEC-2026-0044 to -0048: constraints on names, timing",
    ),
    (
        "hickory-proto",
        [0, 26, 1],
        "RUSTSEC-2026-0118, -0119: loops",
    ),
    ("bytes", [1, 11, 1], "RUSTSEC-2026-0007: an overflow"),
    (
        "axum-core",
        [0, 2, 8],
        "RUSTSEC-2022-0055: bodies without bound",
    ),
    (
        "protobuf",
        [3, 7, 2],
        "RUSTSEC-2024-0437: recursion without end",
    ),
    (
        "idna",
        [1, 0, 0],
        "RUSTSEC-2024-0421: names that pass for others",
    ),
    (
        "time",
        [0, 3, 47],
        "RUSTSEC-2026-0009: dates that take all time there is",
    ),
];

/// Crates that may not come in at all.
const BANNED: &[(&str, &str)] = &[
    ("serde_yml", "RUSTSEC-2025-0068: unsound"),
    ("serde_yaml", "RUSTSEC-2018-0005, and nobody keeps it"),
    ("rustls-pemfile", "RUSTSEC-2025-0134: nobody keeps it"),
    ("openssl", "a second implementation of TLS"),
];

/// Every crate of the tree with its version, as Cargo.lock has them.
fn locked() -> Vec<(String, [u64; 3])> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let quoted = |line: &str, key: &str| {
            let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
            value.strip_suffix('"').map(str::to_owned)
        };
        if let Some(name) = quoted(line, "name") {
            let version = lines
                .next()
                .and_then(|line| quoted(line, "version"))
                .unwrap();
            found.push((name, numbers(&version)));
        }
    }
    assert!(found.len() > 50, "the file was read");
    found
}

fn numbers(version: &str) -> [u64; 3] {
    let bare = version.split(['-', '+']).next().unwrap();
    let numbers: Vec<u64> = bare.split('.').map(|part| part.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

#[test]
fn no_crate_is_older_than_what_was_wrong_with_it() {
    let locked = locked();
    for (name, floor, what) in FLOORS {
        for (_, version) in locked.iter().filter(|(found, _)| found == name) {
            assert!(
                version >= floor,
                "{name} {version:?} is below {floor:?}: {what}"
            );
        }
    }
    for name in [
        "h2",
        "hyper",
        "rustls",
        "rustls-webpki",
        "hickory-proto",
        "idna",
    ] {
        assert!(
            locked.iter().any(|(found, _)| found == name),
            "{name} has another name now"
        );
    }
    for (name, what) in BANNED {
        assert!(
            !locked.iter().any(|(found, _)| found == name),
            "{name}: {what}"
        );
    }
}
