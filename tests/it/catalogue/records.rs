//! Handshakes, record by record, with servers that need no keys to say what they say.

use std::time::Duration;

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::catalogue::handshakes::scripted;
use crate::catalogue::{Behaviour, Stage};
use crate::support::peer;
use crate::support::peer::Then::{Close, Hold, Reset};
use crate::support::pki::Authority;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;

/// Keys that ring does not make, and signatures that nobody should make any more.
const RSA_AUTHORITY: &[u8] = include_bytes!("../support/certificates/rsa-authority.pem");
const SHORT_AUTHORITY: &[u8] = include_bytes!("../support/certificates/short-authority.pem");
const SHORT_KEY: &[u8] = include_bytes!("../support/certificates/short-key.pem");
const SHA1: &[u8] = include_bytes!("../support/certificates/sha1.pem");
const UNDER_SHORT: &[u8] = include_bytes!("../support/certificates/under-short-authority.pem");

pub fn all() -> Vec<Behaviour> {
    let mut rows = of_alerts();
    rows.extend(of_records());
    rows.extend(of_hellos());
    rows.extend([
        showing("with a short key", RSA_AUTHORITY, SHORT_KEY),
        showing("signed with a short key", SHORT_AUTHORITY, UNDER_SHORT),
        showing("signed over SHA-1", RSA_AUTHORITY, SHA1),
    ]);
    rows
}

fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], &length[..], payload].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    record(HANDSHAKE, &[&[kind], &length[1..], body].concat())
}

fn of_alerts() -> Vec<Behaviour> {
    let fatal = |code: u8| vec![2, code];
    let mut rows = Vec::new();
    // Those without a reason of their own.
    for code in [
        10, 20, 22, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 80, 86, 90, 109, 110, 113, 115, 255,
    ] {
        let name = format!("alert {code}");
        rows.push(scripted(&name, record(ALERT, &fatal(code)), Close).fails(R::TlsAlert));
    }
    for (code, reason) in [
        (0, R::TlsClosed),
        (71, R::TlsNoCommonCipher),
        (116, R::TlsClientCertRequired),
    ] {
        let name = format!("alert {code}");
        rows.push(scripted(&name, record(ALERT, &fatal(code)), Close).fails(reason));
    }
    let warning = record(ALERT, &[1, 90]);
    rows.extend([
        scripted("warnings without end", warning.repeat(100), Hold).fails(R::TlsMalformed),
        scripted("a warning, then closed", warning, Close).fails(R::TlsClosed),
        scripted("a goodbye, then closed", record(ALERT, &[1, 0]), Close).fails(R::TlsClosed),
        scripted("half an alert", record(ALERT, &[2]), Hold).fails(R::TlsMalformed),
    ]);
    rows
}

fn of_records() -> Vec<Behaviour> {
    let broken = |name: &str, bytes: Vec<u8>| scripted(name, bytes, Hold).fails(R::TlsMalformed);
    let foreign =
        |name: &str, bytes: &[u8]| scripted(name, bytes.to_vec(), Hold).fails(R::TlsNotTls);
    let announced = [&[SERVER_HELLO, 0xff, 0xff, 0xff][..], &[0; 4_000]].concat();
    vec![
        broken("an empty record", record(HANDSHAKE, &[])),
        broken(
            "empty records without end",
            record(HANDSHAKE, &[]).repeat(10_000),
        ),
        broken(
            "a record that is too large",
            vec![HANDSHAKE, 3, 3, 0x48, 0x01],
        ),
        broken(
            "a message of 16 MiB announced",
            record(HANDSHAKE, &announced),
        ),
        broken(
            "changes of ciphers without end",
            record(20, &[1]).repeat(100),
        ),
        broken(
            "data before the handshake",
            record(DATA, b"HTTP/1.1 200 OK\r\n\r\n"),
        ),
        broken("a message that nobody knows", message(99, &[0; 9])),
        broken(
            "a key before the hello",
            message(SERVER_KEY_EXCHANGE, &[0; 9]),
        ),
        foreign(
            "random bytes",
            &[0xa7, 0x1c, 0x93, 0x5e, 0x02, 0x44, 0xf0, 0x0b, 0x6d],
        ),
        foreign("a greeting by mail", b"220 mail.test ESMTP\r\n"),
        foreign("zeros", &[0; 64]),
        foreign("HTTP/2", &[0, 0, 0, 4, 0, 0, 0, 0, 0]),
        foreign(
            "a version of TLS that nobody knows",
            &[HANDSHAKE, 9, 9, 0, 4, 2, 0, 0, 0],
        ),
    ]
}

/// A hello with this version, this cipher suite and these extensions.
fn server_hello(version: u8, cipher: [u8; 2], session: &[u8], extensions: &[u8]) -> Vec<u8> {
    hello(version, &[7; 32], cipher, session, extensions)
}

fn hello(
    version: u8,
    random: &[u8; 32],
    cipher: [u8; 2],
    session: &[u8],
    extensions: &[u8],
) -> Vec<u8> {
    let session_length = u8::try_from(session.len()).unwrap();
    let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
    let parts: [&[u8]; 8] = [
        &[3, version],
        random,
        &[session_length],
        session,
        &cipher,
        &[0],
        &length,
        extensions,
    ];
    message(SERVER_HELLO, &parts.concat())
}

const ECDHE_RSA: [u8; 2] = [0xc0, 0x2f];

