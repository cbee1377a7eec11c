//! Which headers of a file are sent.

use std::path::Path;

use http::HeaderName;
use httpcycle_exporter::config;
use httpcycle_exporter::target::credentials::SecretValue;

use crate::config::check_tls;

#[test]
fn headers_that_frame_a_request_are_left_out_and_warned_of() {
    let text = "modules:\n  m:\n    prober: http\n    http:\n      headers:\n        \
                Content-Length: 1\n        transfer-encoding: chunked\n        Upgrade: websocket\n      \
                http_headers: {Trailer: {values: [X-A]}, Expect: {values: [100-continue]}}\n      \
                proxy_url: http://p.test\n      \
                proxy_connect_header: {Content-Length: [\"0\"], Connection: [close]}\n\
                targets:\n  - {url: \"http://a.test\", module: m}\n";
    let config = config::parse("f.yml", Path::new(""), text, &check_tls).unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "f.yml:6:9: header \"Content-Length\" is not sent: the probe counts the body itself",
        "f.yml:7:9: header \"transfer-encoding\" is not sent: the probe frames the body itself",
        "f.yml:9:22: header \"Trailer\" is not sent: the probe sends no trailers",
        "f.yml:11:30: header \"Content-Length\" is not sent: the probe counts the body itself",
    ];
    assert_eq!(warnings, expected);
    let module = &config.targets[0].module;
    let names = |headers: &[(HeaderName, SecretValue)]| -> Vec<String> {
        headers.iter().map(|(name, _)| name.to_string()).collect()
    };
    assert_eq!(names(&module.headers), ["upgrade"]);
    assert_eq!(names(&module.http_headers), ["expect"]);
    let proxy = module.proxy.as_ref().unwrap();
    assert_eq!(names(&proxy.connect_headers), ["connection"]);
}
