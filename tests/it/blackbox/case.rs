//! One case: a module, a target, what the servers answer, and what is meant to differ.
//!
//! In texts `{plain}` stands for the port of a server of the case's own; the names are in
//! [`crate::blackbox::servers`]. `{dir}` is the folder with certificates and files.

use std::time::Duration;

use crate::support::peer::Then;

/// A probe that both exporters make.
pub struct Case {
    /// Also the name of its module.
    pub name: &'static str,
    /// What stands in the module under `http`.
    pub http: &'static str,
    pub timeout: &'static str,
    /// The parameters of `/probe`; those of `target` and `module` are made if this is empty.
    pub query: &'static str,
    pub target: &'static str,
    /// Parameters besides `target` and `module`.
    pub further: &'static str,
    /// Lines of the head of the request to `/probe`.
    pub headers: &'static str,
    /// What the servers of this case answer, by path.
    pub answers: Vec<(&'static str, Answer)>,
    pub differences: Vec<Difference>,
}

/// Something that is meant to differ, and why. One that does not differ fails the comparison.
pub struct Difference {
    /// A series, or something else that is compared; `*` at its end stands for all that begin so.
    pub what: &'static str,
    /// What blackbox_exporter has, `absent`, or `*` for whatever it is.
    pub theirs: &'static str,
    pub ours: &'static str,
    pub why: &'static str,
}

/// The case of this name, which asks a plain server on 127.0.0.1 for `/`.
pub fn case(name: &'static str) -> Case {
    Case {
        name,
        http: "",
        timeout: "10s",
        query: "",
        target: "http://127.0.0.1:{plain}/",
        further: "",
        headers: "",
        answers: Vec::new(),
        differences: Vec::new(),
    }
}

impl Case {
    pub fn http(mut self, keys: &'static str) -> Self {
        self.http = keys;
        self
    }

    pub fn timeout(mut self, timeout: &'static str) -> Self {
        self.timeout = timeout;
        self
    }

    pub fn target(mut self, target: &'static str) -> Self {
        self.target = target;
        self
    }

    pub fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    pub fn further(mut self, parameters: &'static str) -> Self {
        self.further = parameters;
        self
    }

    pub fn headers(mut self, headers: &'static str) -> Self {
        self.headers = headers;
        self
    }

    pub fn at(mut self, path: &'static str, answer: Answer) -> Self {
        self.answers.push((path, answer));
        self
    }

    /// Each row is what differs, what blackbox_exporter has, and what we have.
    pub fn differs(
        mut self,
        why: &'static str,
        rows: &[(&'static str, &'static str, &'static str)],
    ) -> Self {
        let rows = rows.iter().map(|&(what, theirs, ours)| Difference {
            what,
            theirs,
            ours,
            why,
        });
        self.differences.extend(rows);
        self
    }

    /// Every text in which a server may be named.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let heads = self.answers.iter().map(|(_, answer)| answer.head.as_str());
        [self.http, self.query, self.target]
            .into_iter()
            .chain(heads)
    }
}

/// What a server sends, and what it does then.
#[derive(Clone)]
pub struct Answer {
    pub head: String,
    pub body: Vec<u8>,
    pub delay: Duration,
    pub then: Then,
}

/// Exactly these bytes.
pub fn raw(bytes: &str) -> Answer {
    Answer {
        head: bytes.to_owned(),
        body: Vec::new(),
        delay: Duration::ZERO,
        then: Then::Close,
    }
}

/// A status and nothing more.
pub fn status(line: &str) -> Answer {
    raw(&format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"))
}

/// A 200 with this body.
pub fn ok(body: impl Into<Vec<u8>>) -> Answer {
    let body = body.into();
    let length = body.len();
    Answer {
        body,
        ..raw(&format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
        ))
    }
}

/// A redirect to `location`.
pub fn redirect(code: u16, location: &str) -> Answer {
    status(&format!("{code} Redirect")).with("Location", location)
}

impl Answer {
    /// With a further line in its head.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let end = self.head.find("\r\n").unwrap() + 2;
        self.head.insert_str(end, &format!("{name}: {value}\r\n"));
        self
    }

    /// Sent only after a while.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }
}
