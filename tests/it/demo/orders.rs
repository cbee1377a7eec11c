//! The API of the demo by hand: what it answers, and why it saves nothing.

use std::net::TcpStream;

use httpcycle_exporter::demo::Demo;

use crate::demo::{ask, weather};

#[test]
fn versions_are_minded() {
    let demo = Demo::start(weather(false)).unwrap();
    let problem = "content-type: application/problem+json";
    let json = "content-type: application/json";
    let long = "x".repeat(100_000);
    for (request, body, status, header, part) in [
        ("GET /orders", "", 200, json, "\"id\":42"),
        ("GET /orders/42", "", 200, json, "\"version\":7"),
        (
            "PUT /orders/42",
            r#"{"version": 6, "state": "packed"}"#,
            409,
            problem,
            "\"current_version\":7",
        ),
        (
            "PUT /orders/42",
            r#"{"version": 0, "state": "packed"}"#,
            409,
            problem,
            "https://orders.example/problems/stale-version",
        ),
        (
            "PUT /orders/42",
            r#"{"version": 7, "state": "paid"}"#,
            200,
            json,
            "\"version\":7",
        ),
        (
            "PUT /orders/42",
            r#"{"version": 7, "state": "packed"}"#,
            200,
            json,
            "\"version\":8",
        ),
        (
            "PUT /orders/42",
            r#"{"version": 7, "state": "paid"}"#,
            409,
            problem,
            "\"status\":409",
        ),
        (
            "PUT /orders/42",
            r#"{"version": 7"#,
            400,
            problem,
            "line 1 column",
        ),
        (
            "PUT /orders/42",
            r#"{"version": 8, "state": "gone"}"#,
            400,
            problem,
            "`shipped`",
        ),
        ("PUT /orders/42", &long, 413, problem, "16384 bytes"),
        (
            "PUT /orders/1234",
            r#"{"version": 1, "state": "paid"}"#,
            404,
            problem,
            "/orders/1234",
        ),
        (
            "GET /orders/+42",
            "",
            404,
            problem,
            "\"type\":\"about:blank\"",
        ),
        (
            "GET /orders/%FF",
            "",
            404,
            problem,
            "\"title\":\"Not Found\"",
        ),
        (
            "GET /nothing",
            "",
            404,
            problem,
            "\"instance\":\"/nothing\"",
        ),
        (
            "DELETE /orders/42",
            "",
            405,
            "allow: get,head,put",
            "Method Not Allowed",
        ),
        ("GET /orders/latest", "", 302, "location: /orders/60", ""),
        (
            "POST /orders",
            r#"{"name": "mine", "validate_only": true}"#,
            200,
            json,
            "mine",
        ),
        (
            "POST /orders",
            r#"{"name": "mine"}"#,
            201,
            "location: /orders/1001",
            "mine",
        ),
        (
            "POST /orders",
            r#"{"name": "mine"}"#,
            409,
            problem,
            "https://orders.example/problems/name-taken",
        ),
        (
            "POST /orders",
            r#"{"name": "<b>"}"#,
            400,
            problem,
            "letters, digits and hyphens",
        ),
        ("GET /orders/1001", "", 200, json, "\"version\":1"),
        (
            "GET /orders/export",
            "",
            200,
            "content-type: text/csv",
            "\n19,60,A-0060,",
        ),
        ("GET /health", "", 200, "", "fine"),
    ] {
        let (code, head, answer) = ask(demo.address(), request, body);
        assert_eq!(code, status, "{request}: {answer}");
        assert!(head.contains(header), "{request}: {head}");
        assert!(answer.contains(part), "{request}: {answer}");
    }
    let began = TcpStream::connect(demo.address()).unwrap();
    demo.stop();
    drop(began);
}
