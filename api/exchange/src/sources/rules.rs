//! The rules for writing a partner system's record to an actor that may have been changed here in the meantime.
//!
//! For each member that the source owns there are three values: the one that the source last wrote, the present one, and
//! the incoming one. A member that nobody has changed here since gets the incoming value. A member that somebody has
//! changed is left alone and reported.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    kernel::{Fault, Problem, Result, personal_number, say, secrecy::Secrecy, text},
    registry::actors::{ActorId, Identifier, IdentifierScope, NewActor},
};

/// Members of an actor, by name.
pub type Record = Map<String, Value>;

/// The maximum length of an external id, in characters.
pub const EXTERNAL_ID_LENGTH: usize = 200;

/// The reason why a member that was given is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnwrittenReason {
    /// The source does not own the member.
    NotOwned,
    /// Somebody here has changed it since the source last wrote it.
    CuratedLocally,
    /// The member is under secrecy, and the caller is not cleared for it.
    UnderSecrecy,
    /// The change would move the actor to where others are responsible for it, which the caller may not decide.
    NotAllowed,
    /// The actor would look like another one. Somebody who sees both must first decide whether they are the same.
    LooksLikeAnother,
    /// The value is not a valid web address, e-mail address or telephone number, and was left out.
    Unreadable,
}

/// A member that was given and is not written.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unwritten {
    /// The name of the member.
    #[schema(example = "name")]
    pub member: String,
    pub reason: UnwrittenReason,
    /// The present value; null also when the caller may not see it.
    pub current: Value,
    /// The value that the source gave.
    pub given: Value,
}

/// The plan for the members of a record whose actor exists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The members to write.
    pub write: Record,
    /// The values that the source has written by this plan: where they differ from those that it last wrote.
    pub wrote: Record,
    /// The members to leave alone.
    pub left_alone: Vec<Unwritten>,
}

impl Plan {
    /// Moves members from `write` to `left_alone`. For them the value that the source last wrote stays as it was.
    pub fn withhold(&mut self, members: &[&str], reason: UnwrittenReason, current: &Record) {
        for member in members {
            let Some(new) = self.write.remove(*member) else { continue };
            self.wrote.remove(*member);
            self.left_alone.push(Unwritten {
                member: (*member).to_owned(),
                reason,
                current: with_sorted_keys(current.get(*member).unwrap_or(&Value::Null)),
                given: with_sorted_keys(&new),
            });
        }
        self.left_alone.sort_by(|one, other| one.member.cmp(&other.member));
    }
}

/// The members that decide who is responsible for an actor.
pub const RESPONSIBILITY: [&str; 2] = [PARENT, SEAT];

/// The members that make an actor look like another one.
pub const IDENTIFYING: [&str; 6] = ["name", "otherNames", "formerNames", "kind", SEAT, "identifiers"];

pub const PARENT: &str = "parentId";

pub const SEAT: &str = "seatAreaId";

/// Decides member by member what to write. A member that is empty and that the source never wrote is written.
#[must_use]
pub fn plan(owned: &[String], given: &Record, base: &Record, current: &Record, hidden: &BTreeSet<String>) -> Plan {
    let mut plan = Plan::default();
    let in_order: BTreeMap<&String, &Value> = given.iter().collect();
    for (member, new) in in_order {
        let present = current.get(member).unwrap_or(&Value::Null);
        let mut leave = |reason| {
            let current = if reason == UnwrittenReason::UnderSecrecy { Value::Null } else { with_sorted_keys(present) };
            plan.left_alone.push(Unwritten { member: member.clone(), reason, current, given: with_sorted_keys(new) });
        };
        // This check comes first, because any later difference would reveal something of the hidden value.
        if hidden.contains(member) {
            leave(UnwrittenReason::UnderSecrecy);
            continue;
        }
        if !owned.contains(member) {
            if new != present {
                leave(UnwrittenReason::NotOwned);
            }
            continue;
        }
        if new == present {
            if base.get(member) != Some(new) {
                plan.wrote.insert(member.clone(), new.clone());
            }
            continue;
        }
        if is_all_caps_variant(new, present) {
            continue;
        }
        match base.get(member) {
            Some(last) if last == new => {}
            last if last.map_or_else(|| is_empty(present), |last| last == present) => {
                plan.write.insert(member.clone(), new.clone());
                plan.wrote.insert(member.clone(), new.clone());
            }
            _ => leave(UnwrittenReason::CuratedLocally),
        }
    }
    plan
}

