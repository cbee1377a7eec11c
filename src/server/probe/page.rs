//! The series of one probe, with the names, texts and rules of presence that blackbox_exporter's
//! HTTP prober has: dashboards and alerts depend on them to the letter.

use std::net::IpAddr;
use std::time::Duration;

use crate::outcome::detail::Chain;
use crate::outcome::detail::Detail;
use crate::outcome::detail::Way;
use crate::outcome::phase::Phase;
use crate::outcome::timeline::Span;
use crate::outcome::timeline::Timeline;
use crate::server::probe::results::Found;
use crate::server::probe::results::ProbeResult;
use crate::server::probe::value;

/// The Unix time of Go's zero time, the 1st of January of the year 1, which stands for no chain.
const NO_CHAIN: i64 = -62_135_596_800;

/// Where there is no look-up of the exporter's own to tell of.
const LOOKED_UP_BY_PROXY: Way = Way::Proxy {
    skips_look_up: true,
};

/// Writes the families in the order of their names.
pub fn write(result: &ProbeResult, out: &mut Vec<u8>) {
    let mut page = Page(out);
    let found = result.found.as_ref().ok();
    let looked_up = found.filter(|found| found.detail.way != LOOKED_UP_BY_PROXY);
    if let Some(found) = looked_up {
        page.gauge(
            "probe_dns_lookup_time_seconds",
            "Returns the time taken for probe dns lookup in seconds",
            seconds(&found.outcome.timeline, &[Phase::Dns], Some(0)),
        );
    }
    page.gauge(
        "probe_duration_seconds",
        "Returns how long the probe took to complete in seconds",
        found.map_or(0.0, |found| found.outcome.timeline.total().as_secs_f64()),
    );
    let judgement = found.map(|found| found.outcome.judgement);
    let judgement = judgement.unwrap_or_default();
    if result.module.checks.body.have_cel() {
        page.gauge(
            "probe_failed_due_to_cel",
            "Indicates if probe failed due to CEL expression not matching",
            f64::from(judgement.failed_by_cel.unwrap_or_default()),
        );
    }
    page.gauge(
        "probe_failed_due_to_regex",
        "Indicates if probe failed due to regex",
        f64::from(judgement.failed_by_regexp.unwrap_or_default()),
    );
    page.http(found);
    if let Some(found) = looked_up {
        page.address(found.detail.ip);
    }
    if let Some(found) = found {
        page.certificates(found);
    }
    page.gauge(
        "probe_success",
        "Displays whether or not the probe was a success",
        f64::from(result.is_success()),
    );
    page.gauge(
        "probe_timeout_seconds",
        "Returns how long the probe timeout is in seconds",
        result.timeout.as_secs_f64(),
    );
    if let Some(found) = found {
        page.agreed(found);
    }
}

/// How long phases took together, in one hop or in all.
fn seconds(timeline: &Timeline, phases: &[Phase], hop: Option<u8>) -> f64 {
    let spans = timeline.spans().iter();
    let spans =
        spans.filter(|span| phases.contains(&span.phase) && hop.is_none_or(|hop| span.hop == hop));
    let took: Duration = spans.map(Span::duration).sum();
    took.as_secs_f64()
}

/// The hash of an address that blackbox_exporter shows: FNV-1a in 32 bits.
fn hash(ip: IpAddr) -> u32 {
    let fnv = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        })
    };
    match ip.to_canonical() {
        IpAddr::V4(ip) => fnv(&ip.octets()),
        IpAddr::V6(ip) => fnv(&ip.octets()),
    }
}

struct Page<'o>(&'o mut Vec<u8>);

