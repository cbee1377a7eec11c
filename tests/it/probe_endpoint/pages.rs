//! What is shown of probes that are over: the debug page, `/logs`, the landing page.

use httpcycle_exporter::config;

use crate::probe_endpoint::{ask, series, start};
use crate::support::exporter::Exporter;
use crate::support::peer::{self, Then};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const SECRETS: &str = "modules:
  basic:
    prober: http
    timeout: 7s
    http:
      method: POST
      headers: {Accept: text/x-hunter0, Host: host.shown, X-Api-Key: hunter1, Authorization: hunter2}
      http_headers: {X-More: {values: [hunter3], secrets: [hunter4]}}
      basic_auth: {username: hunter-user, password: hunter5}
      body: hunter6
      valid_status_codes: [200, 204]
      fail_if_header_matches: [{header: X-Bad, regexp: 'a\"b', allow_missing: true}]
      tls_config: {server_name: shown.test}
  token: {prober: http, http: {authorization: {type: Custom, credentials: hunter7}}}
  bearer: {prober: http, http: {bearer_token: hunter8}}
";

#[tokio::test(flavor = "multi_thread")]
async fn the_debug_page_shows_everything_but_secrets() {
    let peer = peer::answering(OK.to_vec(), Then::Close).await;
    let exporter = start(SECRETS);
    for (module, shown) in [
        (
            "basic",
            &[
                "\ntimeout: 7000ms\n",
                "  method: \"POST\"\n",
                "    \"accept\": <secret>\n",
                "    \"host\": \"host.shown\"\n",
                "    \"x-api-key\": <secret>\n",
                "    \"authorization\": <secret>\n",
                "    \"x-more\":\n      secrets: [<secret>, <secret>]\n",
                "    username: <secret>\n    password: <secret>\n",
                "  body: <secret>\n",
                "  valid_status_codes: [200, 204]\n",
                "  - header: \"x-bad\"\n    regexp: \"a\\\"b\"\n    allow_missing: true\n",
                "    server_name: \"shown.test\"\n",
            ][..],
        ),
        (
            "token",
            &["    type: \"Custom\"\n    credentials: <secret>\n"],
        ),
        (
            "bearer",
            &["    type: \"Bearer\"\n    credentials: <secret>\n"],
        ),
    ] {
        let target = format!("http://u:hunter9@{}/x?token=hunter10", peer.address);
        let path = format!("/probe?module={module}&target={target}&debug=true");
        let answer = ask(&exporter, &path, "");
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("\r\ncontent-type: text/plain\r\n"));
        let body = &answer.body;
        assert!(!body.contains("hunter"), "{body}");
        let log = body.strip_prefix("Logs for the probe:\n").unwrap();
        let (log, rest) = log
            .split_once("\n\n\n\nMetrics that would have been returned:\n")
            .unwrap();
        let (metrics, yaml) = rest.split_once("\n\n\nModule configuration:\n").unwrap();
        for message in [
            "Beginning probe",
            "Received HTTP response",
            "Probe succeeded",
        ] {
            let message = format!(" msg={message:?} ");
            assert!(log.contains(&message), "{message} in {log}");
        }
        for phase in ["connect", "send", "first_byte", "transfer"] {
            assert!(
                log.contains(&format!(" phase={phase} ")),
                "{phase} in {log}"
            );
        }
        assert_eq!(series(metrics)["probe_success"], 1.0);
        for text in shown {
            assert!(yaml.contains(text), "{text} in {yaml}");
        }
        // It is YAML that a module could be written as.
        let indented = yaml.replace('\n', "\n    ");
        let text = format!("modules:\n  m:\n    {indented}");
        let text = text.replace("<secret>", "x");
        let loaded = config::parse("f.yml", "".as_ref(), &text, &|_| Ok(()));
        assert!(loaded.is_ok(), "{text}\n{}", loaded.unwrap_err());
        // What was shown is what is kept.
        let kept = ask(
            &exporter,
            &format!("/logs?target={target}&module={module}"),
            "",
        );
        assert_eq!(kept.body, *body);
    }
    let landing = exporter.get_text("GET /");
    assert!(!landing.contains("hunter"), "{landing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_in_words() {
    let peer = peer::answering(b"SSH-2.0-x\r\n".to_vec(), Then::Close).await;
    let exporter = start("");
    let path = format!("/probe?target={}&debug=true", peer.address);
    let body = ask(&exporter, &path, "").body;
    assert!(
        body.contains(" msg=\"Probe failed\" phase=transfer reason=not_http "),
        "{body}"
    );
    let body = ask(&exporter, "/probe?target=http://[::1&debug=true", "").body;
    assert!(
        body.contains(" msg=\"Could not parse target URL\" err="),
        "{body}"
    );
    // Anything but `true` is no wish.
    let path = format!("/probe?target={}&debug=1", peer.address);
    assert!(ask(&exporter, &path, "").body.starts_with("# HELP"));
}

