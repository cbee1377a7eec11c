//! Every key of the web configuration file, as `config/schema` has those of the configuration.

use crate::config::schema::Section;
use crate::config::schema::section;
use crate::config::schema::value;

/// The web configuration file.
pub static WEB: Section = Section {
    what: "the web configuration",
    keys: &[
        section("tls_server_config", &TLS_SERVER),
        section("http_server_config", &HTTP_SERVER),
        value("basic_auth_users"),
        section("rate_limit", &RATE_LIMIT),
    ],
};

/// What TLS of the exporter's own pages is like.
pub static TLS_SERVER: Section = Section {
    what: "tls_server_config",
    keys: &[
        value("cert"),
        value("cert_file"),
        value("key"),
        value("key_file"),
        value("client_ca"),
        value("client_ca_file"),
        value("client_allowed_sans"),
        value("client_auth_type"),
        value("min_version"),
        value("max_version"),
        value("cipher_suites"),
        value("curve_preferences"),
        value("prefer_server_cipher_suites"),
    ],
};

/// HTTP/2 of the exporter's own pages, and what every response has.
pub static HTTP_SERVER: Section = Section {
    what: "http_server_config",
    keys: &[value("http2"), section("headers", &SERVER_HEADERS)],
};

/// The headers that every response may have.
pub static SERVER_HEADERS: Section = Section {
    what: "headers",
    keys: &[
        value("Strict-Transport-Security"),
        value("X-Content-Type-Options"),
        value("X-Frame-Options"),
        value("X-XSS-Protection"),
        value("Content-Security-Policy"),
    ],
};

/// How often may be asked.
pub static RATE_LIMIT: Section = Section {
    what: "rate_limit",
    keys: &[value("interval"), value("burst")],
};
