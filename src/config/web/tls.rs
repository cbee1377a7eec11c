//! The section `tls_server_config`: what the server shows, whom it lets in, what it speaks.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::problem::Report;
use crate::config::source::{Source, at_most_one};
use crate::config::text::{quote, suggest};
use crate::config::web::schema;
use crate::config::web::{Files, TlsServerCheck};
use crate::target::tls::{self, TlsVersion};

/// How to speak TLS. Its `Debug` does not show the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsServer {
    /// The chain to show, the server's own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key that belongs to the first certificate.
    pub key: Arc<PrivateKeyDer<'static>>,
    /// What is asked of clients.
    pub clients: Clients,
    /// The lowest version to take.
    pub min_version: TlsVersion,
    /// The highest version to take, not below `min_version`.
    pub max_version: TlsVersion,
    /// The suites to take, names of [`CIPHER_SUITES`]; none stands for all of a version.
    pub cipher_suites: Vec<&'static str>,
    /// Whether the order of the suites is the server's and not the client's.
    pub prefers_own_suites: bool,
    /// The curves to take, names of [`CURVES`], best first; none stands for all.
    pub curves: Vec<&'static str>,
}

/// What is asked of clients, exporter-toolkit's five policies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Clients {
    /// `NoClientCert`: nothing.
    NotAsked,
    /// `RequestClientCert`: a certificate is asked for, and none is looked at.
    Asked,
    /// `RequireAnyClientCert`: any certificate, whoever made it.
    AnyCertificate,
    /// `VerifyClientCertIfGiven`: who shows a certificate shows one of these authorities.
    VerifiedIfGiven(Vec<CertificateDer<'static>>),
    /// `RequireAndVerifyClientCert`.
    Verified {
        /// Who vouches for clients.
        authorities: Vec<CertificateDer<'static>>,
        /// The alternative names of which a certificate must have one; none stands for any name.
        names: Vec<String>,
    },
}

/// Whom a policy keeps out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KeptOut {
    /// Those who show no certificate.
    pub without_certificate: bool,
    /// Those who show one that no authority vouches for.
    pub unverified: bool,
    /// Those who show one of a name that is not listed.
    pub other_names: bool,
}

impl Clients {
    /// Whom this keeps out.
    pub fn keep_out(&self) -> KeptOut {
        let is_verified = matches!(self, Self::VerifiedIfGiven(_) | Self::Verified { .. });
        KeptOut {
            without_certificate: matches!(self, Self::AnyCertificate | Self::Verified { .. }),
            unverified: is_verified,
            other_names: matches!(self, Self::Verified { names, .. } if !names.is_empty()),
        }
    }
}

/// The suites that can be had, as Go calls them, the best first.
pub const CIPHER_SUITES: [&str; 9] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// The suites that Go has besides: all of them old.
const OLD_SUITES: [&str; 4] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// The curves that can be had, as Go calls them.
pub const CURVES: [&str; 3] = ["X25519", "CurveP256", "CurveP384"];

const VERSIONS: &str = "TLS12 or TLS13";

const VERIFIED: &str = "RequireAndVerifyClientCert";

