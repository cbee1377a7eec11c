//! The section `tls_config`: which certificates and versions a module wants.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::file;
use crate::config::problem::Report;
use crate::config::text::quote;
use crate::target::tls::{ClientIdentity, TlsSettings, TlsVersion};

/// Reads the section; what is wrong in it is left at its default.
pub fn read(field: Field<'_>, base_dir: &Path, report: &mut Report) -> TlsSettings {
    let mut tls = TlsSettings::default();
    let Some(mut fields) = Fields::open(field.node, "tls_config", report) else {
        return tls;
    };
    if let Some(field) = fields.take("ca_file") {
        tls.authorities = certificates(field, base_dir, report);
    }
    tls.identity = identity(
        fields.take("cert_file"),
        fields.take("key_file"),
        base_dir,
        report,
    );
    if let Some(field) = fields.take("server_name") {
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
    let later = ["ca", "cert", "key", "ca_ref", "cert_ref", "key_ref"];
    fields.refuse(&later, report);
    fields.finish(report);
    tls
}

fn identity(
    certificate: Option<Field<'_>>,
    key: Option<Field<'_>>,
    base_dir: &Path,
    report: &mut Report,
) -> Option<ClientIdentity> {
    match (certificate, key) {
        (None, None) => None,
        (Some(field), None) => field.mistake("needs key_file as well", report),
        (None, Some(field)) => field.mistake("needs cert_file as well", report),
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate, base_dir, report);
            let key = private_key(key, base_dir, report);
            Some(ClientIdentity {
                chain: chain?,
                key: Arc::new(key?),
            })
        }
    }
}

fn certificates(
    field: Field<'_>,
    base_dir: &Path,
    report: &mut Report,
) -> Option<Vec<CertificateDer<'static>>> {
    let bytes = file::read_named(field, base_dir, report)?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Some(certificates),
        _ => useless(field, "certificate in PEM form", report),
    }
}

fn private_key(
    field: Field<'_>,
    base_dir: &Path,
    report: &mut Report,
) -> Option<PrivateKeyDer<'static>> {
    let bytes = file::read_named(field, base_dir, report)?;
    // The parser's error may hold a line of the file, so it is not shown.
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Some(key),
        Err(_) => useless(field, "private key in PEM form without a password", report),
    }
}

fn useless<T>(field: Field<'_>, wanted: &str, report: &mut Report) -> Option<T> {
    let name = quote(field.text(report)?);
    field.mistake(&format!("{name} holds no {wanted}"), report)
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
