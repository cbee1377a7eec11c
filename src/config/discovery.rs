//! The sections `file_sd_configs` and `http_sd_configs`: where further targets are found, with the keys
//! that Prometheus has for them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::credentials;
use crate::config::duration;
use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::http_headers;
use crate::config::problem::{Pos, Report};
use crate::config::proxy;
use crate::config::schema;
use crate::config::source::Files;
use crate::config::text::quote;
use crate::config::tls;
use crate::config::yaml::Node;
use crate::target::address::TargetUrl;
use crate::target::credentials::Credentials;
use crate::target::module::Module;
use crate::target::reach::Rules;
use crate::target::tls::TlsSettings;

/// Prometheus's default for files.
const FILES_REFRESH: Duration = Duration::from_secs(5 * 60);
/// Prometheus's default for HTTP.
const HTTP_REFRESH: Duration = Duration::from_secs(60);
/// A source that is asked more often would be under load by it.
const MIN_REFRESH: Duration = Duration::from_millis(100);

/// Where targets are found besides those of the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TargetSource {
    /// In files.
    Files(FileSource),
    /// In the answers of a server.
    Http(Box<HttpSource>),
}

/// The files that one pattern names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileSource {
    /// The pattern as it is written.
    pub pattern: String,
    /// The folder that it is about.
    pub folder: PathBuf,
    /// The pattern of the names in there, as Go's `filepath.Match` has it.
    pub names: String,
    /// How often the files are read even if nothing shows that they have changed.
    pub every: Duration,
}

/// A server that answers with targets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpSource {
    /// What is asked for.
    pub url: TargetUrl,
    /// How often it is asked.
    pub every: Duration,
    /// How it is asked: the credentials, headers, proxies, redirects and TLS of a module, and no more
    /// of it.
    pub request: Module,
}

impl TargetSource {
    /// What the log and the metrics call it: the pattern as it is written, or the URL without user and
    /// password and with the values of its query masked.
    pub fn name(&self) -> String {
        match self {
            Self::Files(source) => source.pattern.clone(),
            Self::Http(source) => source.url.to_string(),
        }
    }

    /// Whether `other` is about the same files or the same URL, however they are read.
    pub fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Files(one), Self::Files(other)) => {
                (&one.folder, &one.names) == (&other.folder, &other.names)
            }
            (Self::Http(one), Self::Http(other)) => one.url == other.url,
            _ => false,
        }
    }
}

/// Settings of TLS that a source asks with, and where they stand.
pub type WrittenTls = (TlsSettings, Pos);

/// Reads both sections; files in the order of the configuration, then servers.
pub fn read(
    files: Option<Field<'_>>,
    http: Option<Field<'_>>,
    base_dir: &Path,
    everywhere: &Arc<Rules>,
    report: &mut Report,
) -> (Vec<TargetSource>, Vec<WrittenTls>) {
    let mut sources = Vec::new();
    let mut tls = Vec::new();
    let items = files.and_then(|field| field.list("a list of sources", report));
    for node in items.unwrap_or_default() {
        for (source, pos) in read_files(node, base_dir, report) {
            let source = TargetSource::Files(source);
            if sources.iter().any(|known| source.is_same_place(known)) {
                let shown = quote(&source.name());
                report.warning(pos, format!("{shown} is listed twice; it is read once"));
                continue;
            }
            sources.push(source);
        }
    }
    let items = http.and_then(|field| field.list("a list of sources", report));
    for node in items.unwrap_or_default() {
        if let Some((mut source, written)) = read_http(node, base_dir, report) {
            source.request.put_within(everywhere);
            sources.push(TargetSource::Http(Box::new(source)));
            tls.extend(written);
        }
    }
    (sources, tls)
}

fn read_files(node: &Node, base_dir: &Path, report: &mut Report) -> Vec<(FileSource, Pos)> {
    let Some(mut fields) = Fields::open(node, &schema::FILE_SD, report) else {
        return Vec::new();
    };
    let files = fields.take("files");
    let every = refresh(fields.take("refresh_interval"), FILES_REFRESH, report);
    fields.finish(report);
    let Some(files) = files else {
        report.mistake(
            node.pos,
            "the source has no files; write files: [targets/*.yml]",
        );
        return Vec::new();
    };
    let mut sources = Vec::new();
    for node in files.list("a list of files", report).unwrap_or_default() {
        let field = Field { node, ..files };
        let source = read_pattern(field, base_dir, every, report);
        sources.extend(source.map(|source| (source, field.pos())));
    }
    sources
}

