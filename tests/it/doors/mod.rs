//! The doors of the exporter's own server: who gets in, and who is shown out for taking too long.

mod access;
mod certificates;
mod clients;
mod configs;
mod files;
mod served;
mod slow;
mod sockets;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use httpcycle_exporter::probe::tls::crypto_provider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tempfile::TempDir;

use crate::support::exporter::Exporter;
use crate::support::pki;

/// A folder with a web configuration and what it names.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes or replaces a file, at once.
    fn write(&self, name: &str, text: &str) {
        let beside = self.at("being-written");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, self.at(name)).unwrap();
    }

    fn write_pair(&self, pair: &(CertificateDer<'_>, PrivateKeyDer<'_>)) {
        self.write("cert.pem", &pki::pem("CERTIFICATE", &pair.0));
        self.write("key.pem", &pki::pem("PRIVATE KEY", pair.1.secret_der()));
    }

    fn flag(&self) -> String {
        format!("--web.config.file={}", self.at("web.yml").display())
    }

    /// An exporter without targets behind the web configuration `text`.
    fn exporter(&self, text: &str) -> Exporter {
        self.write("web.yml", text);
        Exporter::start_with("", &[&self.flag()])
    }
}

/// TLS of a client that trusts `authority`, and shows `identity` if asked.
fn client(
    authority: &CertificateDer<'static>,
    identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match identity {
        Some((certificate, key)) => builder
            .with_client_auth_cert(vec![certificate], key)
            .unwrap(),
        None => builder.with_no_client_auth(),
    }
}

/// A page over a new connection.
fn get(address: SocketAddr, path: &str, headers: &str) -> std::io::Result<String> {
    converse(TcpStream::connect(address)?, path, headers)
}

/// A page over a new connection with TLS.
fn get_by_tls(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
    path: &str,
    headers: &str,
) -> std::io::Result<String> {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(config.clone(), name).unwrap();
    let stream = StreamOwned::new(connection, TcpStream::connect(address)?);
    converse(stream, path, headers)
}

fn converse(mut stream: impl Read + Write, path: &str, headers: &str) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

/// The status of an answer.
fn status(answer: &str) -> u16 {
    answer[9..12].parse().unwrap()
}

fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

/// The header that says who asks.
fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let both = format!("{user}:{password}");
    let both = base64::engine::general_purpose::STANDARD.encode(both);
    format!("Authorization: Basic {both}\r\n")
}

/// Loads a web configuration as the exporter does.
fn load(path: &Path) -> Result<httpcycle_exporter::config::web::WebConfig, String> {
    let check = |settings: &httpcycle_exporter::config::web::TlsServer| {
        httpcycle_exporter::server::door::tls::server_config(settings, true).map(|_| ())
    };
    let read = |path: &Path| fs::read(path);
    httpcycle_exporter::config::web::load(path, &read, &check).map_err(|error| error.to_string())
}
