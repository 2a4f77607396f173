//! Computes the differences between two versions of a record.

use serde_json::Value;

/// Returns the members that differ, ordered by name, each as (name, value before, value after). `before` is `None` for the first
/// version. Missing, null and an empty list count as equal.
#[must_use]
pub fn differences(before: Option<&Value>, after: &Value) -> Vec<(String, Value, Value)> {
    let member = |body: Option<&Value>, name: &str| {
        let mut value = body.and_then(|body| body.get(name)).cloned().unwrap_or_default();
        // The databases may store the members of nested objects in another order.
        value.sort_all_objects();
        value
    };
    let mut names: Vec<&String> =
        [before, Some(after)].into_iter().flatten().filter_map(Value::as_object).flat_map(|all| all.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let changed = names.into_iter().map(|name| (name.clone(), member(before, name), member(Some(after), name)));
    changed.filter(|(_, before, after)| before != after && !(is_empty(before) && is_empty(after))).collect()
}

/// Whether a value is null or an empty list. A missing member is null: versions that are older than the member do not have it.
fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_version_tells_what_it_had_and_the_next_what_it_changed() {
        let first = json!({"name": "Odlarna", "focus": null, "areas": [], "kind": "association"});
        let second = json!({"name": "Odlarna i Fittja", "focus": null, "areas": ["a"], "kind": "association", "languages": []});
        let names = |found: Vec<(String, Value, Value)>| found.into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
        assert_eq!(names(differences(None, &first)), ["kind", "name"]);
        assert_eq!(
            differences(Some(&first), &second),
            [("areas".to_owned(), json!([]), json!(["a"])), ("name".to_owned(), json!("Odlarna"), json!("Odlarna i Fittja"))]
        );
    }

    proptest! {
        /// The differences applied to the first version give the second version.
        #[test]
        fn differences_lead_from_one_version_to_the_next(
            before in proptest::collection::btree_map("[a-d]", 0_u8..3, 0..4), after in proptest::collection::btree_map("[a-d]", 0_u8..3, 0..4)
        ) {
            let (before, after) = (json!(before), json!(after));
            let mut reached = before.clone();
            for (name, was, becomes) in differences(Some(&before), &after) {
                prop_assert_eq!(reached.get(&name).cloned().unwrap_or_default(), was);
                reached[name] = becomes;
            }
            if let Some(members) = reached.as_object_mut() {
                members.retain(|_, value| !value.is_null());
            }
            prop_assert_eq!(reached, after);
        }
    }
}
