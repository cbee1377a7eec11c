//! What stands on a line: URLs, durations, sizes, labels, addresses, parameters, headers.

use std::time::Duration;

use crate::config::duration;
use crate::metrics::format::Format;
use crate::server::listen::ListenAddress;
use crate::server::probe::first_parameter;
use crate::target::address::Hostname;
use crate::target::address::TargetUrl;
use crate::target::expression;
use crate::target::labels::Labels;
use crate::target::no_proxy::NoProxy;
use crate::target::pointer::JsonPointer;
use crate::target::proxy::ProxyUrl;

/// Reads each line as each of them: what is read is written and read again as the same.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.lines().take(8) {
        durations(line);
        url(line);
        redirect(line);
        proxies(line);
        labels(line);
        listen_addresses(line);
        parameters(line);
        Format::negotiate(Some(line));
        drop(JsonPointer::parse(line));
        if line.len() < 256 {
            drop(expression::compile(line));
        }
    }
}

fn durations(text: &str) {
    if let Ok(read) = duration::parse(text) {
        assert_eq!(
            duration::parse(&duration::format(read)),
            Ok(read),
            "{text:?}"
        );
        assert_eq!(duration::parse_timeout(text), Ok(read), "{text:?}");
    } else if let Ok(read) = duration::parse_timeout(text) {
        let written = duration::format(read);
        let again = duration::parse_timeout(&written);
        // Days go with milliseconds, or hours with less than that, and those are floats.
        let is_close = |again: Duration| {
            let off = again.abs_diff(read).as_secs_f64();
            off <= 1e-9 + read.as_secs_f64() * 1e-12
        };
        let needs_both = read.as_secs() >= 86_400 && read.subsec_nanos() % 1_000_000 > 0;
        assert!(
            needs_both || again.is_ok_and(is_close),
            "{text:?}: {written}"
        );
    }
}

fn url(text: &str) {
    let Ok(url) = TargetUrl::parse(text) else {
        return;
    };
    let again = TargetUrl::parse(url.as_url().as_str()).expect("a URL that was read");
    assert_eq!(again, url, "{text:?}");
    check_parts(&url);
    // What is shown is the same place without its secrets.
    let shown = url.to_string();
    let place = TargetUrl::parse(&shown).expect("a URL that is shown");
    assert!(place.is_same_origin(&url), "{shown}");
    assert_eq!(place.userinfo(), None, "{shown}");
    assert_eq!(
        place.request_target().path(),
        url.request_target().path(),
        "{shown}"
    );
    assert_eq!(place.to_string(), shown);
    for (key, value) in place.as_url().query_pairs() {
        // What has no name is all value.
        let hidden = if value.is_empty() { key } else { value };
        assert_eq!(hidden, "xxxxx", "{shown}");
    }
    assert_eq!(place.as_url().fragment(), None, "{shown}");
}

fn check_parts(url: &TargetUrl) {
    assert!(url.port() > 0, "{url}");
    let host = url.host().to_string();
    assert!(!host.is_empty(), "{url}");
    if let Hostname::Name(name) = url.host() {
        assert!(
            name.parse::<std::net::IpAddr>().is_err(),
            "an address that is looked up: {name}"
        );
    }
    assert!(url.request_target().as_str().starts_with('/'), "{url}");
    let header = url.host_header().to_str().expect("a header of ASCII");
    let bare = host.trim_matches(['[', ']']);
    assert!(
        header.trim_start_matches('[').starts_with(bare),
        "{header} of {host}"
    );
}

fn redirect(text: &str) {
    let base = TargetUrl::parse("http://u:p@a.example:8080/x/y?z").expect("a URL");
    if let Ok(next) = base.join(text) {
        check_parts(&next);
        assert_eq!(next.as_url().fragment(), None, "{next}");
        assert_eq!(TargetUrl::parse(next.as_url().as_str()), Ok(next));
    }
}

fn proxies(text: &str) {
    if let Ok(proxy) = ProxyUrl::parse(text) {
        assert!(proxy.port > 0, "{text:?}");
        assert!(!proxy.host.to_string().is_empty(), "{text:?}");
    }
    let excepted = NoProxy::parse(text);
    let [name, loopback] = ["http://a.example/", "https://[::1]:8443/"]
        .map(|text| excepted.excepts(&TargetUrl::parse(text).expect("a URL")));
    assert!(loopback, "as in Go, whatever the list");
    assert!(!(name && text.trim().is_empty()), "excepted by nothing");
}

fn labels(text: &str) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let mut labels = Labels::default();
    let taken = labels.insert(name, value).is_ok();
    let kept: Vec<_> = labels.iter().collect();
    assert_eq!(kept == [(name, value)], taken, "{text:?}");
    if taken {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(
            name.chars().all(is_word) && !name.starts_with("__"),
            "{name:?}"
        );
        assert!(!name.starts_with(|c: char| c.is_ascii_digit()), "{name:?}");
    }
}

fn listen_addresses(text: &str) {
    if let Ok(address) = text.parse::<ListenAddress>() {
        assert_eq!(address.to_string().parse(), Ok(address.clone()), "{text:?}");
        assert!(address.local_url("http").starts_with("http://"), "{text:?}");
    }
}

fn parameters(text: &str) {
    for name in ["target", "module"] {
        let Some(found) = first_parameter(text, name) else {
            continue;
        };
        assert!(!found.is_empty(), "{text:?}");
        // Written anew it is read as the same.
        let escaped: String = found.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let again = first_parameter(&format!("{name}={escaped}"), name);
        assert_eq!(again, Some(found), "{text:?}");
    }
}
