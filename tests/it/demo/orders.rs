//! The API of the demo by hand: what it answers, and why it saves nothing.

use std::net::TcpStream;

use httpcycle_exporter::demo::Demo;

use crate::demo::{ask, weather};

const JSON: &str = "content-type: application/json";
const PROBLEM: &str = "content-type: application/problem+json";
const ONE: &str = "/orders/42";

fn save(version: u64, state: &str) -> String {
    format!(r#"{{"version": {version}, "state": "{state}"}}"#)
}

fn place(name: &str, validate_only: bool) -> String {
    format!(r#"{{"name": "{name}", "validate_only": {validate_only}}}"#)
}

/// A request with its method, path and body, and the status, a header and a part of its answer.
type Row<'r> = (&'r str, &'r str, String, u16, &'r str, &'r str);

/// Asks one demo for all of it, in this order.
fn see(rows: &[Row<'_>]) {
    let demo = Demo::start(weather(false)).unwrap();
    for (method, path, body, status, header, part) in rows {
        let (code, head, answer) = ask(demo.address(), &format!("{method} {path}"), body);
        assert_eq!(code, *status, "{method} {path} {body}: {answer}");
        assert!(head.contains(header), "{method} {path} {body}: {head}");
        assert!(answer.contains(part), "{method} {path} {body}: {answer}");
    }
    // Who has come and says nothing holds nothing up.
    let silent = TcpStream::connect(demo.address()).unwrap();
    demo.stop();
    drop(silent);
}

#[test]
fn orders_are_saved_by_who_has_read_them() {
    let stale = "\"type\":\"https://orders.example/problems/stale-version\"";
    let taken = "\"type\":\"https://orders.example/problems/name-taken\"";
    see(&[
        ("GET", ONE, String::new(), 200, JSON, "\"version\":7"),
        ("PUT", ONE, save(6, "packed"), 409, PROBLEM, stale),
        (
            "PUT",
            ONE,
            save(0, "packed"),
            409,
            PROBLEM,
            "\"current_version\":7",
        ),
        ("PUT", ONE, save(7, "paid"), 200, JSON, "\"version\":7"),
        ("PUT", ONE, save(7, "packed"), 200, JSON, "\"version\":8"),
        ("PUT", ONE, save(7, "paid"), 409, PROBLEM, "\"status\":409"),
        ("GET", ONE, String::new(), 200, JSON, "\"packed\""),
        (
            "POST",
            "/orders",
            place("a", true),
            200,
            JSON,
            "\"name\":\"a\"",
        ),
        (
            "POST",
            "/orders",
            place("a", false),
            201,
            "location: /orders/1001",
            "\"a\"",
        ),
        ("POST", "/orders", place("a", false), 409, PROBLEM, taken),
        (
            "GET",
            "/orders/1001",
            String::new(),
            200,
            JSON,
            "\"version\":1",
        ),
    ]);
}

#[test]
fn whatever_is_wrong_is_told() {
    let (none, long) = (String::new, "x".repeat(100_000));
    see(&[
        (
            "PUT",
            ONE,
            "{\"version\": 7".to_owned(),
            400,
            PROBLEM,
            "line 1 column",
        ),
        ("PUT", ONE, save(7, "gone"), 400, PROBLEM, "`shipped`"),
        ("PUT", ONE, long, 413, PROBLEM, "16384 bytes"),
        (
            "PUT",
            "/orders/1234",
            save(1, "paid"),
            404,
            PROBLEM,
            "/orders/1234",
        ),
        (
            "POST",
            "/orders",
            place("<b>", false),
            400,
            PROBLEM,
            "letters, digits and hyphens",
        ),
        (
            "GET",
            "/orders/+42",
            none(),
            404,
            PROBLEM,
            "\"type\":\"about:blank\"",
        ),
        (
            "GET",
            "/orders/%FF",
            none(),
            404,
            PROBLEM,
            "\"title\":\"Not Found\"",
        ),
        (
            "GET",
            "/nothing",
            none(),
            404,
            PROBLEM,
            "\"instance\":\"/nothing\"",
        ),
        (
            "DELETE",
            ONE,
            none(),
            405,
            "allow: get,head,put",
            "Method Not Allowed",
        ),
    ]);
}

#[test]
fn reads_are_fast_slow_and_long() {
    let none = String::new;
    see(&[
        ("GET", "/orders", none(), 200, JSON, "\"id\":42"),
        (
            "GET",
            "/orders/latest",
            none(),
            302,
            "location: /orders/60",
            "",
        ),
        (
            "GET",
            "/orders/export",
            none(),
            200,
            "content-type: text/csv",
            "\n19,60,A-0060,",
        ),
        ("GET", "/health", none(), 200, "", "fine"),
    ]);
}
