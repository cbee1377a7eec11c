//! Every key of both files in one place: what readers may take, what messages offer, and what the
//! reference in the documentation has to tell of.

/// A mapping of the schema.
#[derive(Debug)]
pub struct Section {
    /// What messages call it.
    pub what: &'static str,
    /// Its keys, in the order in which messages offer them.
    pub keys: &'static [Key],
}

/// A key of a section.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What its value is made of.
    pub holds: Holds,
}

/// What the value of a key is made of.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// A value, or several under names that the user gives.
    Value,
    /// A mapping with keys of its own.
    Section(&'static Section),
    /// A list of such mappings.
    List(&'static Section),
    /// Such mappings under names that the user gives.
    Named(&'static Section),
    /// Nothing that would have an effect: the key is refused or warned of by name.
    Nothing,
}

impl Section {
    /// The names of all keys.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.keys.iter().map(|key| key.name)
    }

    /// The names of the keys that have an effect.
    pub fn effective(&self) -> impl Iterator<Item = &'static str> + Clone {
        let keys = self.keys.iter();
        let effective = keys.filter(|key| !matches!(key.holds, Holds::Nothing));
        effective.map(|key| key.name)
    }

    /// The names of the keys that have none.
    pub fn ineffective(&self) -> impl Iterator<Item = &'static str> + Clone {
        let keys = self.keys.iter();
        let ineffective = keys.filter(|key| matches!(key.holds, Holds::Nothing));
        ineffective.map(|key| key.name)
    }
}

const fn value(name: &'static str) -> Key {
    Key {
        name,
        holds: Holds::Value,
    }
}

const fn section(name: &'static str, section: &'static Section) -> Key {
    Key {
        name,
        holds: Holds::Section(section),
    }
}

const fn list(name: &'static str, section: &'static Section) -> Key {
    Key {
        name,
        holds: Holds::List(section),
    }
}

const fn named(name: &'static str, section: &'static Section) -> Key {
    Key {
        name,
        holds: Holds::Named(section),
    }
}

const fn nothing(name: &'static str) -> Key {
    Key {
        name,
        holds: Holds::Nothing,
    }
}

/// The configuration file.
pub static CONFIGURATION: Section = Section {
    what: "the configuration",
    keys: &[
        named("modules", &MODULE),
        list("targets", &TARGET),
        list("file_sd_configs", &FILE_SD),
        list("http_sd_configs", &HTTP_SD),
        value("histogram_bounds"),
        value("allow_addresses"),
        value("deny_addresses"),
    ],
};

/// One of `modules`.
pub static MODULE: Section = Section {
    what: "a module",
    keys: &[
        value("prober"),
        value("timeout"),
        section("http", &HTTP),
        // blackbox_exporter's other probers; their sections have their names.
        nothing("tcp"),
        nothing("dns"),
        nothing("icmp"),
        nothing("grpc"),
        nothing("unix"),
        nothing("websocket"),
    ],
};

/// How a module probes.
pub static HTTP: Section = Section {
    what: "http",
    keys: &[
        value("method"),
        value("headers"),
        named("http_headers", &HTTP_HEADER),
        section("basic_auth", &BASIC_AUTH),
        section("authorization", &AUTHORIZATION),
        section("oauth2", &OAUTH2),
        value("bearer_token"),
        value("bearer_token_file"),
        value("body"),
        value("body_file"),
        value("valid_status_codes"),
        value("valid_http_versions"),
        value("follow_redirects"),
        value("no_follow_redirects"),
        value("fail_if_ssl"),
        value("fail_if_not_ssl"),
        list("fail_if_header_matches", &HEADER_MATCH),
        list("fail_if_header_not_matches", &HEADER_MATCH),
        value("fail_if_body_matches_regexp"),
        value("fail_if_body_not_matches_regexp"),
        value("fail_if_body_json_matches_cel"),
        value("fail_if_body_json_not_matches_cel"),
        value("compression"),
        value("body_size_limit"),
        value("proxy_url"),
        value("no_proxy"),
        value("proxy_from_environment"),
        value("proxy_connect_header"),
        value("skip_resolve_phase_with_proxy"),
        value("preferred_ip_protocol"),
        value("ip_protocol_fallback"),
        value("resolver"),
        value("ip_strategy"),
        value("source_ip_address"),
        value("allow_addresses"),
        value("deny_addresses"),
        section("conflict", &CONFLICT),
        section("tls_config", &TLS_CONFIG),
        value("enable_http2"),
        value("enable_http3"),
    ],
};

