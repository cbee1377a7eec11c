use std::collections::HashMap;
use std::sync::Arc;

use crate::config::groups::Group;
use crate::discovery::targets::Found;
use crate::discovery::targets::tests::find_in;
use crate::discovery::targets::tests::group;

#[test]
fn different_targets_have_different_names_and_keep_them() {
    let (x, y) = ("a.test/?id=s3cret1", "a.test/?id=s3cret2");
    let masked = "http://a.test/?id=xxxxx";
    let names = |groups: Vec<Group>, before: &Found| {
        let before = before.targets.iter();
        let before = before.map(|one| (one.name.clone(), one.clone())).collect();
        let found = find_in(groups, &before);
        let names: Vec<_> = found.targets.iter().map(|one| one.name.clone()).collect();
        (names, found)
    };
    let none = Found::default();
    let (first, found) = names(vec![group(&[x, y, x], &[])], &none);
    let [plain, other] = &first[..] else {
        panic!("{first:?}");
    };
    assert_eq!(plain, masked);
    assert!(other.starts_with(&format!("{masked}#")), "{other}");
    let said: Vec<&str> = found.remarks.iter().map(|remark| &*remark.text).collect();
    assert!(said[0].contains("target 3: ") && said[0].contains("listed twice"));
    assert!(
        said[1].contains("target 2: it is called") && said.len() == 2,
        "{said:?}"
    );
    assert!(!format!("{said:?} {first:?}").contains("s3cret"));
    // Whatever else is listed, and in whichever order.
    let z = "a.test/?id=3";
    let (again, _) = names(vec![group(&[z, y, x], &[])], &found);
    assert_eq!(again[1..], [other.clone(), plain.clone()]);
    assert_eq!(again[0], format!("{other}-2"));
    let (alone, _) = names(vec![group(&[y], &[])], &found);
    assert_eq!(alone, std::slice::from_ref(other));
    let (fresh, _) = names(vec![group(&[y], &[])], &none);
    assert_eq!(fresh, [masked]);

    // The same URL by several modules or with other labels.
    let mixed = || {
        vec![
            group(&["a.test"], &[]),
            group(&["a.test"], &[("__param_module", "plain")]),
            group(&["a.test"], &[("zone", "b")]),
        ]
    };
    let (by_list, _) = names(mixed(), &none);
    assert_eq!(by_list[0], "http://a.test/");
    let (backwards, _) = names(mixed().into_iter().rev().collect(), &none);
    assert_eq!(by_list[1], backwards[1], "whatever stands before it");
    assert_ne!(by_list[1], by_list[2]);

    let named = |name, target| group(&[target], &[("__name", name)]);
    let (named, _) = names(
        vec![named("x", x), named("y", y), named("", "b.test")],
        &found,
    );
    assert_eq!(named, ["x", "y", "http://b.test/"]);
}

#[test]
fn of_what_is_listed_twice_the_one_that_runs_stays() {
    let listed = |every| group(&["a.test"], &[("__scrape_interval__", every)]);
    let first = find_in(vec![listed("20s")], &HashMap::new());
    let before = first.targets.iter();
    let before = before.map(|one| (one.name.clone(), one.clone())).collect();
    let both = find_in(vec![listed("10s"), listed("20s")], &before);
    assert_eq!(both.targets.len(), 1);
    assert!(Arc::ptr_eq(&both.targets[0], &first.targets[0]));
}
