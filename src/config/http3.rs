//! Modules that ask for HTTP/3, which is not spoken yet. One that blackbox_exporter would refuse is
//! refused; any other is skipped, since its default configuration has one beside those that can be
//! probed with.

use crate::config::field::Field;
use crate::config::problem::Report;
use crate::config::yaml::Kind;

/// Whether the section `http` of a module asks for HTTP/3; what is wrong then is reported.
pub fn is_asked_for(section: Option<Field<'_>>, report: &mut Report) -> bool {
    let asks = |field: &Field<'_>| field.boolean(&mut Report::new("")) == Some(true);
    let Some(field) = find(section, "enable_http3").filter(asks) else {
        return false;
    };
    let http2 = find(section, "enable_http2");
    if http2.and_then(|field| field.boolean(report)) != Some(false) {
        let message = "enable_http3 needs enable_http2: false beside it";
        report.mistake(field.key_pos, message);
    }
    let versions = find(section, "valid_http_versions");
    let versions = versions.and_then(|field| field.list("a list of versions", report));
    for item in versions.unwrap_or_default() {
        let item = Field {
            name: "valid_http_versions",
            node: item,
            ..field
        };
        if item.text(report).is_some_and(|text| text != "HTTP/3.0") {
            let message = "has a version that enable_http3 rules out; only HTTP/3.0 can be listed";
            item.mistake::<()>(message, report);
        }
    }
    true
}

fn find<'n>(section: Option<Field<'n>>, key: &str) -> Option<Field<'n>> {
    let Kind::Mapping(entries) = &section?.node.kind else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key == key)?;
    (!entry.value.is_null()).then(|| Field::of(entry))
}
