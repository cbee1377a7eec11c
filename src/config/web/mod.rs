//! The web configuration, which says how the exporter itself is served: exporter-toolkit's schema,
//! read as the configuration is, with every mistake in one run. What cannot be done is refused by
//! name, as nobody should believe in a lock that is not there.

mod headers;
mod limit;
pub mod schema;
mod tls;
mod users;

use std::io;
use std::path::Path;

use http::{HeaderName, HeaderValue};

pub use crate::config::web::limit::RateLimit;
pub use crate::config::web::tls::{CIPHER_SUITES, CURVES, Clients, TlsServer};
pub use crate::config::web::users::{User, Users};

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::problem::{Problems, Report};
use crate::config::text::quote;
use crate::config::{LoadError, utf8, yaml};

/// What a web configuration asks for; an empty one asks for nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebConfig {
    /// How to speak TLS; without it plain HTTP is spoken.
    pub tls: Option<TlsServer>,
    /// Whether HTTP/2 is offered over TLS.
    pub http2: bool,
    /// What every response has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who may ask; with nobody in it everybody may.
    pub users: Users,
    /// How often may be asked.
    pub rate_limit: Option<RateLimit>,
}

/// Reads a file. It is handed in so that who reads knows what was read, and when it has changed.
pub type Read<'r> = dyn Fn(&Path) -> io::Result<Vec<u8>> + 'r;

/// Builds what a server would build of the settings, so that a web configuration that loads can be
/// served. It is handed in because only the server knows how.
pub type TlsServerCheck<'c> = &'c dyn Fn(&TlsServer) -> Result<(), String>;

/// The files that a web configuration names, relative to its folder.
struct Files<'r> {
    base_dir: &'r Path,
    read: &'r Read<'r>,
}

impl Files<'_> {
    fn read(&self, field: Field<'_>, report: &mut Report) -> Option<Vec<u8>> {
        let name = field.text(report)?;
        match (self.read)(&self.base_dir.join(name)) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                field.mistake(&format!("{} cannot be read: {error}", quote(name)), report)
            }
        }
    }
}

/// Loads a web configuration; each file that it consists of is read once.
pub fn load(
    path: &Path,
    read: &Read<'_>,
    check_tls: TlsServerCheck<'_>,
) -> Result<WebConfig, LoadError> {
    let name = path.display().to_string();
    let bytes = read(path).map_err(|error| LoadError::Unreadable(path.to_owned(), error))?;
    let text = utf8(&name, bytes)?;
    let base_dir = path.parent().unwrap_or_else(|| Path::new(""));
    let files = Files { base_dir, read };
    parse(&name, &text, &files, check_tls).map_err(LoadError::Problems)
}

/// Whether the text of a web configuration, in whatever state, asks for TLS; `None` if it cannot be
/// told.
pub fn asks_for_tls(text: &str) -> Option<bool> {
    let mut report = Report::new("");
    let root = yaml::parse(text, &mut report);
    if report.n_mistakes() > 0 {
        return None;
    }
    let Some(root) = root else {
        return Some(false);
    };
    let mut fields = Fields::open(&root, &schema::WEB, &mut report)?;
    Some(match fields.take("tls_server_config") {
        Some(field) => !field.mapping("", &mut report)?.is_empty(),
        None => false,
    })
}

fn parse(
    file_name: &str,
    text: &str,
    files: &Files<'_>,
    check_tls: TlsServerCheck<'_>,
) -> Result<WebConfig, Problems> {
    let mut report = Report::new(file_name);
    let root = yaml::parse(text, &mut report);
    let fields = root.as_ref();
    let mut fields = fields.and_then(|root| Fields::open(root, &schema::WEB, &mut report));
    let mut take = |key| fields.as_mut().and_then(|fields| fields.take(key));

    let tls = take("tls_server_config");
    let tls = tls.and_then(|field| tls::read(field, files, check_tls, &mut report));
    let (http2, headers) = match take("http_server_config") {
        Some(field) => headers::read(field, &mut report),
        None => (true, Vec::new()),
    };
    let users = take("basic_auth_users").map(|field| users::read(field, &mut report));
    let rate_limit = take("rate_limit").and_then(|field| limit::read(field, &mut report));
    if let Some(fields) = fields {
        fields.finish(&mut report);
    }
    report.finish()?;
    Ok(WebConfig {
        tls,
        http2,
        headers,
        users: users.unwrap_or_default(),
        rate_limit,
    })
}
