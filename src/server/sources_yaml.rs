//! Sources of targets as YAML, fit to be shown.

use crate::config::discovery::FileSource;
use crate::config::discovery::HttpSource;
use crate::config::discovery::TargetSource;
use crate::server::module_yaml;
use crate::server::yaml::Yaml;
use crate::server::yaml::quoted;

/// Appends both sections, where they have something.
pub fn write(sources: &[TargetSource], out: &mut String) {
    let files = sources.iter().filter_map(|source| match source {
        TargetSource::Files(source) => Some(source),
        TargetSource::Http(_) => None,
    });
    for (place, source) in files.enumerate() {
        let FileSource {
            pattern,
            // Both are the pattern, seen from the folder of the configuration.
            folder: _,
            names: _,
            every,
        } = source;
        let mut yaml = Yaml::new(out, 0);
        if place == 0 {
            yaml.section(0, "file_sd_configs");
        }
        yaml.list(1, "- files", &[quoted(pattern)]);
        yaml.entry(2, "refresh_interval", module_yaml::duration(*every));
    }
    let http = sources.iter().filter_map(|source| match source {
        TargetSource::Files(_) => None,
        TargetSource::Http(source) => Some(&**source),
    });
    for (place, source) in http.enumerate() {
        let HttpSource {
            url,
            every,
            request,
        } = source;
        let mut yaml = Yaml::new(out, 0);
        if place == 0 {
            yaml.section(0, "http_sd_configs");
        }
        yaml.entry(1, "- url", quoted(url.masked()));
        yaml.entry(2, "refresh_interval", module_yaml::duration(*every));
        module_yaml::write_asking(request, 1, out);
    }
}
