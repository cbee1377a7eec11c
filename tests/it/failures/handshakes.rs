//! Handshakes that fail, by what the server shows or does.

use std::time::Duration;

use httpcycle_exporter::outcome::HttpVersion;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::target::module::Module;
use httpcycle_exporter::target::tls::{TlsSettings, TlsVersion};
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::failures::{PATIENCE, SHORT, reason};
use crate::support::dns::Script;
use crate::support::peer::Then;
use crate::support::{dns, peer, pki, probing};

/// Handshakes with servers whose certificate or behaviour is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_classified() {
    use Reason as R;
    let day = |year| rcgen::date_time_ymd(year, 1, 1);
    let authority = pki::Authority::new();
    let other = pki::Authority::new();
    let rows = [
        (authority.issue("orders.test", |_| {}), None),
        (
            authority.issue("orders.test", |p| p.not_after = day(2020)),
            Some(R::TlsCertExpired),
        ),
        (
            authority.issue("orders.test", |p| p.not_before = day(2090)),
            Some(R::TlsCertNotYetValid),
        ),
        (authority.issue("other.test", |_| {}), Some(R::TlsCertName)),
        (
            other.issue("orders.test", |_| {}),
            Some(R::TlsCertUnknownIssuer),
        ),
        (
            authority.issue("orders.test", |p| {
                p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            Some(R::TlsCertPurpose),
        ),
        (
            pki::self_signed("orders.test"),
            Some(R::TlsCertUnknownIssuer),
        ),
        (
            authority.issue("orders.test", |p| {
                let mut unheard_of = CustomExtension::from_oid_content(&[2, 999, 1], vec![5, 0]);
                unheard_of.set_criticality(true);
                p.custom_extensions.push(unheard_of);
            }),
            Some(R::TlsCertInvalid),
        ),
    ];
    for (index, ((certificate, key), expected)) in rows.into_iter().enumerate() {
        let acceptor = pki::acceptor(certificate, key);
        let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
        let server = dns::serve(Script::Addresses(vec![peer.address.ip()], Duration::ZERO)).await;
        for verify in [true, false] {
            let module = Module {
                resolver: Some(server.address),
                tls: TlsSettings {
                    verify,
                    ..authority.trusted()
                },
                ..Module::http_2xx()
            };
            let url = format!("https://orders.test:{}/", peer.address.port());
            let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
            let expected = expected.filter(|_| verify);
            assert_eq!(
                reason(&outcome),
                expected,
                "row {index}: {:?}",
                outcome.failure
            );
            assert!(
                outcome.cert_expiry.is_some(),
                "row {index}: known though invalid"
            );
            assert!(outcome.timeline.phase(Phase::Tls).is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_are_classified() {
    use Reason as R;
    let alert = |description: u8| vec![0x15, 3, 3, 0, 2, 2, description];
    for (bytes, then, expected) in [
        (vec![], Then::Close, R::TlsClosed),
        (vec![], Then::Reset, R::TlsClosed),
        (vec![], Then::Hold, R::TlsTimeout),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            Then::Close,
            R::TlsNotTls,
        ),
        (b"SSH-2.0-OpenSSH_9\r\n".to_vec(), Then::Hold, R::TlsNotTls),
        (alert(70), Then::Close, R::TlsVersion),
        (alert(40), Then::Close, R::TlsNoCommonCipher),
        (alert(112), Then::Close, R::TlsAlert),
        (alert(120), Then::Close, R::TlsAlpn),
        (server_hello_with_alpn("spdy/3"), Then::Hold, R::TlsAlpn),
        (
            vec![0x16, 3, 3, 0, 4, 1, 0, 0, 0],
            Then::Close,
            R::TlsMalformed,
        ),
    ] {
        let row = format!("{bytes:?}, then {then:?}");
        let peer = peer::serve(move |mut stream| {
            let bytes = bytes.clone();
            async move {
                stream.read_u8().await.unwrap();
                let mut rest = [0; 4096];
                assert!(stream.read(&mut rest).await.unwrap() > 0);
                stream.write_all(&bytes).await.unwrap();
                peer::finish(stream, then).await;
            }
        })
        .await;
        let module = Module {
            tls: pki::Authority::new().trusted(),
            ..Module::http_2xx()
        };
        let url = format!("https://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, module, SHORT)).await;
        assert_eq!(
            reason(&outcome),
            Some(expected),
            "{row}: {:?}",
            outcome.failure
        );
        assert!(outcome.timeline.phase(Phase::Tls).is_some(), "{row}");
        assert_eq!(outcome.timeline.phase(Phase::Send), None, "{row}");
    }
}

/// A ServerHello of TLS 1.2 that chooses a protocol which nobody offered.
fn server_hello_with_alpn(protocol: &str) -> Vec<u8> {
    let length = u8::try_from(protocol.len()).unwrap();
    let list = [&[0, length + 1, length], protocol.as_bytes()].concat();
    let alpn = [&[0, 16, 0, length + 3][..], &list].concat();
    let extensions = [&[0, length + 7][..], &alpn].concat();
    // Version, random, no session, ECDHE_RSA_WITH_AES_128_GCM_SHA256, no compression.
    let hello = [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2f, 0], &extensions].concat();
    let sized = |kind: &[u8], body: &[u8]| {
        let size = u16::try_from(body.len()).unwrap().to_be_bytes();
        [kind, &size, body].concat()
    };
    sized(&[0x16, 3, 3], &sized(&[2, 0], &hello))
}

/// The server's choice is spoken, and one that has nothing in common refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_of_http_is_agreed_on() {
    use HttpVersion::{Http2, Http11};
    let authority = pki::Authority::new();
    for (offered, enable_http2, spoken, expected) in [
        (&["h2", "http/1.1"][..], true, Some(Http2), None),
        (&["http/1.1", "h2"], true, Some(Http11), None),
        (&["h2"], true, Some(Http2), None),
        (&["http/1.1"], true, Some(Http11), None),
        (&[], true, Some(Http11), None),
        (&["http/0.9"], true, None, Some(Reason::TlsAlpn)),
        (&["h2", "http/1.1"], false, Some(Http11), None),
        (&["h2"], false, Some(Http11), None),
    ] {
        let acceptor = authority.server_of("127.0.0.1", offered);
        let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
        let module = Module {
            enable_http2,
            tls: authority.trusted(),
            ..Module::http_2xx()
        };
        let url = format!("https://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        let row = format!("{offered:?}, {enable_http2}: {:?}", outcome.failure);
        assert_eq!(reason(&outcome), expected, "{row}");
        let version = outcome.response.map(|response| response.version);
        assert_eq!(version, spoken, "{row}");
    }
}

/// A server may choose HTTP/2 and not speak it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_that_is_not_kept_is_told() {
    let authority = pki::Authority::new();
    let acceptor = authority.server_of("127.0.0.1", &["h2"]);
    let peer = peer::serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            peer::write(&mut stream, answer).await;
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
    })
    .await;
    let module = Module {
        tls: authority.trusted(),
        ..Module::http_2xx()
    };
    let url = format!("https://{}/", peer.address);
    let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
    assert_eq!(reason(&outcome), Some(Reason::TransferHttpVersion));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_client_certificate_is_told_in_both_versions_of_tls() {
    let authority = pki::Authority::new();
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let peer = peer::slow_in(
            None,
            Duration::ZERO,
            authority.server_for_clients("127.0.0.1"),
        )
        .await;
        let settings = TlsSettings {
            min_version: version,
            max_version: version,
            ..authority.trusted()
        };
        for (identity, expected) in [
            (None, Some(Reason::TlsClientCertRequired)),
            (Some(authority.client()), None),
        ] {
            let module = Module {
                tls: TlsSettings {
                    identity,
                    ..settings.clone()
                },
                ..Module::http_2xx()
            };
            let url = format!("https://{}/", peer.address);
            let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
            assert_eq!(
                reason(&outcome),
                expected,
                "{version:?}: {:?}",
                outcome.failure
            );
        }
    }
}
