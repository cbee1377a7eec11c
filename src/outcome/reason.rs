//! Where and why a probe failed: a closed set, so that no text from the network becomes a label.

use crate::outcome::phase::Phase;

/// Where a failure stands: a phase, or one of the two checks that have no time of their own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// A phase of the cycle.
    During(Phase),
    /// The following of a redirect.
    Redirect,
    /// The judging of a response that arrived whole.
    Validate,
}

impl Place {
    /// The value of the label `phase` of a failure.
    pub fn label(self) -> &'static str {
        match self {
            Self::During(phase) => phase.label(),
            Self::Redirect => "redirect",
            Self::Validate => "validate",
        }
    }
}

impl Reason {
    /// Whether the failure is that the target let the probe wait too long or gave it up: what a
    /// client that was too slow itself could bring about.
    pub fn may_come_of_slowness(self) -> bool {
        matches!(
            self,
            Self::DnsTimeout
                | Self::ConnectTimeout
                | Self::ConnectReset
                | Self::TlsTimeout
                | Self::TlsClosed
                | Self::SendTimeout
                | Self::SendReset
                | Self::FirstByteTimeout
                | Self::FirstByteClosed
                | Self::FirstByteReset
                | Self::TransferHeaderTimeout
                | Self::TransferHeaderTruncated
                | Self::TransferBodyTimeout
                | Self::TransferBodyTruncated
                | Self::TransferBodyReset
                | Self::TransferH2Goaway
                | Self::TransferH2Reset
                | Self::TransferH2Stalled
        )
    }

    /// Whether it happened in a phase in which the exporter has to act as well, where in the others
    /// it only waits: a target that is waited for has its time even if nobody looks.
    pub fn needs_both_sides(self) -> bool {
        matches!(
            self.place(),
            Place::During(Phase::Tls | Phase::Send | Phase::Transfer)
        )
    }
}

/// Declares [`Reason`] from one table, so that a reason cannot lack its place or its label.
macro_rules! reasons {
    ($($place:expr => { $($variant:ident $label:literal $doc:literal,)* })*) => {
        /// Why a probe failed. Each reason stands under exactly one [`Place`].
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Reason {
            $($(#[doc = $doc] $variant,)*)*
        }

        impl Reason {
            /// All reasons, in the order of the phases; `Self::ALL[r as usize] == r`.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)*)*];

            /// Where a failure with this reason stands.
            pub fn place(self) -> Place {
                match self { $($(Self::$variant => $place,)*)* }
            }

            /// The value of the label `reason`, unique within its place.
            pub fn label(self) -> &'static str {
                match self { $($(Self::$variant => $label,)*)* }
            }

            /// What happened, in a sentence.
            pub fn sentence(self) -> &'static str {
                match self { $($(Self::$variant => $doc,)*)* }
            }
        }
    };
}