/// Prometheus takes the same endings, and a `*` in the last part alone.
fn read_pattern(
    field: Field<'_>,
    base_dir: &Path,
    every: Duration,
    report: &mut Report,
) -> Option<FileSource> {
    let pattern = field.text(report)?;
    let (folder, names) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let (stem, ending) = names.rsplit_once('.').unwrap_or((names, ""));
    let shown = quote(pattern);
    if !["json", "yml", "yaml"].contains(&ending.to_lowercase().as_str()) || stem.is_empty() {
        return field.mistake(&format!("{shown} must end in .json, .yml or .yaml"), report);
    }
    if folder.contains('*') {
        let what = format!("{shown} has a * before its last /; only names of files may have one");
        return field.mistake(&what, report);
    }
    let folder = match (folder, pattern.starts_with('/')) {
        ("", true) => Path::new("/"),
        (folder, _) => Path::new(folder),
    };
    Some(FileSource {
        pattern: pattern.to_owned(),
        folder: base_dir.join(folder),
        names: names.to_owned(),
        every,
    })
}

fn read_http(
    node: &Node,
    base_dir: &Path,
    report: &mut Report,
) -> Option<(HttpSource, Vec<WrittenTls>)> {
    let mut fields = Fields::open(node, &schema::HTTP_SD, report)?;
    let url = fields.take_given("url");
    let every = refresh(fields.take("refresh_interval"), HTTP_REFRESH, report);
    let mut files = Files::new(base_dir);
    let mut tls = Vec::new();
    let (credentials, tls_of_tokens) = credentials::read(&mut fields, &mut files, report);
    if let (Some(Credentials::OAuth2(oauth2)), Some(found)) = (&credentials, tls_of_tokens)
        && found.is_fine
        && (found.is_written || oauth2.token_url.is_tls())
    {
        tls.push((oauth2.tls.clone(), found.pos));
    }
    let mut request = Module {
        credentials,
        proxy: proxy::read_keys(&mut fields, false, report),
        ..Module::http_2xx()
    };
    if let Some(field) = fields.take("http_headers") {
        request.http_headers = http_headers::read(field, &mut files, report);
    }
    if let Some(field) = fields.take("follow_redirects") {
        request.follow_redirects = field.boolean(report).unwrap_or(true);
    }
    if let Some(field) = fields.take("enable_http2") {
        request.enable_http2 = field.boolean(report).unwrap_or(true);
    }
    let n_before = report.n_mistakes();
    let tls_config = fields.take("tls_config");
    if let Some(field) = tls_config {
        request.tls = tls::read(field, &mut files, report);
    }
    let tls_is_fine = report.n_mistakes() == n_before;
    request.files = files.found;
    fields.finish(report);
    let Some(url_field) = url else {
        let what = "the source has no url; write url: http://host:port/path";
        report.mistake(node.pos, what);
        return None;
    };
    let url = match TargetUrl::parse(url_field.text(report)?) {
        Ok(url) => url,
        Err(error) => return url_field.mistake(&format!("is invalid: {error}"), report),
    };
    let pos = tls_config.map_or_else(|| url_field.pos(), |field| field.key_pos);
    let is_used = url.is_tls() || tls_config.is_some();
    tls.extend((is_used && tls_is_fine).then(|| (request.tls.clone(), pos)));
    let source = HttpSource {
        url,
        every,
        request,
    };
    Some((source, tls))
}

fn refresh(field: Option<Field<'_>>, default: Duration, report: &mut Report) -> Duration {
    let Some(field) = field else { return default };
    let Some(every) = field.duration(duration::parse, report) else {
        return default;
    };
    if every < MIN_REFRESH {
        let (found, min) = (duration::format(every), duration::format(MIN_REFRESH));
        field.mistake::<()>(&format!("must be at least {min}, found {found}"), report);
    }
    every
}
