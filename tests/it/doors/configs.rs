//! Web configurations, good and bad, with exactly what is said about the bad ones.

use crate::doors::{Folder, hash, load};
use crate::support::exporter::program;
use crate::support::pki;

/// A folder with certificates that web configurations can name.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write_pair(&pki::self_signed("127.0.0.1"));
    let (other, _) = pki::self_signed("127.0.0.1");
    folder.write("ca.pem", &pki::pem("CERTIFICATE", &other));
    folder.write("none.pem", "nothing");
    folder
}

const PAIR: &str = "cert_file: cert.pem, key_file: key.pem";

#[test]
fn what_exporter_toolkit_takes_and_can_be_done_is_taken() {
    let folder = folder();
    let hash = hash("p");
    let tls = |more: &str| format!("tls_server_config: {{{PAIR}{more}}}");
    let inline = |name: &str| {
        let text = std::fs::read_to_string(folder.at(name)).unwrap();
        text.replace('\n', "\n    ")
    };
    let written = format!(
        "tls_server_config:\n  cert: |\n    {}\n  key: |\n    {}\n",
        inline("cert.pem"),
        inline("key.pem")
    );
    for text in [
        "",
        "# nothing\n",
        "{}",
        "tls_server_config: {}\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n",
        &tls(""),
        &written,
        &tls(", client_auth_type: NoClientCert"),
        &tls(", client_auth_type: RequestClientCert"),
        &tls(", client_auth_type: RequireAnyClientCert"),
        &tls(", client_auth_type: RequireClientCert"),
        &tls(", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem"),
        &tls(
            ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, \
              client_allowed_sans: [a.example, 10.0.0.1]",
        ),
        &tls(", min_version: TLS12, max_version: TLS12"),
        &tls(", min_version: TLS13, prefer_server_cipher_suites: false"),
        &tls(", cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]"),
        &tls(", cipher_suites: [TLS_AES_128_GCM_SHA256], curve_preferences: [CurveP384, X25519]"),
        "http_server_config: {http2: false, headers: {X-Frame-Options: sameorigin, \
         Content-Security-Policy: \"default-src 'self'\", X-XSS-Protection: ''}}",
        &format!("basic_auth_users: {{alice: {hash}, bob: '{hash}'}}"),
        "rate_limit: {interval: 1.5s, burst: 3}",
        "rate_limit: {interval: 0, burst: 3}",
    ] {
        folder.write("web.yml", text);
        if let Err(said) = load(&folder.at("web.yml")) {
            panic!("{text}\n{said}");
        }
    }
}

#[test]
fn the_example_of_the_documentation_is_taken() {
    let folder = folder();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/web.md");
    let text = std::fs::read_to_string(path).unwrap();
    let example = text.split("\n```yaml\n").nth(1).unwrap();
    let example = example.split("\n```").next().unwrap();
    let example = example
        .replace("/etc/httpcycle_exporter/tls/tls.crt", "cert.pem")
        .replace("/etc/httpcycle_exporter/tls/tls.key", "key.pem")
        .replace("/etc/httpcycle_exporter/tls/ca.crt", "ca.pem");
    folder.write("web.yml", &example);
    let config = load(&folder.at("web.yml")).unwrap();
    assert_eq!((config.headers.len(), config.users.len()), (5, 1));
    assert!(config.tls.is_some() && config.rate_limit.is_some());
}

/// Checks that exactly so much is said of each text, each line of it with its place and no secret.
fn check(rows: &[(&str, &[&str])], secret: &str) {
    let folder = folder();
    let prefix = format!("{}:", folder.at("web.yml").display());
    for (text, expected) in rows {
        folder.write("web.yml", &text.replace("PAIR", PAIR));
        let said = load(&folder.at("web.yml")).expect_err(text);
        assert_eq!(said.lines().count(), expected.len(), "{text}\n{said}");
        for line in said.lines() {
            assert!(line.starts_with(&prefix), "{text}\n{said}");
            assert!(!line.contains(secret), "{text}\n{said}");
        }
        for part in *expected {
            assert!(said.contains(part), "{text}\nlacks {part}\n{said}");
        }
    }
}

