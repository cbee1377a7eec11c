//! Values that are written, or stand in a file: `password` and `password_file`. Prometheus has a third
//! form, the name of a secret in a secret manager; blackbox_exporter has none, and so refuses it.

use std::path::Path;

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::file;
use crate::config::problem::Report;
use crate::target::files::{Part, PartFile};

/// The keys of the three forms.
pub type Forms = [&'static str; 3];

/// The files of a module: where they are looked for, and which of its parts they hold.
#[derive(Debug)]
pub struct Files<'p> {
    base_dir: &'p Path,
    /// Those that were read.
    pub found: Vec<PartFile>,
}

impl<'p> Files<'p> {
    /// Looks for files from the folder of the configuration on.
    pub fn new(base_dir: &'p Path) -> Self {
        Self {
            base_dir,
            found: Vec::new(),
        }
    }

    /// The files of another thing that are looked for in the same folder.
    pub fn beside(&self) -> Self {
        Self::new(self.base_dir)
    }

    /// Reads the file that a field names, which holds `part` of the module.
    pub fn read(&mut self, field: Field<'_>, part: Part, report: &mut Report) -> Option<Vec<u8>> {
        let bytes = file::read_named(field, self.base_dir, part.max_bytes(), report)?;
        let path = self.base_dir.join(field.text(report)?);
        self.found.push(PartFile { part, path });
        Some(bytes)
    }
}

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
pub enum Source<'n> {
    /// In the configuration.
    Written(Field<'n>),
    /// In a file.
    File(Field<'n>),
}

impl<'n> Source<'n> {
    /// Takes the one form that is given, and refuses what is more.
    pub fn take(fields: &mut Fields<'n>, forms: Forms, report: &mut Report) -> Option<Self> {
        let [text, file, reference] = forms;
        let (text, file) = (fields.take_given(text), fields.take_given(file));
        if let Some(field) = fields.take_given(reference) {
            let [text, file, reference] = forms;
            let message = format!(
                "{reference} would need a secret manager, which neither blackbox_exporter nor this \
                 exporter has; use {text} or {file}"
            );
            report.mistake(field.key_pos, message);
        }
        at_most_one([text, file], report);
        Self::of(text, file)
    }

    /// The form that is given; both would be a mistake.
    pub fn of(text: Option<Field<'n>>, file: Option<Field<'n>>) -> Option<Self> {
        match file {
            Some(file) => Some(Self::File(file)),
            None => text.map(Self::Written),
        }
    }

    /// The field that it stands in.
    pub fn field(self) -> Field<'n> {
        match self {
            Self::Written(field) | Self::File(field) => field,
        }
    }

    /// The value as it is written or as the file has it.
    pub fn bytes(self, part: Part, files: &mut Files<'_>, report: &mut Report) -> Option<Vec<u8>> {
        match self {
            Self::Written(field) => Some(field.text(report)?.as_bytes().to_vec()),
            Self::File(field) => files.read(field, part, report),
        }
    }
}

/// Refuses all but the first of the fields that are there.
pub fn at_most_one<const N: usize>(fields: [Option<Field<'_>>; N], report: &mut Report) {
    let mut given: Vec<_> = fields.into_iter().flatten().collect();
    given.sort_by_key(|field| field.key_pos);
    let Some((first, others)) = given.split_first() else {
        return;
    };
    for other in others {
        let message = format!("{} and {} are both given; keep one", other.name, first.name);
        report.mistake(other.key_pos, message);
    }
}
