//! Where things are, as seen from a page: the exporter may be served below any path.

use std::fmt;

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;

use crate::server::status::assets;
use crate::target::shard::Shard;

/// What is left as it is in a part of a path.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What stands around every page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The way to where the exporter's pages begin.
    pub base: String,
    /// The way from there to the metrics.
    pub metrics: String,
    /// The part of the targets that the pages show.
    pub shard: Shard,
}

impl Frame {
    /// The frame of a page that lies `base` below the first.
    pub fn new(base: &str, telemetry_path: &str) -> Self {
        let metrics = telemetry_path.strip_prefix('/').unwrap_or(telemetry_path);
        Self {
            base: base.to_owned(),
            metrics: metrics.to_owned(),
            shard: Shard::WHOLE,
        }
    }

    /// The same for pages that show only the targets of `shard`.
    pub fn of(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    /// The version of the exporter.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Where the style sheet is.
    pub fn style(&self) -> impl fmt::Display {
        self.asset(&assets::STYLE)
    }

    /// Where the script is.
    pub fn script(&self) -> impl fmt::Display {
        self.asset(&assets::SCRIPT)
    }

    /// Where the icon is.
    pub fn icon(&self) -> impl fmt::Display {
        self.asset(&assets::ICON)
    }

    /// The dashboards for Grafana: what they show, what a browser is to call them, and where they are.
    pub fn dashboards(&self) -> impl Iterator<Item = (&'static str, &'static str, String)> {
        assets::DASHBOARDS.iter().map(|(shown, asset)| {
            let file = asset.name.rsplit('/').next().unwrap_or(asset.name);
            (*shown, file, self.asset(asset))
        })
    }

    fn asset(&self, asset: &assets::Asset) -> String {
        format!("{}assets/{}?v={}", self.base, asset.name, asset.digest())
    }
}

/// The way from the first page to that of a target.
pub fn to_target(name: &str) -> String {
    match name {
        // A browser takes these, however they are escaped, for steps in the path.
        "." | ".." => format!("targets/?name={name}"),
        name => format!("targets/{}", escaped(name)),
    }
}

/// The way from the first page to the JSON of a target, unless no path can lead there.
pub fn to_json(name: &str) -> Option<String> {
    let is_step = matches!(name, "." | "..");
    (!is_step).then(|| format!("api/v1/targets/{}", escaped(name)))
}

fn escaped(name: &str) -> impl fmt::Display {
    utf8_percent_encode(name, ESCAPED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_part_of_a_path() {
        for (name, path) in [
            ("orders", "targets/orders"),
            ("http://h/a?b=c#d", "targets/http%3A%2F%2Fh%2Fa%3Fb%3Dc%23d"),
            ("a%2Fb", "targets/a%252Fb"),
            ("ü \"<", "targets/%C3%BC%20%22%3C"),
            ("..", "targets/?name=.."),
            ("...", "targets/..."),
        ] {
            assert_eq!(to_target(name), path);
            let json = to_json(name);
            let is_step = path.contains('?');
            assert_eq!(json, (!is_step).then(|| format!("api/v1/{path}")));
        }
    }
}