#[test]
fn what_is_wrong_with_certificates_is_said_with_its_place() {
    let rows: &[(&str, &[&str])] = &[
        ("tls_server_config: [", &["1:20: not valid YAML"][..]),
        (
            "- a",
            &["1:1: the web configuration must be a mapping, found a list"],
        ),
        (
            "tls_config: {}",
            &[
                "1:1: unknown key \"tls_config\" in the web configuration; known are tls_server_config, http_server_config, basic_auth_users, rate_limit",
            ],
        ),
        (
            "tls_server_config: {min_version: TLS12}",
            &[
                "1:1: tls_server_config needs cert or cert_file",
                "1:1: tls_server_config needs key or key_file",
            ],
        ),
        (
            "tls_server_config: {cert_file: no.pem, key_file: none.pem, key: x}",
            &[
                "1:32: cert_file \"no.pem\" cannot be read: No such file or directory (os error 2)",
                "1:50: key_file \"none.pem\" holds no private key in PEM form without a password",
                "1:60: key and key_file are both given; keep one",
            ],
        ),
        (
            "tls_server_config: {cert_file: ca.pem, key_file: key.pem}",
            &[
                "1:1: tls_server_config has a certificate and a key that do not fit: keys may not be consistent: KeyMismatch",
            ],
        ),
    ];
    check(rows, "s3cret");
}

#[test]
fn what_is_wrong_with_clients_is_said_with_its_place() {
    let rows: &[(&str, &[&str])] = &[
        (
            "tls_server_config: {PAIR, client_ca_file: ca.pem}",
            &[
                "client_ca_file would vouch for nobody: with client_auth_type NoClientCert nothing is verified; use RequireAndVerifyClientCert",
            ],
        ),
        (
            "tls_server_config: {PAIR, client_auth_type: RequireAndVerifyClientCert}",
            &[
                "client_auth_type RequireAndVerifyClientCert needs client_ca or client_ca_file, or else a certificate of any authority that the system trusts would do",
            ],
        ),
        (
            "tls_server_config: {PAIR, client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem, client_allowed_sans: [a]}",
            &[
                "client_allowed_sans keeps nobody out with client_auth_type VerifyClientCertIfGiven; use RequireAndVerifyClientCert",
            ],
        ),
        (
            "tls_server_config: {PAIR, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: []}",
            &["client_allowed_sans lists nobody; leave it out to let all names in"],
        ),
        (
            "tls_server_config: {PAIR, client_auth_type: Require}",
            &[
                "client_auth_type must be NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert, found \"Require\"",
            ],
        ),
    ];
    check(rows, "s3cret");
}

#[test]
fn what_cannot_be_spoken_is_said_with_its_place() {
    let rows: &[(&str, &[&str])] = &[
        (
            "tls_server_config: {PAIR, min_version: TLS11, max_version: TLS9}",
            &[
                "min_version must be TLS12 or TLS13, found \"TLS11\"; nothing older is spoken",
                "max_version must be TLS12 or TLS13, found \"TLS9\"",
            ],
        ),
        (
            "tls_server_config: {PAIR, min_version: TLS13, max_version: TLS12}",
            &["max_version is below min_version"],
        ),
        (
            "tls_server_config: {PAIR, max_version: TLS12, cipher_suites: [TLS_AES_128_GCM_SHA256]}",
            &["1:1: tls_server_config names no cipher suite of the versions that it allows"],
        ),
        (
            "tls_server_config: {PAIR, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA], curve_preferences: [CurveP521, P256]}",
            &[
                "cipher_suites cannot have \"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA\": suites with CBC are not spoken, as they are open to padding attacks",
                "curve_preferences cannot have \"CurveP521\": the crypto library, ring, does not have it",
                "curve_preferences cannot have \"P256\": known are X25519, CurveP256, CurveP384",
            ],
        ),
    ];
    check(rows, "s3cret");
}

