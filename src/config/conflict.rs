//! The section `conflict` of a module: which codes are conflicts, and what tells why.

use http::HeaderName;

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::problem::Report;
use crate::config::schema;
use crate::config::text::quote;
use crate::config::yaml::Entry;
use crate::target::conflict::{NameError, Pattern, ReasonRule, Reasons, Source};
use crate::target::module::Module;
use crate::target::pointer::JsonPointer;
use crate::target::presets::{self, Preset};

/// The keys that say where a reason stands, one of which must be there.
const SOURCES: [&str; 5] = ["json", "header", "regexp", "regex", "preset"];

/// Reads the section into a module; what is wrong in it is left as it is.
pub fn read(field: Field<'_>, module: &mut Module, report: &mut Report) {
    let Some(mut fields) = Fields::open(field.node, &schema::CONFLICT, report) else {
        return;
    };
    let codes = fields.take("codes");
    if let Some(codes) = codes.and_then(|field| field.status_codes(report)) {
        module.conflict_codes = codes;
    }
    if let Some(field) = fields.take("reason") {
        module.conflict_reason = reason(field, report);
    }
    fields.finish(report);
}

fn reason(field: Field<'_>, report: &mut Report) -> Option<ReasonRule> {
    let n_before = report.n_mistakes();
    let mut fields = Fields::open(field.node, &schema::REASON, report)?;
    let mut given: Vec<_> = SOURCES.iter().filter_map(|key| fields.take(key)).collect();
    given.sort_by_key(|field| field.key_pos);
    let values = fields.take("values");
    fields.belong(["codes"], "beside reason");
    fields.finish(report);
    if given.is_empty() && report.n_mistakes() == n_before {
        field.mistake::<()>(
            "must say where it stands: add json, header, regexp or preset",
            report,
        );
    }
    let mut rule = None;
    for source in &given {
        if let Some(first) = given.first().filter(|first| first.name != source.name) {
            let message = format!("and {} are both given; keep one", first.name);
            report.mistake(source.key_pos, format!("{} {message}", source.name));
        }
        rule = read_source(*source, report);
    }
    let preset = match &rule {
        Some((_, preset)) => *preset,
        None => None,
    };
    let reasons = reasons(values, preset, report);
    rule.map(|(source, _)| ReasonRule { source, reasons })
}

/// Where a reason stands, and the preset that says so.
fn read_source(field: Field<'_>, report: &mut Report) -> Option<(Source, Option<&'static Preset>)> {
    let text = field.text(report)?;
    let source = match field.name {
        "json" => match JsonPointer::parse(text) {
            Ok(pointer) => Source::Json(pointer),
            Err(hint) => {
                let wanted = "a JSON pointer like /reason or /error/type";
                return field.expected(wanted, hint, report);
            }
        },
        "header" => match HeaderName::from_bytes(text.as_bytes()) {
            Ok(name) => Source::Header(name),
            Err(_) => return field.expected("the name of a header", "", report),
        },
        "preset" => {
            let Some(preset) = Preset::named(text) else {
                let names: Vec<_> = presets::ALL.iter().map(|preset| preset.name).collect();
                let wanted = format!("one of {}", names.join(", "));
                return field.expected(&wanted, "", report);
            };
            return Some((preset.source(), Some(preset)));
        }
        _ => match Pattern::new(text) {
            Ok(pattern) => Source::Regexp(pattern),
            Err(why) => return field.mistake(&why, report),
        },
    };
    Some((source, None))
}

/// What the values mean: those of the preset first, as far as the user does not say otherwise.
fn reasons(values: Option<Field<'_>>, preset: Option<&Preset>, report: &mut Report) -> Reasons {
    let entries = values.and_then(|field| field.mapping("a mapping of values to reasons", report));
    let entries = entries.unwrap_or_default();
    let mut reasons = Reasons::default();
    for (value, name) in preset.map_or(&[][..], |preset| preset.values) {
        if entries.iter().all(|entry| entry.key != *value) {
            reasons
                .insert(value, name)
                .expect("the names of the presets are valid and few");
        }
    }
    let mut too_many = false;
    for entry in entries {
        match insert(entry, &mut reasons, report) {
            // Once is enough for all that come after it.
            Some(NameError::TooMany) if too_many => {}
            Some(error) => {
                too_many |= error == NameError::TooMany;
                let message = format!("the reason of {} {error}", quote(&entry.key));
                report.mistake(entry.value.pos, message);
            }
            None => {}
        }
    }
    reasons
}

fn insert(entry: &Entry, reasons: &mut Reasons, report: &mut Report) -> Option<NameError> {
    if entry.key.is_empty() {
        let message = "a value must not be empty: one that is counts as unspecified";
        report.mistake(entry.pos, message);
        return None;
    }
    let name = format!("the reason of {}", quote(&entry.key));
    let field = Field {
        name: &name,
        ..Field::of(entry)
    };
    reasons.insert(&entry.key, field.text(report)?).err()
}
