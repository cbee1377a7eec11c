//! Names of files by patterns, as Go's `filepath.Match` has them.

/// Whether `name` fits `pattern`: `*` is any text, `?` any character, `[a-z]` or `[^a-z]` one of a set,
/// and `\` takes the next one as it is. A pattern that ends in the midst of a set fits nothing.
pub fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stands, and how much of the name it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let matched = match pattern.get(p) {
            None if n == name.len() => return true,
            Some('*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(_) => name.get(n).and_then(|c| one(pattern.get(p..)?, *c)),
            None => None,
        };
        match (matched, star) {
            (Some(taken), _) => {
                p += taken;
                n += 1;
            }
            (None, Some((at, from))) if from < name.len() => {
                star = Some((at, from + 1));
                (p, n) = (at + 1, from + 1);
            }
            (None, _) => return false,
        }
    }
}

/// How many characters of the pattern stand for `c`, if they do.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == c).then_some(2),
        ['[', rest @ ..] => {
            let (is_negated, mut rest) = match rest {
                ['^', rest @ ..] => (true, rest),
                rest => (false, rest),
            };
            let mut taken = 1 + usize::from(is_negated);
            let mut is_in = false;
            let mut is_first = true;
            loop {
                if let (']', false) = (rest.first()?, is_first) {
                    return (is_in != is_negated).then_some(taken + 1);
                }
                let (low, n) = member(rest)?;
                rest = rest.get(n..)?;
                taken += n;
                let mut high = low;
                if let ['-', behind @ ..] = rest {
                    let (end, n) = member(behind)?;
                    high = end;
                    rest = behind.get(n..)?;
                    taken += n + 1;
                }
                is_in |= (low..=high).contains(&c);
                is_first = false;
            }
        }
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

/// A character of a set, and how many of the pattern it takes.
fn member(pattern: &[char]) -> Option<(char, usize)> {
    match pattern {
        ['\\', c, ..] => Some((*c, 2)),
        ['-' | ']', ..] | [] => None,
        [c, ..] => Some((*c, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_as_in_go() {
        for (pattern, name, expected) in [
            ("a.yml", "a.yml", true),
            ("a.yml", "b.yml", false),
            ("*.yml", "a.yml", true),
            ("*.yml", ".yml", true),
            ("*.yml", "a.yaml", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("?.json", "ü.json", true),
            ("?.json", ".json", false),
            ("[a-c]*.json", "b1.json", true),
            ("[^a-c]*.json", "b1.json", false),
            ("[^a-c]x", "dx", true),
            ("[\\]]x", "]x", true),
            ("[a", "a", false),
            ("\\*.yml", "*.yml", true),
            ("\\*.yml", "a.yml", false),
            ("*", "", true),
            ("a*", "", false),
            ("", "", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
        let many = "a".repeat(10_000);
        assert!(!fits("*a*a*a*a*b", &many));
    }
}
