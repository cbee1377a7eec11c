//! TLS for who is no probe, and is to trust what probes trust.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::UnixTime;

use crate::probe::tls::TlsClient;
use crate::probe::tls::observer::Observer;

impl TlsClient {
    /// The configuration for an ordinary client, which offers no version of HTTP yet. With a name,
    /// certificates are to be for that one, whatever the client asks for.
    pub fn ordinary(&self, name: Option<ServerName<'static>>) -> ClientConfig {
        let mut config = self.config.clone();
        let observer = Observer::new(self.verifier.clone(), None);
        let verifier: Arc<dyn ServerCertVerifier> = match name {
            Some(name) => Arc::new(Named { observer, name }),
            None => Arc::new(observer),
        };
        config.dangerous().set_certificate_verifier(verifier);
        config
    }
}

/// Looks for one name in every certificate.
#[derive(Debug)]
struct Named {
    observer: Observer,
    name: ServerName<'static>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let name = &self.name;
        self.observer
            .verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.observer
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.observer
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.observer.supported_verify_schemes()
    }
}
