//! What judging a response found besides the failure, as the pages of blackbox_exporter tell it.

/// The findings. Without a response there are none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Judgement {
    /// How many bytes the body has once it is decoded, as far as that went.
    pub decoded_bytes: u64,
    /// Whether an expression for a header or for the text of the body failed the probe, or the text
    /// could not be had for it; `None` if it did not come to one.
    pub failed_by_regexp: Option<bool>,
    /// The same of the expressions for the JSON.
    pub failed_by_cel: Option<bool>,
}
