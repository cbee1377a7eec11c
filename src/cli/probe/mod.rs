//! `probe URL`: one target probed from the terminal, its phases drawn as a waterfall.

mod json;
mod look;
mod report;
mod spread;
mod summary;
mod waterfall;

use std::io;
use std::io::Write;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::ValueEnum;

use crate::app::StartError;
use crate::app::single::Ended;
use crate::app::single::SingleTarget;
use crate::cli::FAILED;
use crate::cli::complain;
use crate::cli::probe::look::Look;
use crate::cli::probe::look::columns_of_stdout;
use crate::cli::probe::summary::Summary;
use crate::cli::probe::summary::where_it_was;
use crate::config::duration;
use crate::outcome::Attempt;
use crate::outcome::detail::Detail;
use crate::probe::show::Unfinished;
use crate::target::Target;
use crate::target::address::TargetUrl;
use crate::target::module::Module;

/// The time between two probes unless it is given.
const INTERVAL: Duration = Duration::from_secs(1);

/// That of targets as well.
const LEAST_INTERVAL: Duration = Duration::from_millis(10);

/// What to probe and how to show it.
#[derive(Args, Debug)]
pub struct ProbeArguments {
    /// The URL; without a scheme it is plain HTTP.
    #[arg(value_name = "URL")]
    url: String,

    /// The module to probe with: one of the configuration file, or http_2xx.
    #[arg(long, value_name = "NAME", default_value = "http_2xx")]
    module: String,

    /// How to show what was found; json is a line a probe.
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        default_value = "text"
    )]
    output: Output,

    /// How many probes; 0 for as many as come until Ctrl-C, which is what --interval alone means.
    #[arg(long, value_name = "N")]
    count: Option<u64>,

    /// The time from the start of one probe to that of the next; 1s unless given.
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    interval: Option<Duration>,
}

/// How to show what was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Output {
    Text,
    Json,
}

fn interval(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(interval) if interval >= LEAST_INTERVAL => Ok(interval),
        Ok(_) => Err(format!("write {LEAST_INTERVAL:?} or more")),
        Err(hint) => Err(format!("write a duration like 500ms or 5s{hint}")),
    }
}

impl ProbeArguments {
    /// How many probes to make, `None` for no end.
    fn count(&self) -> Option<u64> {
        match (self.count, self.interval) {
            (Some(0), _) | (None, Some(_)) => None,
            (None, None) => Some(1),
            (count, _) => count,
        }
    }

    /// The time between two probes.
    fn interval(&self) -> Duration {
        self.interval.unwrap_or(INTERVAL)
    }

    /// Whether nothing is missing: neither of so many probes as were wanted, nor one that went on for
    /// longer than it is from one to the next.
    fn is_met(&self, ended: Ended) -> bool {
        match ended {
            Ended::Enough => true,
            Ended::Interrupted(under_way) => {
                let is_late = |unfinished: Unfinished| unfinished.age > self.interval();
                self.count().is_none() && !under_way.is_some_and(is_late)
            }
        }
    }

    /// The URL. What cannot be taken apart is not repeated, as there is no telling which part of it is
    /// a password.
    fn url(&self) -> Result<TargetUrl, StartError> {
        let url = typed(&self.url);
        url.map_err(|error| StartError::Unbuildable(format!("cannot probe that URL: {error}")))
    }
}

/// The URL that somebody typed; without a scheme it is plain HTTP.
fn typed(text: &str) -> Result<TargetUrl, String> {
    let of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    match scheme.is_some_and(|scheme| scheme.chars().all(of_scheme)) {
        true => TargetUrl::parse(text),
        false => TargetUrl::parse(&format!("http://{text}")),
    }
}

