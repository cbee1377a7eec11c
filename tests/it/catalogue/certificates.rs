//! Certificates that servers show, and what is made of them.

use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason as R;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints, date_time_ymd,
};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::catalogue::{Behaviour, Stage};
use crate::support::dns::Script;
use crate::support::pki::Authority;
use crate::support::{dns, peer, pki};

type Certificate = CertificateDer<'static>;
type Shown = (Certificate, PrivateKeyDer<'static>);

/// A word for it, the name on a certificate, what else is changed of it, and what is made of that.
type Flaw = (
    &'static str,
    &'static str,
    fn(&mut CertificateParams),
    Option<R>,
);

pub fn all() -> Vec<Behaviour> {
    let mut rows = of_an_authority();
    rows.extend(trusted_themselves());
    rows.extend(of_authorities());
    rows.extend(badly_signed());
    rows
}

/// A server under the name orders.test with what `make` gives: what it shows, and what is trusted.
fn shown(
    name: String,
    make: impl Fn() -> (Shown, Vec<Certificate>) + Send + Sync + 'static,
) -> Behaviour {
    accepting(name, move || {
        let ((certificate, key), trusted) = make();
        (pki::acceptor(certificate, key), trusted)
    })
}

fn accepting(
    name: String,
    make: impl Fn() -> (TlsAcceptor, Vec<Certificate>) + Send + Sync + 'static,
) -> Behaviour {
    Behaviour::new(format!("certificate: {name}"), move || {
        let (acceptor, trusted) = make();
        async move {
            let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
            let answer = Script::Addresses(vec![peer.address.ip()], Duration::ZERO);
            let server = dns::serve(answer).await;
            let url = format!("https://orders.test:{}/", peer.address.port());
            let mut stage = Stage::at(url).trusting(&trusted);
            stage.place.resolver = Some(server.address);
            stage.held_by(peer).held_by(server)
        }
    })
    .also("its expiry is known, though it be invalid", |outcome| {
        outcome.cert_expiry.is_some()
    })
}

fn judged(row: Behaviour, reason: Option<R>) -> Behaviour {
    row.fails(reason).counts(reason.is_none().then_some(200))
}

fn unverified(row: Behaviour) -> Behaviour {
    row.probed(|module| module.tls.verify = false).counts(200)
}

/// What may be wrong with a certificate whatever signed it.
fn flaws() -> Vec<Flaw> {
    let orders = "orders.test";
    vec![
        ("good", orders, |_| {}, None),
        (
            "for another name",
            "other.test",
            |_| {},
            Some(R::TlsCertName),
        ),
        (
            "expired",
            orders,
            |p| p.not_after = date_time_ymd(2020, 1, 1),
            Some(R::TlsCertExpired),
        ),
        (
            "not yet valid",
            orders,
            |p| p.not_before = date_time_ymd(2090, 1, 1),
            Some(R::TlsCertNotYetValid),
        ),
        (
            "for clients",
            orders,
            |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Some(R::TlsCertPurpose),
        ),
        (
            "for anything",
            orders,
            |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any],
            None,
        ),
        (
            "for servers",
            orders,
            |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            None,
        ),
    ]
}

fn with_an_unheard_of_extension(params: &mut CertificateParams) {
    let mut unheard_of = CustomExtension::from_oid_content(&[2, 999, 1], vec![5, 0]);
    unheard_of.set_criticality(true);
    params.custom_extensions.push(unheard_of);
}

/// Signed by an authority: each with its flaw, and without anybody looking.
fn of_an_authority() -> Vec<Behaviour> {
    let mut flaws = flaws();
    flaws.push((
        "with an unheard of extension",
        "orders.test",
        with_an_unheard_of_extension,
        Some(R::TlsCertInvalid),
    ));
    let mut rows = Vec::new();
    for (what, name, change, reason) in flaws {
        let made = move || {
            let authority = Authority::new();
            (authority.issue(name, change), vec![authority.certificate()])
        };
        rows.push(judged(shown(what.to_owned(), made), reason));
        rows.push(unverified(shown(format!("{what}, not verified"), made)));
    }
    let of_another = || {
        let shown = Authority::new().issue("orders.test", |_| {});
        (shown, vec![Authority::new().certificate()])
    };
    let of_itself = || {
        let shown = pki::self_signed("orders.test");
        (shown, vec![Authority::new().certificate()])
    };
    let unknown = Some(R::TlsCertUnknownIssuer);
    rows.extend([
        judged(
            shown("of an unknown authority".to_owned(), of_another),
            unknown,
        ),
        unverified(shown(
            "of an unknown authority, not verified".to_owned(),
            of_another,
        )),
        judged(shown("of its own".to_owned(), of_itself), unknown),
        unverified(shown("of its own, not verified".to_owned(), of_itself)),
    ]);
    rows
}

