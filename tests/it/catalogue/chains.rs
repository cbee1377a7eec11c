//! Chains of certificates, and names that they are for.

use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason as R;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use rustls::DEFAULT_VERSIONS;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::catalogue::{Behaviour, Stage};
use crate::support::dns::Script;
use crate::support::pki::Authority;
use crate::support::{dns, peer, pki};

type Certificate = CertificateDer<'static>;

/// One with a key that is too short, of no concern to others.
const SHORT_KEY: &[u8] = include_bytes!("../support/certificates/short-key.pem");

/// A chain, the key of its first certificate, and who is trusted.
struct Shown {
    chain: Vec<Certificate>,
    key: PrivateKeyDer<'static>,
    trusted: Vec<Certificate>,
}

pub fn all() -> Vec<Behaviour> {
    let mut rows = of_names();
    rows.extend(of_limits());
    rows.extend(of_chains());
    rows.extend(of_roots());
    rows.extend(of_namesakes());
    rows
}

/// A server that is asked for as `host` and shows what `make` gives.
fn shown(name: &str, host: &'static str, make: fn() -> Shown) -> Behaviour {
    Behaviour::new(format!("certificate: {name}"), move || async move {
        let Shown {
            chain,
            key,
            trusted,
        } = make();
        let acceptor = pki::acceptor_of_chain(DEFAULT_VERSIONS, chain, key);
        let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
        let answer = Script::Addresses(vec![peer.address.ip()], Duration::ZERO);
        let server = dns::serve(answer).await;
        let url = format!("https://{host}:{}/", peer.address.port());
        let mut stage = Stage::at(url).trusting(&trusted);
        stage.place.resolver = Some(server.address);
        stage.held_by(peer).held_by(server)
    })
}

fn alone(name: &str, change: fn(&mut CertificateParams)) -> Shown {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(name, change);
    Shown {
        chain: vec![certificate],
        key,
        trusted: vec![authority.certificate()],
    }
}