/// Probes and shows what came of it. Returns whether all probes were as wanted. The configuration
/// file is read if it `is_named` on the command line or holds the module.
pub fn run(
    arguments: &ProbeArguments,
    config_file: &Path,
    is_named: bool,
) -> Result<bool, StartError> {
    let url = arguments.url()?;
    let is_built_in = arguments.module == Module::http_2xx().name;
    let file = (is_named || !is_built_in).then_some(config_file);
    let give_up = || process::exit(FAILED.into());
    let single = SingleTarget::prepare(url, &arguments.module, file, give_up)?;
    let mut shown = Shown {
        arguments,
        target: single.target().clone(),
        look: Look::of_stdout(),
        summary: Summary::default(),
    };
    // Nobody is left to tell if the reader is gone.
    if shown.begin().is_err() {
        return Ok(false);
    }
    let ended = single.probe_while(arguments.interval(), |attempt, detail| {
        shown.add(&attempt, &detail).is_ok() && shown.wants_more()
    });
    shown.end(ended).ok();
    single.leave();
    Ok(shown.summary.is_all_ok() && arguments.is_met(ended))
}

/// What is on the terminal, or in the pipe.
struct Shown<'a> {
    arguments: &'a ProbeArguments,
    target: Arc<Target>,
    look: Look,
    summary: Summary,
}

impl Shown<'_> {
    fn wants_more(&self) -> bool {
        let count = self.arguments.count();
        count.is_none_or(|count| self.summary.n_slots() < count)
    }

    fn is_series(&self) -> bool {
        self.arguments.count() != Some(1)
    }

    /// Shows what is about to be probed, as that may take its time.
    fn begin(&self) -> io::Result<()> {
        if self.arguments.output == Output::Json {
            return Ok(());
        }
        let blank = if self.is_series() { "" } else { "\n" };
        self.write(&format!("{}\n{blank}", report::heading(&self.target)))
    }

    /// Shows one probe.
    fn add(&mut self, attempt: &Attempt, detail: &Detail) -> io::Result<()> {
        let (target, look) = (&*self.target, self.look);
        self.summary.add(attempt, target);
        if self.arguments.output == Output::Json {
            let mut line = Vec::new();
            json::write(attempt, detail, target, &mut line);
            return self.write(&String::from_utf8_lossy(&line));
        }
        if !self.is_series() {
            return self.write(&report::page(attempt, detail, target, look));
        }
        let line = summary::line(attempt, target, look);
        if !look.is_live {
            return self.write(&format!("{line}\n"));
        }
        // It stands below the newest line until the next one takes its place, and must not wrap.
        let so_far = self.summary.line(columns_of_stdout() - 1);
        self.write(&format!("\r\x1b[K{line}\n{so_far}"))
    }

    /// Shows what all probes were like together, and what was under way.
    fn end(&self, ended: Ended) -> io::Result<()> {
        let under_way = match ended {
            Ended::Enough => None,
            Ended::Interrupted(under_way) => under_way,
        };
        if self.arguments.output == Output::Json {
            if let Some(unfinished) = under_way {
                complain(&interrupted(unfinished));
            }
            return Ok(());
        }
        if self.is_series() {
            let over = if self.look.is_live { "\r\x1b[K" } else { "" };
            return self.write(&format!("{over}\n{}", self.summary.page(under_way)));
        }
        match ended {
            Ended::Enough => Ok(()),
            Ended::Interrupted(None) => self.write("interrupted before the probe began\n"),
            Ended::Interrupted(Some(unfinished)) => {
                self.write(&format!("{}\n", interrupted(unfinished)))
            }
        }
    }

    /// Writes at once and whole, so that whoever waits for it has it.
    fn write(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(self.look.spelled(text).as_bytes())?;
        out.flush()
    }
}

fn interrupted(unfinished: Unfinished) -> String {
    let place = where_it_was(unfinished);
    format!("interrupted before the probe was over: {place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_scheme_is_plain_http() {
        for (text, expected) in [
            ("a.example", "http://a.example/"),
            ("localhost:8080/x", "http://localhost:8080/x"),
            ("HTTPS://a.example", "https://a.example/"),
            ("a.example/?to=http://b/", "http://a.example/?to=xxxxx"),
            ("[::1]:1/", "http://[::1]:1/"),
        ] {
            let url = typed(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(url.to_string(), expected);
        }
        for (text, part) in [("ftp://a.example/", "scheme \"ftp\""), ("", "empty host")] {
            let error = typed(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