/// One header of `http_headers`.
pub static HTTP_HEADER: Section = Section {
    what: "a header of http_headers",
    keys: &[value("values"), value("secrets"), value("files")],
};

/// A user and a password.
pub static BASIC_AUTH: Section = Section {
    what: "basic_auth",
    keys: &[
        value("username"),
        value("username_file"),
        value("password"),
        value("password_file"),
        nothing("username_ref"),
        nothing("password_ref"),
    ],
};

/// Credentials of any scheme.
pub static AUTHORIZATION: Section = Section {
    what: "authorization",
    keys: &[
        value("type"),
        value("credentials"),
        value("credentials_file"),
        nothing("credentials_ref"),
    ],
};

/// How tokens are had.
pub static OAUTH2: Section = Section {
    what: "oauth2",
    keys: &[
        value("client_id"),
        value("client_secret"),
        value("client_secret_file"),
        value("scopes"),
        value("token_url"),
        value("endpoint_params"),
        value("grant_type"),
        section("tls_config", &TLS_CONFIG),
        value("proxy_url"),
        value("no_proxy"),
        value("proxy_from_environment"),
        value("proxy_connect_header"),
        nothing("client_secret_ref"),
        // Those of the JWT bearer grant.
        nothing("client_certificate_key_id"),
        nothing("client_certificate_key"),
        nothing("client_certificate_key_file"),
        nothing("client_certificate_key_ref"),
        nothing("signature_algorithm"),
        nothing("iss"),
        nothing("audience"),
        nothing("claims"),
    ],
};

/// One of `fail_if_header_matches` and `fail_if_header_not_matches`.
pub static HEADER_MATCH: Section = Section {
    what: "a header to match",
    keys: &[value("header"), value("regexp"), value("allow_missing")],
};

/// Which codes are conflicts, and what tells why.
pub static CONFLICT: Section = Section {
    what: "conflict",
    keys: &[value("codes"), section("reason", &REASON)],
};

/// Where a conflict tells its reason.
pub static REASON: Section = Section {
    what: "reason",
    keys: &[
        value("json"),
        value("header"),
        value("regexp"),
        value("regex"),
        value("preset"),
        value("values"),
    ],
};

/// What TLS of a probe must be like.
pub static TLS_CONFIG: Section = Section {
    what: "tls_config",
    keys: &[
        value("ca"),
        value("ca_file"),
        value("cert"),
        value("cert_file"),
        value("key"),
        value("key_file"),
        value("server_name"),
        value("insecure_skip_verify"),
        value("min_version"),
        value("max_version"),
        nothing("ca_ref"),
        nothing("cert_ref"),
        nothing("key_ref"),
    ],
};

/// One of `targets`.
pub static TARGET: Section = Section {
    what: "a target",
    keys: &[
        value("name"),
        value("url"),
        value("module"),
        value("interval"),
        value("labels"),
    ],
};

/// One of `file_sd_configs`.
pub static FILE_SD: Section = Section {
    what: "a source in files",
    keys: &[value("files"), value("refresh_interval")],
};

/// One of `http_sd_configs`.
pub static HTTP_SD: Section = Section {
    what: "a source over HTTP",
    keys: &[
        value("url"),
        value("refresh_interval"),
        section("basic_auth", &BASIC_AUTH),
        section("authorization", &AUTHORIZATION),
        value("bearer_token"),
        value("bearer_token_file"),
        section("tls_config", &TLS_CONFIG),
        value("proxy_url"),
        value("no_proxy"),
        value("proxy_from_environment"),
        value("proxy_connect_header"),
        value("follow_redirects"),
        value("enable_http2"),
        named("http_headers", &HTTP_HEADER),
        section("oauth2", &OAUTH2),
    ],
};

/// A group of targets in the files of `file_sd_configs`.
pub static TARGET_GROUP: Section = Section {
    what: "a group",
    keys: &[value("targets"), value("labels")],
};

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
