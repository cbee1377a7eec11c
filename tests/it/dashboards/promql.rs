//! As much of PromQL as it takes to see which series a query chooses, and by which labels it groups.
//! Whether it is valid, Prometheus itself says.

/// A choice of series.
#[derive(Debug, Default, PartialEq)]
pub struct Selector {
    pub metric: String,
    /// Label, operator, value.
    pub matchers: Vec<(String, String, String)>,
    /// What stands in brackets behind it.
    pub range: Option<String>,
    /// The function or aggregation right around it, empty if there is none.
    pub function: String,
}

/// What a query names.
#[derive(Debug, Default)]
pub struct Names {
    pub selectors: Vec<Selector>,
    /// Labels in `by`, `on` and their like.
    pub labels: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

const LISTS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
const WORDS: [&str; 8] = [
    "and", "or", "unless", "bool", "offset", "inf", "nan", "atan2",
];

fn tokens(expr: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = expr.chars().peekable();
    while let Some(first) = rest.next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_:.$".contains(c);
        if is_word(first) {
            let mut word = String::from(first);
            while let Some(next) = rest.next_if(|next| is_word(*next)) {
                word.push(next);
            }
            tokens.push(Token::Word(word));
        } else if first == '#' {
            while rest.next_if(|next| *next != '\n').is_some() {}
        } else if first == '"' || first == '\'' {
            let mut value = String::new();
            while let Some(next) = rest.next_if(|next| *next != first) {
                value.push(next);
                if next == '\\' {
                    value.extend(rest.next());
                }
            }
            rest.next();
            tokens.push(Token::Text(value));
        } else if !first.is_whitespace() {
            tokens.push(Token::Sign(first));
        }
    }
    tokens
}

/// The tokens before the sign that closes what was opened, which is dropped.
fn until(tokens: &mut impl Iterator<Item = Token>, close: char) -> Vec<Token> {
    tokens
        .by_ref()
        .take_while(|token| *token != Token::Sign(close))
        .collect()
}

fn words(tokens: Vec<Token>) -> impl Iterator<Item = String> {
    tokens.into_iter().filter_map(|token| match token {
        Token::Word(word) => Some(word),
        _ => None,
    })
}

fn matchers(tokens: &[Token]) -> Vec<(String, String, String)> {
    let parts = tokens.split(|token| *token == Token::Sign(','));
    let read = |part: &[Token]| {
        let [Token::Word(label), signs @ .., Token::Text(value)] = part else {
            panic!("no matcher: {part:?}");
        };
        let operator = signs.iter().map(|sign| match sign {
            Token::Sign(sign) => *sign,
            other => panic!("no operator: {other:?}"),
        });
        (label.clone(), operator.collect(), value.clone())
    };
    parts.filter(|part| !part.is_empty()).map(read).collect()
}

/// Reads a query.
pub fn names(expr: &str) -> Names {
    let mut found = Names::default();
    let mut around = vec![String::new()];
    let mut called = String::new();
    let mut rest = tokens(expr).into_iter().peekable();
    while let Some(token) = rest.next() {
        match token {
            Token::Sign('(') => around.push(std::mem::take(&mut called)),
            Token::Sign(')') => called = around.pop().map(|_| String::new()).unwrap(),
            // A function of time, as in `@ end()`.
            Token::Sign('@') => drop(until(&mut rest, ')')),
            // A subquery.
            Token::Sign('[') => drop(until(&mut rest, ']')),
            Token::Sign(_) | Token::Text(_) => {}
            Token::Word(word) if LISTS.contains(&word.as_str()) => {
                if rest.next_if_eq(&Token::Sign('(')).is_some() {
                    found.labels.extend(words(until(&mut rest, ')')));
                }
            }
            Token::Word(word) if WORDS.contains(&word.as_str()) => {}
            Token::Word(word) if word.starts_with(|c: char| c.is_ascii_digit()) => {}
            Token::Word(word) => {
                let aggregates = matches!(rest.peek(), Some(Token::Word(next)) if LISTS.contains(&next.as_str()))
                    && AGGREGATIONS.contains(&word.as_str());
                if aggregates || rest.peek() == Some(&Token::Sign('(')) {
                    called = word;
                    continue;
                }
                let mut selector = Selector {
                    metric: word,
                    function: around.last().cloned().unwrap_or_default(),
                    ..Selector::default()
                };
                if rest.next_if_eq(&Token::Sign('{')).is_some() {
                    selector.matchers = matchers(&until(&mut rest, '}'));
                }
                if rest.next_if_eq(&Token::Sign('[')).is_some() {
                    let inner = words(until(&mut rest, ']')).collect::<String>();
                    selector.range = Some(inner);
                }
                found.selectors.push(selector);
            }
        }
    }
    found
}

const AGGREGATIONS: [&str; 11] = [
    "sum",
    "min",
    "max",
    "avg",
    "count",
    "count_values",
    "group",
    "topk",
    "bottomk",
    "quantile",
    "stddev",
];

#[test]
fn selectors_and_labels_are_found() {
    let expr = r#"# a comment
        60 * sum by (job, le) (rate(a_total{job=~"$job", x!="a\"} b"}[$__rate_interval]))
        / on (job) group_left () (1 - max_over_time(b:c{}[1d:5m] @ end())) > bool 2.5
        or topk(3, d) unless e and sum(f offset 5m) by (code)"#;
    let found = names(expr);
    let seen: Vec<(&str, &str, Option<&str>)> = found
        .selectors
        .iter()
        .map(|it| {
            (
                it.metric.as_str(),
                it.function.as_str(),
                it.range.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("a_total", "rate", Some("$__rate_interval")),
            ("b:c", "max_over_time", Some("1d:5m")),
            ("d", "topk", None),
            ("e", "", None),
            ("f", "sum", None),
        ]
    );
    assert_eq!(found.labels, ["job", "le", "job", "code"]);
    let matcher = |label: &str, operator: &str, value: &str| {
        (label.to_owned(), operator.to_owned(), value.to_owned())
    };
    assert_eq!(
        found.selectors[0].matchers,
        [
            matcher("job", "=~", "$job"),
            matcher("x", "!=", r#"a\"} b"#)
        ]
    );
}
