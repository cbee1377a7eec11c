//! The servers that both exporters probe: certificates and files that all cases share, and what
//! each kind of server does with a connection.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use httpcycle_exporter::probe::tls::crypto_provider;
use rcgen::{BasicConstraints, DnType, IsCa, date_time_ymd};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use crate::support::pki::{self, Authority};
use crate::support::real_parts;
use crate::support::surroundings::{self, Running};

/// What a server of a case does with a connection.
#[derive(Clone)]
pub enum Kind {
    /// Answers requests as the case says.
    Plain,
    /// The same behind TLS.
    Tls(TlsAcceptor),
    /// Opens tunnels and answers other requests as the case says; one that `denies` answers 407.
    Proxy { denies: bool },
    /// Such a proxy behind TLS.
    ProxyTls(TlsAcceptor),
    /// Takes the connection and says nothing.
    Silent,
    /// Closes the connection at once.
    HangsUp,
    /// Resets the connection at once.
    Resets,
    /// Not there: the port is taken, but nobody listens.
    Closed,
}

/// What all cases share.
pub struct World {
    pub folder: TempDir,
    good: TlsAcceptor,
    tls12: TlsAcceptor,
    tls13: TlsAcceptor,
    expired: TlsAcceptor,
    early: TlsAcceptor,
    other_name: TlsAcceptor,
    self_signed: TlsAcceptor,
    trusted_itself: TlsAcceptor,
    authority: TlsAcceptor,
    unknown: TlsAcceptor,
    mutual: TlsAcceptor,
}

const HERE: [&str; 2] = ["localhost", "127.0.0.1"];

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (trusted, strange) = (Authority::new(), Authority::new());
        let until = |year| date_time_ymd(year, 1, 1);
        let issue = |authority: &Authority, from, to| {
            authority.issue_for(&HERE, |params| {
                params.not_before = until(from);
                params.not_after = until(to);
            })
        };
        let versions = |versions: &[&'static SupportedProtocolVersion]| {
            let (certificate, key) = issue(&trusted, 2020, 2100);
            acceptor_of(versions, certificate, key)
        };
        let good = trusted.issue_for(&HERE, |params| {
            params.not_after = until(2100);
            // What has to be escaped in a name, and what stands in another order when it is shown.
            let name = &mut params.distinguished_name;
            for (kind, value) in [
                (DnType::CountryName, "CH"),
                (DnType::OrganizationName, "Orders, \"Ltd\" + Co."),
                (DnType::OrganizationalUnitName, " Web \\ <shop>; #1"),
                (DnType::LocalityName, "Zürich"),
                (DnType::CommonName, "#orders"),
            ] {
                name.push(kind, value);
            }
        });
        let expired = issue(&trusted, 2000, 2020);
        let early = issue(&trusted, 2090, 2100);
        let other_name = trusted.issue_for(&["orders.test"], |_| {});
        let unknown = issue(&strange, 2020, 2100);
        let own = pki::self_signed("localhost");
        let trusted_itself = pki::self_signed("localhost");
        let authority = trusted.issue_for(&HERE, |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.not_after = until(2100);
        });
        let client = trusted.client();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", pem("CERTIFICATE", &trusted.certificate()));
        write("itself.pem", pem("CERTIFICATE", &trusted_itself.0));
        write("client.pem", pem("CERTIFICATE", &client.chain[0]));
        write(
            "client.key",
            pem("PRIVATE KEY", client.key.expose().secret_der()),
        );
        write("server.pem", pem("CERTIFICATE", &good.0));
        write("server.key", pem("PRIVATE KEY", good.1.secret_der()));
        write("password.txt", "s3cret\n".to_owned());
        write("token.txt", "t0ken\n".to_owned());
        write("body.txt", "from a file".to_owned());
        Self {
            tls12: versions(&[&TLS12]),
            tls13: versions(&[&TLS13]),
            good: pki::acceptor(good.0, good.1),
            expired: pki::acceptor(expired.0, expired.1),
            early: pki::acceptor(early.0, early.1),
            other_name: pki::acceptor(other_name.0, other_name.1),
            self_signed: pki::acceptor(own.0, own.1),
            trusted_itself: pki::acceptor(trusted_itself.0, trusted_itself.1),
            authority: pki::acceptor(authority.0, authority.1),
            unknown: pki::acceptor(unknown.0, unknown.1),
            mutual: trusted.server_for_clients("localhost"),
            folder,
        }
    }

    /// The kind of the server that texts call `{name}`, if it is one of a case's own.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        let tls = |acceptor: &TlsAcceptor| Kind::Tls(acceptor.clone());
        Some(match name {
            "plain" | "other" => Kind::Plain,
            "tls" | "other_tls" => tls(&self.good),
            "tls12" => tls(&self.tls12),
            "tls13" => tls(&self.tls13),
            "expired" => tls(&self.expired),
            "early" => tls(&self.early),
            "other_name" => tls(&self.other_name),
            "self_signed" => tls(&self.self_signed),
            "trusted_itself" => tls(&self.trusted_itself),
            "authority" => tls(&self.authority),
            "unknown" => tls(&self.unknown),
            "mutual" => tls(&self.mutual),
            "proxy" => Kind::Proxy { denies: false },
            "denying_proxy" => Kind::Proxy { denies: true },
            "tls_proxy" => Kind::ProxyTls(self.good.clone()),
            "silent" => Kind::Silent,
            "hangs_up" => Kind::HangsUp,
            "resets" => Kind::Resets,
            "closed" => Kind::Closed,
            _ => return None,
        })
    }

    /// What stands for the names that are not of one case alone.
    pub fn names(&self) -> BTreeMap<String, String> {
        let folder = self.folder.path().display().to_string();
        BTreeMap::from([("dir".to_owned(), folder)])
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// A server that speaks these versions of TLS alone.
fn acceptor_of(
    versions: &[&'static SupportedProtocolVersion],
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> TlsAcceptor {
    let config = ServerConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

impl World {
    /// nginx, plain as `{nginx}` and with TLS and HTTP/2 as `{nginx_tls}`.
    pub fn nginx(&self, names: &mut BTreeMap<String, String>) -> Running {
        let (plain, tls) = (real_parts::free_address(), real_parts::free_address());
        let here = self.folder.path().join("nginx");
        fs::create_dir_all(here.join("files")).unwrap();
        fs::write(here.join("files/index.html"), "<p>hello</p>".repeat(200)).unwrap();
        let folder = self.folder.path().display();
        let locations = format!(
            "location /moved {{ return 302 /index.html; }} \
             location /to_tls {{ return 301 https://localhost:{}/; }} \
             location /seen {{ return 200 '$request_method $http_host $http_x_seen'; }}",
            tls.port()
        );
        let more = format!(
            "types {{ text/html html; }} gzip_min_length 10; gzip_proxied any; gzip on;\n  \
             server {{ listen {tls} ssl http2; root {}/files; \
             ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key; \
             {locations} }}",
            here.display()
        );
        let running = surroundings::nginx(&here, plain, &more, &locations);
        names.insert("nginx".to_owned(), plain.port().to_string());
        names.insert("nginx_tls".to_owned(), tls.port().to_string());
        running
    }
}