/// Returns whether a new text differs from the present one only by being in capitals. Many registers write everything in
/// capitals, and that is not a change.
fn is_all_caps_variant(new: &Value, present: &Value) -> bool {
    let (Some(new), Some(present)) = (new.as_str(), present.as_str()) else { return false };
    new != present && !new.chars().any(char::is_lowercase) && new.to_lowercase() == present.to_lowercase()
}

/// Returns a value with the keys of its objects sorted, because the databases keep them in different orders.
#[must_use]
pub fn with_sorted_keys(value: &Value) -> Value {
    let mut value = value.clone();
    value.sort_all_objects();
    value
}

/// Returns whether a value is empty: null, an empty list or an empty text.
#[must_use]
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Returns a record with the given members laid over it; null removes a member.
#[must_use]
pub fn overlay(mut whole: Record, members: &Record) -> Record {
    for (member, value) in members {
        if value.is_null() {
            whole.remove(member);
        } else {
            whole.insert(member.clone(), value.clone());
        }
    }
    whole
}

/// Returns the given members with their values in the whole record; null when it does not have a member.
#[must_use]
pub fn select_members(members: &Record, whole: &Record) -> Record {
    members.iter().map(|(member, _)| (member.clone(), whole.get(member).cloned().unwrap_or(Value::Null))).collect()
}

/// Keeps the scope `parent` of numbers that were decided to belong to the parent, although the source still gives them as
/// the actor's own.
pub fn keep_scopes(identifiers: &mut [Identifier], current: &[Identifier]) {
    for identifier in identifiers {
        let decided = current
            .iter()
            .any(|known| known.scope == IdentifierScope::Parent && known.scheme == identifier.scheme && known.value == identifier.value);
        if decided {
            identifier.scope = IdentifierScope::Parent;
        }
    }
}

/// Returns the names of all members of an actor that can be written.
#[must_use]
pub fn writable_members() -> &'static [String] {
    static MEMBERS: LazyLock<Vec<String>> = LazyLock::new(|| least_actor().into_iter().map(|(member, _)| member).collect());
    &MEMBERS
}

/// Returns the members that an actor may leave empty, with the value that they then have.
#[must_use]
pub(crate) fn empty_members() -> &'static Record {
    static EMPTY: LazyLock<Record> = LazyLock::new(|| least_actor().into_iter().filter(|(_, value)| is_empty(value)).collect());
    &EMPTY
}

/// Returns the members of an actor that has none but those that it must have.
fn least_actor() -> Record {
    let least = serde_json::from_value::<NewActor>(json!({"kind": "other", "name": "-"}));
    least.ok().and_then(|actor| members_of(&actor).ok()).unwrap_or_default()
}

/// Returns the faults in a list of owned members.
#[must_use]
pub fn owned_faults(owned: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, member) in owned.iter().enumerate() {
        let pointer = format!("/ownedFields/{at}");
        if owned[..at].contains(member) {
            let detail = say!("Uppgiften {member} står två gånger; ange den en gång.", "The member {member} stands twice; give it once.");
            faults.push(Fault::at_pointer(pointer, "repeated", detail));
        } else if !writable_members().contains(member) {
            let all = || writable_members().join(", ");
            let meant = text::nearest(member, writable_members().iter().map(String::as_str)).map_or_else(all, ToOwned::to_owned);
            faults.push(Fault::at_pointer(
                pointer,
                "not-in-list",
                say!(
                    "En aktör har ingen uppgift {member} som går att skriva. Menade du {meant}?",
                    "An actor has no member {member} that can be written. Did you mean {meant}?"
                ),
            ));
        }
    }
    faults
}

