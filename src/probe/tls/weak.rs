//! Whether a certificate is refused for being weak: rustls tells that a signature does not fit, or
//! that it does not know the algorithm, whatever the cause.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::public_key::PublicKey;

use crate::probe::tls::claim;

/// The shortest RSA key that ring takes, as browsers do.
const MIN_RSA_BITS: usize = 2048;

/// How the identifiers of signatures with RSA begin (RFC 8017, C).
const RSA_SIGNATURES: &str = "1.2.840.113549.1.1.";

/// The identifiers, in DER, of signatures over MD2, MD5 and SHA-1, of which forgeries are known.
const BROKEN_HASHES: [&[u8]; 5] = [
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05",
    b"\x2a\x86\x48\xce\x3d\x04\x01",
    b"\x2a\x86\x48\xce\x38\x04\x03",
];

/// Whether the identifier of an algorithm names one of those.
pub fn is_broken_hash(algorithm: &[u8]) -> bool {
    let names = |hash: &[u8]| algorithm.windows(hash.len()).any(|part| part == hash);
    BROKEN_HASHES.into_iter().any(names)
}

/// Whether the first certificate of `chain`, or one of those that vouch for it, has a short RSA key
/// or was signed with one.
pub fn has_short_key(chain: &[CertificateDer<'_>]) -> bool {
    let Some((own, others)) = chain.split_first() else {
        return false;
    };
    claim::path(own, others).iter().any(is_short)
}

/// Whether a certificate has a short RSA key, or was signed with one.
pub fn is_short(certificate: &X509Certificate<'_>) -> bool {
    let key = certificate.public_key().parsed();
    let has_short_key = matches!(key, Ok(PublicKey::RSA(key)) if key.key_size() < MIN_RSA_BITS);
    let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
    // A signature of RSA is as long as the key.
    let has_short_signature = algorithm.starts_with(RSA_SIGNATURES)
        && certificate.signature_value.data.len() * 8 < MIN_RSA_BITS;
    has_short_key || has_short_signature
}
