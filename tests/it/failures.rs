//! One row, one behaviour of a peer, one expected place and reason.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use hickory_resolver::proto::op::ResponseCode;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::{Outcome, Verdict};
use httpcycle_exporter::target::module::{IpFamily, Module};
use httpcycle_exporter::target::tls::{TlsSettings, TlsVersion};
use rcgen::ExtendedKeyUsagePurpose;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::dns::Script;
use crate::support::peer::Then;
use crate::support::{dns, peer, pki, probing};

const PATIENCE: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(400);

fn reason(outcome: &Outcome) -> Option<Reason> {
    outcome.failure.as_ref().map(|failure| failure.reason)
}

/// Heads and bodies as a peer sends them, and what must come of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_are_classified() {
    use Reason as R;
    use Then::{Close, Hold, Reset};
    let many = |count: usize| {
        let headers: String = (0..count).map(|i| format!("H{i}: v\r\n")).collect();
        format!("HTTP/1.1 204 No Content\r\n{headers}\r\n")
    };
    let interims = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n".repeat(20);
    let flood = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20_000);
    let huge_head = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(400_000));
    let ok = "HTTP/1.1 200 OK\r\n";
    let rows: Vec<(String, Then, Option<Reason>, Option<u16>)> = vec![
        (String::new(), Close, Some(R::FirstByteClosed), None),
        (String::new(), Reset, Some(R::FirstByteReset), None),
        (String::new(), Hold, Some(R::FirstByteTimeout), None),
        (
            "HTTP/1.1 2".into(),
            Close,
            Some(R::TransferHeaderTruncated),
            None,
        ),
        (
            "HTTP/1.1 2".into(),
            Reset,
            Some(R::TransferHeaderTruncated),
            None,
        ),
        (
            "HTTP/1.1 200 OK\r\nA: b\r\n".into(),
            Hold,
            Some(R::TransferHeaderTimeout),
            None,
        ),
        (
            "SSH-2.0-OpenSSH\r\n".into(),
            Close,
            Some(R::TransferNotHttp),
            None,
        ),
        (
            "220 mail ESMTP\r\n\r\n".into(),
            Hold,
            Some(R::TransferNotHttp),
            None,
        ),
        (
            "\x15\x03\x01\x00\x02\x02\x46".into(),
            Close,
            Some(R::TransferNotHttp),
            None,
        ),
        (
            "HTTP/2.0 200 OK\r\n\r\n".into(),
            Hold,
            Some(R::TransferHttpVersion),
            None,
        ),
        (
            "HTTP/1.2 200 OK\r\n\r\n".into(),
            Hold,
            Some(R::TransferHttpVersion),
            None,
        ),
        (
            "HTTP/1.1 20 OK\r\n\r\n".into(),
            Hold,
            Some(R::TransferStatusInvalid),
            None,
        ),
        (
            "HTTP/1.1 2x0 OK\r\n\r\n".into(),
            Hold,
            Some(R::TransferStatusInvalid),
            None,
        ),
        (
            "HTTP/1.1 200 a\0b\r\n\r\n".into(),
            Hold,
            Some(R::TransferHeaderInvalid),
            None,
        ),
        (
            format!("{ok}no colon\r\n\r\n"),
            Hold,
            Some(R::TransferHeaderInvalid),
            None,
        ),
        (
            format!("{ok}A: b\0c\r\n\r\n"),
            Hold,
            Some(R::TransferHeaderInvalid),
            None,
        ),
        (huge_head, Hold, Some(R::TransferHeaderTooLarge), None),
        (many(1000), Hold, Some(R::TransferHeaderTooLarge), None),
        (many(150), Hold, None, Some(204)),
        (flood, Hold, Some(R::TransferInterimFlood), None),
        (
            format!("{interims}HTTP/1.1 204 No Content\r\n\r\n"),
            Hold,
            None,
            Some(204),
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\n".into(),
            Hold,
            Some(R::FirstByteTimeout),
            None,
        ),
        (
            "HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n".into(),
            Hold,
            Some(R::TransferUnexpectedUpgrade),
            Some(101),
        ),
        (
            format!("{ok}Content-Length: -1\r\n\r\n"),
            Hold,
            Some(R::TransferFraming),
            None,
        ),
        (
            format!("{ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            Hold,
            Some(R::TransferFraming),
            None,
        ),
        (
            format!("{ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Hold,
            Some(R::TransferFraming),
            Some(200),
        ),
        (
            format!("{ok}Content-Length: 9\r\n\r\nhalf"),
            Close,
            Some(R::TransferBodyTruncated),
            Some(200),
        ),
        (
            format!("{ok}Content-Length: 9\r\n\r\nhalf"),
            Reset,
            Some(R::TransferBodyReset),
            Some(200),
        ),
        (
            format!("{ok}Content-Length: 9\r\n\r\nhalf"),
            Hold,
            Some(R::TransferBodyTimeout),
            Some(200),
        ),
        (
            format!("{ok}Content-Length: 4\r\n\r\nwhole"),
            Hold,
            None,
            Some(200),
        ),
        (format!("{ok}\r\nuntil closed"), Close, None, Some(200)),
        (
            format!("{ok}\r\nuntil reset"),
            Reset,
            Some(R::TransferBodyReset),
            Some(200),
        ),
        (
            format!("{ok}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
            Close,
            Some(R::TransferBodyTruncated),
            Some(200),
        ),
        (
            format!("{ok}Transfer-Encoding: chunked\r\n\r\nx\r\n"),
            Hold,
            Some(R::TransferChunkInvalid),
            Some(200),
        ),
        (
            format!("{ok}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n"),
            Hold,
            None,
            Some(200),
        ),
        (
            "HTTP/1.0 200 OK\n\nbare line feeds".into(),
            Close,
            None,
            Some(200),
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into(),
            Hold,
            Some(R::ValidateStatus),
            Some(404),
        ),
        (
            "HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n".into(),
            Hold,
            Some(R::ValidateStatus),
            Some(301),
        ),
        (
            "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n".into(),
            Hold,
            Some(R::ValidateStatus),
            Some(999),
        ),
        (
            "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n".into(),
            Hold,
            Some(R::ValidateStatus),
            Some(409),
        ),
        (
            "HTTP/1.1 409 Conflict\r\nContent-Length: 9\r\n\r\nhalf".into(),
            Close,
            Some(R::ValidateStatus),
            Some(409),
        ),
    ];
    for (bytes, then, expected, code) in rows {
        let shown: String = bytes.chars().take(60).collect();
        let row = format!("{shown:?} of {} bytes, then {then:?}", bytes.len());
        let peer = peer::answering(bytes.into_bytes(), then).await;
        let outcome = probing::probe_plain(peer.address, SHORT).await;
        assert_eq!(reason(&outcome), expected, "{row}: {:?}", outcome.failure);
        assert_eq!(
            outcome.response.map(|response| response.code),
            code,
            "{row}"
        );
        let verdict = match (code, expected) {
            (Some(409), _) => Verdict::Conflict,
            (_, Some(_)) => Verdict::Failure,
            (_, None) => Verdict::Success,
        };
        assert_eq!(outcome.verdict(), verdict, "{row}");
        let first_byte_arrived = outcome.timeline.phase(Phase::Transfer).is_some();
        let silent = matches!(
            expected,
            Some(R::FirstByteClosed | R::FirstByteReset | R::FirstByteTimeout)
        );
        assert_eq!(first_byte_arrived, !silent, "{row}: {:?}", outcome.timeline);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_are_expected_only_where_they_are_listed() {
    let conflict = b"HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\nhalf".to_vec();
    for (valid, body, verdict) in [
        (vec![], &b""[..], Verdict::Conflict),
        (vec![200], b"", Verdict::Conflict),
        (vec![200, 409], b"", Verdict::Success),
    ] {
        let peer = peer::answering([&conflict[..], body].concat(), Then::Hold).await;
        let module = Module {
            valid_status_codes: valid,
            ..Module::http_2xx()
        };
        let url = format!("http://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        assert_eq!(outcome.verdict(), verdict);
        let response = outcome.response.unwrap();
        assert_eq!(
            response.conflict.unwrap().expected,
            verdict == Verdict::Success
        );
        assert_eq!(response.body_bytes, 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shut_port_is_refused() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let outcome = probing::probe_plain(address, PATIENCE).await;
    assert_eq!(reason(&outcome), Some(Reason::ConnectRefused));
    assert!(outcome.timeline.phase(Phase::Connect).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_break_are_told_from_answers_that_break() {
    let large = || Module {
        body: Bytes::from(vec![b'x'; 24 << 20]),
        method: http::Method::PUT,
        ..Module::http_2xx()
    };
    for (read, answer, then, expected, code) in [
        (1000, &b""[..], Then::Reset, Some(Reason::SendReset), None),
        (1000, b"", Then::Hold, Some(Reason::SendTimeout), None),
        // A server may answer before it has read the request, and need not read the rest.
        (
            1000,
            b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n",
            Then::Hold,
            Some(Reason::ValidateStatus),
            Some(413),
        ),
    ] {
        let peer = peer::serve(move |mut stream| async move {
            let mut some = vec![0; read];
            stream.read_exact(&mut some).await.unwrap();
            stream.write_all(answer).await.unwrap();
            peer::finish(stream, then).await;
        })
        .await;
        let url = format!("http://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, large(), SHORT)).await;
        assert_eq!(
            reason(&outcome),
            expected,
            "{then:?}: {:?}",
            outcome.failure
        );
        assert_eq!(outcome.response.map(|response| response.code), code);
        assert!(outcome.timeline.phase(Phase::Send).is_some());
        // The response came before the request was out, so nobody waited for it.
        assert_eq!(outcome.timeline.phase(Phase::FirstByte), None, "{then:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_ups_are_classified() {
    use Reason as R;
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    let there: IpAddr = "::1".parse().unwrap();
    let peer = peer::answering(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), Then::Hold).await;
    let rows = [
        (Script::Addresses(vec![here], Duration::ZERO), true, None),
        (Script::Forged(vec![here]), true, None),
        (Script::Truncated(vec![here]), true, None),
        (
            Script::Addresses(vec![], Duration::ZERO),
            true,
            Some(R::DnsNodata),
        ),
        (
            Script::Addresses(vec![here], Duration::ZERO),
            false,
            Some(R::DnsNoAddressFamily),
        ),
        (
            Script::Code(ResponseCode::NXDomain),
            true,
            Some(R::DnsNxdomain),
        ),
        (
            Script::Code(ResponseCode::ServFail),
            true,
            Some(R::DnsServfail),
        ),
        (
            Script::Code(ResponseCode::NotImp),
            true,
            Some(R::DnsServfail),
        ),
        (
            Script::Code(ResponseCode::Refused),
            true,
            Some(R::DnsRefused),
        ),
        (
            Script::Code(ResponseCode::FormErr),
            true,
            Some(R::DnsMalformed),
        ),
        (Script::Garbage, true, Some(R::DnsMalformed)),
        (
            Script::Alias("orders.test.".to_owned()),
            true,
            Some(R::DnsCnameLoop),
        ),
        (Script::Silent, true, Some(R::DnsTimeout)),
        // A host with both: IPv6 is preferred, and nobody listens there.
        (
            Script::Addresses(vec![here, there], Duration::ZERO),
            true,
            Some(R::ConnectRefused),
        ),
    ];
    for (script, fallback, expected) in rows {
        let row = format!("{script:?}");
        let has_v6 = matches!(&script, Script::Addresses(a, _) if a.contains(&there));
        let server = dns::serve(script).await;
        let module = Module {
            resolver: Some(server.address),
            preferred_family: IpFamily::V6,
            family_fallback: fallback,
            ..Module::http_2xx()
        };
        let url = format!("http://orders.test:{}/", peer.address.port());
        let outcome = probing::probe(&probing::prober(&url, module, SHORT)).await;
        // Without IPv6 on this machine the fallback stands in.
        let no_v6 = has_v6 && std::net::UdpSocket::bind("[::1]:0").is_err();
        let expected = expected.filter(|_| !no_v6);
        assert_eq!(reason(&outcome), expected, "{row}: {:?}", outcome.failure);
        assert!(outcome.timeline.phase(Phase::Dns).is_some(), "{row}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_server_that_is_not_there_is_unreachable() {
    let socket = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    let resolver = socket.local_addr().unwrap();
    drop(socket);
    let module = Module {
        resolver: Some(resolver),
        ..Module::http_2xx()
    };
    let prober = probing::prober("http://orders.test/", module, PATIENCE);
    let outcome = probing::probe(&prober).await;
    assert_eq!(
        reason(&outcome),
        Some(Reason::DnsUnreachable),
        "{:?}",
        outcome.failure
    );
}

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
