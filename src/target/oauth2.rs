//! How a module gets the tokens that its requests show.

use crate::target::address::TargetUrl;
use crate::target::credentials::SecretValue;
use crate::target::proxy::ProxySettings;
use crate::target::reach::Reach;
use crate::target::secret::Secret;
use crate::target::tls::TlsSettings;

/// The grant of client credentials (RFC 6749, 4.4): what is asked, of whom, and by which way. The keys
/// are those of `oauth2` in prometheus/common.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OAuth2 {
    /// Who asks; no secret (RFC 6749, 2.2).
    pub client_id: String,
    /// What shows that it is the client, empty for none.
    pub client_secret: Secret<Vec<u8>>,
    /// What the token is to be for, in the order of the configuration.
    pub scopes: Vec<String>,
    /// Who is asked.
    pub token_url: TargetUrl,
    /// What is sent besides, each name once.
    pub endpoint_params: Vec<(String, Secret<String>)>,
    /// What TLS to the server of tokens must be like.
    pub tls: TlsSettings,
    /// The proxies on the way to it.
    pub proxy: Option<Box<ProxySettings>>,
    /// The `User-Agent` of the module, if it has one: tokens are asked for with the same.
    pub user_agent: Option<SecretValue>,
    /// Which addresses its server may redirect to, by the rules of the whole configuration.
    pub reach: Reach,
}

impl OAuth2 {
    /// Whether tokens by these settings are for the same client and of the same use as those by others,
    /// so that either can be shown; an audience, for example, stands in `endpoint_params`.
    pub fn is_for_the_same(&self, other: &Self) -> bool {
        self.token_url == other.token_url
            && self.client_id == other.client_id
            && self.scopes == other.scopes
            && self.endpoint_params == other.endpoint_params
    }
}