fn of_names() -> Vec<Behaviour> {
    vec![
        shown("a common name alone", "orders.test", || {
            alone("orders.test", |p| {
                p.subject_alt_names.clear();
                p.distinguished_name.push(DnType::CommonName, "orders.test");
            })
        })
        .fails(R::TlsCertName),
        shown("for every name of its domain", "orders.shop.test", || {
            alone("*.shop.test", |_| {})
        })
        .counts(200),
        shown("for every name below it", "orders.test", || {
            alone("*.orders.test", |_| {})
        })
        .fails(R::TlsCertName),
        shown("for part of a name", "orders.test", || {
            alone("ord*.test", |_| {})
        })
        .fails(R::TlsCertName),
        shown("for another address", "127.0.0.1", || {
            alone("127.0.0.2", |_| {})
        })
        .fails(R::TlsCertName),
        shown("for a name, asked for by address", "127.0.0.1", || {
            alone("orders.test", |_| {})
        })
        .fails(R::TlsCertName),
        shown("for its address", "127.0.0.1", || {
            alone("127.0.0.1", |_| {})
        })
        .counts(200),
        shown(
            "for its address, asked for as one of IPv6",
            "[::ffff:127.0.0.1]",
            || alone("127.0.0.1", |_| {}),
        )
        .counts(200),
        shown("for names without end, not this one", "orders.test", || {
            let authority = Authority::new();
            let names: Vec<String> = (0..2_000).map(|n| format!("n{n}.test")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let (certificate, key) = authority.issue_for(&names, |_| {});
            Shown {
                chain: vec![certificate],
                key,
                trusted: vec![authority.certificate()],
            }
        })
        .fails(R::TlsCertName),
    ]
}

/// By the names that the authority may vouch for.
fn of_limits() -> Vec<Behaviour> {
    vec![
        shown(
            "of one that vouches for other names alone",
            "orders.test",
            || {
                limited(
                    vec![GeneralSubtree::DnsName("other.test".to_owned())],
                    Vec::new(),
                )
            },
        )
        .fails(R::TlsCertInvalid),
        shown(
            "of one that vouches for all names but this",
            "orders.test",
            || {
                limited(
                    Vec::new(),
                    vec![GeneralSubtree::DnsName("orders.test".to_owned())],
                )
            },
        )
        .fails(R::TlsCertInvalid),
        shown(
            "of one that vouches for this name alone",
            "orders.test",
            || {
                limited(
                    vec![GeneralSubtree::DnsName("orders.test".to_owned())],
                    Vec::new(),
                )
            },
        )
        .counts(200),
    ]
}

/// One whose authority may vouch for some names alone.
fn limited(permitted: Vec<GeneralSubtree>, excluded: Vec<GeneralSubtree>) -> Shown {
    of_root(|p| {
        p.name_constraints = Some(NameConstraints {
            permitted_subtrees: permitted,
            excluded_subtrees: excluded,
        });
    })
}

/// One below `n_between` authorities, each changed by `change`, of which `n_shown` are shown.
fn below(n_between: usize, n_shown: usize, change: fn(&mut CertificateParams)) -> Shown {
    let root = Authority::new();
    let trusted = vec![root.certificate()];
    let (mut issuer, mut between) = (root, Vec::new());
    for _ in 0..n_between {
        issuer = issuer.below(change);
        between.insert(0, issuer.certificate());
    }
    let (certificate, key) = issuer.issue("orders.test", |_| {});
    between.truncate(n_shown);
    Shown {
        chain: [vec![certificate], between].concat(),
        key,
        trusted,
    }
}

fn of_chains() -> Vec<Behaviour> {
    let row = |name: &str, make: fn() -> Shown| shown(name, "orders.test", make);
    vec![
        row("below an authority between", || below(1, 1, |_| {})).counts(200),
        row("below an authority between that is not shown", || {
            below(1, 0, |_| {})
        })
        .fails(R::TlsCertUnknownIssuer),
        row("below an authority between that has expired", || {
            below(1, 1, |p| p.not_after = date_time_ymd(2020, 1, 1))
        })
        .fails(R::TlsCertExpired),
        row("below an authority between that is none", || {
            below(1, 1, |p| p.is_ca = rcgen::IsCa::ExplicitNoCa)
        })
        .fails(R::TlsCertInvalid),
        row("below an authority between whose key may not sign", || {
            below(1, 1, |p| p.key_usages = vec![KeyUsagePurpose::CrlSign])
        })
        .fails(R::TlsCertInvalid),
        row("below an authority between whose key may sign", || {
            below(1, 1, |p| p.key_usages = vec![KeyUsagePurpose::KeyCertSign])
        })
        .counts(200),
        row("below an authority between for clients", || {
            below(1, 1, |p| {
                p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            })
        })
        .fails(R::TlsCertPurpose),
        row("below an authority between for anything", || {
            below(1, 1, |p| {
                p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
            })
        })
        .counts(200),
        row("below 20 authorities", || below(20, 20, |_| {})).fails(R::TlsCertInvalid),
        row("beside 100 others", || with_others(100)).counts(200),
        // What is longer than 64 KiB is not read.
        row("beside 1,000 others", || with_others(1_000)).fails(R::TlsMalformed),
        row("in a maze", maze).fails(R::TlsCertInvalid),
    ]
}

/// By the validity of the authority that is trusted.
fn of_roots() -> Vec<Behaviour> {
    let row = |name: &str, make: fn() -> Shown| shown(name, "orders.test", make);
    vec![
        row("of an authority that has expired", || {
            of_root(|p| p.not_after = date_time_ymd(2020, 1, 1))
        })
        .fails(R::TlsCertExpired),
        row("of an authority that is not valid yet", || {
            of_root(|p| p.not_before = date_time_ymd(2090, 1, 1))
        })
        .fails(R::TlsCertNotYetValid),
        row("of an authority that has expired and was renewed", || {
            let authority = Authority::with(|p| {
                alike(p);
                p.not_after = date_time_ymd(2020, 1, 1);
            });
            let (certificate, key) = authority.issue("orders.test", |_| {});
            Shown {
                chain: vec![certificate],
                key,
                trusted: vec![authority.certificate(), authority.renewed(alike)],
            }
        })
        .counts(200),
    ]
}

/// One whose authority is changed by `change`.
fn of_root(change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let authority = Authority::with(change);
    let (certificate, key) = authority.issue("orders.test", |_| {});
    Shown {
        chain: vec![certificate],
        key,
        trusted: vec![authority.certificate()],
    }
}

fn alike(params: &mut CertificateParams) {
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "alike");
}

