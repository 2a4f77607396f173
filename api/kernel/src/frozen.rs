//! What was frozen: JSON in the very bytes in which it was written, with the number of its form and its digest. It is served as
//! it is kept, and never read into today's types for that.

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
    /// SHA-256 of its bytes in hexadecimal; null where none was kept.
    pub hash: Option<String>,
    /// The number of the form that it is written in; null where none is known.
    pub form: Option<i32>,
}

impl Frozen {
    /// Freezes content as it is now.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(content: &impl Serialize) -> Result<Self> {
        let content = hash::frozen(hash::FORM, &serde_json::to_value(content)?)?;
        let digest = hash::sha256_hex(content.as_bytes());
        Ok(Self { content: RawValue::from_string(content)?, hash: Some(digest), form: Some(hash::FORM) })
    }

    /// What is not as it was when it was frozen: the member with its digest, or the one with its form.
    ///
    /// # Errors
    /// When there is no such form.
    pub fn differs(&self, hash_member: &str, form_member: &str) -> Result<Vec<String>> {
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

    /// The content, for programs.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn value(&self) -> Result<serde_json::Value> {
        serde_json::from_str(self.content.get()).map_err(Problem::from)
    }
}

/// What was found when something frozen was checked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrozenCheck {
    /// Whether all is as it was frozen.
    pub intact: bool,
    /// What is not, as JSON Pointers into the resource: to a digest when the content is not what was hashed, to a form when it is not
    /// written in that form. To both where neither was kept, as for what was frozen before there were any.
    #[schema(example = json!([]))]
    pub differs: Vec<String>,
}

impl From<Vec<String>> for FrozenCheck {
    fn from(differs: Vec<String>) -> Self {
        Self { intact: differs.is_empty(), differs }
    }
}
