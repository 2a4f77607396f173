//! Frozen content: JSON in the exact bytes in which it was written, with the number of its form and its digest. It is served as
//! those bytes and is not parsed into the present types.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{
    hash,
    problem::{Problem, Result},
};

/// Content that never changes.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// The content as it was written.
    pub content: Box<RawValue>,
    /// SHA-256 of its bytes in hexadecimal; `None` when no digest was stored.
    pub hash: Option<String>,
    /// The number of the form in which it is written (see [`hash::frozen`]); `None` when it is not known.
    pub form: Option<i32>,
}

impl Frozen {
    /// Freezes content: writes it in the present form and computes the digest.
    ///
    /// # Errors
    /// When the content cannot be serialised as JSON (500).
    pub fn freeze(content: &impl Serialize) -> Result<Self> {
        let content = hash::frozen(hash::FORM, &serde_json::to_value(content)?)?;
        let digest = hash::sha256_hex(content.as_bytes());
        Ok(Self { content: RawValue::from_string(content)?, hash: Some(digest), form: Some(hash::FORM) })
    }

    /// Checks the content against its digest and its form. Returns the JSON Pointers of those that do not fit: `hash_member`,
    /// `form_member`, both, or none.
    ///
    /// # Errors
    /// When the number of the form is unknown, or the content is not JSON (500).
    pub fn find_differences(&self, hash_member: &str, form_member: &str) -> Result<Vec<String>> {
        let mut differs = Vec::new();
        if Some(hash::sha256_hex(self.content.get().as_bytes())) != self.hash {
            differs.push(hash_member.to_owned());
        }
        let canonical = self.form.map(|form| hash::frozen(form, &serde_json::from_str(self.content.get())?)).transpose()?;
        if canonical.as_deref() != Some(self.content.get()) {
            differs.push(form_member.to_owned());
        }
        Ok(differs)
    }

    /// Parses the content.
    ///
    /// # Errors
    /// When it is not JSON (500).
    pub fn value(&self) -> Result<serde_json::Value> {
        serde_json::from_str(self.content.get()).map_err(Problem::from)
    }
}

/// The result of checking frozen content.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrozenCheck {
    /// Whether the content is as it was frozen.
    pub intact: bool,
    /// JSON Pointers to the members of the resource that do not fit the content: to the digest when the content has another digest,
    /// to the form when the content is not written in that form. Both stand here when the content was frozen before digests and
    /// forms were stored.
    #[schema(example = json!([]))]
    pub differs: Vec<String>,
}

impl From<Vec<String>> for FrozenCheck {
    fn from(differs: Vec<String>) -> Self {
        Self { intact: differs.is_empty(), differs }
    }
}
