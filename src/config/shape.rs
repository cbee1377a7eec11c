//! What the values of keys look like, as far as that can be told without their meaning: an editor is
//! told so, and the readers refuse what is of another shape.

/// The shape of a value. A key whose value is nothing is a key that is not there.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text; numbers and the like are taken as they are written.
    Text,
    /// A text, or nothing, which is an empty one.
    MaybeText,
    /// True or false, in the spellings of Go's YAML.
    Boolean,
    /// A duration as Prometheus writes it.
    Duration,
    /// A duration as Prometheus or Go writes it.
    Timeout,
    /// A number of bytes with a unit.
    Size,
    /// A number of seconds above 0.
    Seconds,
    /// A status code.
    Code,
    /// A URL that can be probed.
    Url,
    /// A version of HTTP; one that no response has is warned of.
    Version,
    /// One of the encodings that bodies are decoded from, in small letters or capitals.
    Compression,
    /// The name of one of [`crate::target::presets::ALL`].
    Preset,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list.
    List(&'static Self),
    /// A mapping of names that the user gives.
    Named(&'static Self),
}
