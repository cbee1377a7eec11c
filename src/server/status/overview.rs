//! All targets at a glance, looked at once a second at most, however many look at the page.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;
use std::time::Duration;
use std::time::SystemTime;

use askama::Template;
use tokio::time::Instant;

use crate::history::History;
use crate::history::glance::Glance;
use crate::outcome::phase::Phase;
use crate::server::probe::results::RecentProbes;
use crate::server::status::arrange;
use crate::server::status::links::Frame;
use crate::server::status::query::Query;
use crate::server::status::query::Sort;
use crate::server::status::query::States;
use crate::server::status::row::Row;
use crate::server::status::row::State;
use crate::server::status::words;
use crate::target::Target;

/// How long what was seen is good for.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// How many targets a page has.
const PAGE: usize = 100;

/// The newest overview.
#[derive(Debug, Default)]
pub struct Overviews(Mutex<Option<(Instant, Arc<Overview>)>>);

impl Overviews {
    /// The overview of the targets that there are now, not older than a second.
    pub fn latest(&self, histories: &Arc<[Arc<History>]>, now: SystemTime) -> Arc<Overview> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = latest
            .take()
            .filter(|(_, overview)| overview.listing.is_of(histories));
        let (at, overview) = match before {
            Some((at, overview)) if at.elapsed() < GOOD_FOR => (at, overview),
            before => {
                let listing = before.map(|(_, overview)| overview.listing.clone());
                let overview = Overview::new(histories, listing, now);
                (Instant::now(), Arc::new(overview))
            }
        };
        *latest = Some((at, overview.clone()));
        overview
    }
}

/// All targets as they were at one time.
#[derive(Debug)]
pub struct Overview {
    listing: Arc<Listing>,
    glances: Vec<Glance>,
}

/// What only a reload changes.
#[derive(Debug)]
struct Listing {
    /// Not held, as nobody may look again for long after a reload.
    histories: Weak<[Arc<History>]>,
    /// What a search looks at, in lower case.
    texts: Vec<String>,
}

impl Listing {
    fn new(histories: &Arc<[Arc<History>]>) -> Self {
        let texts = histories.iter().map(|history| searched(history.target()));
        Self {
            histories: Arc::downgrade(histories),
            texts: texts.collect(),
        }
    }

    fn is_of(&self, histories: &Arc<[Arc<History>]>) -> bool {
        Weak::ptr_eq(&self.histories, &Arc::downgrade(histories))
    }
}

impl Overview {
    fn new(
        histories: &Arc<[Arc<History>]>,
        listing: Option<Arc<Listing>>,
        now: SystemTime,
    ) -> Self {
        let glances = histories.iter().map(|history| history.glance(now));
        Self {
            listing: listing.unwrap_or_else(|| Arc::new(Listing::new(histories))),
            glances: glances.collect(),
        }
    }

    /// Each target's place, what a search looks at, and what is seen.
    pub fn targets(&self) -> impl Iterator<Item = (usize, &str, &Glance)> {
        let texts = self.listing.texts.iter().map(String::as_str);
        let targets = texts.zip(&self.glances).enumerate();
        targets.map(|(place, (text, glance))| (place, text, glance))
    }

    /// What is seen of the target at this place.
    pub fn glance(&self, place: usize) -> Option<&Glance> {
        self.glances.get(place)
    }

    /// How many targets there are, and in words how they are.
    fn summary(&self) -> (usize, String) {
        let count = |state| {
            let glances = self.glances.iter();
            glances.filter(|glance| State::of(glance) == state).count()
        };
        let all = self.glances.len();
        let mut summary = match all {
            0 => return (0, "no targets".to_owned()),
            1 => "1 target: ".to_owned(),
            all => format!("{all} targets: "),
        };
        write!(summary, "{} ok", count(State::Ok)).expect("a String takes whatever is written");
        for (state, words) in [
            (State::Conflict, "in conflict"),
            (State::Failure, "failing"),
            (State::Skipped, "not probed"),
            (State::Waiting, "waiting"),
        ] {
            let count = count(state);
            if count > 0 {
                write!(summary, ", {count} {words}").expect("a String takes whatever is written");
            }
        }
        (all, summary)
    }
}

