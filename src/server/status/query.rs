//! What a viewer wants to see, as the query of the URL says it. What makes no sense there is as if it
//! were not.

use url::form_urlencoded;

use crate::server::status::row::State;

/// How many characters of a search count.
const MAX_SEARCH: usize = 200;

/// What to show, in which order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Query {
    /// The words that a target is to have, as they were typed.
    pub search: String,
    /// The states that are wanted.
    pub states: States,
    /// What the order is by; trouble first unless given.
    pub sort: Option<Sort>,
    /// Whether it is reversed.
    pub is_descending: bool,
    /// Which page, from 0 on.
    pub page: usize,
}

/// A choice of states.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum States {
    /// Every state.
    #[default]
    All,
    /// Conflicts, failures, and what is not probed.
    Trouble,
    /// One state.
    One(State),
}

impl States {
    /// All choices, in the order in which they are offered.
    pub const ALL: [Self; 7] = [
        Self::All,
        Self::Trouble,
        Self::One(State::Conflict),
        Self::One(State::Failure),
        Self::One(State::Skipped),
        Self::One(State::Ok),
        Self::One(State::Waiting),
    ];

    /// The value in the query.
    pub fn label(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Trouble => "trouble",
            Self::One(state) => state.label(),
        }
    }

    /// What it is offered as.
    pub fn words(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Trouble => "in trouble",
            Self::One(state) => state.words(),
        }
    }

    /// Whether a target of this state is wanted.
    pub fn take(self, state: State) -> bool {
        match self {
            Self::All => true,
            Self::Trouble => {
                matches!(state, State::Conflict | State::Failure | State::Skipped)
            }
            Self::One(wanted) => wanted == state,
        }
    }
}

/// What targets are sorted by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sort {
    /// Conflicts, failures, those that are not probed, those that wait, the others.
    State,
    /// The name.
    Name,
    /// The last status code.
    Code,
    /// How long the last cycle took.
    Duration,
    /// How many of the responses are unexpected conflicts.
    Conflicts,
    /// When it failed last.
    Failure,
    /// When it is probed next.
    Next,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::State,
        Self::Name,
        Self::Code,
        Self::Duration,
        Self::Conflicts,
        Self::Failure,
        Self::Next,
    ];

    /// The value in the query.
    pub fn label(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Name => "name",
            Self::Code => "code",
            Self::Duration => "duration",
            Self::Conflicts => "conflicts",
            Self::Failure => "failure",
            Self::Next => "next",
        }
    }

    /// Whether who sorts by it wants to see the highest first.
    fn begins_descending(self) -> bool {
        match self {
            Self::State | Self::Name | Self::Next => false,
            Self::Code | Self::Duration | Self::Conflicts | Self::Failure => true,
        }
    }
}

impl Query {
    /// Reads the query of a URL.
    pub fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            match &*key {
                "q" => query.search = value.chars().take(MAX_SEARCH).collect(),
                "state" => {
                    let known = States::ALL.into_iter().find(|state| state.label() == value);
                    query.states = known.unwrap_or_default();
                }
                "sort" => {
                    query.sort = Sort::ALL.into_iter().find(|sort| sort.label() == value);
                }
                "order" => query.is_descending = value == "desc",
                "page" => {
                    let number = value.parse::<usize>().ok();
                    query.page = number.and_then(|n| n.checked_sub(1)).unwrap_or(0);
                }
                _ => {}
            }
        }
        query
    }

    /// The link that leads to this, from the page that it is of.
    pub fn link(&self) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        if !self.search.is_empty() {
            pairs.append_pair("q", &self.search);
        }
        if self.states != States::All {
            pairs.append_pair("state", self.states.label());
        }
        if let Some(sort) = self.sort {
            pairs.append_pair("sort", sort.label());
        }
        if self.is_descending {
            pairs.append_pair("order", "desc");
        }
        if self.page > 0 {
            pairs.append_pair("page", &(self.page + 1).to_string());
        }
        let pairs = pairs.finish();
        match pairs.is_empty() {
            // A link of nothing would lead to the page with the query that it has.
            true => "./".to_owned(),
            false => format!("?{pairs}"),
        }
    }

    /// The order that the head of a column leads to.
    pub fn sorted_by(&self, sort: Sort) -> Self {
        let is_descending = match self.sort == Some(sort) {
            true => !self.is_descending,
            false => sort.begins_descending(),
        };
        Self {
            sort: Some(sort),
            is_descending,
            page: 0,
            ..self.clone()
        }
    }

    /// Another page of the same.
    pub fn at_page(&self, page: usize) -> Self {
        Self {
            page,
            ..self.clone()
        }
    }
}