#[test]
fn what_is_wrong_with_headers_users_and_limits_is_said_with_its_place() {
    let hash = hash("secret");
    let of = |rest: &str| format!("basic_auth_users: {{alice: '{rest}'}}");
    let rows: &[(&str, &[&str])] = &[
        (
            "http_server_config: {http2: 2, headers: {X-Frame-Options: allow, X-Content-Type-Options: '', x-frame-options: deny, Server: me}}",
            &[
                "1:29: http2 must be true or false, found \"2\"",
                "X-Frame-Options must be deny or sameorigin, found \"allow\"",
                "X-Content-Type-Options must be nosniff, found \"\" in quotes",
                "unknown key \"x-frame-options\" in headers; did you mean \"X-Frame-Options\"?",
                "unknown key in headers; known are",
            ],
        ),
        (
            "http_server_config: {headers: {Content-Security-Policy: \"a\\nb\"}}",
            &["Content-Security-Policy must be text that a header can hold, on one line, found"],
        ),
        (
            "basic_auth_users: [a]",
            &["basic_auth_users must be a mapping of user names to bcrypt hashes, found a list"],
        ),
        (
            "basic_auth_users: {a: ~}",
            &["basic_auth_users must be text, found nothing"],
        ),
        (
            &of("s3cret"),
            &[
                "1:27: basic_auth_users of \"alice\" must be a bcrypt hash, as `htpasswd -nBC 10 \"\"` makes them",
            ],
        ),
        (
            &of(&hash[..59]),
            &["basic_auth_users of \"alice\" must be a bcrypt hash"],
        ),
        (
            &of(&hash.replace("$2b$", "$2x$")),
            &[
                "basic_auth_users of \"alice\" is a hash of the broken bcrypt ($2x$); hash the password anew",
            ],
        ),
        (
            &of(&hash.replace("$04$", "$31$")),
            &["basic_auth_users of \"alice\" has a cost of 31; from 4 to 18"],
        ),
        (
            &format!("basic_auth_users: {{'a:b': '{hash}'}}"),
            &["1:20: a user name cannot hold a colon"],
        ),
        (
            "rate_limit: {interval: 1s}",
            &["rate_limit needs a burst of at least 1"],
        ),
        (
            "rate_limit: {interval: fast, burst: -1}",
            &[
                "1:24: interval must be a duration like 5s or 1m30s, found \"fast\"",
                "1:37: burst must be a whole number of requests, found \"-1\"",
            ],
        ),
        (
            "rate_limit: {interval: 1s, burst: 0}",
            &["needs a burst of at least 1"],
        ),
    ];
    check(rows, &hash[30..50]);
}

/// Both files are judged in one run, and nothing is listened on.
#[test]
fn mistakes_of_both_files_are_told_at_once() {
    let folder = Folder::new();
    folder.write("web.yml", "rate_limit: 1");
    folder.write("httpcycle.yml", "target: []");
    for arguments in [&["--config.check"][..], &[]] {
        let output = program()
            .args(arguments)
            .arg("--web.config.file=web.yml")
            .current_dir(folder.at(""))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        for part in ["httpcycle.yml:1:1: ", "web.yml:1:13: "] {
            assert!(said.contains(part), "{said}");
        }
        assert!(!said.contains("listening"), "{said}");
    }
    folder.write("httpcycle.yml", "");
    for (web, status, part) in [
        ("", 0, "web.yml is fine"),
        ("a: b", 2, "web.yml:1:1: unknown key \"a\""),
    ] {
        folder.write("web.yml", web);
        let output = program()
            .args(["--config.check", "--web.config.file=web.yml"])
            .current_dir(folder.at(""))
            .output()
            .unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(part), "{said}");
    }
}