/// What a search looks at.
fn searched(target: &Target) -> String {
    let mut text = format!("{}\n{}\n{}", target.name, target.url, target.module.name);
    for (name, value) in target.labels.iter() {
        write!(text, "\n{name}={value}").expect("a String takes whatever is written");
    }
    text.to_lowercase()
}

/// The head of a column that can be sorted by.
#[derive(Debug)]
pub struct Column {
    /// Its name in the query.
    pub label: &'static str,
    /// Its name in the table.
    pub title: &'static str,
    /// The value of `aria-sort`.
    pub sorted: &'static str,
    /// Where it leads.
    pub link: String,
}

/// The page of all targets.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
pub struct OverviewPage {
    frame: Frame,
    query: Query,
    summary: String,
    n_in_trouble: usize,
    n_targets: usize,
    clock: String,
    columns: [Column; 7],
    rows: Vec<Row>,
    pages: Pages,
    requested: Option<RecentProbes>,
}

/// Where in the pages this one is.
#[derive(Debug)]
pub struct Pages {
    number: usize,
    last: usize,
    n_shown: usize,
    earlier: Option<String>,
    later: Option<String>,
}

impl OverviewPage {
    /// The page that a query asks for, of the targets that the overview is of.
    pub fn new(
        frame: Frame,
        histories: &[Arc<History>],
        overview: &Overview,
        query: Query,
        requested: Option<RecentProbes>,
        now: SystemTime,
    ) -> Self {
        let places = arrange::arranged(overview, &query);
        let last = places.len().div_ceil(PAGE).max(1) - 1;
        let query = query.at_page(query.page.min(last));
        let shown = places.iter().skip(query.page * PAGE).take(PAGE);
        let rows = shown.filter_map(|place| {
            let history = histories.get(*place)?;
            Some(Row::new(history, overview.glance(*place)?, now))
        });
        let (n_targets, summary) = overview.summary();
        let in_trouble = overview.targets();
        let in_trouble = in_trouble.filter(|(.., glance)| States::Trouble.take(State::of(glance)));
        Self {
            frame,
            rows: rows.collect(),
            summary,
            n_in_trouble: in_trouble.count(),
            n_targets,
            clock: words::clock(now),
            columns: columns(&query),
            pages: Pages {
                number: query.page + 1,
                last: last + 1,
                n_shown: places.len(),
                earlier: (query.page > 0).then(|| query.at_page(query.page - 1).link()),
                later: (query.page < last).then(|| query.at_page(query.page + 1).link()),
            },
            query,
            requested,
        }
    }

    fn order(&self) -> &'static str {
        match self.query.is_descending {
            true => "desc",
            false => "",
        }
    }

    fn choices(&self) -> [States; 7] {
        States::ALL
    }

    fn phases(&self) -> [&'static str; Phase::COUNT] {
        Phase::ALL.map(Phase::label)
    }
}

fn columns(query: &Query) -> [Column; 7] {
    let current = query.sort.unwrap_or(Sort::State);
    let mut shown = query.clone();
    // The order without a wish is by state, and what its head leads to is the other way round.
    shown.sort = Some(current);
    [
        (Sort::State, "State"),
        (Sort::Name, "Target"),
        (Sort::Code, "Code"),
        (Sort::Duration, "Last cycle"),
        (Sort::Conflicts, "Conflicts"),
        (Sort::Failure, "Last failure"),
        (Sort::Next, "Next"),
    ]
    .map(|(sort, title)| Column {
        label: sort.label(),
        title,
        sorted: match (sort == current, query.is_descending) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        },
        link: shown.sorted_by(sort).link(),
    })
}
