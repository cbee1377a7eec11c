//! Answers that bring no token: what is said of them, and that no secret leaves its origin.

use std::time::Duration;

use crate::oauth2::server::{PATIENCE, Reply, TokenServer};
use crate::oauth2::{client, settings, settings_within, source};

fn raw(text: &str) -> Reply {
    Reply::Raw(text.replace('\n', "\r\n").into_bytes())
}

fn answers() -> Vec<(Reply, &'static str)> {
    let long = format!("HTTP/1.1 200 OK\n\n{}", " ".repeat(10 << 20));
    vec![
        (
            Reply::refusal("401 Unauthorized", "invalid_client"),
            "the server refuses: invalid_client, status 401",
        ),
        (
            Reply::refusal("400 Bad", "hunter2"),
            "the server refuses with status 400",
        ),
        (
            Reply::Json("500 hunter2", "hunter2".to_owned()),
            "the server refuses with status 500",
        ),
        (Reply::Json("200 OK", "hunter2".to_owned()), "not JSON"),
        (Reply::Json("200 OK", "{}".to_owned()), "no access_token"),
        (raw("HTTP/1.1 204 No\n\n"), "not JSON"),
        (raw("hunter2\n\n"), "no whole answer"),
        (raw(""), "no whole answer"),
        (
            raw("HTTP/1.1 200 OK\nContent-Length: 9\n\n{"),
            "no whole answer",
        ),
        (raw(&long), "more than 1024 KiB"),
        (Reply::Endless, "more than 1024 KiB"),
        (
            raw("HTTP/1.1 302 F\nLocation: http://[hunter2\nContent-Length: 0\n\n"),
            "redirects to no URL",
        ),
        (
            raw("HTTP/1.1 307 F\nLocation: /token\nContent-Length: 0\nConnection: close\n\n"),
            "redirects more than 10 times",
        ),
        (
            raw("HTTP/1.1 302 F\nLocation: ftp://a.test/\nContent-Length: 0\n\n"),
            "redirects to no URL",
        ),
        (Reply::token("a\\u0000", 60), "cannot stand in a header"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_answer_is_told_without_a_secret() {
    for (reply, expected) in answers() {
        let case = expected;
        let tokens = TokenServer::start(move |_, _| reply.clone()).await;
        let source = source(settings(&client(&tokens.url())));
        let error = source.wait(PATIENCE).await.expect_err(case);
        assert!(error.contains(expected), "{case}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
        assert!(!error.contains("127.0.0.1"), "{error}");
        assert!(source.token().is_none());
        // After it the server is left alone for a while, and who asks is told at once.
        assert!(source.wait(PATIENCE).await.is_err(), "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_and_nothing_said() {
    let gone = TokenServer::start(|_, _| Reply::Stall).await.url();
    let error = source(settings(&client(&gone))).wait(PATIENCE).await;
    let error = error.expect_err("gone");
    assert!(error.contains("cannot connect"), "{error}");

    let silent = TokenServer::start(|_, _| Reply::Stall).await;
    let source = source(settings(&client(&silent.url())));
    let error = source.wait(Duration::from_millis(200)).await;
    assert!(error.expect_err("silent").contains("there is none after"));
    silent.seen.wait_for(1).await;
}

/// A status, where it leads, and what arrives there: the method, and whether the secret does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_takes_the_secret_nowhere_else() {
    for (status, away, expected) in [
        (301, false, Ok(("GET", true))),
        (302, false, Ok(("GET", true))),
        (303, false, Ok(("GET", true))),
        (307, false, Ok(("POST", true))),
        (308, false, Ok(("POST", true))),
        (302, true, Ok(("GET", false))),
        (303, true, Ok(("GET", false))),
        (307, true, Err("another origin")),
        (308, true, Err("another origin")),
    ] {
        let other = TokenServer::start(|_, _| Reply::token("t", 60)).await;
        let place = if away {
            other.url()
        } else {
            "/other".to_owned()
        };
        let redirect = raw(&format!(
            "HTTP/1.1 {status} F\nLocation: {place}\nContent-Length: 0\nConnection: close\n\n"
        ));
        let tokens =
            TokenServer::start(
                move |_, asked| match asked.head.split(' ').nth(1).unwrap() {
                    "/token" => redirect.clone(),
                    _ => Reply::token("t", 60),
                },
            )
            .await;
        let source = source(settings(&client(&tokens.url())));
        let found = source.wait(PATIENCE).await;
        let seen = if away { &other.seen } else { &tokens.seen };
        match expected {
            Ok((method, has_secret)) => {
                assert!(found.is_ok(), "{status}: {found:?}");
                let asked = seen.asked();
                let last = asked.last().unwrap();
                assert!(last.head.starts_with(method), "{status}: {}", last.head);
                let shown = last.header("authorization").is_some();
                assert_eq!(shown, has_secret, "{status}: {}", last.head);
                let is_post = method == "POST";
                assert_eq!(last.body.is_empty(), !is_post, "{status}");
                assert_eq!(last.header("content-type").is_some(), is_post);
            }
            Err(part) => {
                let error = found.unwrap_err();
                assert!(error.contains(part), "{error}");
                assert_eq!(seen.count(), 0);
            }
        }
    }
}

/// The address that is configured is the operator's choice, any other host that of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_leads_to_no_address_that_is_denied() {
    let other = TokenServer::start(|_, _| Reply::token("t", 60)).await;
    let port = other.address.port();
    for (rules, host, expected) in [
        ("", "127.0.0.1", None),
        ("", "localhost", None),
        ("deny_addresses: [127.0.0.0/8]\n", "127.0.0.1", None),
        (
            "deny_addresses: [127.0.0.0/8, '::1']\n",
            "localhost",
            Some("may not be probed: deny_addresses has"),
        ),
        (
            "deny_addresses: [127.0.0.0/8]\n",
            "127.0.0.2",
            Some("127.0.0.2 may not be probed: deny_addresses has 127.0.0.0/8"),
        ),
        (
            "allow_addresses: [192.0.2.0/24]\n",
            "127.0.0.2",
            Some("127.0.0.2 may not be probed: allow_addresses has no range"),
        ),
        (
            "",
            "169.254.169.254",
            Some("169.254.169.254 may not be probed: 169.254.0.0/16 is denied"),
        ),
    ] {
        let redirect = raw(&format!(
            "HTTP/1.1 302 F\nLocation: http://{host}:{port}/\nContent-Length: 0\nConnection: close\n\n"
        ));
        let tokens = TokenServer::start(move |_, _| redirect.clone()).await;
        let before = other.seen.count();
        let found = source(settings_within(rules, &client(&tokens.url())));
        let found = found.wait(PATIENCE).await;
        match expected {
            None => assert!(found.is_ok(), "{rules} {host}: {found:?}"),
            Some(part) => {
                let error = found.expect_err(host);
                assert!(error.contains(part), "{rules} {host}: {error}");
                assert_eq!(other.seen.count(), before, "{rules} {host}");
            }
        }
    }
}
