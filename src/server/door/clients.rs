//! Whose certificates let a client in.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::DigitallySignedStruct;
use rustls::DistinguishedName;
use rustls::Error;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::crypto::verify_tls12_signature;
use rustls::crypto::verify_tls13_signature;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerified;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::UnixTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::config::web::Clients;

/// Makes what judges certificates. The error goes behind the name of the section.
pub fn verifier(
    clients: &Clients,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let unverified = |is_required| Unverified {
        is_required,
        provider: provider.clone(),
    };
    Ok(match clients {
        Clients::NotAsked => WebPkiClientVerifier::no_client_auth(),
        Clients::Asked => Arc::new(unverified(false)),
        Clients::AnyCertificate => Arc::new(unverified(true)),
        Clients::VerifiedIfGiven(authorities) => {
            Arc::new(Verified::new(authorities, &[], false, provider)?)
        }
        Clients::Verified { authorities, names } => {
            Arc::new(Verified::new(authorities, names, true, provider)?)
        }
    })
}

/// Takes any certificate whose key the client has.
#[derive(Debug)]
struct Unverified {
    is_required: bool,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Unverified {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// Takes certificates that an authority vouches for, and with one of the names if there are any.
#[derive(Debug)]
struct Verified {
    paths: Arc<dyn ClientCertVerifier>,
    authorities: Vec<CertificateDer<'static>>,
    names: Vec<String>,
}

impl Verified {
    fn new(
        authorities: &[CertificateDer<'static>],
        names: &[String],
        is_required: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority.clone()).map_err(|error| {
                format!("has a certificate in client_ca that cannot be an authority: {error}")
            })?;
        }
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let builder = match is_required {
            true => builder,
            false => builder.allow_unauthenticated(),
        };
        let paths = builder
            .build()
            .map_err(|error| format!("has a client_ca that cannot be used: {error}"))?;
        Ok(Self {
            paths,
            authorities: authorities.to_vec(),
            names: names.to_vec(),
        })
    }
}

impl ClientCertVerifier for Verified {
    fn client_auth_mandatory(&self) -> bool {
        self.paths.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.paths.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .paths
            .verify_client_cert(end_entity, intermediates, now);
        if let Err(refusal) = verified {
            // webpki takes no certificate of an authority for that of a client, not even one that
            // is trusted itself: what `openssl req -x509` makes.
            if !self.authorities.contains(&end_entity.clone().into_owned()) {
                return Err(refusal);
            }
            is_valid(end_entity, now)?;
        }
        if !self.names.is_empty() && !has_a_name(end_entity, &self.names)? {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.paths
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.paths
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.paths.supported_verify_schemes()
    }
}

fn parsed<'c>(certificate: &'c CertificateDer<'_>) -> Result<X509Certificate<'c>, Error> {
    let parsed = X509Certificate::from_der(certificate);
    let (_, parsed) = parsed.map_err(|_| CertificateError::BadEncoding)?;
    Ok(parsed)
}

/// Whether a certificate that is trusted itself is valid now, and for clients.
fn is_valid(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let read = parsed(certificate)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = read.validity();
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    let purposes = read.extended_key_usage();
    let purposes = purposes.map_err(|_| CertificateError::BadEncoding)?;
    if purposes.is_some_and(|purposes| !purposes.value.client_auth && !purposes.value.any) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    Ok(())
}

/// Whether one of the alternative names of a certificate is exactly one of `allowed`.
fn has_a_name(certificate: &CertificateDer<'_>, allowed: &[String]) -> Result<bool, Error> {
    let read = parsed(certificate)?;
    let names = read.subject_alternative_name();
    let names = names.map_err(|_| CertificateError::BadEncoding)?;
    let Some(names) = names else {
        return Ok(false);
    };
    let is_allowed = |name: &str| allowed.iter().any(|allowed| allowed == name);
    Ok(names.value.general_names.iter().any(|name| match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            is_allowed(name)
        }
        GeneralName::IPAddress(bytes) => {
            address(bytes).is_some_and(|address| is_allowed(&address.to_canonical().to_string()))
        }
        _ => false,
    }))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}
