//! The section `oauth2`: how a module gets tokens. It has the keys of prometheus/common; those of its
//! other grant are refused by name.

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::http::TlsConfig;
use crate::config::problem::Report;
use crate::config::proxy;
use crate::config::schema;
use crate::config::source::{Files, Forms, Source};
use crate::config::tls;
use crate::target::address::TargetUrl;
use crate::target::credentials::trimmed;
use crate::target::files::{Part, PartFile};
use crate::target::oauth2::OAuth2;
use crate::target::reach::Reach;
use crate::target::secret::Secret;
use crate::target::tls::TlsSettings;

const SECRET: Forms = ["client_secret", "client_secret_file", "client_secret_ref"];

/// The one grant that is spoken.
const GRANT: &str = "client_credentials";

/// The other one of prometheus/common (RFC 7523).
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

const NOT_SPOKEN: &str = "the JWT bearer grant (RFC 7523), which is not spoken; use client_id with client_secret or \
     client_secret_file";

/// Reads the section, and says where its TLS settings stand; what is wrong in it gives no credentials.
pub fn read(
    field: Field<'_>,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Option<(OAuth2, TlsConfig)> {
    let mut fields = Fields::open(field.node, &schema::OAUTH2, report)?;
    refuse_other_grants(&mut fields, report);
    let mut own_files = files.beside();
    let client_id = fields.take_given("client_id");
    let client_id = required(client_id, "client_id", field, report).and_then(|id| id.text(report));
    let secret = Source::take(&mut fields, SECRET, report);
    let client_secret = secret.and_then(|source| client_secret(source, &mut own_files, report));
    let url_field = required(fields.take_given("token_url"), "token_url", field, report);
    let token_url = url_field.and_then(|field| token_url(field, report));
    let scopes = fields.take("scopes");
    let scopes = scopes.map_or_else(Vec::new, |field| texts(field, report));
    let has_scopes = !scopes.is_empty();
    let params = fields.take("endpoint_params");
    let endpoint_params =
        params.map_or_else(Vec::new, |field| params_of(field, has_scopes, report));
    let proxy = proxy::read_keys(&mut fields, false, report);
    let tls_field = fields.take("tls_config");
    let n_before = report.n_mistakes();
    let tls = tls_field.map_or_else(TlsSettings::default, |field| {
        tls::read(field, &mut own_files, report)
    });
    let is_fine = report.n_mistakes() == n_before;
    fields.finish(report);
    let of_tokens = |file: PartFile| PartFile {
        part: Part::OfTokens(Box::new(file.part)),
        ..file
    };
    files
        .found
        .extend(own_files.found.into_iter().map(of_tokens));
    let oauth2 = OAuth2 {
        client_id: client_id?.to_owned(),
        client_secret: Secret::new(client_secret.unwrap_or_default()),
        scopes,
        token_url: token_url?,
        endpoint_params,
        tls,
        proxy,
        user_agent: None,
        reach: Reach::default(),
    };
    let tls_config = TlsConfig {
        pos: tls_field.or(url_field)?.key_pos,
        is_written: tls_field.is_some(),
        is_fine,
    };
    Some((oauth2, tls_config))
}

fn required<'n>(
    found: Option<Field<'n>>,
    key: &str,
    section: Field<'_>,
    report: &mut Report,
) -> Option<Field<'n>> {
    if found.is_none() {
        report.mistake(section.key_pos, format!("oauth2 needs {key}"));
    }
    found
}

fn refuse_other_grants(fields: &mut Fields<'_>, report: &mut Report) {
    if let Some(field) = fields.take_given("grant_type") {
        match field.text(report) {
            None | Some(GRANT) => {}
            Some(JWT_BEARER) => {
                field.mistake::<()>(&format!("asks for {NOT_SPOKEN}"), report);
            }
            Some(_) => {
                field.expected::<()>(GRANT, "", report);
            }
        }
    }
    for key in schema::OAUTH2.ineffective() {
        // The form of the secret is refused with the others of it.
        if let Some(field) = fields.take_given(key).filter(|_| !SECRET.contains(&key)) {
            report.mistake(field.key_pos, format!("{key} belongs to {NOT_SPOKEN}"));
        }
    }
}

fn client_secret(
    source: Source<'_>,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Option<Vec<u8>> {
    let bytes = source.bytes(Part::ClientSecret, files, report)?;
    Some(match source {
        Source::Written(_) => bytes,
        Source::File(_) => trimmed(&bytes).to_vec(),
    })
}

fn token_url(field: Field<'_>, report: &mut Report) -> Option<TargetUrl> {
    match TargetUrl::parse(field.text(report)?) {
        Ok(url) => Some(url),
        Err(what) => field.mistake(&format!("is invalid: {what}"), report),
    }
}

fn texts(field: Field<'_>, report: &mut Report) -> Vec<String> {
    let items = field.list("a list of scopes", report).unwrap_or_default();
    let items = items.iter().map(|node| Field { node, ..field });
    let texts = items.filter_map(|item| item.text(report));
    texts.map(str::to_owned).collect()
}

/// Each may be a secret, whatever it is called. One that is there already cannot be given, but for the
/// grant, as Go's client has it for servers that know it by another name.
fn params_of(
    field: Field<'_>,
    has_scopes: bool,
    report: &mut Report,
) -> Vec<(String, Secret<String>)> {
    let mut params = Vec::new();
    let entries = field.mapping("a mapping of names to text", report);
    for entry in entries.unwrap_or_default() {
        if entry.key == "scope" && has_scopes {
            let message = "scope of endpoint_params and scopes are both given; keep one";
            report.mistake(entry.pos, message);
        }
        let value = Field {
            name: "a value of endpoint_params",
            ..Field::of(entry)
        };
        let text = match value.node.is_null() {
            true => Some(""),
            false => value.text(report),
        };
        let text = text.map(|text| (entry.key.clone(), Secret::new(text.to_owned())));
        params.extend(text);
    }
    // Go sends them by their names.
    params.sort_by(|(one, _), (other, _)| one.cmp(other));
    params
}