fn telling_the_key(params: &mut CertificateParams) {
    params.use_authority_key_identifier_extension = true;
}

/// Signatures that do not fit the trusted authority whose name their issuer has.
fn of_namesakes() -> Vec<Behaviour> {
    let row = |name: &str, make: fn() -> Shown| shown(name, "orders.test", make);
    vec![
        row("of a namesake of an authority", || {
            of_namesake(telling_the_key, false)
        })
        .fails(R::TlsCertUnknownIssuer),
        row("of a namesake of an authority that is shown", || {
            of_namesake(|_| {}, true)
        })
        .fails(R::TlsCertUnknownIssuer),
        row("below one between of a namesake of an authority", || {
            let between = Authority::with(alike).below(telling_the_key);
            let (certificate, key) = between.issue("orders.test", |_| {});
            Shown {
                chain: vec![certificate, between.certificate()],
                key,
                trusted: vec![Authority::with(alike).certificate()],
            }
        })
        .fails(R::TlsCertUnknownIssuer),
        // Nothing tells it from a signature that was broken.
        row("of a namesake that tells no key", || {
            of_namesake(|_| {}, false)
        })
        .fails(R::TlsCertInvalid),
        row("with a broken signature", || {
            broken(alone("orders.test", |_| {}))
        })
        .fails(R::TlsCertInvalid),
        row("with a broken signature, telling the key", || {
            broken(alone("orders.test", telling_the_key))
        })
        .fails(R::TlsCertInvalid),
        row("with a broken signature, beside its authority", || {
            let mut shown = broken(alone("orders.test", |_| {}));
            shown.chain.extend(shown.trusted.clone());
            shown
        })
        .fails(R::TlsCertInvalid),
        row("with a broken signature, beside a short key", || {
            let mut shown = broken(alone("orders.test", |_| {}));
            let short = CertificateDer::from_pem_slice(SHORT_KEY).unwrap();
            shown.chain.push(short);
            shown
        })
        .fails(R::TlsCertInvalid),
    ]
}

/// One of an authority that has the name of the one that is trusted, and is shown or not.
fn of_namesake(change: fn(&mut CertificateParams), is_shown: bool) -> Shown {
    let namesake = Authority::with(alike);
    let (certificate, key) = namesake.issue("orders.test", change);
    let mut chain = vec![certificate];
    chain.extend(is_shown.then(|| namesake.certificate()));
    Shown {
        chain,
        key,
        trusted: vec![Authority::with(alike).certificate()],
    }
}

fn broken(mut shown: Shown) -> Shown {
    let mut certificate = shown.chain[0].to_vec();
    *certificate.last_mut().unwrap() ^= 1;
    shown.chain[0] = certificate.into();
    shown
}

/// A chain with certificates that have nothing to do with it.
fn with_others(count: usize) -> Shown {
    let mut shown = alone("orders.test", |_| {});
    let other = Authority::new().certificate();
    shown.chain.extend(std::iter::repeat_n(other, count));
    shown
}

/// Authorities that all have one name, so that every one of them may have signed every other.
fn maze() -> Shown {
    let unknown = Authority::with(alike);
    let mut issuer = unknown.below(alike);
    let mut others = vec![issuer.certificate()];
    for _ in 0..12 {
        issuer = issuer.below(alike);
        others.push(issuer.certificate());
    }
    let (certificate, key) = issuer.issue("orders.test", |_| {});
    Shown {
        chain: [vec![certificate], others].concat(),
        key,
        trusted: vec![Authority::with(alike).certificate()],
    }
}
