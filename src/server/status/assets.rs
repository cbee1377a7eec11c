//! What pages load: one style sheet, one script, one icon, each for ever under the digest in its URL. And
//! the dashboards, which are there wherever the program is.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use ring::digest;

use crate::assets;
use crate::assets::File;
use crate::server::chunks;

/// The style sheet.
pub static STYLE: Asset = Asset {
    name: "status.css",
    content_type: "text/css; charset=utf-8",
    content: include_str!("assets/status.css"),
    digest: OnceLock::new(),
};

/// The script.
pub static SCRIPT: Asset = Asset {
    name: "status.js",
    content_type: "text/javascript; charset=utf-8",
    content: include_str!("assets/status.js"),
    digest: OnceLock::new(),
};

/// The icon.
pub static ICON: Asset = Asset {
    name: "icon.svg",
    content_type: "image/svg+xml",
    content: include_str!("assets/icon.svg"),
    digest: OnceLock::new(),
};

/// The dashboards for Grafana, by what pages call them.
pub static DASHBOARDS: [(&str, Asset); 3] = [
    ("all targets", dashboard(&assets::OVERVIEW)),
    ("one target", dashboard(&assets::TARGET)),
    ("the exporter itself", dashboard(&assets::EXPORTER)),
];

const fn dashboard(file: &'static File) -> Asset {
    Asset {
        name: file.path,
        content_type: "application/json",
        content: file.content,
        digest: OnceLock::new(),
    }
}

/// A file within the program.
#[derive(Debug)]
pub struct Asset {
    /// Its name in the URL.
    pub name: &'static str,
    content_type: &'static str,
    content: &'static str,
    digest: OnceLock<String>,
}

impl Asset {
    /// What changes with the content.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let digest = digest::digest(&digest::SHA256, self.content.as_bytes());
            let bytes = digest.as_ref().iter().take(8);
            bytes.fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").expect("a String takes whatever is written");
                hex
            })
        })
    }

    fn answer(&self, query: Option<&str>, request: &HeaderMap) -> Response {
        let tag = format!("\"{}\"", self.digest());
        let is_current = query.and_then(|query| query.strip_prefix("v=")) == Some(self.digest());
        let caching = match is_current {
            true => "public, max-age=31536000, immutable",
            // Whoever asks for another has an older page, and is to ask again with the next.
            false => "no-cache",
        };
        let headers = [
            (header::ETAG, tag.as_str()),
            (header::CACHE_CONTROL, caching),
            (header::CONTENT_TYPE, self.content_type),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        ];
        let known = chunks::text_of(request, header::IF_NONE_MATCH).unwrap_or_default();
        let is_known = known.split(',').map(str::trim).any(|known| {
            // By RFC 9110, 13.1.2, a weak tag is as good.
            known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
        });
        match is_known {
            true => (StatusCode::NOT_MODIFIED, headers).into_response(),
            false => (headers, self.content).into_response(),
        }
    }
}

/// The routes of all files.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let assets: [&'static Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    let dashboards = DASHBOARDS.iter().map(|(_, asset)| asset);
    assets
        .into_iter()
        .chain(dashboards)
        .fold(Router::new(), |router, asset| {
            let answer = move |RawQuery(query): RawQuery, request: HeaderMap| async move {
                asset.answer(query.as_deref(), &request)
            };
            router.route(&format!("/assets/{}", asset.name), get(answer))
        })
}
