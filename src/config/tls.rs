//! The section `tls_config`: which certificates and versions a module wants.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::problem::Report;
use crate::config::schema;
use crate::config::source::{Files, Forms, Source};
use crate::config::text::quote;
use crate::target::files::Part;
use crate::target::secret::Secret;
use crate::target::tls::{self, ClientIdentity, TlsSettings, TlsVersion};

const AUTHORITIES: Forms = ["ca", "ca_file", "ca_ref"];
const CERTIFICATE: Forms = ["cert", "cert_file", "cert_ref"];
const KEY: Forms = ["key", "key_file", "key_ref"];

/// Reads the section; what is wrong in it is left at its default.
pub fn read(field: Field<'_>, files: &mut Files<'_>, report: &mut Report) -> TlsSettings {
    let mut tls = TlsSettings::default();
    let Some(mut fields) = Fields::open(field.node, &schema::TLS_CONFIG, report) else {
        return tls;
    };
    if let Some(source) = Source::take(&mut fields, AUTHORITIES, report) {
        tls.authorities = certificates(source, Part::Authorities, files, report);
    }
    tls.identity = identity(&mut fields, files, report);
    if let Some(field) = fields.take_given("server_name") {
        tls.server_name = server_name(field, report);
    }
    if let Some(field) = fields.take("insecure_skip_verify") {
        tls.verify = !field.boolean(report).unwrap_or_default();
    }
    let min = fields.take("min_version");
    let max = fields.take("max_version");
    if let Some(version) = min.and_then(|field| min_version(field, report)) {
        tls.min_version = version;
    }
    if let Some(version) = max.and_then(|field| max_version(field, report)) {
        tls.max_version = version;
    }
    if let (Some(max), true) = (max, tls.min_version > tls.max_version) {
        max.mistake::<()>("is below min_version", report);
    }
    fields.finish(report);
    tls
}

fn identity(
    fields: &mut Fields<'_>,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Option<ClientIdentity> {
    let n_before = report.n_mistakes();
    let certificate = Source::take(fields, CERTIFICATE, report);
    let key = Source::take(fields, KEY, report);
    match (certificate, key) {
        // What is missing may be the reference that was refused.
        (None, _) | (_, None) if report.n_mistakes() > n_before => None,
        (None, None) => None,
        (Some(source), None) => source
            .field()
            .mistake("needs key or key_file as well", report),
        (None, Some(source)) => source
            .field()
            .mistake("needs cert or cert_file as well", report),
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate, Part::ClientChain, files, report);
            let key = private_key(key, files, report);
            Some(ClientIdentity {
                chain: chain?,
                key: Secret::new(Arc::new(key?)),
            })
        }
    }
}

fn certificates(
    source: Source<'_>,
    part: Part,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Option<Vec<CertificateDer<'static>>> {
    let pem = source.bytes(part, files, report)?;
    tls::certificates(&pem).or_else(|| useless(source, tls::CERTIFICATE, report))
}

fn private_key(
    source: Source<'_>,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Option<PrivateKeyDer<'static>> {
    let pem = source.bytes(Part::ClientKey, files, report)?;
    tls::private_key(&pem).or_else(|| useless(source, tls::PRIVATE_KEY, report))
}

/// What is written may be a secret; the name of a file is shown.
fn useless<T>(source: Source<'_>, wanted: &str, report: &mut Report) -> Option<T> {
    let said = match source {
        Source::Written(_) => format!("holds no {wanted}"),
        Source::File(field) => format!("{} holds no {wanted}", quote(field.text(report)?)),
    };
    source.field().mistake(&said, report)
}

fn server_name(field: Field<'_>, report: &mut Report) -> Option<String> {
    let name = field.text(report)?;
    match ServerName::try_from(name) {
        Ok(_) => Some(name.to_owned()),
        Err(_) => field.expected("a host name or an IP address", "", report),
    }
}

const VERSIONS: &str = "TLS12 or TLS13";

fn min_version(field: Field<'_>, report: &mut Report) -> Option<TlsVersion> {
    match field.text(report)? {
        version @ ("TLS10" | "TLS11") => {
            let message = format!("min_version {version} means TLS12: nothing older is offered");
            report.warning(field.pos(), message);
            Some(TlsVersion::Tls12)
        }
        "TLS12" => Some(TlsVersion::Tls12),
        "TLS13" => Some(TlsVersion::Tls13),
        _ => field.expected(VERSIONS, "", report),
    }
}

fn max_version(field: Field<'_>, report: &mut Report) -> Option<TlsVersion> {
    match field.text(report)? {
        "TLS10" | "TLS11" => field.expected(VERSIONS, "; nothing older is offered", report),
        "TLS12" => Some(TlsVersion::Tls12),
        "TLS13" => Some(TlsVersion::Tls13),
        _ => field.expected(VERSIONS, "", report),
    }
}