reasons! {
    Place::During(Phase::Dns) => {
        DnsNxdomain "nxdomain" "The name does not exist.",
        DnsNodata "nodata" "The name exists and has no address.",
        DnsServfail "servfail" "The name server could not answer.",
        DnsRefused "refused" "The name server would not answer.",
        DnsTimeout "timeout" "No answer came in time.",
        DnsMalformed "malformed" "The answer was no DNS message, or called the question one.",
        DnsCnameLoop "cname_loop" "The aliases lead in a circle, or on for too long.",
        DnsNoAddressFamily "no_address_family" "Only addresses of a family that the module rules out.",
        DnsUnreachable "unreachable" "The network told that no name server is there.",
        DnsOther "other" "Not foreseen.",
    }
    Place::During(Phase::Connect) => {
        ConnectRefused "refused" "The host answered that nobody listens.",
        ConnectTimeout "timeout" "No answer to the SYN in time.",
        ConnectReset "reset" "The connection was reset while it was opened.",
        ConnectUnreachable "unreachable" "The network told that it cannot get there.",
        ConnectDenied "denied" "A rule of this machine or on the way forbade it.",
        ConnectBlocked "blocked" "The address is not allowed to be probed.",
        ConnectProxyRefused "proxy_refused" "The proxy would not connect.",
        ConnectProxyAuth "proxy_auth" "The proxy asked for credentials.",
        ConnectOther "other" "Not foreseen.",
    }
    Place::During(Phase::Tls) => {
        TlsTimeout "timeout" "The handshake did not end in time.",
        TlsClosed "closed" "The server closed or reset the connection in the handshake.",
        TlsNotTls "not_tls" "The server does not speak TLS on this port.",
        TlsMalformed "malformed" "The server broke the rules of TLS.",
        TlsVersion "version" "No common version of TLS, or of QUIC.",
        TlsNoCommonCipher "no_common_cipher" "No common cipher suite or key exchange.",
        TlsAlert "alert" "The server ended the handshake with an alert.",
        TlsAlpn "alpn" "No common application protocol.",
        TlsClientCertRequired "client_cert_required" "The server wants a client certificate.",
        TlsCertExpired "cert_expired" "A certificate of the chain, or its root, has expired.",
        TlsCertNotYetValid "cert_not_yet_valid" "A certificate of the chain, or its root, is not valid yet.",
        TlsCertName "cert_name" "The certificate is for another name.",
        TlsCertUnknownIssuer "cert_unknown_issuer" "No trusted authority vouches for it.",
        TlsCertPurpose "cert_purpose" "The certificate is not meant for servers.",
        TlsCertWeak "cert_weak" "The signature or the key is too weak to be trusted.",
        TlsCertInvalid "cert_invalid" "The certificate is invalid in another way.",
        TlsOther "other" "Not foreseen.",
    }
    Place::During(Phase::Send) => {
        SendTimeout "timeout" "The server did not take the request in time.",
        SendReset "reset" "The connection broke while the request was written.",
        SendOther "other" "Not foreseen.",
    }
    Place::During(Phase::FirstByte) => {
        FirstByteTimeout "timeout" "No byte of a response in time.",
        FirstByteClosed "closed" "The server closed the connection before it answered.",
        FirstByteReset "reset" "The connection was reset before the server answered.",
        FirstByteOther "other" "Not foreseen.",
    }
    Place::During(Phase::Transfer) => {
        TransferHeaderTimeout "header_timeout" "The head did not end in time.",
        TransferHeaderTruncated "header_truncated" "The connection ended within the head.",
        TransferNotHttp "not_http" "What arrived is not HTTP.",
        TransferHttpVersion "http_version" "A version of HTTP that nobody agreed on.",
        TransferStatusInvalid "status_invalid" "The status code is not three digits.",
        TransferHeaderInvalid "header_invalid" "A header line breaks the rules.",
        TransferHeaderTooLarge "header_too_large" "The head is larger than the bound.",
        TransferInterimFlood "interim_flood" "More interim responses than the bound.",
        TransferFraming "framing" "The length of the body is contradictory or invalid, or frames of HTTP/3 are.",
        TransferUnexpectedUpgrade "unexpected_upgrade" "The server switched protocols unasked.",
        TransferBodyTimeout "body_timeout" "The body did not end in time.",
        TransferBodyTruncated "body_truncated" "The connection ended within the body.",
        TransferBodyReset "body_reset" "The connection was reset within the body.",
        TransferChunkInvalid "chunk_invalid" "The chunked coding breaks the rules.",
        TransferBodyTooLarge "body_too_large" "The body is larger than the bound.",
        TransferBodyDecode "body_decode" "The content coding cannot be undone.",
        TransferBodyBomb "body_bomb" "The body unfolds beyond the bound.",
        TransferH2Goaway "h2_goaway" "The server closed the HTTP/2 connection.",
        TransferH2Refused "h2_refused" "The server refused the HTTP/2 stream.",
        TransferH2Reset "h2_reset" "The server reset the HTTP/2 stream.",
        TransferH2Protocol "h2_protocol" "The server broke the rules of HTTP/2.",
        TransferH2Flood "h2_flood" "More HTTP/2 control frames than the bound.",
        TransferH2Stalled "h2_stalled" "The HTTP/2 connection made no progress.",
        TransferOther "other" "Not foreseen.",
    }
    Place::Redirect => {
        RedirectLimit "limit" "More hops than the bound.",
        RedirectLocation "location" "No usable Location.",
        RedirectScheme "scheme" "To a scheme that is not HTTP.",
        RedirectBlocked "blocked" "To an address that is not allowed to be probed.",
        RedirectOther "other" "Not foreseen.",
    }
    Place::Validate => {
        ValidateStatus "status" "The status code is not among the valid ones.",
        ValidateBody "body" "The body is not as the module wants it.",
        ValidateHeader "header" "A header is not as the module wants it.",
        ValidateJson "json" "The JSON is not as the module wants it.",
        ValidateHttpVersion "http_version" "The version of HTTP is not as the module wants it.",
        ValidateTlsRequired "tls_required" "The module wants TLS.",
        ValidateTlsForbidden "tls_forbidden" "The module forbids TLS.",
        ValidateOther "other" "Not foreseen.",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_pair_of_place_and_label_is_unique_and_indexable() {
        let pairs: BTreeSet<_> = Reason::ALL
            .iter()
            .map(|reason| (reason.place().label(), reason.label()))
            .collect();
        assert_eq!(pairs.len(), Reason::ALL.len());
        for (index, &reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
