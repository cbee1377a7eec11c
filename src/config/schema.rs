//! Every key of the configuration file in one place: what readers may take, what messages offer, and
//! what the reference in the documentation has to tell of. The JSON Schema that editors check by is
//! made of it.

use crate::config::shape::Shape;

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
    /// A value of any shape, or several under names that the user gives.
    Value,
    /// A value of this shape, or several.
    Shaped(Shape),
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

/// A key whose value may be of any shape.
pub const fn value(name: &'static str) -> Key {
    Key {
        name,
        holds: Holds::Value,
    }
}

const fn shaped(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        holds: Holds::Shaped(shape),
    }
}

const fn text(name: &'static str) -> Key {
    shaped(name, Shape::Text)
}

const fn texts(name: &'static str) -> Key {
    shaped(name, Shape::List(&Shape::Text))
}

const fn boolean(name: &'static str) -> Key {
    shaped(name, Shape::Boolean)
}

/// A key whose value is a mapping with keys of its own.
pub const fn section(name: &'static str, section: &'static Section) -> Key {
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
        shaped("histogram_bounds", Shape::List(&Shape::Seconds)),
        texts("allow_addresses"),
        texts("deny_addresses"),
    ],
};

/// One of `modules`.
pub static MODULE: Section = Section {
    what: "a module",
    keys: &[
        shaped("prober", Shape::OneOf(&["http"])),
        shaped("timeout", Shape::Timeout),
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
        text("method"),
        shaped("headers", Shape::Named(&Shape::MaybeText)),
        named("http_headers", &HTTP_HEADER),
        section("basic_auth", &BASIC_AUTH),
        section("authorization", &AUTHORIZATION),
        section("oauth2", &OAUTH2),
        text("bearer_token"),
        text("bearer_token_file"),
        text("body"),
        text("body_file"),
        shaped("valid_status_codes", Shape::List(&Shape::Code)),
        shaped("valid_http_versions", Shape::List(&Shape::Version)),
        boolean("follow_redirects"),
        boolean("no_follow_redirects"),
        boolean("fail_if_ssl"),
        boolean("fail_if_not_ssl"),
        list("fail_if_header_matches", &HEADER_MATCH),
        list("fail_if_header_not_matches", &HEADER_MATCH),
        texts("fail_if_body_matches_regexp"),
        texts("fail_if_body_not_matches_regexp"),
        text("fail_if_body_json_matches_cel"),
        text("fail_if_body_json_not_matches_cel"),
        shaped("compression", Shape::Compression),
        shaped("body_size_limit", Shape::Size),
        text("proxy_url"),
        text("no_proxy"),
        boolean("proxy_from_environment"),
        shaped(
            "proxy_connect_header",
            Shape::Named(&Shape::List(&Shape::Text)),
        ),
        boolean("skip_resolve_phase_with_proxy"),
        shaped("preferred_ip_protocol", Shape::OneOf(&["ip4", "ip6"])),
        boolean("ip_protocol_fallback"),
        text("resolver"),
        shaped("ip_strategy", Shape::OneOf(&["first", "all"])),
        text("source_ip_address"),
        texts("allow_addresses"),
        texts("deny_addresses"),
        section("conflict", &CONFLICT),
        section("tls_config", &TLS_CONFIG),
        boolean("enable_http2"),
        boolean("enable_http3"),
    ],
};

/// One header of `http_headers`.
pub static HTTP_HEADER: Section = Section {
    what: "a header of http_headers",
    keys: &[texts("values"), texts("secrets"), texts("files")],
};

/// A user and a password.
pub static BASIC_AUTH: Section = Section {
    what: "basic_auth",
    keys: &[
        text("username"),
        text("username_file"),
        text("password"),
        text("password_file"),
        nothing("username_ref"),
        nothing("password_ref"),
    ],
};

/// Credentials of any scheme.
pub static AUTHORIZATION: Section = Section {
    what: "authorization",
    keys: &[
        text("type"),
        text("credentials"),
        text("credentials_file"),
        nothing("credentials_ref"),
    ],
};

/// How tokens are had.
pub static OAUTH2: Section = Section {
    what: "oauth2",
    keys: &[
        text("client_id"),
        text("client_secret"),
        text("client_secret_file"),
        texts("scopes"),
        text("token_url"),
        shaped("endpoint_params", Shape::Named(&Shape::MaybeText)),
        shaped("grant_type", Shape::OneOf(&["client_credentials"])),
        section("tls_config", &TLS_CONFIG),
        text("proxy_url"),
        text("no_proxy"),
        boolean("proxy_from_environment"),
        shaped(
            "proxy_connect_header",
            Shape::Named(&Shape::List(&Shape::Text)),
        ),
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
    keys: &[text("header"), text("regexp"), boolean("allow_missing")],
};

/// Which codes are conflicts, and what tells why.
pub static CONFLICT: Section = Section {
    what: "conflict",
    keys: &[
        shaped("codes", Shape::List(&Shape::Code)),
        section("reason", &REASON),
    ],
};

/// Where a conflict tells its reason.
pub static REASON: Section = Section {
    what: "reason",
    keys: &[
        text("json"),
        text("header"),
        text("regexp"),
        text("regex"),
        shaped("preset", Shape::Preset),
        shaped("values", Shape::Named(&Shape::Text)),
    ],
};

/// What TLS of a probe must be like.
pub static TLS_CONFIG: Section = Section {
    what: "tls_config",
    keys: &[
        text("ca"),
        text("ca_file"),
        text("cert"),
        text("cert_file"),
        text("key"),
        text("key_file"),
        text("server_name"),
        boolean("insecure_skip_verify"),
        shaped(
            "min_version",
            Shape::OneOf(&["TLS12", "TLS13", "TLS10", "TLS11"]),
        ),
        shaped("max_version", Shape::OneOf(&["TLS12", "TLS13"])),
        nothing("ca_ref"),
        nothing("cert_ref"),
        nothing("key_ref"),
    ],
};

/// One of `targets`.
pub static TARGET: Section = Section {
    what: "a target",
    keys: &[
        text("name"),
        shaped("url", Shape::Url),
        text("module"),
        shaped("interval", Shape::Duration),
        shaped("labels", Shape::Named(&Shape::Text)),
    ],
};

/// One of `file_sd_configs`.
pub static FILE_SD: Section = Section {
    what: "a source in files",
    keys: &[texts("files"), shaped("refresh_interval", Shape::Duration)],
};

/// One of `http_sd_configs`.
pub static HTTP_SD: Section = Section {
    what: "a source over HTTP",
    keys: &[
        text("url"),
        shaped("refresh_interval", Shape::Duration),
        section("basic_auth", &BASIC_AUTH),
        section("authorization", &AUTHORIZATION),
        text("bearer_token"),
        text("bearer_token_file"),
        section("tls_config", &TLS_CONFIG),
        text("proxy_url"),
        text("no_proxy"),
        boolean("proxy_from_environment"),
        shaped(
            "proxy_connect_header",
            Shape::Named(&Shape::List(&Shape::Text)),
        ),
        boolean("follow_redirects"),
        boolean("enable_http2"),
        named("http_headers", &HTTP_HEADER),
        section("oauth2", &OAUTH2),
    ],
};

/// A group of targets in the files of `file_sd_configs`.
pub static TARGET_GROUP: Section = Section {
    what: "a group",
    keys: &[value("targets"), value("labels")],
};
