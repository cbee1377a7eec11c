//! How a module connects, as YAML: proxies, TLS, and what tokens are had by.

use crate::server::module_yaml::Writer;
use crate::server::module_yaml::by_name;
use crate::server::yaml::quoted;
use crate::target::files::Part;
use crate::target::oauth2::OAuth2;
use crate::target::proxy::Proxies;
use crate::target::proxy::ProxySettings;
use crate::target::secret::MASK;
use crate::target::tls::TlsSettings;
use crate::target::tls::TlsVersion;

/// Which part of the module a part of TLS is.
type Which<'w> = &'w dyn Fn(Part) -> Part;

impl Writer<'_, '_> {
    /// Proxies that differ by scheme come from the environment.
    pub(super) fn proxy(&mut self, proxy: Option<&ProxySettings>, depth: usize) {
        let Some(ProxySettings {
            proxies,
            connect_headers,
            skips_look_up: _,
        }) = proxy
        else {
            return;
        };
        let Proxies {
            http,
            https,
            no_proxy,
        } = proxies;
        match (http, https) {
            (Some(url), Some(other)) if url == other => {
                self.yaml.entry(depth, "proxy_url", quoted(url.masked()));
                if let Some(list) = no_proxy {
                    self.yaml.entry(depth, "no_proxy", quoted(list));
                }
            }
            _ => self.yaml.entry(depth, "proxy_from_environment", true),
        }
        if !connect_headers.is_empty() {
            self.yaml.section(depth, "proxy_connect_header");
        }
        for (name, places) in by_name(connect_headers) {
            self.yaml
                .list(depth + 1, quoted(name), &vec![MASK; places.len()]);
        }
    }

    /// Certificates that stand in the configuration itself are told in a comment.
    pub(super) fn tls(&mut self, tls: &TlsSettings, depth: usize, which: Which<'_>) {
        let TlsSettings {
            authorities,
            identity,
            server_name,
            verify,
            min_version,
            max_version,
        } = tls;
        let version = |version: &TlsVersion| match version {
            TlsVersion::Tls12 => "TLS12",
            TlsVersion::Tls13 => "TLS13",
        };
        self.yaml.section(depth, "tls_config");
        if let Some(authorities) = authorities {
            self.certificates(
                "ca",
                &which(Part::Authorities),
                authorities.len(),
                depth + 1,
            );
        }
        if let Some(identity) = identity {
            self.certificates(
                "cert",
                &which(Part::ClientChain),
                identity.chain.len(),
                depth + 1,
            );
            let key = which(Part::ClientKey);
            let is_in_file = |part: &Part| *part == key;
            match self.file_of(is_in_file).map(|path| quoted(path.display())) {
                Some(path) => self.yaml.entry(depth + 1, "key_file", path),
                None => self.yaml.comment(depth + 1, format_args!("key: {MASK}")),
            }
        }
        if let Some(name) = server_name {
            self.yaml.entry(depth + 1, "server_name", quoted(name));
        }
        self.yaml.entry(depth + 1, "insecure_skip_verify", !verify);
        self.yaml
            .entry(depth + 1, "min_version", version(min_version));
        self.yaml
            .entry(depth + 1, "max_version", version(max_version));
    }

    fn certificates(&mut self, key: &str, part: &Part, count: usize, depth: usize) {
        let path = self.file_of(|other| other == part);
        match path.map(|path| quoted(path.display())) {
            Some(path) => self.yaml.entry(depth, format_args!("{key}_file"), path),
            None => self
                .yaml
                .comment(depth, format_args!("{key}: {count} certificates")),
        }
    }

    /// The names of parameters are shown and their values are not, as any may be a secret.
    pub(super) fn oauth2(&mut self, oauth2: &OAuth2) {
        let OAuth2 {
            client_id,
            client_secret,
            scopes,
            token_url,
            endpoint_params,
            tls,
            proxy,
            user_agent: _,
            reach: _,
        } = oauth2;
        let of_tokens = |part| Part::OfTokens(Box::new(part));
        self.yaml.section(1, "oauth2");
        self.yaml.entry(2, "client_id", quoted(client_id));
        let is_absent = client_secret.expose().is_empty();
        let part = of_tokens(Part::ClientSecret);
        self.secret("client_secret", &part, 2, is_absent);
        self.yaml.entry(2, "token_url", quoted(token_url.masked()));
        let scopes: Vec<_> = scopes.iter().map(quoted).collect();
        self.yaml.list(2, "scopes", &scopes);
        if !endpoint_params.is_empty() {
            self.yaml.section(2, "endpoint_params");
        }
        for (name, _) in endpoint_params {
            self.yaml.entry(3, quoted(name), MASK);
        }
        self.proxy(proxy.as_deref(), 2);
        self.tls(tls, 2, &of_tokens);
    }
}
