//! Users and passwords, headers, and how often may be asked.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tokio::time::Instant;

use crate::doors::{Folder, basic, get, hash, status};
use crate::support::exporter::Exporter;

const NOBODY: &str = "";

fn status_of(exporter: &Exporter, path: &str, headers: &str) -> u16 {
    status(&get(exporter.address, path, headers).unwrap())
}

/// Asks until the status is as wanted.
fn wait_for(exporter: &Exporter, headers: &str, wanted: u16) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while status_of(exporter, "/-/healthy", headers) != wanted {
        assert!(Instant::now() < deadline, "never {wanted}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn who_has_no_right_password_sees_no_page() {
    let long = "x".repeat(72);
    let folder = Folder::new();
    let exporter = folder.exporter(&format!(
        "basic_auth_users:\n  a: '{}'\n  ab: '{}'\n  colon: '{}'\n  long: '{}'\n  y: '{}'\n\
         http_server_config: {{headers: {{X-Frame-Options: deny, Content-Security-Policy: a}}}}\n",
        hash("secret"),
        hash("c"),
        hash("p:q"),
        hash(&long),
        hash("old").replace("$2b$", "$2y$"),
    ));
    let refused = "Authorization: ";
    let cases = [
        (NOBODY.to_owned(), 401),
        (basic("a", "secret"), 200),
        (basic("a", "wrong"), 401),
        (basic("a", ""), 401),
        (basic("nobody", "secret"), 401),
        (basic("", ""), 401),
        // The same bytes, divided elsewhere: CVE-2022-46146.
        (basic("ab", "c"), 200),
        (basic("a", "bc"), 401),
        (basic("abc", ""), 401),
        (basic("colon", "p:q"), 200),
        (basic("colon", "p"), 401),
        (basic("y", "old"), 200),
        (basic("long", &long), 200),
        // bcrypt would not see what follows.
        (basic("long", &format!("{long}y")), 401),
        (basic("a", "secret").replace("Basic", "bAsIc"), 200),
        (basic("a", "secret").replace("Basic", "Bearer"), 401),
        (format!("{refused}Basic\r\n"), 401),
        (format!("{refused}Basic ====\r\n"), 401),
        (format!("{refused}Basic YQ==\r\n"), 401),
        // The first one counts.
        (basic("a", "wrong") + &basic("a", "secret"), 401),
    ];
    // The second time from what is known.
    for round in 0..2 {
        for (headers, expected) in &cases {
            let found = status_of(&exporter, "/metrics", headers);
            assert_eq!(found, *expected, "round {round}: {headers}");
        }
    }
    let right = basic("a", "secret");
    for path in [
        "/",
        "/metrics",
        "/-/healthy",
        "/-/ready",
        "/api/v1/targets",
        "/none",
    ] {
        let answer = get(exporter.address, path, NOBODY).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{path}: {answer}");
        assert!(answer.contains("www-authenticate: Basic\r\n"), "{answer}");
        let inside = get(exporter.address, path, &right).unwrap();
        assert_eq!(status(&inside) == 404, path == "/none", "{path}");
        for answer in [answer, inside] {
            assert!(
                answer.contains("x-frame-options: deny\r\n"),
                "{path}: {answer}"
            );
            // The status page has a policy of its own.
            let is_own = path == "/" && status(&answer) == 200;
            let n_policies = answer.matches("content-security-policy").count();
            let is_set = answer.contains("content-security-policy: a\r\n");
            assert_eq!((n_policies, is_set), (1, !is_own), "{path}: {answer}");
        }
    }
    let wrong_method = exporter.get("POST /metrics", &right);
    assert!(wrong_method.starts_with(b"HTTP/1.1 405 "));
    assert!(
        exporter
            .get("POST /metrics", "")
            .starts_with(b"HTTP/1.1 401 ")
    );
    for line in exporter.rest_of_log() {
        assert!(!line.contains("secret"), "{line}");
    }
}

/// A connection is not kept by asking for what one does not get.
#[test]
fn who_is_refused_is_shown_out() {
    let folder = Folder::new();
    let users = format!("basic_auth_users: {{a: '{}'}}\n", hash("p"));
    for (text, expected) in [
        (users.as_str(), [401, 401]),
        ("rate_limit: {interval: 1h, burst: 1}", [200, 429]),
    ] {
        let exporter = folder.exporter(text);
        let mut stream = TcpStream::connect(exporter.address).unwrap();
        for expected in expected {
            let mut bytes = vec![0; 4096];
            write!(stream, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let n = stream.read(&mut bytes).unwrap();
            bytes.truncate(n);
            let answer = String::from_utf8(bytes).unwrap();
            assert_eq!(status(&answer), expected, "{text}");
            let is_last = answer.contains("connection: close\r\n");
            assert_eq!(is_last, expected != 200, "{answer}");
            if is_last {
                stream
                    .set_read_timeout(Some(Duration::from_secs(30)))
                    .unwrap();
                assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{text}");
                break;
            }
        }
    }
}

/// Before anybody is asked who he is.
#[test]
fn a_request_without_its_host_is_none() {
    let folder = Folder::new();
    let exporter = folder.exporter("http_server_config: {headers: {X-Frame-Options: deny}}");
    for (version, hosts, expected) in [
        ("1.1", "Host: x\r\n", 200),
        ("1.1", "Host: \r\n", 200),
        ("1.1", "", 400),
        ("1.1", "Host: x\r\nHost: x\r\n", 400),
        ("1.1", "Host: x/y\r\n", 400),
        ("1.0", "", 200),
        ("1.0", "Host: x\r\n", 200),
        ("1.0", "Host: x\r\nHost: y\r\n", 400),
    ] {
        let mut stream = TcpStream::connect(exporter.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let close = if expected == 200 {
            "Connection: close\r\n"
        } else {
            ""
        };
        write!(
            stream,
            "GET /-/healthy HTTP/{version}\r\n{hosts}{close}\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(
            status(&answer),
            expected,
            "HTTP/{version} {hosts:?}: {answer}"
        );
        assert!(answer.contains("x-frame-options: deny"), "{answer}");
    }
}

/// A broken version changes nothing, nor does one that would leave the door open.
#[test]
fn users_change_with_the_file_and_never_vanish() {
    let folder = Folder::new();
    let web = |users: &[(&str, &str)]| {
        let lines = users
            .iter()
            .map(|(name, password)| format!("  {name}: '{}'\n", hash(password)));
        format!("basic_auth_users:\n{}", lines.collect::<String>())
    };
    let exporter = folder.exporter(&web(&[("a", "one")]));
    let (one, two, b) = (basic("a", "one"), basic("a", "two"), basic("b", "one"));
    for (headers, expected) in [(&one, 200), (&two, 401), (&b, 401)] {
        assert_eq!(status_of(&exporter, "/metrics", headers), expected);
    }
    for (text, reason) in [
        ("basic_auth_users: [", "not valid YAML"),
        ("", "switched off by a restart only"),
        ("basic_auth_users:\n", "switched off by a restart only"),
        ("basic_auth_users: {a: one}", "must be a bcrypt hash"),
    ] {
        folder.write("web.yml", text);
        let line = exporter.wait_for_log("web configuration not reloaded, the old one stays");
        assert!(line.contains(reason), "{text}: {line}");
        assert_eq!(status_of(&exporter, "/metrics", &one), 200, "{text}");
        assert_eq!(status_of(&exporter, "/metrics", NOBODY), 401, "{text}");
    }
    std::fs::remove_file(folder.at("web.yml")).unwrap();
    exporter.wait_for_log("cannot read");
    assert_eq!(status_of(&exporter, "/metrics", &one), 200);
    // Who was refused before, and is remembered for it, gets in once there is such a user.
    folder.write("web.yml", &web(&[("a", "two"), ("b", "one")]));
    wait_for(&exporter, &two, 200);
    for (headers, expected) in [(&one, 401), (&b, 200), (&two, 200)] {
        assert_eq!(status_of(&exporter, "/metrics", headers), expected);
    }
    exporter.wait_for_log("the web configuration is read again");
    // What is broken was said once.
    let log = exporter.rest_of_log();
    assert!(
        !log.iter().any(|line| line.contains("not reloaded")),
        "{log:#?}"
    );
}

/// The least of some durations: what others do on the machine only adds.
fn least(n: usize, mut ask: impl FnMut(usize)) -> Duration {
    let durations = (0..n).map(|n| {
        let before = Instant::now();
        ask(n);
        before.elapsed()
    });
    durations.min().unwrap()
}

#[test]
fn a_password_is_hashed_once_and_for_users_who_are_not_there_too() {
    let folder = Folder::new();
    let hash = bcrypt::hash("secret", 11).unwrap();
    let exporter = folder.exporter(&format!("basic_auth_users: {{a: '{hash}'}}"));
    let ask = |user: &str, password: &str, expected: u16| {
        assert_eq!(
            status_of(&exporter, "/-/healthy", &basic(user, password)),
            expected
        );
    };
    let known = least(3, |n| ask("a", &format!("wrong{n}"), 401));
    let unknown = least(3, |n| ask("b", &format!("wrong{n}"), 401));
    ask("a", "secret", 200);
    let cached = least(5, |_| ask("a", "secret", 200));
    let refused = least(5, |_| ask("a", "wrong1", 401));
    assert!(
        unknown > known / 3 && known > unknown / 3,
        "{known:?} and {unknown:?}"
    );
    assert!(cached < known / 4, "{cached:?} after {known:?}");
    assert!(refused < known / 4, "{refused:?} after {known:?}");
}

/// While passwords are tried by the dozen, who is known gets in at once, and the process asks for
/// no more than a few at a time.
#[test]
fn who_guesses_keeps_nobody_out() {
    let folder = Folder::new();
    let hash = bcrypt::hash("secret", 12).unwrap();
    let exporter = folder.exporter(&format!("basic_auth_users: {{a: '{hash}'}}"));
    let right = basic("a", "secret");
    // All of them ask at once, and one hash is made for them.
    let (address, statuses) = (exporter.address, std::sync::Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let answer = get(address, "/-/healthy", &right).unwrap();
                statuses.lock().unwrap().push(status(&answer));
            });
        }
    });
    assert_eq!(statuses.into_inner().unwrap(), [200; 50]);
    let guessed = std::sync::Mutex::new(Vec::new());
    let mut worst = Duration::ZERO;
    std::thread::scope(|scope| {
        for n in 0..60 {
            let guessed = &guessed;
            scope.spawn(move || {
                let headers = basic("a", &format!("guess{n}"));
                let answer = get(address, "/-/healthy", &headers).unwrap();
                guessed
                    .lock()
                    .unwrap()
                    .push((status(&answer), Instant::now()));
            });
        }
        for _ in 0..5 {
            let before = Instant::now();
            assert_eq!(status_of(&exporter, "/-/healthy", &right), 200);
            worst = worst.max(before.elapsed());
        }
    });
    let guessed = guessed.into_inner().unwrap();
    let n_busy = guessed.iter().filter(|(status, _)| *status == 503).count();
    let n_refused = guessed.iter().filter(|(status, _)| *status == 401).count();
    assert_eq!(n_busy + n_refused, 60);
    assert!(n_busy > 0, "{n_refused} were hashed");
    let first = guessed.iter().map(|(_, at)| *at).min().unwrap();
    let last = guessed.iter().map(|(_, at)| *at).max().unwrap();
    assert!(worst < last - first, "{worst:?} of {:?}", last - first);
}

#[test]
fn who_asks_too_often_is_told() {
    let folder = Folder::new();
    let exporter = folder.exporter("rate_limit: {interval: 1h, burst: 3}");
    let statuses: Vec<u16> = (0..5)
        .map(|_| status_of(&exporter, "/-/healthy", NOBODY))
        .collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    // The exporter is alive all the same.
    let url = format!("http://{}/-/healthy", exporter.address);
    let mut healthcheck = crate::support::exporter::program();
    assert!(
        healthcheck
            .args(["healthcheck", &url])
            .status()
            .unwrap()
            .success()
    );
    // What else changes does not fill the bucket.
    folder.write(
        "web.yml",
        "rate_limit: {interval: 1h, burst: 3}\nbasic_auth_users:\n",
    );
    exporter.wait_for_log("read again");
    assert_eq!(status_of(&exporter, "/-/healthy", NOBODY), 429);
    folder.write("web.yml", "rate_limit: {interval: 0, burst: 3}");
    wait_for(&exporter, NOBODY, 200);
}
