//! What expressions mean, and what they may cost.

use std::collections::HashMap;

use cel::common::types::CelBool;
use cel::common::types::CelDouble;
use cel::common::types::CelList;
use cel::common::types::CelMap;
use cel::common::types::CelMapKey;
use cel::common::types::CelNull;
use cel::common::types::CelString;
use cel::common::value::Val;

use crate::target::cel::Cel;
use crate::target::cel::bounded::Budget;

fn number(value: f64) -> Box<dyn Val> {
    Box::new(CelDouble::from(value))
}

fn text(value: &str) -> Box<dyn Val> {
    Box::new(CelString::from(value.to_owned()))
}

fn list(values: Vec<Box<dyn Val>>) -> Box<dyn Val> {
    Box::new(CelList::from(values))
}

fn map(entries: Vec<(&str, Box<dyn Val>)>) -> Box<dyn Val> {
    let entries = entries
        .into_iter()
        .map(|(name, value)| (CelMapKey::from(name.to_owned()), value));
    Box::new(CelMap::from(entries.collect::<HashMap<_, _>>()))
}

/// `{"n": 1, "f": 1.5, "s": "abc", "l": [1, 2, "x"], "o": {"k": null}, "t": true,
///   "at": "2026-01-01T00:00:00Z"}`, numbers as doubles.
fn body() -> Box<dyn Val> {
    map(vec![
        ("n", number(1.0)),
        ("f", number(1.5)),
        ("s", text("abc")),
        ("l", list(vec![number(1.0), number(2.0), text("x")])),
        ("o", map(vec![("k", Box::new(CelNull))])),
        ("t", Box::new(CelBool::from(true))),
        ("at", text("2026-01-01T00:00:00Z")),
    ])
}

/// An expression, and its result or how the words about it begin. A result without words is refused
/// at once or when it runs.
type Meaning = (&'static str, Result<bool, &'static str>);

const MEANINGS: &[Meaning] = &[
    (
        "body.n == 1 && 1 == body.n && body.n == 1.0 && body.n == 1u",
        Ok(true),
    ),
    ("body.n > 0 && body.n <= 1u && body.f >= 1.5", Ok(true)),
    ("body.n != 2 && !(body.f == 1)", Ok(true)),
    (
        "body.n in [1, 2] && 1 in body.l && 'x' in body.l && !(3 in body.l)",
        Ok(true),
    ),
    ("'n' in body && !('z' in body)", Ok(true)),
    ("has(body.n) && has(body.o.k) && !has(body.z)", Ok(true)),
    ("body.o.k == null", Ok(true)),
    (
        "body['n'] == 1 && body.l[0] == 1 && body.l[1] == 2",
        Ok(true),
    ),
    (
        "size(body.l) == 3 && body.l.size() == 3 && size(body.s) == 3 && size(body) == 7",
        Ok(true),
    ),
    (
        "body.s + 'd' == 'abcd' && body.n + 1.0 == 2.0 && -body.n == -1",
        Ok(true),
    ),
    (
        "int(body.n) + 1 == 2 && string(body.n) == '1' && string(body.f) == '1.5'",
        Ok(true),
    ),
    (
        "body.s.startsWith('a') && body.s.endsWith('c') && body.s.contains('b')",
        Ok(true),
    ),
    (
        "body.s.matches('^a.c$') && matches(body.s, 'b') && !body.s.matches('^b')",
        Ok(true),
    ),
    (
        r"body.s.matches(r'\Qa\E\w{2}') && body.s.matches(body.l[2]) == false",
        Ok(true),
    ),
    (
        "body.l.exists(x, x == 2) && body.l.all(x, x != 3)",
        Ok(true),
    ),
    (
        "body.l.exists_one(x, x == 2) && body.l.existsOne(x, x == 'x')",
        Ok(true),
    ),
    (
        "body.l.filter(x, x != 'x').map(x, x * 2.0) == [2, 4]",
        Ok(true),
    ),
    (
        "body.l.map(x, x == 1, 5) == [5] && [[1], [2]].all(x, x.all(y, y > 0))",
        Ok(true),
    ),
    ("body.all(name, name.size() < 3)", Ok(true)),
    (
        "type(body.n) == double && type(body) == map && type(body.o.k) == null_type",
        Ok(true),
    ),
    ("body.t ? body.n == 1 : body.z", Ok(true)),
    (
        "timestamp(body.at) < timestamp('2026-01-01T00:00:01Z')",
        Ok(true),
    ),
    (
        "timestamp(body.at) + duration('1h') > timestamp(body.at)",
        Ok(true),
    ),
    ("timestamp(body.at).getFullYear() == 2026", Ok(true)),
    ("body.z || body.t", Ok(true)),
    ("body.t || body.z", Ok(true)),
    ("body.z && false", Ok(false)),
    ("body == 1 || body.s == 1", Ok(false)),
    ("body.z == 1", Err("no such key: z")),
    ("body.o.k.z", Err("found no matching overload")),
    ("body.n", Err("its result is double, no boolean")),
    ("body", Err("its result is map, no boolean")),
    (
        "body.n + 1 == 2",
        Err("no overload of add for float and int"),
    ),
    ("body.s < 1", Err("found no matching overload for '_<_'")),
    (
        "body.l.all(x, x > 0)",
        Err("found no matching overload for '_>_'"),
    ),
    ("body.l[3] == 1", Err("no such place in a list")),
    ("1 / 0 == 1", Err("division by zero")),
    ("9223372036854775807 + 1 > 0", Err("a number does not fit")),
    ("int(body.s) == 1", Err("int: ")),
    (
        "body.s.matches(body.s + '(')",
        Err("matches: is no regular expression: unclosed group"),
    ),
    ("body[body.s] == 1", Err("no such key")),
    ("body['z'] == 1", Err("no such key: z")),
    (
        "duration(body.s) == duration('1h')",
        Err("duration: its arguments"),
    ),
    (
        "timestamp(body.at).getHours(body.s) == 1",
        Err("timezone: its arguments"),
    ),
    ("body.s.size(body.n) == 1 || size(body.n) == 1", Err("")),
];