/// Returns the fault of an external id, if it has one. The fault does not repeat the id.
#[must_use]
pub fn external_id_fault(id: &str) -> Option<Fault> {
    if personal_number::contains(id) {
        return Some(personal_number::fault("/externalId"));
    }
    let length = id.chars().count();
    if length == 0 || length > EXTERNAL_ID_LENGTH || id.trim() != id {
        return Some(Fault::at_pointer(
            "/externalId",
            "wrong-length",
            say!(
                "Ett id i en källa är 1–{EXTERNAL_ID_LENGTH} tecken, utan blanktecken först eller sist.",
                "An id in a source has 1–{EXTERNAL_ID_LENGTH} characters, without blanks at its ends."
            ),
        ));
    }
    if is_dot_segment(id) {
        return Some(Fault::at_pointer(
            "/externalId",
            "unreachable",
            say!(
                "Ett id får inte vara . eller .., för en adress som slutar så leder någon annanstans. Sätt något framför, till exempel post-{id}.",
                "An id cannot be . or .., for an address that ends so leads elsewhere. Put something before it, for example record-{id}."
            ),
        ));
    }
    // Bytes that cannot be decoded arrive as U+FFFD.
    let letter = text::forbidden_character(id).or_else(|| id.chars().find(|letter| *letter == '\u{FFFD}' || letter.is_control()))?;
    Some(Fault::at_pointer("/externalId", "forbidden-character", crate::kernel::contract::forbidden(letter)))
}

/// Returns whether an id is a dot segment of a path (RFC 3986, 5.2.4), also when a proxy decodes it once more.
#[must_use]
pub fn is_dot_segment(id: &str) -> bool {
    let plain = id.to_ascii_lowercase().replace("%2e", ".");
    matches!(plain.as_str(), "." | "..")
}

/// Returns the members of an actor that the caller may neither read nor change: they are under secrecy, or would reveal a
/// member that is.
pub(crate) fn hidden_members(actor: ActorId, secrecy: Option<&Secrecy>) -> BTreeSet<String> {
    secrecy.map(|secrecy| secrecy.locked(actor.uuid()).into_keys().map(ToOwned::to_owned).collect()).unwrap_or_default()
}