fn of_hellos() -> Vec<Behaviour> {
    let version = |name: &str, version: u8| {
        let bytes = server_hello(version, ECDHE_RSA, &[], &[]);
        scripted(name, bytes, Hold).fails(R::TlsVersion)
    };
    let broken = |name: &str, bytes: Vec<u8>| scripted(name, bytes, Hold).fails(R::TlsMalformed);
    let whole = server_hello(3, ECDHE_RSA, &[], &[]);
    let half = whole[..30].to_vec();
    vec![
        version("a hello of SSL 3.0", 0),
        version("a hello of TLS 1.0", 1),
        version("a hello of TLS 1.1", 2),
        broken(
            "a cipher that nobody offered",
            server_hello(3, [0, 0x2f], &[], &[]),
        ),
        broken(
            "an extension that nobody asked for",
            server_hello(3, ECDHE_RSA, &[], &[0, 0x31, 0, 0]),
        ),
        broken("a hello that ends early", message(SERVER_HELLO, &[3, 3, 0])),
        broken(
            "a hello with more behind it",
            message(SERVER_HELLO, &[&whole[9..], &[0; 3]].concat()),
        ),
        broken("the hello sent back", message(CLIENT_HELLO, &whole[9..])),
        scripted("half a hello, then silent", half.clone(), Hold).fails(R::TlsTimeout),
        scripted("half a hello, then closed", half.clone(), Close).fails(R::TlsClosed),
        scripted("half a hello, then reset", half, Reset).fails(R::TlsClosed),
        scripted("a hello, then silent", whole.clone(), Hold).fails(R::TlsTimeout),
        scripted("a hello, then closed", whole.clone(), Close).fails(R::TlsClosed),
        scripted(
            "a hello, then nonsense",
            [whole, b"HTTP/1.1 200 OK\r\n\r\n".to_vec()].concat(),
            Hold,
        )
        .fails(R::TlsNotTls),
        asking_again(),
        byte_by_byte(),
    ]
}

/// A server that wants another hello, and another one after that.
fn asking_again() -> Behaviour {
    /// What makes a hello a request for another one (RFC 8446, 4.1.3).
    const AGAIN: [u8; 32] = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8,
        0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8,
        0x33, 0x9c,
    ];
    // TLS 1.3, and a share for secp384r1.
    const EXTENSIONS: [u8; 12] = [0, 0x2b, 0, 2, 3, 4, 0, 0x33, 0, 2, 0, 0x18];
    Behaviour::new("handshake: asked for another hello twice", || async {
        let peer = peer::serve(|mut stream| async move {
            let mut hello_bytes = [0; 4096];
            let Ok(length) = stream.read(&mut hello_bytes).await else {
                return;
            };
            // Behind two headers, a version and a random number.
            let session = &hello_bytes[44..44 + usize::from(hello_bytes[43])];
            assert!(length > 44);
            let again = hello(3, &AGAIN, [0x13, 0x01], session, &EXTENSIONS);
            peer::write(&mut stream, &again.repeat(2)).await;
            stream.read_to_end(&mut Vec::new()).await.ok();
        })
        .await;
        let url = format!("https://{}/", peer.address);
        Stage::at(url)
            .held_by(peer)
            .trusting(&[Authority::new().certificate()])
    })
    .fails(R::TlsMalformed)
}

/// A handshake that would end after the deadline; no single read of it takes long.
fn byte_by_byte() -> Behaviour {
    Behaviour::new("handshake: byte by byte", || async {
        let peer = peer::serve(|mut stream| async move {
            for byte in server_hello(3, ECDHE_RSA, &[], &[]) {
                if stream.write_u8(byte).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        let url = format!("https://{}/", peer.address);
        Stage::at(url)
            .held_by(peer)
            .trusting(&[Authority::new().certificate()])
    })
    .fails(R::TlsTimeout)
}

/// A server of TLS 1.2 that shows a certificate of `authority` and signs with what is no signature:
/// what is wrong with the certificate is told, and one with a short key cannot sign.
fn showing(name: &str, authority: &'static [u8], certificate: &'static [u8]) -> Behaviour {
    let sized = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&length[1..], bytes].concat()
    };
    let own = CertificateDer::from_pem_slice(certificate).unwrap();
    let chain = sized(&sized(&own));
    // A key on X25519, and 128 bytes that are meant for a signature with RSA.
    let key = [&[3, 0, 29, 32][..], &[9; 32], &[8, 4, 0, 128], &[5; 128]].concat();
    let flight = [
        server_hello(3, ECDHE_RSA, &[], &[]),
        message(CERTIFICATE, &chain),
        message(SERVER_KEY_EXCHANGE, &key),
        message(SERVER_HELLO_DONE, &[]),
    ]
    .concat();
    Behaviour::new(format!("certificate: {name}"), move || {
        let flight = flight.clone();
        async move {
            let peer = peer::serve(move |mut stream| {
                let flight = flight.clone();
                async move {
                    if stream.read(&mut [0; 4096]).await.is_ok() {
                        peer::write(&mut stream, &flight).await;
                        stream.read_to_end(&mut Vec::new()).await.ok();
                    }
                }
            })
            .await;
            let url = format!("https://{}/", peer.address);
            Stage::at(url)
                .held_by(peer)
                .trusting(&[CertificateDer::from_pem_slice(authority).unwrap()])
        }
    })
    .also("its expiry is known", |outcome| {
        outcome.cert_expiry.is_some()
    })
    .also("nothing was sent", |outcome| {
        outcome.timeline.phase(Phase::Send).is_none()
    })
    .fails(R::TlsCertWeak)
}
