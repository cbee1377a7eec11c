//! Where users reach the exporter: the path of that URL is before those of all pages.

use std::str::FromStr;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header;
use axum::routing::get;
use url::Url;

/// The path below which the pages are; it begins with a slash and ends with none, so that it is empty
/// where they are below `/`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Prefix(String);

impl FromStr for Prefix {
    type Err = String;

    /// Takes the path of an external URL, as `--web.external-url` of blackbox_exporter does; a path
    /// alone will do, and nothing at all is no prefix.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        const LIKE: &str = "write a URL like https://host/path, or a path like /path";
        let quotes = ['"', '\''];
        if text.starts_with(quotes) || text.ends_with(quotes) {
            return Err("it must not begin or end with quotes".to_owned());
        }
        let url = match text.starts_with('/') && !text.starts_with("//") {
            true => Url::parse(&format!("http://localhost{text}")),
            false => Url::parse(text),
        };
        let url = url.map_err(|error| format!("{error}; {LIKE}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("its scheme is not http or https; {LIKE}"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must not have a user or a password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it must not have a query or a fragment".to_owned());
        }
        let path = url.path().trim_end_matches('/');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
        if path.contains("//") || !path.chars().all(is_plain) {
            return Err(
                "its path must have letters, digits, - _ . ~ and single slashes alone".to_owned(),
            );
        }
        Ok(Self(path.to_owned()))
    }
}

impl Prefix {
    /// The path of a page, `/` before its own.
    pub fn path_of(&self, page: &str) -> String {
        format!("{}{page}", self.0)
    }

    /// The pages below the prefix. Whoever asks for `/` is led to it, and whoever leaves out the slash
    /// behind it as well, since links on pages are relative.
    pub fn before(&self, pages: Router) -> Router {
        if self.0.is_empty() {
            return pages;
        }
        let home = self.path_of("/");
        let led = {
            let home = home.clone();
            get(async move || (StatusCode::FOUND, [(header::LOCATION, home)]))
        };
        Router::new()
            .route("/", led.clone())
            .route(&self.0, led)
            .nest(&home, pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_url_is_the_prefix() {
        for (text, expected) in [
            ("http://h", "/metrics"),
            ("http://h/", "/metrics"),
            ("https://h:1/a", "/a/metrics"),
            ("http://h/a/b//", "/a/b/metrics"),
            ("http://h/a/../b", "/b/metrics"),
            ("/", "/metrics"),
            ("", "/metrics"),
            ("/a/", "/a/metrics"),
        ] {
            let prefix: Prefix = text
                .parse()
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(prefix.path_of("/metrics"), expected, "{text}");
        }
        for (text, part) in [
            ("a/b", "relative URL without a base; write a URL like"),
            ("//h/a", "relative URL"),
            ("h:1/a", "scheme"),
            ("ftp://h/a", "scheme"),
            ("'http://h/a'", "quotes"),
            ("http://h/a\"", "quotes"),
            ("http://u:p@h/a", "user"),
            ("http://h/a?b", "query"),
            ("http://h/a#b", "fragment"),
            ("http://h/{a}", "letters, digits"),
            ("http://h/a//b", "single slashes"),
            ("http://h/ä", "letters, digits"),
        ] {
            let error = text.parse::<Prefix>().expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
