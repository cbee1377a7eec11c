//! What one handshake showed: the chain of the server, and whether it asked for a certificate.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::verify_tls12_signature;
use rustls::crypto::verify_tls13_signature;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::UnixTime;

use crate::probe::tls::crypto_provider;
use crate::probe::tls::failure::ClientCertificate;
use crate::probe::tls::verifier::Verifier;

/// Stands between rustls and the real verifier and key store of one connection, and notes what
/// passes. Without a verifier everything will do: webpki reads no certificate with an extension that
/// it does not know, and ring checks no signature of a short key, so neither is asked.
pub struct Observer {
    verifier: Option<Arc<Verifier>>,
    identity: Option<Arc<dyn ResolvesClientCert>>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
    asked: AtomicBool,
    shown: AtomicBool,
}

impl Observer {
    /// An observer before the real verifier and the real client certificates.
    pub fn new(
        verifier: Option<Arc<Verifier>>,
        identity: Option<Arc<dyn ResolvesClientCert>>,
    ) -> Self {
        Self {
            verifier,
            identity,
            chain: Mutex::default(),
            asked: AtomicBool::new(false),
            shown: AtomicBool::new(false),
        }
    }

    /// The chain that the server presented, its own certificate first; empty if it came to none.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        chain.clone()
    }

    /// Whether the server asked for a client certificate, and got one.
    pub fn client_certificate(&self) -> ClientCertificate {
        let is = |note: &AtomicBool| note.load(Ordering::Relaxed);
        match (is(&self.asked), is(&self.shown)) {
            (false, _) => ClientCertificate::Unasked,
            (true, true) => ClientCertificate::Shown,
            (true, false) => ClientCertificate::Lacking,
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

/// The schemes that ring does not know and Go offers, for signatures that nobody checks; the last to
/// be chosen.
const UNCHECKED_SCHEMES: [SignatureScheme; 3] = [
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::ECDSA_SHA1_Legacy,
];

fn algorithms() -> WebPkiSupportedAlgorithms {
    crypto_provider().signature_verification_algorithms
}

impl ServerCertVerifier for Observer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let presented = [end_entity].into_iter().chain(intermediates);
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = presented
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        match &self.verifier {
            None => Ok(ServerCertVerified::assertion()),
            Some(verifier) => verifier.verify(end_entity, intermediates, server_name, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.verifier {
            None => Ok(HandshakeSignatureValid::assertion()),
            Some(_) => verify_tls12_signature(message, certificate, signed, &algorithms()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.verifier {
            None => Ok(HandshakeSignatureValid::assertion()),
            Some(_) => verify_tls13_signature(message, certificate, signed, &algorithms()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = algorithms().supported_schemes();
        if self.verifier.is_none() {
            schemes.extend(UNCHECKED_SCHEMES);
        }
        schemes
    }
}

impl ResolvesClientCert for Observer {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        let identity = self.identity.as_ref()?;
        let shown = identity.resolve(root_hint_subjects, sigschemes);
        self.shown.store(shown.is_some(), Ordering::Relaxed);
        shown
    }

    fn has_certs(&self) -> bool {
        // Without it rustls would answer a request for a certificate before asking here.
        true
    }
}
