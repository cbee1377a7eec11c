//! What a failure usually means, for people who look at one: where to look first.

use crate::outcome::reason::Reason;

impl Reason {
    /// What usually lies behind it, in a sentence or two. A hint, not a finding.
    #[allow(clippy::too_many_lines, reason = "it is a table with a row a reason")]
    pub fn usually(self) -> &'static str {
        match self {
            Self::DnsNxdomain => "The name is misspelt, or its record was removed.",
            Self::DnsNodata => "The name has records, but none for an address.",
            Self::DnsServfail => "The zone's own servers are down, or DNSSEC does not validate.",
            Self::DnsRefused => "This name server serves other clients or other zones only.",
            Self::DnsTimeout => "The name server is down, or a firewall drops its packets.",
            Self::DnsMalformed => "Something else than a name server answers on that port.",
            Self::DnsCnameLoop => "A mistake in the zone: follow the aliases one by one.",
            Self::DnsNoAddressFamily => {
                "The name has IPv4 or IPv6 addresses only, and the module wants the other: see \
                 preferred_ip_protocol and ip_protocol_fallback."
            }
            Self::DnsUnreachable => {
                "No name server runs at that address, or a router knows no path to it."
            }
            Self::ConnectRefused => {
                "Nothing runs on that port, or it listens on another address only."
            }
            Self::ConnectTimeout => {
                "The host is down, a firewall drops packets, or the server's queue of connections \
                 is full."
            }
            Self::ConnectReset => "A load balancer without a server behind it, or a firewall.",
            Self::ConnectUnreachable => {
                "A router on the way knows no path to the host, or it is down."
            }
            Self::ConnectDenied => "A firewall of this machine rejects the connection.",
            Self::ConnectBlocked => {
                "See allow_addresses and deny_addresses; metadata services of clouds are denied unless \
                 they are allowed."
            }
            Self::ConnectProxyRefused => "The proxy cannot reach the target, or may not.",
            Self::ConnectProxyAuth => "The credentials for the proxy are missing or wrong.",
            Self::TlsTimeout => {
                "The server accepts connections and has no time to serve them, or does not speak TLS \
                 on that port."
            }
            Self::TlsClosed => {
                "The server wants another name (SNI) or version, or a load balancer has nobody \
                 behind it."
            }
            Self::TlsNotTls => "The port speaks plain HTTP, or another protocol.",
            Self::TlsMalformed => "A broken server, or a middlebox in between.",
            Self::TlsVersion => {
                "The server speaks only versions that are too old to be safe, or that min_version \
                 and max_version of the module rule out."
            }
            Self::TlsNoCommonCipher => {
                "The server offers only ciphers that are too old to be safe, or none of the versions \
                 that the module allows."
            }
            Self::TlsAlert => {
                "The detail names the alert: often of a name (SNI) that the server does not know, or \
                 of a client certificate that it does not take."
            }
            Self::TlsAlpn => "The server speaks none of the versions of HTTP that were offered.",
            Self::TlsClientCertRequired => "The module needs cert_file and key_file.",
            Self::TlsCertExpired => "The certificate was not renewed, or the server not reloaded.",
            Self::TlsCertNotYetValid => "The certificate is for later, or a clock is wrong.",
            Self::TlsCertName => "Another site's certificate: the server does not know this name.",
            Self::TlsCertUnknownIssuer => {
                "A private authority that the module does not name (ca_file), or the server leaves \
                 out the intermediate certificate."
            }
            Self::TlsCertPurpose => "A certificate for clients is used by a server.",
            Self::TlsCertWeak => "An old certificate: SHA-1, or a key that is too short.",
            Self::TlsCertInvalid => "The certificate was made wrongly.",
            Self::SendTimeout => "The server has stopped reading.",
            Self::SendReset => "The server refuses the request while it is sent: too large?",
            Self::FirstByteTimeout => {
                "The application hangs: it waits for a lock, a database or another service."
            }
            Self::FirstByteClosed => "The application crashed, or was restarted, on this request.",
            Self::FirstByteReset => "The application crashed, or something on the way cut it off.",
            Self::TransferHeaderTimeout => "The application stalls while it begins to answer.",
            Self::TransferHeaderTruncated => "The application crashed while it began to answer.",
            Self::TransferNotHttp => "Another protocol on that port, or TLS where http is asked.",
            Self::TransferHttpVersion => "A server that speaks a version of its own.",
            Self::TransferStatusInvalid
            | Self::TransferHeaderInvalid
            | Self::TransferFraming
            | Self::TransferChunkInvalid => {
                "A bug of the server, or of a proxy before it; other clients may choke on it too."
            }
            Self::TransferHeaderTooLarge => "Cookies or debug headers without end.",
            Self::TransferInterimFlood => "A server in a loop.",
            Self::TransferUnexpectedUpgrade => "The address of a WebSocket, asked without one.",
            Self::TransferBodyTimeout => {
                "The body is a stream without end, or larger than the time allows."
            }
            Self::TransferBodyTruncated | Self::TransferBodyReset => {
                "The application crashed, or a proxy gave up, within the answer."
            }
            Self::TransferBodyTooLarge => "The body is larger than body_size_limit of the module.",
            Self::TransferBodyDecode => "The server says one compression and uses another.",
            Self::TransferBodyBomb => {
                "A body that is far larger than it looks: see body_size_limit of the module."
            }
            Self::TransferH2Goaway => "The server restarts, or has had enough of this client.",
            Self::TransferH2Refused => "The server is overloaded.",
            Self::TransferH2Reset => "The application gave up, or HTTP/1.1 is wanted here.",
            Self::TransferH2Protocol | Self::TransferH2Flood => {
                "A bug of the server; try the module with enable_http2: false."
            }
            Self::TransferH2Stalled => "The server lets nobody send: it is overloaded.",
            Self::RedirectLimit => "Redirects that lead to one another.",
            Self::RedirectLocation => "A redirect without a Location, or with one that is no URL.",
            Self::RedirectScheme => "A redirect to an app, not to a page.",
            Self::RedirectBlocked => {
                "See allow_addresses and deny_addresses: where it leads is not to be probed."
            }
            Self::ValidateStatus => {
                "The server's log knows more; valid_status_codes of the module say which are fine."
            }
            Self::ValidateBody | Self::ValidateHeader | Self::ValidateJson => {
                "The answer came, and is not what the module's checks expect."
            }
            Self::ValidateHttpVersion => {
                "The version is not among valid_http_versions of the module."
            }
            Self::ValidateTlsRequired => "The URL is not https, or a redirect led away from it.",
            Self::ValidateTlsForbidden => "The URL is https, or a redirect led there.",
            Self::DnsOther
            | Self::ConnectOther
            | Self::TlsOther
            | Self::SendOther
            | Self::FirstByteOther
            | Self::TransferOther
            | Self::RedirectOther
            | Self::ValidateOther => "A bug of the exporter: please report it.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_sentences_that_add_to_what_happened() {
        for reason in Reason::ALL {
            let (happened, usually) = (reason.sentence(), reason.usually());
            for sentence in [happened, usually] {
                assert!(sentence.ends_with(['.', '?']), "{reason:?}: {sentence}");
                assert!(!sentence.contains("  "), "{reason:?}: {sentence}");
            }
            assert_ne!(happened, usually, "{reason:?}");
        }
    }
}