/// Returns all members of an actor as a JSON object.
///
/// # Errors
/// When the actor cannot be serialised.
pub(crate) fn members_of(actor: &NewActor) -> Result<Record> {
    match serde_json::to_value(actor)? {
        Value::Object(members) => Ok(members),
        _ => Err(Problem::internal(&"an actor is no object")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![Just(Value::Null), Just(json!([])), (0..4_u8).prop_map(|number| json!(format!("v{number}")))]
    }

    fn record() -> impl Strategy<Value = Record> {
        proptest::collection::btree_map("[a-e]", value(), 0..5).prop_map(|members| members.into_iter().collect())
    }

    fn owned() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::btree_set("[a-e]", 0..5).prop_map(|members| members.into_iter().collect())
    }

    /// Returns the actor after the plan.
    fn written(current: &Record, plan: &Plan) -> Record {
        let mut after = current.clone();
        after.extend(plan.write.clone());
        after
    }

    /// Returns the values that the source has last written after the plan.
    fn base_after(base: &Record, plan: &Plan) -> Record {
        let mut after = base.clone();
        after.extend(plan.wrote.clone());
        after
    }

    fn value_of<'a>(record: &'a Record, member: &str) -> &'a Value {
        record.get(member).unwrap_or(&Value::Null)
    }

    proptest! {
        #[test]
        fn what_was_changed_here_is_never_overwritten(
            owned in owned(), given in record(), base in record(), current in record()
        ) {
            let plan = plan(&owned, &given, &base, &current, &BTreeSet::new());
            for (member, _) in &plan.write {
                prop_assert!(owned.contains(member) && given.contains_key(member));
                match base.get(member) {
                    Some(last) => prop_assert_eq!(last, value_of(&current, member)),
                    None => prop_assert!(is_empty(value_of(&current, member))),
                }
            }
        }

        #[test]
        fn the_same_record_again_changes_nothing(owned in owned(), given in record(), base in record(), current in record()) {
            let first = plan(&owned, &given, &base, &current, &BTreeSet::new());
            let second = plan(&owned, &given, &base_after(&base, &first), &written(&current, &first), &BTreeSet::new());
            prop_assert!(second.write.is_empty() && second.wrote.is_empty());
            prop_assert_eq!(second.left_alone, first.left_alone);
        }

        #[test]
        fn records_of_different_members_may_come_in_any_order(
            owned in owned(), given in record(), base in record(), current in record(), split in 0..5_usize
        ) {
            let (one, other): (Vec<_>, Vec<_>) = given.into_iter().enumerate().partition(|(at, _)| *at < split);
            let (one, other): (Record, Record) =
                (one.into_iter().map(|(_, pair)| pair).collect(), other.into_iter().map(|(_, pair)| pair).collect());
            let both = |first: &Record, second: &Record| {
                let none = BTreeSet::new();
                let plan_of_first = plan(&owned, first, &base, &current, &none);
                let between = written(&current, &plan_of_first);
                let base = base_after(&base, &plan_of_first);
                let plan_of_second = plan(&owned, second, &base, &between, &none);
                (written(&between, &plan_of_second), base_after(&base, &plan_of_second))
            };
            prop_assert_eq!(both(&one, &other), both(&other, &one));
        }

        #[test]
        fn what_is_hidden_is_neither_written_nor_shown(given in record(), base in record(), current in record(), owned in owned()) {
            let hidden: BTreeSet<String> = ["a", "b"].map(ToOwned::to_owned).into();
            let plan = plan(&owned, &given, &base, &current, &hidden);
            prop_assert!(hidden.iter().all(|member| !plan.write.contains_key(member)));
            let told = |member: &String| plan.left_alone.iter().any(|left| left.member == *member);
            prop_assert!(hidden.iter().all(|member| told(member) == given.contains_key(member)), "the same whatever stands there");
            prop_assert!(plan.left_alone.iter().all(|left| !hidden.contains(&left.member) || left.current.is_null()));
        }
    }

    #[test]
    fn each_case_of_the_rule_has_its_outcome() {
        let owned = ["name".to_owned()];
        let outcome = |base: &str, current: &str, new: &str| {
            let one = |value: &str| Record::from_iter([("name".to_owned(), json!(value))]);
            let plan = plan(&owned, &one(new), &one(base), &one(current), &BTreeSet::new());
            (
                plan.write.contains_key("name"),
                base_after(&one(base), &plan)["name"].clone(),
                plan.left_alone.first().map(|left| left.reason),
            )
        };
        assert_eq!(outcome("a", "a", "b"), (true, json!("b"), None), "nobody has changed it here");
        assert_eq!(outcome("a", "b", "a"), (false, json!("a"), None), "the source says nothing new");
        assert_eq!(outcome("a", "b", "b"), (false, json!("b"), None), "both have come to say the same");
        assert_eq!(outcome("a", "b", "c"), (false, json!("a"), Some(UnwrittenReason::CuratedLocally)));
        assert_eq!(outcome("Ale kommun", "Ale kommun", "ALE KOMMUN"), (false, json!("Ale kommun"), None), "capitals are no other name");
        assert_eq!(outcome("IBF", "IBF", "Ibf"), (true, json!("Ibf"), None), "small letters may be");
    }

    #[test]
    fn what_a_source_owns_is_a_member_that_can_be_written() {
        let faults = |owned: &[&str]| {
            let owned: Vec<String> = owned.iter().map(|member| (*member).to_owned()).collect();
            owned_faults(&owned).into_iter().map(|fault| (fault.pointer, fault.code, fault.detail.en)).collect::<Vec<_>>()
        };
        assert!(faults(&["name", "seatAreaId", "identifiers"]).is_empty());
        let found = faults(&["name", "name", "otherName", "id"]);
        assert_eq!((found[0].0.as_str(), found[0].1), ("/ownedFields/1", "repeated"));
        assert!(found[1].2.contains("otherNames?"), "{}", found[1].2);
        assert_eq!((found[2].0.as_str(), found[2].1), ("/ownedFields/3", "not-in-list"));
    }

    #[test]
    fn an_external_id_that_cannot_be_kept_is_not_repeated() {
        let code = |id: &str| external_id_fault(id).map(|fault| fault.code);
        assert_eq!(code("a/b:ö 1"), None);
        assert_eq!(code("811228-9874"), Some(personal_number::CODE));
        assert_eq!(code(""), Some("wrong-length"));
        assert_eq!(code(&"x".repeat(201)), Some("wrong-length"));
        for dots in [".", "..", "%2e", "%2E.", ".%2e", "%2E%2E"] {
            assert_eq!(code(dots), Some("unreachable"), "{dots}");
        }
        assert!([".a", "...", "a..", ". .", "%2e%2e%2e"].iter().all(|id| code(id).is_none()));
        assert_eq!((code(" "), code(" .")), (Some("wrong-length"), Some("wrong-length")));
        assert_eq!(code("a\nb"), Some("forbidden-character"));
        assert_eq!(code("a\u{FFFD}"), Some("forbidden-character"));
    }
}
