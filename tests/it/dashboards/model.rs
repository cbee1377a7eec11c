//! The dashboards as the tests read them: their panels, queries and variables.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// A dashboard.
pub struct Dashboard {
    pub json: Value,
}

/// Something that is sent to Prometheus, and where it stands.
#[derive(Clone, Debug)]
pub struct Query {
    pub place: String,
    pub expr: String,
}

/// The folder of a kind of file that is shipped.
pub fn shipped(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Every dashboard there is.
pub fn all() -> Vec<Dashboard> {
    let mut paths: Vec<PathBuf> = fs::read_dir(shipped("dashboards"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are dashboards");
    let read = |path: PathBuf| {
        let json: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert_eq!(json["uid"], stem, "a dashboard is found by its file's name");
        Dashboard { json }
    };
    paths.into_iter().map(read).collect()
}

/// The items of a list; none if there is no list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text; empty if there is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Dashboard {
    pub fn title(&self) -> &str {
        text(&self.json["title"])
    }

    /// Every panel, headings of sections included, those that they fold away too.
    pub fn panels(&self) -> Vec<&Value> {
        let shown = list(&self.json["panels"]).iter();
        let folded = shown.clone().flat_map(|row| list(&row["panels"]));
        shown.chain(folded).collect()
    }

    pub fn variables(&self) -> &[Value] {
        list(&self.json["templating"]["list"])
    }

    /// The variable of a name.
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.variables().iter().find(|it| it["name"] == name)
    }

    /// The queries of all panels.
    pub fn queries(&self) -> Vec<Query> {
        let mut queries = Vec::new();
        for panel in self.panels() {
            for target in list(&panel["targets"]) {
                let (title, letter) = (text(&panel["title"]), text(&target["refId"]));
                queries.push(Query {
                    place: format!("{} / {title} / {letter}", self.title()),
                    expr: text(&target["expr"]).to_owned(),
                });
            }
        }
        queries
    }

    /// The queries of all annotations, as old and as new versions of Grafana read them.
    pub fn annotations(&self) -> Vec<Query> {
        let mut queries = Vec::new();
        for annotation in list(&self.json["annotations"]["list"]) {
            for expr in [&annotation["expr"], &annotation["target"]["expr"]] {
                queries.push(Query {
                    place: format!("{} / {}", self.title(), text(&annotation["name"])),
                    expr: text(expr).to_owned(),
                });
            }
        }
        queries
    }

    /// Of each variable that is asked of Prometheus the selector and the label.
    pub fn label_values(&self) -> Vec<(Query, String)> {
        let asked = self.variables().iter().filter(|it| it["type"] == "query");
        asked
            .map(|variable| {
                let name = text(&variable["name"]);
                let query = text(&variable["query"]["query"]);
                let inner = query.strip_prefix("label_values(").unwrap();
                let (selector, label) = inner.strip_suffix(')').unwrap().rsplit_once(", ").unwrap();
                let query = Query {
                    place: format!("{} / variable {name}", self.title()),
                    expr: selector.to_owned(),
                };
                (query, label.to_owned())
            })
            .collect()
    }
}
