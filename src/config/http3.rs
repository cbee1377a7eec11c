//! What `enable_http3` wants beside it: blackbox_exporter's rules, and what QUIC cannot do.

use crate::config::field::Field;
use crate::config::problem::{Pos, Report};
use crate::config::text::quote;
use crate::target::module::Module;
use crate::target::tls::TlsVersion;

/// The version that responses over HTTP/3 have.
pub const VERSION: &str = "HTTP/3.0";

/// Reports what goes not together in a module with `enable_http3`, whose key stands there.
pub fn check(module: &Module, field: Field<'_>, tls_config: Option<Pos>, report: &mut Report) {
    if module.enable_http2 {
        let message = "enable_http3 needs enable_http2: false beside it";
        report.mistake(field.key_pos, message);
    }
    if module.proxy.is_some() {
        let message = "enable_http3 beside proxy_url or proxy_from_environment: HTTP/3 goes through \
                       no proxy; leave one of them out";
        report.mistake(field.key_pos, message);
    }
    if let Some(pos) = tls_config.filter(|_| module.tls.max_version < TlsVersion::Tls13) {
        let message =
            "max_version rules out TLS 1.3, and enable_http3 needs it; leave one of them out";
        report.mistake(pos, message);
    }
}

/// Reports a version in `valid_http_versions` that no response can have.
pub fn check_version(version: &str, item: Field<'_>, enable_http3: bool, report: &mut Report) {
    match (version == VERSION, enable_http3) {
        (true, false) => {
            item.mistake::<()>("lists HTTP/3.0, which needs enable_http3", report);
        }
        (false, true) => {
            let shown = quote(version);
            let message =
                format!("has {shown}, which enable_http3 rules out; only HTTP/3.0 can be listed");
            item.mistake::<()>(&message, report);
        }
        (true, true) | (false, false) => {}
    }
}
