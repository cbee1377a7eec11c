//! Whether a request says for which host it is, as it must.

use axum::http::HeaderMap;
use axum::http::Version;
use axum::http::header;

/// What Go takes in a host besides letters and digits (RFC 3986, 3.2.2).
const MARKS: &[u8] = b"!$%&'()*+,-.:;=[]_~";

/// Whether a request names its host in the way that its version asks for (RFC 9112, 3.2): once, or not at
/// all where HTTP/1.0 knows no better. HTTP/2 has it in another place.
pub fn is_named(version: Version, headers: &HeaderMap) -> bool {
    if version >= Version::HTTP_2 {
        return true;
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || MARKS.contains(byte);
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.as_bytes().iter().all(fits),
        (None, _) => version < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_request_names_one_host_if_any() {
        for (hosts, of_old, of_1_1) in [
            (&["exporter.test:10409"][..], true, true),
            (&["[::1]:10409"], true, true),
            // Of a URL without a host.
            (&[""], true, true),
            (&[], true, false),
            (&["a", "b"], false, false),
            (&["a", "a"], false, false),
            (&["a b"], false, false),
            (&["a/b"], false, false),
            (&["u@a"], false, false),
            (&["ä"], false, false),
        ] {
            let mut headers = HeaderMap::new();
            for host in hosts {
                let value = HeaderValue::from_bytes(host.as_bytes()).expect("a value");
                headers.append(header::HOST, value);
            }
            for (version, expected) in [
                (Version::HTTP_10, of_old),
                (Version::HTTP_11, of_1_1),
                (Version::HTTP_2, true),
            ] {
                assert_eq!(
                    is_named(version, &headers),
                    expected,
                    "{version:?} {hosts:?}"
                );
            }
        }
    }
}
