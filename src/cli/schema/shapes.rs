//! What a schema says of a value. Nothing is a key that is not there, wherever that is so to the readers.

use serde_json::Value;
use serde_json::json;

use crate::config::bounds;
use crate::config::shape::Shape;
use crate::target::presets;

/// The units go from large to small, each once; none of these durations may be 0.
const DURATION: &str =
    "^(?=.*[1-9])([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";
/// And those of Go, which adds up whatever comes.
const TIMEOUT: &str = "^(?=.*[1-9])(([0-9]+[.]?[0-9]*|[.][0-9]+)(y|w|d|h|m|s|ms|us|µs|μs|ns))+$";
const SIZE: &str = "^[-+]?(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)([KMGTPE]i?)?B)+)$";
/// Of all that a URL may be, what editors can tell without reading it.
const URL: &str = "^\\s*[Hh][Tt][Tt][Pp][Ss]?:";
/// The spellings of Go's YAML that are text to others.
const BOOLEAN: &str = "^(yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$";
const COMPRESSION: &str =
    "^([Gg][Zz][Ii][Pp]|[Bb][Rr]|[Dd][Ee][Ff][Ll][Aa][Tt][Ee]|[Ii][Dd][Ee][Nn][Tt][Ii][Tt][Yy])$";

/// The schema of the value of a key.
pub fn schema(shape: Shape) -> Value {
    match shape {
        Shape::Boolean => json!({"type": ["boolean", "string", "null"], "pattern": BOOLEAN}),
        Shape::Duration => json!({"type": ["string", "null"], "pattern": DURATION}),
        Shape::Timeout => json!({"type": ["string", "null"], "pattern": TIMEOUT}),
        // The number 0 is none, and needs no unit.
        Shape::Size => json!({
            "type": ["string", "integer", "null"],
            "pattern": SIZE,
            "minimum": 0,
            "maximum": 0,
        }),
        Shape::List(item @ Shape::Seconds) => json!({
            "type": ["array", "null"],
            "items": present(*item),
            "minItems": 1,
            "maxItems": bounds::MAX_BOUNDS,
        }),
        Shape::List(item) => json!({
            "type": ["array", "null"],
            "items": present(*item),
            "uniqueItems": matches!(item, Shape::Code),
        }),
        Shape::Named(value) => json!({
            "type": ["object", "null"],
            "additionalProperties": present(*value),
        }),
        Shape::Text | Shape::MaybeText => {
            json!({"type": ["string", "number", "boolean", "null"]})
        }
        Shape::Url => present(Shape::Url),
        // An empty text is none, wherever words are asked for.
        Shape::Seconds
        | Shape::Code
        | Shape::Version
        | Shape::Compression
        | Shape::Preset
        | Shape::OneOf(_) => json!({
            "anyOf": [present(shape), {"type": ["string", "null"], "maxLength": 0}],
        }),
    }
}

/// The schema of one value that is there.
pub fn present(shape: Shape) -> Value {
    match shape {
        Shape::Text => json!({"type": ["string", "number", "boolean"]}),
        Shape::Seconds => json!({"type": "number", "exclusiveMinimum": 0}),
        Shape::Code => json!({"type": "integer", "minimum": 100, "maximum": 999}),
        Shape::Url => json!({"type": "string", "pattern": URL}),
        Shape::Version => json!({
            "anyOf": [{"enum": ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"]}, present(Shape::Text)],
        }),
        Shape::Compression => json!({
            "anyOf": [
                {"enum": ["gzip", "br", "deflate", "identity"]},
                {"type": "string", "pattern": COMPRESSION},
            ],
        }),
        Shape::Preset => json!({"enum": presets::ALL.each_ref().map(|preset| preset.name)}),
        Shape::OneOf(words) => json!({"enum": words}),
        Shape::List(item) => json!({"type": "array", "items": present(*item)}),
        Shape::Boolean
        | Shape::Duration
        | Shape::Timeout
        | Shape::Size
        | Shape::MaybeText
        | Shape::Named(_) => schema(shape),
    }
}
