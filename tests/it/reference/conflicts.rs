//! `docs/conflicts.md`: every preset with its values, and a configuration that loads.

use std::path::Path;

use httpcycle_exporter::config;
use httpcycle_exporter::target::presets;

use crate::reference::{code, part, read};

#[test]
fn every_preset_has_its_values_and_their_names() {
    let document = read("docs/conflicts.md");
    let part = part(&document, "Presets");
    let names: Vec<&str> = part.names().collect();
    assert_eq!(names, presets::ALL.each_ref().map(|preset| preset.name));
    for preset in &presets::ALL {
        let row = part.row(preset.name);
        let listed: Vec<(&str, &str)> = row[2]
            .split(", ")
            .map(|pair| {
                let mut words = code(pair);
                let value = words.next().unwrap();
                (value, words.next().unwrap_or(value))
            })
            .collect();
        assert_eq!(listed, preset.values, "{}", preset.name);
    }
}

#[test]
fn the_configuration_that_it_shows_loads() {
    let document = read("docs/conflicts.md");
    let (_, behind) = document.split_once("\n```yaml\n").unwrap();
    let text = behind.split("\n```").next().unwrap();
    let config = config::parse("f", Path::new(""), text, &|_| Ok(()));
    let module = config.unwrap().modules["update_order"].module.clone();
    assert_eq!(module.conflict_codes, [409, 412]);
    let names: Vec<&str> = module.conflict_reasons().map(|(_, name)| name).collect();
    assert_eq!(names, ["unspecified", "other", "already_exists", "stale"]);
}