/// Reads the section; `None` if it is empty, or if nothing can be served by it.
pub fn read(
    field: Field<'_>,
    files: &Files<'_>,
    check_tls: TlsServerCheck<'_>,
    report: &mut Report,
) -> Option<TlsServer> {
    let n_before = report.n_mistakes();
    let mut fields = Fields::open(field.node, &schema::TLS_SERVER, report)?;
    if field.mapping("a mapping", report)?.is_empty() {
        return None;
    }
    let chain = take(&mut fields, ["cert", "cert_file"], report);
    let key = take(&mut fields, ["key", "key_file"], report);
    for (source, missing) in [(chain, "cert or cert_file"), (key, "key or key_file")] {
        if source.is_none() {
            report.mistake(field.key_pos, format!("tls_server_config needs {missing}"));
        }
    }
    let chain = chain.and_then(|source| certificates(source, files, report));
    let key = key.and_then(|source| {
        let pem = bytes(source, files, report)?;
        tls::private_key(&pem).or_else(|| useless(source, tls::PRIVATE_KEY, report))
    });
    let clients = clients(&mut fields, files, report);
    let min = fields.take("min_version");
    let min = min.and_then(|field| version(field, report));
    let max_field = fields.take("max_version");
    let max = max_field.and_then(|field| version(field, report));
    let (min, max) = (
        min.unwrap_or(TlsVersion::Tls12),
        max.unwrap_or(TlsVersion::Tls13),
    );
    if let (Some(field), true) = (max_field, min > max) {
        field.mistake::<()>("is below min_version", report);
    }
    let suites = fields.take("cipher_suites");
    let suites = suites.and_then(|field| names(field, &CIPHER_SUITES, why_no_suite, report));
    let curves = fields.take("curve_preferences");
    let curves = curves.and_then(|field| names(field, &CURVES, why_no_curve, report));
    let prefers = fields.take("prefer_server_cipher_suites");
    let prefers = prefers.and_then(|field| field.boolean(report));
    fields.finish(report);
    if report.n_mistakes() > n_before {
        return None;
    }
    let settings = TlsServer {
        chain: chain?,
        key: Arc::new(key?),
        clients: clients?,
        min_version: min,
        max_version: max,
        cipher_suites: suites.unwrap_or_default(),
        prefers_own_suites: prefers.unwrap_or(true),
        curves: curves.unwrap_or_default(),
    };
    if let Err(error) = check_tls(&settings) {
        report.mistake(field.key_pos, format!("tls_server_config {error}"));
    }
    Some(settings)
}

/// The one of two forms that is given, written or in a file.
fn take<'n>(
    fields: &mut Fields<'n>,
    forms: [&'static str; 2],
    report: &mut Report,
) -> Option<Source<'n>> {
    let [written, file] = forms.map(|form| fields.take_given(form));
    at_most_one([written, file], report);
    Source::of(written, file)
}

fn bytes(source: Source<'_>, files: &Files<'_>, report: &mut Report) -> Option<Vec<u8>> {
    match source {
        Source::Written(field) => Some(field.text(report)?.as_bytes().to_vec()),
        Source::File(field) => files.read(field, report),
    }
}

fn certificates(
    source: Source<'_>,
    files: &Files<'_>,
    report: &mut Report,
) -> Option<Vec<CertificateDer<'static>>> {
    let pem = bytes(source, files, report)?;
    tls::certificates(&pem).or_else(|| useless(source, tls::CERTIFICATE, report))
}

/// What is written may be a secret; the name of a file is shown.
fn useless<T>(source: Source<'_>, wanted: &str, report: &mut Report) -> Option<T> {
    let said = match source {
        Source::Written(_) => format!("holds no {wanted}"),
        Source::File(field) => format!("{} holds no {wanted}", quote(field.text(report)?)),
    };
    source.field().mistake(&said, report)
}

