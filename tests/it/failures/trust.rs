//! Servers that show the certificate of an authority, and what is not looked at on request.

use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::target::module::Module;
use httpcycle_exporter::target::tls::TlsSettings;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, NameConstraints, date_time_ymd,
};
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::failures::{PATIENCE, reason};
use crate::support::dns::Script;
use crate::support::pki::Authority;
use crate::support::{dns, peer, pki, probing};

type Shown = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// The name on a certificate, what else is changed of it, and what is made of that.
type Flaw = (&'static str, fn(&mut CertificateParams), Option<Reason>);

/// What may be wrong with a certificate whatever signed it.
fn flaws() -> Vec<Flaw> {
    vec![
        ("orders.test", |_| {}, None),
        ("other.test", |_| {}, Some(Reason::TlsCertName)),
        (
            "orders.test",
            |p| p.not_after = date_time_ymd(2020, 1, 1),
            Some(Reason::TlsCertExpired),
        ),
        (
            "orders.test",
            |p| p.not_before = date_time_ymd(2090, 1, 1),
            Some(Reason::TlsCertNotYetValid),
        ),
        (
            "orders.test",
            |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Some(Reason::TlsCertPurpose),
        ),
        (
            "orders.test",
            |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            None,
        ),
    ]
}

fn as_authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

async fn probed(acceptor: TlsAcceptor, tls: TlsSettings) -> Option<Reason> {
    let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
    let server = dns::serve(Script::Addresses(vec![peer.address.ip()], Duration::ZERO)).await;
    let module = Module {
        resolver: Some(server.address),
        tls,
        ..Module::http_2xx()
    };
    let url = format!("https://orders.test:{}/", peer.address.port());
    let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
    reason(&outcome)
}

async fn shown((certificate, key): Shown, trusted: &[&CertificateDer<'static>]) -> Option<Reason> {
    let settings = TlsSettings {
        authorities: Some(trusted.iter().map(|&one| one.clone()).collect()),
        ..TlsSettings::default()
    };
    probed(pki::acceptor(certificate, key), settings).await
}

/// In `ca_file` stands what the server itself shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_be_trusted_itself() {
    let other = Authority::new();
    for (row, (name, change, expected)) in flaws().into_iter().enumerate() {
        for (signer, own) in [
            ("itself", pki::self_signed_with(name, change)),
            ("one who is not trusted", other.issue(name, change)),
        ] {
            let certificate = own.0.clone();
            let found = shown(own, &[&certificate]).await;
            assert_eq!(found, expected, "row {row}, signed by {signer}");
        }
    }
    let named_alike = |p: &mut CertificateParams| {
        p.distinguished_name = DistinguishedName::new();
        p.distinguished_name.push(DnType::CommonName, "alike");
    };
    let trusted = pki::self_signed_with("orders.test", named_alike).0;
    let impostor = pki::self_signed_with("orders.test", named_alike);
    assert_eq!(
        shown(impostor, &[&trusted]).await,
        Some(Reason::TlsCertUnknownIssuer)
    );
}

/// The server's certificate is one of an authority below a trusted one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_show_the_certificate_of_an_authority() {
    let named_alike = |p: &mut CertificateParams| {
        p.distinguished_name = DistinguishedName::new();
        p.distinguished_name.push(DnType::CommonName, "alike");
    };
    let trusted = Authority::with(named_alike);
    let certificate = trusted.certificate();
    for (row, (name, change, expected)) in flaws().into_iter().enumerate() {
        let own = trusted.issue(name, |p| {
            as_authority(p);
            change(p);
        });
        assert_eq!(shown(own, &[&certificate]).await, expected, "row {row}");
    }
    for (issuer, expected) in [
        (Authority::new(), Some(Reason::TlsCertUnknownIssuer)),
        (
            Authority::with(named_alike),
            Some(Reason::TlsCertUnknownIssuer),
        ),
    ] {
        let own = issuer.issue("orders.test", as_authority);
        assert_eq!(shown(own, &[&certificate]).await, expected);
    }
    // One that may vouch for other names alone.
    let limited = Authority::with(|p| {
        p.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("other.test".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    let own = limited.issue("orders.test", as_authority);
    assert_ne!(shown(own, &[&limited.certificate()]).await, None);
}

/// What ring cannot check, such as what a short key signed, passes like everything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_signature_is_checked_without_verification() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        for (verify, expected) in [(true, Some(Reason::TlsCertInvalid)), (false, None)] {
            let (certificate, _) = authority.issue("orders.test", |_| {});
            let (_, another_key) = authority.issue("orders.test", |_| {});
            let acceptor = pki::acceptor_of(&[version], certificate, another_key);
            let settings = TlsSettings {
                verify,
                ..authority.trusted()
            };
            let found = probed(acceptor, settings).await;
            assert_eq!(found, expected, "{version:?}, {verify}");
        }
    }
}
