//! `schema`: the JSON Schema of the configuration file, so that editors complete and check it.
//!
//! Keys and shapes are those of `config/schema`, the sentences about them those of the reference in
//! `docs`. It is of draft 7, which is what editors take.

mod reference;
mod shapes;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::cli::schema::reference::Reference;
use crate::config::schema::CONFIGURATION;
use crate::config::schema::Holds;
use crate::config::schema::Key;
use crate::config::schema::MODULE;
use crate::config::schema::Section;

/// The schema as text.
pub fn text() -> String {
    let reference = Reference::of_this_version();
    let mut schema = mapping(&CONFIGURATION, reference::FILE, &reference);
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "httpcycle.yml".into();
    schema["description"] = "The configuration of httpcycle_exporter".into();
    format!("{schema:#}\n")
}

/// The schema of a section that stands at this path.
fn mapping(section: &'static Section, path: &str, reference: &Reference) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in section.keys {
        let row = reference.row(path, key.name);
        let is_required = row.is_some_and(|row| row.is_required);
        let mut property = property(key, path, is_required, reference);
        if let (Some(row), Some(property)) = (row, property.as_object_mut()) {
            property.insert("description".to_owned(), row.meaning.as_str().into());
            if let Some(default) = &row.default {
                property.insert("default".to_owned(), default.clone());
            }
        }
        if is_required {
            required.push(key.name);
        }
        properties.insert(key.name.to_owned(), property);
    }
    // A section without anything in it may be nothing.
    let kinds = match required.is_empty() {
        true => json!(["object", "null"]),
        false => json!("object"),
    };
    let schema = json!({
        "type": kinds,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    match std::ptr::eq(section, &MODULE) {
        true => module(schema),
        false => schema,
    }
}

fn property(key: &Key, path: &str, is_required: bool, reference: &Reference) -> Value {
    let here = match path {
        reference::FILE => key.name.to_owned(),
        path => format!("{path}.{}", key.name),
    };
    match key.holds {
        Holds::Value => json!({}),
        Holds::Shaped(shape) if is_required => shapes::present(shape),
        Holds::Shaped(shape) => shapes::schema(shape),
        Holds::Section(section) => {
            let mut schema = mapping(section, &here, reference);
            // Nothing is a section that is not there, whatever would have to be in it.
            schema["type"] = json!(["object", "null"]);
            schema
        }
        Holds::List(section) => json!({
            "type": ["array", "null"],
            "items": mapping(section, &format!("{here}[]"), reference),
        }),
        Holds::Named(section) => json!({
            "type": ["object", "null"],
            "propertyNames": {"minLength": 1},
            "additionalProperties": mapping(section, &format!("{here}.NAME"), reference),
        }),
        // It may be there as long as it says nothing.
        Holds::Nothing => json!({"enum": [null, ""]}),
    }
}

/// Modules of blackbox_exporter's other probers may hold whatever they like, and those that probe may
/// have sections of them.
fn module(mut schema: Value) -> Value {
    let others: Vec<&str> = MODULE.ineffective().collect();
    for other in &others {
        if let Some(section) = schema["properties"][other].as_object_mut() {
            section.remove("enum");
        }
    }
    json!({
        "type": "object",
        "if": {
            "properties": {"prober": {"enum": others}},
            "required": ["prober"],
        },
        "then": {},
        "else": schema,
    })
}