#[rustfmt::skip]
const MISTAKES: &[(&str, u16, &str)] = &[
    ("", 400, "Probe id or target must be defined as http query parameters"),
    ("?id=x", 400, "Probe id or target must be defined as http query parameters"),
    ("?id=-1", 400, "Probe id or target must be defined as http query parameters"),
    ("?id=0&target=a", 400, "Probe id and target can't be defined at the same time"),
    ("?id=0&module=m", 400, "Probe module filter only works in conjunction with target parameter"),
    ("?module=m", 400, "Probe id or target must be defined as http query parameters"),
    ("?id=7", 404, "Probe id not found"),
    ("?id=-7", 404, "Probe id not found"),
    ("?target=a", 404, "Probe target not found"),
    ("?target=@&module=m", 404, "Probe target not found"),
];

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_found_by_number_and_by_target() {
    let peer = peer::answering(OK.to_vec(), Then::Close).await;
    let address = peer.address.to_string();
    let arguments = ["--web.enable-probe-endpoint", "--history.limit=2"];
    let config = "modules: {'<b>\"': {prober: http, http: {fail_if_not_ssl: true}}}\n";
    let exporter = Exporter::start_with(config, &arguments);
    for module in ["%3Cb%3E%22", "", "", ""] {
        let path = format!("/probe?target={address}&module={module}");
        assert_eq!(ask(&exporter, &path, "").status, 200);
    }
    for (query, status, text) in MISTAKES {
        let path = format!("/logs{}", query.replace('@', &address));
        let answer = ask(&exporter, &path, "");
        assert_eq!(answer.status, *status, "{query}");
        assert_eq!(answer.body, format!("{text}\n"), "{query}");
    }
    // The failure is kept beyond the limit, the success before it is not.
    for (query, expected) in [
        ("id=0", true),
        ("id=1", false),
        ("id=2", true),
        ("id=%2B3", true),
        ("target=@", true),
        ("target=@&module=http_2xx", true),
        ("target=@&module=%3Cb%3E%22", true),
        ("target=@&module=b", false),
    ] {
        let answer = ask(
            &exporter,
            &format!("/logs?{}", query.replace('@', &address)),
            "",
        );
        assert_eq!(answer.status == 200, expected, "{query}: {}", answer.body);
        let begins = answer.body.starts_with("Logs for the probe:\n");
        assert_eq!(begins, expected, "{query}");
    }
    let landing = tokio::task::block_in_place(|| exporter.get_text("GET /"));
    let rows: Vec<&str> = landing
        .lines()
        .filter(|line| line.contains("logs?id"))
        .collect();
    assert_eq!(rows.len(), 3, "{landing}");
    for (row, (id, verdict)) in rows.iter().zip([
        (3, "Success"),
        (2, "Success"),
        (0, "<strong>Failure</strong>"),
    ]) {
        assert!(row.contains(&format!("logs?id={id}\"")), "{row}");
        assert!(row.contains(&format!("<td>{verdict}</td>")), "{row}");
    }
    assert!(rows[2].contains("<bdi>&#60;b&#62;&#34;</bdi>"), "{landing}");
}
