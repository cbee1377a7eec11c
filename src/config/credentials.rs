//! The keys of `http` that hold credentials, with the exclusions that Prometheus has between them.
//! They are secrets: no message shows a value.

use std::sync::Arc;

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::headers;
use crate::config::http::TlsConfig;
use crate::config::oauth2;
use crate::config::problem::Report;
use crate::config::schema;
use crate::config::source::{Files, Forms, Source, at_most_one};
use crate::target::credentials::{Credentials, trimmed};
use crate::target::files::Part;
use crate::target::secret::Secret;

const USERNAME: Forms = ["username", "username_file", "username_ref"];
const PASSWORD: Forms = ["password", "password_file", "password_ref"];
const CREDENTIALS: Forms = ["credentials", "credentials_file", "credentials_ref"];

/// The scheme of a bearer token, and that of `authorization` unless it has another.
const BEARER: &str = "Bearer";

/// Reads the keys, and says where the TLS settings for tokens stand; what is wrong in them gives no
/// credentials.
pub fn read(
    fields: &mut Fields<'_>,
    files: &mut Files<'_>,
    report: &mut Report,
) -> (Option<Credentials>, Option<TlsConfig>) {
    let basic = fields.take("basic_auth");
    let authorization = fields.take("authorization");
    let oauth2 = fields.take("oauth2");
    let token = fields.take_given("bearer_token");
    let token_file = fields.take_given("bearer_token_file");
    at_most_one([basic, authorization, oauth2, token, token_file], report);
    let basic = basic.and_then(|field| basic_auth(field, files, report));
    let authorization = authorization.and_then(|field| read_authorization(field, files, report));
    let tokens = oauth2.and_then(|field| oauth2::read(field, files, report));
    let token = Source::of(token, token_file);
    let bearer = token.and_then(|token| with_scheme(BEARER, token, files, report));
    let (tokens, tls_config) = tokens.unzip();
    let tokens = tokens.map(|settings| Credentials::OAuth2(Arc::new(settings)));
    (basic.or(authorization).or(tokens).or(bearer), tls_config)
}

fn basic_auth(field: Field<'_>, files: &mut Files<'_>, report: &mut Report) -> Option<Credentials> {
    let mut fields = Fields::open(field.node, &schema::BASIC_AUTH, report)?;
    let username = Source::take(&mut fields, USERNAME, report);
    let password = Source::take(&mut fields, PASSWORD, report);
    fields.finish(report);
    let mut read = |source: Option<Source<'_>>, part| {
        let bytes = source.and_then(|source| secret(source, part, files, report));
        Secret::new(bytes.unwrap_or_default())
    };
    Some(Credentials::Basic {
        username: read(username, Part::Username),
        password: read(password, Part::Password),
    })
}

fn read_authorization(
    field: Field<'_>,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Option<Credentials> {
    let mut fields = Fields::open(field.node, &schema::AUTHORIZATION, report)?;
    let scheme = fields.take("type");
    let credentials = Source::take(&mut fields, CREDENTIALS, report);
    fields.finish(report);
    let name = scheme
        .and_then(|field| field.text(report))
        .unwrap_or_default();
    let name = match name.trim() {
        "" => BEARER,
        name => name,
    };
    if let Some(scheme) = scheme.filter(|_| name.eq_ignore_ascii_case("basic")) {
        return scheme.mistake(
            "of authorization cannot be Basic; use basic_auth instead",
            report,
        );
    }
    match credentials {
        Some(credentials) => with_scheme(name, credentials, files, report),
        None => authorization(field, name, b"", report),
    }
}

fn with_scheme(
    scheme: &str,
    credentials: Source<'_>,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Option<Credentials> {
    let part = Part::Authorization {
        scheme: scheme.to_owned(),
    };
    let bytes = secret(credentials, part, files, report)?;
    authorization(credentials.field(), scheme, &bytes, report)
}

fn authorization(
    field: Field<'_>,
    scheme: &str,
    credentials: &[u8],
    report: &mut Report,
) -> Option<Credentials> {
    Credentials::authorization(scheme, credentials)
        .or_else(|| field.mistake(headers::NO_VALUE, report))
}

/// A secret that is written, or what its file holds without the white space around it.
fn secret(
    source: Source<'_>,
    part: Part,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Option<Vec<u8>> {
    let bytes = source.bytes(part, files, report)?;
    Some(match source {
        Source::Written(_) => bytes,
        Source::File(_) => trimmed(&bytes).to_vec(),
    })
}