fn clients(fields: &mut Fields<'_>, files: &Files<'_>, report: &mut Report) -> Option<Clients> {
    let source = take(fields, ["client_ca", "client_ca_file"], report);
    let authorities = source.map(|source| certificates(source, files, report));
    let names_field = fields.take("client_allowed_sans");
    let names = names_field.map(|field| allowed_names(field, report));
    let policy = fields.take_given("client_auth_type");
    let name = policy.map_or(Some("NoClientCert"), |field| field.text(report))?;
    let verifies = ["VerifyClientCertIfGiven", VERIFIED].contains(&name);
    let found = match name {
        "NoClientCert" => Clients::NotAsked,
        "RequestClientCert" => Clients::Asked,
        // The second is what exporter-toolkit called it once and still takes.
        "RequireAnyClientCert" | "RequireClientCert" => Clients::AnyCertificate,
        _ if verifies => {
            if name != VERIFIED {
                refuse_names(names_field, name, report);
            }
            let (Some(field), true) = (policy, authorities.is_none()) else {
                return verified(name, authorities??, names);
            };
            let message = "needs client_ca or client_ca_file, or else a certificate of any \
                           authority that the system trusts would do";
            return field.mistake(&format!("{name} {message}"), report);
        }
        _ => {
            let message = "NoClientCert, RequestClientCert, RequireAnyClientCert, \
                           VerifyClientCertIfGiven or RequireAndVerifyClientCert";
            return policy?.expected(message, "", report);
        }
    };
    if let Some(source) = source {
        let field = source.field();
        let message = format!(
            "{} would vouch for nobody: with client_auth_type {name} nothing is verified; use \
             {VERIFIED}",
            field.name
        );
        report.mistake(field.key_pos, message);
    }
    refuse_names(names_field, name, report);
    Some(found)
}

/// A policy that verifies, with what it needs.
fn verified(
    name: &str,
    authorities: Vec<CertificateDer<'static>>,
    names: Option<Option<Vec<String>>>,
) -> Option<Clients> {
    Some(match name {
        VERIFIED => Clients::Verified {
            authorities,
            names: match names {
                Some(names) => names?,
                None => Vec::new(),
            },
        },
        _ => Clients::VerifiedIfGiven(authorities),
    })
}

/// Names are worth something only where a certificate is required and verified.
fn refuse_names(field: Option<Field<'_>>, policy: &str, report: &mut Report) {
    if let Some(field) = field {
        let message = format!(
            "client_allowed_sans keeps nobody out with client_auth_type {policy}; use {VERIFIED}"
        );
        report.mistake(field.key_pos, message);
    }
}

fn allowed_names(field: Field<'_>, report: &mut Report) -> Option<Vec<String>> {
    let items = field.list("a list of names, addresses or URIs", report)?;
    if items.is_empty() {
        return field.mistake("lists nobody; leave it out to let all names in", report);
    }
    let texts = items.iter().map(|node| {
        let item = Field { node, ..field };
        item.text(report).map(str::to_owned)
    });
    texts.collect()
}

fn version(field: Field<'_>, report: &mut Report) -> Option<TlsVersion> {
    match field.text(report)? {
        "TLS12" => Some(TlsVersion::Tls12),
        "TLS13" => Some(TlsVersion::Tls13),
        "TLS10" | "TLS11" => field.expected(VERSIONS, "; nothing older is spoken", report),
        _ => field.expected(VERSIONS, "", report),
    }
}

/// The names of a list, each of which must be one of `known`; `why_not` tells of others that Go has.
fn names(
    field: Field<'_>,
    known: &[&'static str],
    why_not: fn(&str) -> Option<&'static str>,
    report: &mut Report,
) -> Option<Vec<&'static str>> {
    let mut found = Vec::new();
    for node in field.list("a list of names", report)? {
        let item = Field { node, ..field };
        let Some(text) = item.text(report) else {
            continue;
        };
        let Some(name) = known.iter().find(|name| **name == text) else {
            let why = why_not(text)
                .map_or_else(|| suggest(text, known.iter().copied()), ToOwned::to_owned);
            item.mistake::<()>(&format!("cannot have {}: {why}", quote(text)), report);
            continue;
        };
        if !found.contains(name) {
            found.push(*name);
        }
    }
    Some(found)
}

fn why_no_suite(name: &str) -> Option<&'static str> {
    OLD_SUITES
        .contains(&name)
        .then_some("suites with CBC are not spoken, as they are open to padding attacks")
}

fn why_no_curve(name: &str) -> Option<&'static str> {
    match name {
        "CurveP521" => Some("the crypto library, ring, does not have it"),
        "X25519MLKEM768" => Some("exporter-toolkit does not know it either"),
        _ => None,
    }
}
