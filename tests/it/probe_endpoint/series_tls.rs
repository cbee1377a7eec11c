//! What `/probe` tells of TLS: versions, ciphers and chains.

use std::collections::BTreeMap;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, SanType, SerialNumber};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::probe_endpoint::series::{ALWAYS, CONNECTED, LOOKED_UP, assert_names, assert_values};
use crate::probe_endpoint::{probe, start, tls_config};
use crate::support::peer::{self, Peer};
use crate::support::pki::{self, Authority};

/// A certificate with a name that has everything, from `authority` or by itself.
fn odd_certificate(change: impl FnOnce(&mut CertificateParams)) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    params
        .subject_alt_names
        .push(SanType::DnsName("b.test".try_into().unwrap()));
    params
        .subject_alt_names
        .push(SanType::IpAddress([127, 0, 0, 1].into()));
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "a.test");
    name.push(DnType::CountryName, "DE");
    name.push(DnType::OrganizationName, "A, B \"C\"");
    name.push(DnType::StateOrProvinceName, " Süd");
    name.push(DnType::OrganizationalUnitName, "x");
    name.push(
        DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]),
        "a@b.c",
    );
    params.serial_number = Some(SerialNumber::from(vec![0x00, 0x0a, 0xbc, 0x00]));
    change(&mut params);
    (params, KeyPair::generate().unwrap())
}

const ODD_NAME: &str = "CN=a.test,OU=x,O=A\\\\, B \\\\\\\"C\\\\\\\",ST=\\\\ Süd,C=DE,\
                        1.2.840.113549.1.9.1=#0c056140622e63";

async fn serving(certificate: CertificateDer<'static>, key: KeyPair) -> Peer {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    peer::slow_in(None, Duration::ZERO, pki::acceptor(certificate, key)).await
}

/// The one series of a family, without the family's name.
fn labels(series: &BTreeMap<String, f64>, family: &str) -> String {
    let found: Vec<_> = series
        .keys()
        .filter_map(|name| name.strip_prefix(family))
        .collect();
    assert_eq!(found.len(), 1, "{family}: {found:?}");
    assert_eq!(series[&format!("{family}{}", found[0])], 1.0);
    found[0].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_told_of_the_final_response() {
    let (params, key) = odd_certificate(|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    });
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let print: String = sha256(&certificate);
    let peer = serving(certificate, key).await;
    let exporter =
        start("modules: {m: {prober: http, http: {tls_config: {insecure_skip_verify: true}}}}\n");
    // The second time, the chain is known.
    for _ in 0..2 {
        let series = probe(&exporter, &format!("https://{}/", peer.address));
        let info = labels(&series, "probe_ssl_last_chain_info");
        let expected = format!(
            "{{fingerprint_sha256=\"{print}\",issuer=\"{ODD_NAME}\",serialnumber=\"0abc00\",\
             subject=\"{ODD_NAME}\",subjectalternative=\"a.test,b.test\"}}"
        );
        assert_eq!(info, expected);
        assert_eq!(
            labels(&series, "probe_tls_version_info"),
            "{version=\"TLS 1.3\"}"
        );
        let cipher = "{cipher=\"TLS_AES_256_GCM_SHA384\"}";
        assert_eq!(labels(&series, "probe_tls_cipher_info"), cipher);
        let expected = [
            ("probe_success", 1.0),
            ("probe_http_ssl", 1.0),
            ("probe_ssl_earliest_cert_expiry", 2_208_988_800.0),
            (
                "probe_ssl_last_chain_expiry_timestamp_seconds",
                -62_135_596_800.0,
            ),
        ];
        assert_values(&series, &expected, "insecure");
        assert_names(
            &series,
            &[
                &ALWAYS,
                &LOOKED_UP,
                &CONNECTED,
                &[
                    "probe_ssl_earliest_cert_expiry",
                    "probe_ssl_last_chain_expiry_timestamp_seconds",
                ],
                &[&format!("probe_ssl_last_chain_info{info}")],
                &[
                    "probe_tls_version_info{version=\"TLS 1.3\"}",
                    &format!("probe_tls_cipher_info{cipher}"),
                ],
            ],
        );
        assert!(series["probe_http_duration_seconds{phase=\"tls\"}"] > 0.0);
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_ends_when_its_first_certificate_does() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    // The authority outlives the first and not the second: rcgen's default is the year 4096.
    let is_authority = IsCa::Ca(BasicConstraints::Unconstrained);
    for (year, is_ca, expected) in [
        (2039, IsCa::NoCa, 2_177_452_800.0),
        (5000, IsCa::NoCa, 67_090_118_400.0),
        (2039, is_authority, 2_177_452_800.0),
        (5000, is_authority, 67_090_118_400.0),
    ] {
        let (certificate, key) = authority.issue("127.0.0.1", |params| {
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            params.is_ca = is_ca;
        });
        let acceptor = pki::acceptor(certificate, key);
        let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
        let tls = tls_config(folder.path(), &authority.trusted());
        let exporter = start(&format!(
            "modules: {{m: {{prober: http, http: {{{tls}}}}}}}\n"
        ));
        for _ in 0..2 {
            let series = probe(&exporter, &format!("https://{}/", peer.address));
            let chain = "probe_ssl_last_chain_expiry_timestamp_seconds";
            assert_values(
                &series,
                &[("probe_success", 1.0), (chain, expected)],
                "verified",
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_is_told_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (certificate, key) = authority.issue("127.0.0.1", |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let peer = peer::slow_in(None, Duration::ZERO, pki::acceptor(certificate, key)).await;
    let tls = tls_config(folder.path(), &authority.trusted());
    let exporter = start(&format!(
        "modules: {{m: {{prober: http, http: {{{tls}}}}}}}\n"
    ));
    let series = probe(&exporter, &format!("https://{}/", peer.address));
    let expiry = "probe_ssl_earliest_cert_expiry";
    assert_names(&series, &[&ALWAYS, &LOOKED_UP, &CONNECTED, &[expiry]]);
    let expected = [
        ("probe_success", 0.0),
        ("probe_http_ssl", 0.0),
        (expiry, 1_577_836_800.0),
    ];
    assert_values(&series, &expected, "expired");
}
