//! The keys of `http` that hold credentials, with the exclusions that Prometheus has between them.
//! They are secrets: no message shows a value.

use std::path::Path;

use http::HeaderValue;

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::file;
use crate::config::headers;
use crate::config::problem::Report;
use crate::config::yaml::Kind;
use crate::target::credentials::Credentials;

/// Reads the keys; what is wrong in them gives no credentials.
pub fn read(fields: &mut Fields<'_>, base_dir: &Path, report: &mut Report) -> Option<Credentials> {
    let basic = fields.take("basic_auth");
    let authorization = fields.take("authorization");
    let token = given(fields.take("bearer_token"));
    let token_file = given(fields.take("bearer_token_file"));
    at_most_one([basic, authorization, token, token_file], report);
    let basic = basic.and_then(|field| basic_auth(field, base_dir, report));
    let authorization = authorization.and_then(|field| read_authorization(field, base_dir, report));
    let token = secret(token, token_file, base_dir, report);
    let bearer = token.and_then(|(field, token)| bearer(field, "Bearer", &token, report));
    basic.or(authorization).or(bearer)
}

/// A field that is more than nothing; to Prometheus an empty text is a key that is not there.
fn given(field: Option<Field<'_>>) -> Option<Field<'_>> {
    field.filter(|field| !matches!(&field.node.kind, Kind::Scalar { text, .. } if text.is_empty()))
}

/// Refuses all but the first of the fields that are there.
fn at_most_one<const N: usize>(fields: [Option<Field<'_>>; N], report: &mut Report) {
    let mut given: Vec<_> = fields.into_iter().flatten().collect();
    given.sort_by_key(|field| field.key_pos);
    let Some((first, others)) = given.split_first() else {
        return;
    };
    for other in others {
        let message = format!("{} and {} are both given; keep one", other.name, first.name);
        report.mistake(other.key_pos, message);
    }
}

/// Refuses keys that name a secret of a secret manager.
fn refuse_reference(field: Option<Field<'_>>, instead: &str, report: &mut Report) {
    if let Some(field) = given(field) {
        let message = format!(
            "{} cannot be looked up: there is no secret manager; use {instead} or {instead}_file",
            field.name
        );
        report.mistake(field.key_pos, message);
    }
}

fn basic_auth(field: Field<'_>, base_dir: &Path, report: &mut Report) -> Option<Credentials> {
    let mut fields = Fields::open(field.node, "basic_auth", report)?;
    let username = given(fields.take("username"));
    let username_file = given(fields.take("username_file"));
    refuse_reference(fields.take("username_ref"), "username", report);
    let password = given(fields.take("password"));
    let password_file = given(fields.take("password_file"));
    refuse_reference(fields.take("password_ref"), "password", report);
    fields.finish(report);
    at_most_one([username, username_file], report);
    at_most_one([password, password_file], report);
    let mut read = |text, file| secret(text, file, base_dir, report).map(|(_, bytes)| bytes);
    Some(Credentials::Basic {
        username: read(username, username_file).unwrap_or_default(),
        password: read(password, password_file).unwrap_or_default(),
    })
}

fn read_authorization(
    field: Field<'_>,
    base_dir: &Path,
    report: &mut Report,
) -> Option<Credentials> {
    let mut fields = Fields::open(field.node, "authorization", report)?;
    let scheme = fields.take("type");
    let credentials = given(fields.take("credentials"));
    let credentials_file = given(fields.take("credentials_file"));
    refuse_reference(fields.take("credentials_ref"), "credentials", report);
    fields.finish(report);
    at_most_one([credentials, credentials_file], report);
    let name = scheme
        .and_then(|field| field.text(report))
        .unwrap_or_default();
    let name = match name.trim() {
        "" => "Bearer",
        name => name,
    };
    if let Some(scheme) = scheme.filter(|_| name.eq_ignore_ascii_case("basic")) {
        return scheme.mistake(
            "of authorization cannot be Basic; use basic_auth instead",
            report,
        );
    }
    let credentials = secret(credentials, credentials_file, base_dir, report);
    let (at, credentials) = credentials.unwrap_or((field, Vec::new()));
    bearer(at, name, &credentials, report)
}

fn bearer(
    field: Field<'_>,
    scheme: &str,
    credentials: &[u8],
    report: &mut Report,
) -> Option<Credentials> {
    let value = [scheme.as_bytes(), b" ", credentials].concat();
    headers::secret_value(field, &value, report).map(Credentials::Authorization)
}

/// A secret that is written, or what its file holds without the white space around it.
fn secret<'n>(
    text: Option<Field<'n>>,
    file: Option<Field<'n>>,
    base_dir: &Path,
    report: &mut Report,
) -> Option<(Field<'n>, Vec<u8>)> {
    if let Some(field) = file {
        return Some((field, trimmed_file(field, base_dir, report)?));
    }
    let field = text?;
    Some((field, field.text(report)?.as_bytes().to_vec()))
}

/// What a file holds without the white space around it, as Prometheus reads its secrets.
pub fn trimmed_file(field: Field<'_>, base_dir: &Path, report: &mut Report) -> Option<Vec<u8>> {
    let bytes = file::read_named(field, base_dir, report)?;
    let trimmed = match std::str::from_utf8(&bytes) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => bytes.trim_ascii(),
    };
    Some(trimmed.to_vec())
}

/// The value of a header that a file holds.
pub fn file_value(field: Field<'_>, base_dir: &Path, report: &mut Report) -> Option<HeaderValue> {
    let bytes = trimmed_file(field, base_dir, report)?;
    headers::secret_value(field, &bytes, report)
}