impl Page<'_> {
    fn push(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn family(&mut self, name: &str, help: &str) {
        for piece in ["# HELP ", name, " ", help, "\n# TYPE ", name, " gauge\n"] {
            self.push(piece);
        }
    }

    fn gauge(&mut self, name: &str, help: &str, number: f64) {
        self.family(name, help);
        self.sample(name, &[], number);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], number: f64) {
        self.push(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            self.push(if index == 0 { "{" } else { "," });
            self.push(label);
            self.push("=\"");
            self.escaped(text);
            self.push("\"");
        }
        self.push(if labels.is_empty() { " " } else { "} " });
        value::write(self.0, number);
        self.push("\n");
    }

    fn escaped(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'\\' => self.push("\\\\"),
                b'\n' => self.push("\\n"),
                b'"' => self.push("\\\""),
                byte => self.0.push(byte),
            }
        }
    }

    /// What is there even if there was no response, as zeros.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a gauge is a float, and no body has 2^53 bytes"
    )]
    fn http(&mut self, found: Option<&Found>) {
        let response = found.and_then(|found| found.outcome.response);
        let head = found.and_then(|found| found.detail.head);
        let head = head.filter(|_| response.is_some());
        // One that is not followed is counted as well.
        let is_redirect = response.is_some_and(|response| response.is_redirect);
        let length = head.map(|head| head.content_length.map_or(-1.0, |length| length as f64));
        self.gauge(
            "probe_http_content_length",
            "Length of http content response",
            length.unwrap_or_default(),
        );
        if let Some(found) = found {
            self.phases(&found.outcome.timeline, &found.detail);
        }
        if let Some(modified) = head.and_then(|head| head.last_modified) {
            self.gauge(
                "probe_http_last_modified_timestamp_seconds",
                "Returns the Last-Modified HTTP response header in unixtime",
                modified as f64,
            );
        }
        let spans = found.and_then(|found| found.outcome.timeline.spans().last());
        let redirects = response.map_or_else(
            || spans.map_or(0, |span| span.hop),
            |response| response.redirects.saturating_add(is_redirect.into()),
        );
        self.gauge(
            "probe_http_redirects",
            "The number of redirects",
            f64::from(redirects),
        );
        self.gauge(
            "probe_http_ssl",
            "Indicates if SSL was used for the final redirect",
            f64::from(response.is_some_and(|response| response.over_tls)),
        );
        self.gauge(
            "probe_http_status_code",
            "Response HTTP status code",
            response.map_or(0.0, |response| f64::from(response.code)),
        );
        let body = found.map(|found| found.outcome.judgement.decoded_bytes);
        self.gauge(
            "probe_http_uncompressed_body_length",
            "Length of uncompressed response body",
            body.unwrap_or_default() as f64,
        );
        self.gauge(
            "probe_http_version",
            "Returns the version of HTTP of the probe response",
            response.map_or(0.0, |response| response.version.number()),
        );
    }

    /// All five phases once there was an address to go to, 0 where they did not run.
    fn phases(&mut self, timeline: &Timeline, detail: &Detail) {
        let name = "probe_http_duration_seconds";
        let help = "Duration of http request by phase, summed over all redirects";
        self.family(name, help);
        for (label, phases) in [
            ("connect", &[Phase::Connect][..]),
            ("processing", &[Phase::Send, Phase::FirstByte]),
            ("resolve", &[Phase::Dns]),
            ("tls", &[Phase::Tls]),
            ("transfer", &[Phase::Transfer]),
        ] {
            let ran = match label {
                "resolve" => detail.way != LOOKED_UP_BY_PROXY,
                _ => detail.ip.is_some() || detail.way == LOOKED_UP_BY_PROXY,
            };
            if ran {
                let took = seconds(timeline, phases, None);
                self.sample(name, &[("phase", label)], took);
            }
        }
    }

    fn address(&mut self, ip: Option<IpAddr>) {
        self.gauge(
            "probe_ip_addr_hash",
            "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
            ip.map_or(0.0, |ip| f64::from(hash(ip))),
        );
        self.gauge(
            "probe_ip_protocol",
            "Specifies whether probe ip protocol is IP4 or IP6",
            match ip.map(|ip| ip.to_canonical()) {
                None => 0.0,
                Some(IpAddr::V4(_)) => 4.0,
                Some(IpAddr::V6(_)) => 6.0,
            },
        );
    }

    /// The certificates of the final response; of a handshake that failed, when they expire: an
    /// alert for expired certificates is of use above all when they have.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a gauge is a float, and certificates have four digits for the year"
    )]
    fn certificates(&mut self, found: &Found) {
        let Some(tls) = &found.detail.tls else {
            return;
        };
        if let Some(expiry) = tls.chain.earliest_expiry {
            self.gauge(
                "probe_ssl_earliest_cert_expiry",
                "Returns last SSL chain expiry in unixtime",
                expiry as f64,
            );
        }
        if found.outcome.response.is_none() || tls.agreed.is_none() {
            return;
        }
        self.gauge(
            "probe_ssl_last_chain_expiry_timestamp_seconds",
            "Returns last SSL chain expiry in timestamp",
            tls.chain.last_chain_expiry.unwrap_or(NO_CHAIN) as f64,
        );
        let Chain {
            fingerprint,
            subject,
            issuer,
            alternative_names,
            serial_number,
            ..
        } = &*tls.chain;
        let name = "probe_ssl_last_chain_info";
        self.family(name, "Contains SSL leaf certificate information");
        self.sample(
            name,
            &[
                ("fingerprint_sha256", fingerprint),
                ("issuer", issuer),
                ("serialnumber", serial_number),
                ("subject", subject),
                ("subjectalternative", alternative_names),
            ],
            1.0,
        );
    }

    fn agreed(&mut self, found: &Found) {
        let agreed = found.detail.tls.as_ref().and_then(|tls| tls.agreed);
        let Some(agreed) = agreed.filter(|_| found.outcome.response.is_some()) else {
            return;
        };
        let name = "probe_tls_cipher_info";
        self.family(name, "Returns the TLS cipher negotiated during handshake");
        self.sample(name, &[("cipher", agreed.cipher)], 1.0);
        let name = "probe_tls_version_info";
        self.family(name, "Returns the TLS version used or NaN when unknown");
        self.sample(name, &[("version", agreed.version)], 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hashed_as_in_go() {
        for (ip, expected) in [
            ("127.0.0.1", 3_668_918_509),
            ("192.0.2.1", 1_969_986_452),
            ("::1", 1_751_717_746),
            ("::ffff:127.0.0.1", 3_668_918_509),
        ] {
            assert_eq!(hash(ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