#[test]
fn expressions_mean_what_they_mean_in_cel_go() {
    for &(expression, expected) in MEANINGS {
        let made = match (Cel::new(expression), expected) {
            (Ok(made), _) => made,
            (Err(_), Err("")) => continue,
            (Err(why), _) => panic!("{expression}: {why}"),
        };
        let result = made.is_true_of(body(), &Budget::full());
        match (&result, expected) {
            (Ok(result), Ok(expected)) => assert_eq!(*result, expected, "{expression}"),
            (Err(why), Err(expected)) => {
                assert!(why.starts_with(expected), "{expression}: {why}");
                assert!(!why.contains("abc"), "{expression}: {why} shows the body");
            }
            _ => panic!("{expression}: {result:?}"),
        }
        assert_eq!(made.to_string(), expression);
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    for (expression, said) in [
        ("", "is empty"),
        (" \n", "is empty"),
        (
            "body.n ==",
            "is no CEL expression: mismatched input '<EOF>' at 1:10",
        ),
        (
            "body.a\n== == 2",
            "is no CEL expression: extraneous input '==' at 2:4",
        ),
        (
            "body.a = 1",
            "is no CEL expression: token recognition error at: '= ' at 1:8",
        ),
        (
            "foo == 1",
            "undeclared reference to \"foo\" at 1:1; the variable is called body",
        ),
        (
            "body.n == 1 &&\n  foo",
            "undeclared reference to \"foo\" at 2:3",
        ),
        (
            "body.l.all(x, x == y)",
            "undeclared reference to \"y\" at 1:20",
        ),
        (
            "body.l.all(x, true) && x",
            "undeclared reference to \"x\" at 1:24",
        ),
        ("x.all(x, true)", "undeclared reference to \"x\" at 1:1"),
        ("foo(1)", "undeclared reference to \"foo\""),
        ("body.foo()", "undeclared reference to \"foo\""),
        (
            "body.n.int() == 1",
            "int cannot be called with 0 arguments like this",
        ),
        ("size()", "size cannot be called with 0 arguments like this"),
        (
            "contains('a', 'b')",
            "contains cannot be called with 2 arguments like this",
        ),
        ("body.l.all(x)", "undeclared reference to \"all\""),
        ("has(body)", "invalid argument to has() macro at 1:5"),
        ("body.?n", "unsupported syntax '.?'"),
        (
            "google.protobuf.Timestamp{}",
            "undeclared reference to \"google.protobuf.Timestamp\"",
        ),
        (
            "body.s.matches('(')",
            "what matches is to find at 1:15 is no regular expression: unclosed group",
        ),
    ] {
        let why = Cel::new(expression).unwrap_err();
        assert!(why.contains(said), "{expression}: {why}");
        assert!(
            !why.contains('\n') && why.len() < 200,
            "{expression}: {why}"
        );
    }
}

/// On the stack of a test, which is as small as that of a worker.
#[test]
fn depth_is_bounded_before_it_takes_the_stack() {
    let nested = |open: &str, inner: &str, close: &str, n: usize| {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    };
    let chained = |first: &str, more: &str, n: usize| format!("{first}{}", more.repeat(n));
    for (n, fits) in [(20, true), (40, false), (500, false), (2_000, false)] {
        for expression in [
            nested("(", "1", ")", n),
            nested("[", "", "]", n),
            nested("{1:", "1", "}", n),
            nested("size(", "1", ")", n),
            nested("true ? 1 : ", "1", "", n),
        ] {
            assert_eq!(
                Cel::new(&expression).is_ok(),
                fits,
                "{n} of {expression:.20}"
            );
        }
        let loops = nested("[1].all(x, ", "true", ")", n / 2);
        let result = Cel::new(&loops).map(|loops| loops.is_true_of(body(), &Budget::full()));
        assert_eq!(
            result.is_ok_and(|result| result == Ok(true)),
            n == 20,
            "{n}"
        );
        assert!(Cel::new(&"[".repeat(n)).is_err());
    }
    for (n, fits) in [
        (20, true),
        (29, true),
        (40, false),
        (1_000, false),
        (4_000, false),
    ] {
        for expression in [
            chained("body", "[0]", n),
            chained("1", "+1", n),
            chained("1", "==1", n),
        ] {
            let made = Cel::new(&expression);
            assert_eq!(made.is_ok(), fits, "{n} of {expression:.20}");
            if let Ok(made) = made {
                made.is_true_of(body(), &Budget::full()).ok();
            }
        }
    }
    let [nots, ands] = [
        chained("true", " && true", 500),
        chained("", "!", 3_000) + "true",
    ];
    for expression in [nots, ands] {
        let result = Cel::new(&expression)
            .unwrap()
            .is_true_of(body(), &Budget::full());
        assert_eq!(result, Ok(true), "{expression:.20}");
    }
}

#[test]
fn loops_end_when_they_take_too_many_steps() {
    let many = || list((0..2_000).map(|n| number(f64::from(n))).collect());
    for expression in [
        "body.all(x, body.all(y, body.all(z, z >= 0)))",
        "body.exists(x, body.exists(y, body.exists(z, z < 0)))",
        "body.map(x, body.filter(y, body.exists_one(z, z == y))).size() > 0",
        "body.exists_one(x, body.map(y, body.map(z, z)).size() == 0)",
        // Errors are absorbed where a later element may decide, but not this one.
        "body.all(x, body.all(y, body.all(z, z >= 0)) || false)",
    ] {
        let made = Cel::new(expression).unwrap();
        assert!(made.loops());
        let why = made.is_true_of(many(), &Budget::of(20_000)).unwrap_err();
        assert!(why.starts_with("loops: "), "{expression}: {why}");
    }
    let once = Cel::new("body.map(x, x + 1.0).filter(x, x > 0.0).all(x, x >= 1)").unwrap();
    assert_eq!(once.is_true_of(many(), &Budget::full()), Ok(true));
    assert!(!Cel::new("body.a == 1").unwrap().loops());
}
