//! Which certificates let a client in, by each of the five policies.

use std::sync::Arc;

use rcgen::SanType;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::doors::{Folder, client, get_by_tls, status};
use crate::support::exporter::program;
use crate::support::pki::{self, Authority};

type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

#[test]
fn each_policy_lets_in_whom_it_says() {
    let (servers, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let folder = Folder::new();
    folder.write_pair(&servers.issue("127.0.0.1", |_| {}));
    let own = pki::self_signed("self.example");
    let authorities = [clients.certificate(), own.0.clone()];
    let authorities = authorities.map(|der| pki::pem("CERTIFICATE", &der));
    folder.write("ca.pem", &authorities.concat());
    let with_names =
        |names: Vec<SanType>| clients.issue_for(&[], |params| params.subject_alt_names = names);
    let cases: Vec<(&str, Option<Identity>)> = vec![
        ("none", None),
        ("stranger", Some(strangers.issue("a.example", |_| {}))),
        ("friend", Some(clients.issue("b.example", |_| {}))),
        (
            "named",
            Some(clients.issue_for(&["c.example", "a.example"], |_| {})),
        ),
        (
            "mail",
            Some(with_names(vec![SanType::Rfc822Name(
                "a@b.example".try_into().unwrap(),
            )])),
        ),
        (
            "uri",
            Some(with_names(vec![SanType::URI(
                "spiffe://a/b".try_into().unwrap(),
            )])),
        ),
        (
            "address",
            Some(with_names(vec![SanType::IpAddress([10, 0, 0, 1].into())])),
        ),
        ("trusted itself", Some((own.0.clone(), own.1.clone_key()))),
    ];
    let ca = "client_ca_file: ca.pem";
    let names = "client_allowed_sans: [a.example, a@b.example, 'spiffe://a/b', 10.0.0.1]";
    for (policy, let_in) in [
        ("client_auth_type: NoClientCert".to_owned(), "11111111"),
        ("client_auth_type: RequestClientCert".to_owned(), "11111111"),
        (
            "client_auth_type: RequireAnyClientCert".to_owned(),
            "01111111",
        ),
        (
            format!("client_auth_type: VerifyClientCertIfGiven, {ca}"),
            "10111111",
        ),
        (
            format!("client_auth_type: RequireAndVerifyClientCert, {ca}"),
            "00111111",
        ),
        (
            format!("client_auth_type: RequireAndVerifyClientCert, {ca}, {names}"),
            "00011110",
        ),
    ] {
        let exporter = folder.exporter(&format!(
            "tls_server_config: {{cert_file: cert.pem, key_file: key.pem, {policy}}}"
        ));
        for ((name, identity), expected) in cases.iter().zip(let_in.chars()) {
            let identity = identity
                .as_ref()
                .map(|(certificate, key)| (certificate.clone(), key.clone_key()));
            let config = Arc::new(client(&servers.certificate(), identity));
            let answer = get_by_tls(&config, exporter.address, "/-/healthy", "");
            let is_in = answer.as_ref().is_ok_and(|answer| status(answer) == 200);
            assert_eq!(is_in, expected == '1', "{policy}: {name}: {answer:?}");
        }
        // Whom it does not let in knows that it is alive all the same.
        let url = format!("https://{}/-/healthy", exporter.address);
        let output = program().args(["healthcheck", &url]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{policy}: {said}");
    }
}