/// In `ca_file` stands what the server itself shows.
fn trusted_themselves() -> Vec<Behaviour> {
    let mut rows = Vec::new();
    for (what, name, change, reason) in flaws() {
        let by_itself = move || {
            let own = pki::self_signed_with(name, change);
            let trusted = vec![own.0.clone()];
            (own, trusted)
        };
        let by_another = move || {
            let own = Authority::new().issue(name, change);
            let trusted = vec![own.0.clone()];
            (own, trusted)
        };
        let row = |by: &str| format!("{what}, trusted itself, signed by {by}");
        rows.push(judged(shown(row("itself"), by_itself), reason));
        rows.push(judged(
            shown(row("one who is not trusted"), by_another),
            reason,
        ));
    }
    let impostor = || {
        let trusted = pki::self_signed_with("orders.test", named_alike).0;
        (
            pki::self_signed_with("orders.test", named_alike),
            vec![trusted],
        )
    };
    let row = shown("an impostor of one trusted itself".to_owned(), impostor);
    rows.push(judged(row, Some(R::TlsCertUnknownIssuer)));
    rows
}

fn named_alike(params: &mut CertificateParams) {
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "alike");
}

fn as_authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

/// The server's certificate is one of an authority below a trusted one.
fn of_authorities() -> Vec<Behaviour> {
    let mut rows = Vec::new();
    for (what, name, change, reason) in flaws() {
        let made = move || {
            let trusted = Authority::with(named_alike);
            let own = trusted.issue(name, |p| {
                as_authority(p);
                change(p);
            });
            (own, vec![trusted.certificate()])
        };
        let name = format!("{what}, of an authority below a trusted one");
        rows.push(judged(shown(name, made), reason));
    }
    let unknown = || {
        let own = Authority::new().issue("orders.test", as_authority);
        (own, vec![Authority::with(named_alike).certificate()])
    };
    let alike = || {
        let own = Authority::with(named_alike).issue("orders.test", as_authority);
        (own, vec![Authority::with(named_alike).certificate()])
    };
    let expired = || {
        let expired = Authority::with(|p| p.not_after = date_time_ymd(2020, 1, 1));
        let own = expired.issue("orders.test", as_authority);
        (own, vec![expired.certificate()])
    };
    // One that may vouch for other names alone.
    let limited = || {
        let limited = Authority::with(|p| {
            p.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("other.test".to_owned())],
                excluded_subtrees: Vec::new(),
            });
        });
        let own = limited.issue("orders.test", as_authority);
        (own, vec![limited.certificate()])
    };
    let row = |name: &str| format!("of an authority below {name}");
    rows.extend([
        judged(
            shown(row("an unknown one"), unknown),
            Some(R::TlsCertUnknownIssuer),
        ),
        judged(
            shown(row("one named alike"), alike),
            Some(R::TlsCertUnknownIssuer),
        ),
        judged(
            shown(row("one that has expired"), expired),
            Some(R::TlsCertExpired),
        ),
        judged(
            shown(row("one limited to other names"), limited),
            Some(R::TlsCertUnknownIssuer),
        ),
    ]);
    rows
}

/// What ring cannot check, such as what a short key signed, passes like everything else where
/// nothing is verified.
fn badly_signed() -> Vec<Behaviour> {
    let row = |version: &'static SupportedProtocolVersion, verified: &str| {
        let name = format!(
            "whose key is another one, over {:?}{verified}",
            version.version
        );
        accepting(name, move || {
            let authority = Authority::new();
            let (certificate, _) = authority.issue("orders.test", |_| {});
            let (_, another_key) = authority.issue("orders.test", |_| {});
            let acceptor = pki::acceptor_of(&[version], certificate, another_key);
            (acceptor, vec![authority.certificate()])
        })
    };
    let versions = [&TLS12, &TLS13].into_iter();
    versions
        .flat_map(|version| {
            [
                judged(row(version, ""), Some(R::TlsCertInvalid)),
                unverified(row(version, ", not verified")),
            ]
        })
        .collect()
}
