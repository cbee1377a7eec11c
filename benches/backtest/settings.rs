//! What the environment may set.

use std::env;
use std::path::PathBuf;

/// The alert that is judged.
const ALERT: &str = "HttpCycleConflictSpike";

/// What a run is about.
#[derive(Clone)]
pub struct Settings {
    /// Another one draws other histories.
    pub seed: u64,
    /// Whether the run only shows that all parts work.
    pub is_quick: bool,
    /// Where the rules are.
    pub rules: PathBuf,
    /// Names of alerts: the one that is judged, and others beside it.
    pub alerts: Vec<String>,
}

impl Settings {
    /// Reads them, from `--seed` among the arguments too.
    pub fn read(arguments: &[String]) -> Result<Self, String> {
        let mut seed = env::var("BACKTEST_SEED").unwrap_or_else(|_| "1".to_owned());
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--bench" => {}
                "--seed" => {
                    let value = rest.next().ok_or("--seed wants a number behind it")?;
                    seed.clone_from(value);
                }
                other => return Err(format!("{other}: the only argument is --seed NUMBER")),
            }
        }
        let rules = env::var_os("BACKTEST_RULES").unwrap_or_else(|| "alerts".into());
        let rules =
            std::path::absolute(&rules).map_err(|error| format!("BACKTEST_RULES: {error}"))?;
        let files = rules.read_dir().map_err(|error| {
            format!(
                "{}: {error}; BACKTEST_RULES names a folder",
                rules.display()
            )
        })?;
        let is_rule = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(".yml");
        if !files.flatten().any(|file| is_rule(&file.file_name())) {
            let folder = rules.display();
            return Err(format!("{folder}: there is no file of rules (*.yml) in it"));
        }
        Ok(Self {
            seed: seed
                .parse()
                .map_err(|_| format!("the seed is a number of at most 64 bits, not {seed}"))?,
            is_quick: env::var("BACKTEST_QUICK").is_ok_and(|text| text != "0"),
            rules,
            alerts: [ALERT, "NaiveCount", "NaiveRatio", "NaiveBaseline"]
                .map(str::to_owned)
                .to_vec(),
        })
    }
}
