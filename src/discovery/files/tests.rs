use std::fs;
use std::path::Path;

use super::*;
use crate::discovery::files::known::N_SETTLING;

/// The files `*.yml` of a folder.
fn look_out(folder: &Path) -> LookOut {
    let source = FileSource {
        pattern: "*.yml".to_owned(),
        folder: folder.to_owned(),
        names: "*.yml".to_owned(),
        every: Duration::from_secs(3_600),
    };
    LookOut::new(source, None)
}

/// How many targets are listed after a look.
fn n_targets(look_out: &LookOut) -> usize {
    let answer = look_out.answer();
    let groups = answer.iter().flat_map(|part| &part.groups);
    groups.map(|group| group.targets.len()).sum()
}

/// Looks until that makes no difference, and tells how many readings failed and what was said of it.
fn settle(look_out: &mut LookOut) -> (usize, String) {
    let (mut n_failed, mut said) = (0, Vec::new());
    for _ in 0..20 {
        let seen = look_out.look();
        n_failed += seen.n_failed;
        said.extend(seen.wrong.into_iter().chain(seen.notes));
    }
    (n_failed, said.join("; "))
}

#[test]
fn what_is_not_written_yet_takes_nothing_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.yml");
    fs::write(&file, "- targets: [a, b]\n").expect("written");
    let mut look_out = look_out(folder.path());
    assert_eq!(look_out.look().n_failed, 0);
    assert_eq!(n_targets(&look_out), 2);
    for (text, n_left, failures, what) in [
        ("", 2, 1, "is empty; [] would say"),
        ("# new\n---\n", 2, 0, ""),
        ("- targets: [a", 2, 1, "not valid YAML"),
        ("- targets: [a]\n", 1, 0, "can be used again"),
        ("[]", 0, 0, ""),
        ("", 0, 0, ""),
        ("- targets: [a, b, c]\n", 3, 0, ""),
    ] {
        fs::write(&file, text).expect("written");
        let (n_failed, said) = settle(&mut look_out);
        assert_eq!(
            (n_targets(&look_out), n_failed),
            (n_left, failures),
            "{text:?}: {said}"
        );
        assert!(said.contains(what), "{text:?}: {said}");
    }
}

#[test]
fn a_file_that_changes_all_the_time_fails_once_and_is_read_when_it_rests() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.yml");
    fs::write(&file, "- targets: [a, b]\n").expect("written");
    let mut look_out = look_out(folder.path());
    look_out.look();
    let mut n_failed = 0;
    for n in 0..3 * N_SETTLING {
        let comment = "#".repeat(n as usize);
        fs::write(&file, format!("- targets: [a]\n{comment}")).expect("written");
        n_failed += look_out.look().n_failed;
        assert_eq!(n_targets(&look_out), 2);
    }
    assert_eq!(n_failed, 1);
    let (n_failed, said) = settle(&mut look_out);
    assert_eq!((n_targets(&look_out), n_failed), (1, 0), "{said}");
    assert!(said.contains("can be used again"), "{said}");
}

#[test]
fn a_file_is_gone_when_it_stays_away_and_its_folder_does_not() {
    let above = tempfile::tempdir().expect("a folder");
    let folder = above.path().join("targets");
    fs::create_dir(&folder).expect("made");
    let (a, b) = (folder.join("a.yml"), folder.join("b.yml"));
    fs::write(&a, "- targets: [a, b]\n").expect("written");
    fs::write(&b, "- targets: [c]\n").expect("written");
    let mut look_out = look_out(&folder);
    look_out.look();
    for _ in 0..5 {
        fs::rename(&a, above.path().join("a.yml")).expect("moved");
        assert!(look_out.look().answer.is_none(), "it may come back");
        fs::rename(above.path().join("a.yml"), &a).expect("moved");
        look_out.look();
        assert_eq!(n_targets(&look_out), 3);
    }
    let elsewhere = above.path().join("elsewhere");
    fs::rename(&folder, &elsewhere).expect("moved");
    let (n_failed, said) = settle(&mut look_out);
    assert_eq!((n_targets(&look_out), n_failed), (3, 1), "{said}");
    assert!(
        said.contains("files of targets cannot be looked for"),
        "{said}"
    );
    fs::rename(&elsewhere, &folder).expect("moved");
    settle(&mut look_out);
    fs::remove_file(&a).expect("removed");
    let (n_failed, said) = settle(&mut look_out);
    assert_eq!((n_targets(&look_out), n_failed), (1, 0), "{said}");
    assert!(said.contains("a.yml is gone"), "{said}");
    fs::remove_file(&b).expect("removed");
    settle(&mut look_out);
    assert_eq!(n_targets(&look_out), 0);
    fs::remove_dir(&folder).expect("removed");
    assert_eq!(settle(&mut look_out).0, 0, "there was none left");
}

#[test]
fn a_stamp_from_the_future_settles_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.yml");
    fs::write(&file, "- targets: [a]\n").expect("written");
    let mut known = Known::default();
    let mut n_changes = 0;
    for n in 0..20 {
        n_changes += usize::from(known.look(&file, n == 0, false, 10) == Ok(true));
    }
    assert_eq!(n_changes, 1);
    assert!(
        known.is_settled(),
        "it was written just now, and stayed as it is"
    );
    assert!(known.look(&file, false, true, 10).is_ok());
    fs::write(&file, "- targets: [b, c]\n").expect("written");
    assert_eq!(known.look(&file, false, false, 1), Ok(false));
    let looked = known.look(&file, false, false, 1);
    assert!(looked.is_err(), "there is no room: {looked:?}");
}
