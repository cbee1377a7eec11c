//! Where APIs that people meet put the reason of a conflict, and what they put there.

use crate::target::conflict::{Pattern, Source, UNSPECIFIED};
use crate::target::pointer::JsonPointer;

/// A rule by name.
#[derive(Debug)]
pub struct Preset {
    /// The name by which configurations refer to it.
    pub name: &'static str,
    place: Place,
    /// Values with the names of their reasons, which are the values in snake case.
    pub values: &'static [(&'static str, &'static str)],
}

#[derive(Debug)]
enum Place {
    Json(&'static str),
    Regexp(&'static str),
}

/// The presets. What an API sends with 409 is listed, and what it sends for the same cause with
/// other codes that may be counted as conflicts.
pub static ALL: [Preset; 5] = [
    // RFC 9457, 4.2.1: about:blank, which is also what an absent type means, says no more than the
    // status code. All other types are URIs of each API's own.
    Preset {
        name: "problem",
        place: Place::Json("/type"),
        values: &[("about:blank", UNSPECIFIED)],
    },
    // Status.reason, https://pkg.go.dev/k8s.io/apimachinery/pkg/apis/meta/v1#StatusReason: those
    // with status code 409.
    Preset {
        name: "kubernetes",
        place: Place::Json("/reason"),
        values: &[
            ("AlreadyExists", "already_exists"),
            ("Conflict", "conflict"),
        ],
    },
    // https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html: those with 409, and that
    // of https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html.
    Preset {
        name: "s3",
        place: Place::Regexp(r"<Code>\s*([^<\s]+)\s*</Code>"),
        values: &[
            ("BucketAlreadyExists", "bucket_already_exists"),
            ("BucketAlreadyOwnedByYou", "bucket_already_owned_by_you"),
            ("BucketNotEmpty", "bucket_not_empty"),
            ("ConditionalRequestConflict", "conditional_request_conflict"),
            ("InvalidBucketState", "invalid_bucket_state"),
            ("OperationAborted", "operation_aborted"),
            ("RestoreAlreadyInProgress", "restore_already_in_progress"),
        ],
    },
    // error_info in couch_httpd.erl and chttpd.erl of https://github.com/apache/couchdb: conflict
    // comes with 409, file_exists (a database that is there) with 412.
    Preset {
        name: "couchdb",
        place: Place::Json("/error"),
        values: &[("conflict", "conflict"), ("file_exists", "file_exists")],
    },
    // The exceptions of https://github.com/elastic/elasticsearch and
    // https://github.com/opensearch-project/OpenSearch whose status() is CONFLICT, by the names
    // that both make of their classes; resource_already_exists_exception comes with 400.
    Preset {
        name: "elasticsearch",
        place: Place::Json("/error/type"),
        values: &[
            (
                "version_conflict_engine_exception",
                "version_conflict_engine_exception",
            ),
            ("version_conflict_exception", "version_conflict_exception"),
            (
                "document_already_exists_exception",
                "document_already_exists_exception",
            ),
            (
                "repository_conflict_exception",
                "repository_conflict_exception",
            ),
            (
                "snapshot_in_use_deletion_exception",
                "snapshot_in_use_deletion_exception",
            ),
            (
                "resource_already_exists_exception",
                "resource_already_exists_exception",
            ),
        ],
    },
];

impl Preset {
    /// The preset of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|preset| preset.name == name)
    }

    /// Where the value stands.
    pub fn source(&self) -> Source {
        match self.place {
            Place::Json(pointer) => Source::Json(
                JsonPointer::parse(pointer).expect("the pointers of the table are well-formed"),
            ),
            Place::Regexp(text) => Source::Regexp(
                Pattern::new(text).expect("the expressions of the table have one group"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::conflict::{MAX_REASONS, Reasons};

    fn snake_case(value: &str) -> String {
        let mut name = String::new();
        for character in value.chars() {
            if character.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(character.to_ascii_lowercase());
        }
        name
    }

    #[test]
    fn every_preset_is_a_rule_with_room_for_more() {
        for preset in &ALL {
            // Panics if the table has a place that cannot be.
            let _source = preset.source();
            let mut reasons = Reasons::default();
            for (value, name) in preset.values {
                assert_eq!(reasons.insert(value, name), Ok(()), "{value}");
                assert!(*name == UNSPECIFIED || *name == snake_case(value), "{name}");
            }
            assert!(
                reasons.names().count() <= MAX_REASONS / 2,
                "{}",
                preset.name
            );
        }
    }
}
