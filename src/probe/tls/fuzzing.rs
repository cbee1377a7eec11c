//! Certificates as fuzzers write them.

use rustls_pki_types::CertificateDer;

use crate::probe::tls::chain;
use crate::probe::tls::expiry;
use crate::probe::tls::weak;

/// Reads the bytes as a certificate that a server shows, alone and twice.
pub fn run(data: &[u8]) {
    let one = [CertificateDer::from(data)];
    let two = [CertificateDer::from(data), CertificateDer::from(data)];
    let described = chain::describe(&one, None).expect("a chain of one");
    assert_eq!(described.fingerprint.len(), 64, "{described:?}");
    assert_eq!(
        described.earliest_expiry,
        expiry::end(&one[0]),
        "{described:?}"
    );
    assert_eq!(chain::describe(&two, None), Some(described.clone()));
    expiry::is_self_issued(&one[0]);
    weak::has_short_key(&two);
    for text in [
        &described.subject,
        &described.issuer,
        &described.serial_number,
    ] {
        assert!(
            text.len() <= 8 * data.len() + 64,
            "{text:?} of {} bytes",
            data.len()
        );
    }
}
