//! Merge patch (RFC 7396): an absent member stays, `null` removes a member, a value replaces it.
//!
//! A patch is merged into the present record, and the result must be valid by the schema of a new record. So the same rules hold
//! for creating and for changing, and no resource needs a type of its own for changes.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    contract::Contract,
    extract,
    language::say,
    problem::{Problem, Result},
    secrecy::Secrecy,
};

/// A change of a `T`. The contract shows it as a `T` with every member optional; see `openapi`.
#[derive(Clone, Debug, ToSchema)]
pub struct Patch<T> {
    #[schema(ignore)]
    members: Value,
    #[schema(ignore)]
    contract: Arc<Contract>,
    /// The id of the record that is changed, and the secrecy for the caller.
    #[schema(ignore)]
    secrecy: Option<Secrecy>,
    #[schema(value_type = T)]
    of: PhantomData<T>,
}

impl<T> FromRequest for Patch<T> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || {
            let members = extract::json(request, &["application/merge-patch+json", "application/json"])?;
            if !members.is_object() {
                return Err(Problem::fault(
                    "",
                    "wrong-type",
                    say!("Skicka ett objekt med de uppgifter som ska ändras.", "Send an object with the members to change."),
                ));
            }
            Ok(Self { members, contract: extract::contract(request)?, secrecy: Secrecy::of(request), of: PhantomData })
        };
        ready(read())
    }
}

impl<T> Patch<T> {
    /// Makes the patch of a record from members that were sent inside another body, such as a batch.
    #[must_use]
    pub const fn from_members(members: Value, contract: Arc<Contract>, secrecy: Option<Secrecy>) -> Self {
        Self { members, contract, secrecy, of: PhantomData }
    }
}

impl<T: DeserializeOwned + Serialize + PartialEq + ToSchema> Patch<T> {
    /// Returns the record with the patch applied; `None` when nothing changes.
    ///
    /// # Errors
    /// When the result is invalid by the schema of a new record (422), or a member is hidden from the caller (403).
    pub fn apply(&self, record: impl Into<Uuid>, present: &T) -> Result<Option<T>> {
        if let Some(secrecy) = &self.secrecy {
            secrecy.refuse_hidden(record.into(), self.members.as_object().into_iter().flatten().map(|(name, _)| name))?;
        }
        let mut merged = serde_json::to_value(present)?;
        merge(&mut merged, &self.members);
        self.contract.check(&T::name(), &merged)?;
        let changed: T = extract::typed(merged)?;
        Ok((changed != *present).then_some(changed))
    }
}

impl<T> Patch<T> {
    /// Returns the members as they were sent, and the contract. Callers that merge the members themselves check the result with it.
    #[must_use]
    pub fn parts(&self) -> (Map<String, Value>, &Contract) {
        (self.members.as_object().cloned().unwrap_or_default(), &self.contract)
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.remove(name);
            } else {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::merge;
    use serde_json::{Value, json};

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn the_examples_of_the_rfc_hold() {
        for (original, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), Value::Null, Value::Null),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut target = original;
            merge(&mut target, &patch);
            assert_eq!(target, result);
        }
    }
}
