//! What certificates may be used for.

use webpki::Error;
use webpki::ExtendedKeyUsageValidator;
use webpki::KeyPurposeId;
use webpki::KeyPurposeIdIter;
use webpki::KeyUsage;
use webpki::RequiredEkuNotFoundContext;
use x509_parser::certificate::X509Certificate;

/// Servers (RFC 5280, 4.2.1.12), in DER.
const SERVERS: KeyPurposeId<'static> = KeyPurposeId::new(b"\x2b\x06\x01\x05\x05\x07\x03\x01");

/// Anything (RFC 5280, 4.2.1.12), in DER. webpki does not know it, and Go does.
const ANYTHING: KeyPurposeId<'static> = KeyPurposeId::new(b"\x55\x1d\x25\x00");

/// Lets through what may be used by a server or vouch for one.
pub struct OfServers;

impl ExtendedKeyUsageValidator for OfServers {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut present = Vec::new();
        for purpose in purposes {
            let purpose = purpose?;
            if purpose == SERVERS || purpose == ANYTHING {
                return Ok(());
            }
            present.push(purpose.to_decoded_oid());
        }
        if present.is_empty() {
            return Ok(());
        }
        let required = KeyUsage::server_auth();
        let context = RequiredEkuNotFoundContext { required, present };
        Err(Error::RequiredEkuNotFoundContext(context))
    }
}

/// Whether the key of an authority may sign certificates, which webpki does not look at (RFC 5280,
/// 6.1.4, n).
pub fn may_sign(authority: &X509Certificate<'_>) -> bool {
    match authority.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        Err(_) => false,
    }
}
