//! A value that nobody is shown.

use std::fmt;

/// What stands in the place of a secret.
pub const MASK: &str = "<secret>";

/// A value that lets somebody in somewhere, or may: it has no `Display` and no `Serialize`, and its
/// `Debug` shows a mask, so that it ends up in no log and on no page by accident. Whoever needs the
/// value says so.
///
/// The memory is not wiped: what is sent is copied by the clients of HTTP and by the kernel, and
/// those copies would stay.
///
/// ```compile_fail
/// let secret = httpcycle_exporter::target::secret::Secret::new("s3cret");
/// println!("{secret}");
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for who sends it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value, to be changed.
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("s3cret");
        assert_eq!(
            format!("{secret:?} {:#?}", Some(&secret)),
            "<secret> Some(\n    <secret>,\n)"
        );
        assert_eq!(*secret.expose(), "s3cret");
    }
}
