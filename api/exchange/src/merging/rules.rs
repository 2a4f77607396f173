//! Computes what an actor becomes when another one is merged into it: nothing of it is overwritten, lists are united, and
//! empty members are filled.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::PartialSchema;

use super::{MergeMember, MergedHow};
use crate::{
    access::Visibility,
    kernel::{Result, text},
    registry::actors::{Identifier, IdentifierScope, NewActor},
    sources::rules::{PARENT, writable_members},
};

/// Members that define the survivor. They are never taken from the merged actor.
const OWN: [&str; 6] = ["kind", "sector", "status", "visibility", "dissolved", PARENT];

/// Returns the survivor after the merge, and what happens to each member of the merged actor that differs. Members for
/// which `withheld` returns true are not taken over.
///
/// # Errors
/// When an actor cannot be serialised.
pub fn unite_actors(survivor: &NewActor, merged: &NewActor, withheld: impl Fn(&str) -> bool) -> Result<(NewActor, Vec<MergeMember>)> {
    let mut becomes = to_object(survivor)?;
    let limits = limits();
    let mut members = Vec::new();
    for (member, given) in to_object(merged)? {
        let own = becomes.get(&member).cloned().unwrap_or_default();
        let is_name = member == "name";
        if is_empty(&given) || own == given && !is_name || OWN.contains(&member.as_str()) {
            continue;
        }
        if withheld(&member) {
            members.push(MergeMember { member, how: MergedHow::Withheld });
            continue;
        }
        let how = match (&own, given) {
            _ if member == "identifiers" => {
                let mut all = survivor.identifiers.clone();
                let whole = add_identifiers(&mut all, &merged.identifiers, limit(&limits, &member));
                becomes.insert(member.clone(), serde_json::to_value(all)?);
                united_or_shortened(whole)
            }
            (Value::Array(own), Value::Array(given)) => {
                let (all, whole) = unite_lists(own, &given, limit(&limits, &member));
                becomes.insert(member.clone(), all.into());
                united_or_shortened(whole)
            }
            (own, given) if is_empty(own) => {
                becomes.insert(member.clone(), given);
                MergedHow::Filled
            }
            _ => MergedHow::Kept,
        };
        if !is_name {
            members.push(MergeMember { member, how });
        }
    }
    if survivor.name != merged.name && !withheld("name") {
        let own = becomes.get("otherNames").and_then(Value::as_array).cloned().unwrap_or_default();
        let (all, whole) = unite_lists(&own, &[merged.name.clone().into()], limit(&limits, "otherNames"));
        if all != own {
            becomes.insert("otherNames".to_owned(), all.into());
            if !members.iter().any(|known| known.member == "otherNames") {
                members.push(MergeMember { member: "otherNames".to_owned(), how: united_or_shortened(whole) });
            }
        }
    }
    let mut becomes = NewActor::deserialize(Value::Object(becomes))?;
    if text::period_fault(becomes.founded, becomes.dissolved).is_some() {
        // A founding date after the last day would be invalid.
        becomes.founded = survivor.founded;
        members.retain(|known| known.member != "founded");
        members.push(MergeMember { member: "founded".to_owned(), how: MergedHow::Kept });
    }
    members.sort_by(|a, b| a.member.cmp(&b.member));
    Ok((becomes, members))
}

/// Returns whether a member can ever be taken over from the merged actor.
#[must_use]
pub fn can_be_taken_over(member: &str) -> bool {
    (member == PARENT || !OWN.contains(&member)) && writable_members().iter().any(|known| known == member)
}

/// Reports all hidden members as withheld, whatever happens to them. Otherwise the report would reveal something of their
/// values.
pub fn conceal(told: &mut Vec<MergeMember>, hidden: &BTreeSet<String>) {
    told.retain(|known| !hidden.contains(&known.member));
    let withheld = hidden.iter().filter(|member| can_be_taken_over(member));
    told.extend(withheld.map(|member| MergeMember { member: member.clone(), how: MergedHow::Withheld }));
    told.sort_by(|a, b| a.member.cmp(&b.member));
}

/// Returns a number for how many people can see a record with this visibility. A larger number means more people.
#[must_use]
pub const fn breadth(visibility: Visibility) -> u8 {
    match visibility {
        Visibility::Public => 3,
        Visibility::Members => 2,
        Visibility::Forum => 1,
        Visibility::Actor => 0,
    }
}

/// Returns the members that differ between two versions of an actor: name, value before, value after.
///
/// # Errors
/// When an actor cannot be serialised.
pub fn changed_members(before: &NewActor, after: &NewActor) -> Result<Vec<(String, Value, Value)>> {
    let after = to_object(after)?;
    let differs = |(member, before): (String, Value)| {
        let after = after.get(&member).cloned().unwrap_or_default();
        (before != after).then_some((member, before, after))
    };
    Ok(to_object(before)?.into_iter().filter_map(differs).collect())
}

/// Sets members of an actor back to their earlier values. Returns the actor, and the members that have been changed since
/// and therefore stay.
///
/// # Errors
/// When an actor cannot be serialised.
pub fn revert_members(now: &NewActor, came: &[(String, Value, Value)]) -> Result<(NewActor, Vec<String>)> {
    let mut becomes = to_object(now)?;
    let mut changed = Vec::new();
    for (member, before, after) in came {
        if becomes.get(member) == Some(after) {
            becomes.insert(member.clone(), before.clone());
        } else if becomes.get(member) != Some(before) {
            changed.push(member.clone());
        }
    }
    Ok((NewActor::deserialize(Value::Object(becomes))?, changed))
}

fn to_object(actor: &NewActor) -> Result<Map<String, Value>> {
    Ok(match serde_json::to_value(actor)? {
        Value::Object(members) => members,
        _ => Map::new(),
    })
}

/// Returns the schemas of an actor's members, which contain the maximum lengths of the lists.
fn limits() -> Value {
    serde_json::to_value(NewActor::schema()).map(|mut schema| schema["properties"].take()).unwrap_or_default()
}

fn limit(limits: &Value, member: &str) -> usize {
    limits[member]["maxItems"].as_u64().and_then(|limit| limit.try_into().ok()).unwrap_or(usize::MAX)
}

const fn united_or_shortened(whole: bool) -> MergedHow {
    if whole { MergedHow::United } else { MergedHow::Shortened }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_str().is_some_and(str::is_empty)
}

/// Returns a list with the additional items of another one, up to `limit` items, and whether all of them had room.
fn unite_lists(own: &[Value], more: &[Value], limit: usize) -> (Vec<Value>, bool) {
    let mut all = own.to_vec();
    let mut whole = true;
    for item in more {
        if !all.contains(item) {
            if all.len() < limit {
                all.push(item.clone());
            } else {
                whole = false;
            }
        }
    }
    (all, whole)
}

/// Adds the merged actor's identifiers to the survivor's. An own identifier stays own when the survivor has no own one of
/// that scheme; otherwise it gets the scope `parent`. Identifiers of other systems (`external:…`) always keep their scope,
/// because each system has its own id for each record. Returns whether all of them had room.
fn add_identifiers(all: &mut Vec<Identifier>, more: &[Identifier], limit: usize) -> bool {
    let mut whole = true;
    for identifier in more {
        let has_own = all.iter().any(|known| known.scheme == identifier.scheme && known.scope == IdentifierScope::Own);
        if let Some(same) = all.iter_mut().find(|known| known.scheme == identifier.scheme && known.value == identifier.value) {
            if identifier.scope == IdentifierScope::Own && !has_own {
                same.scope = IdentifierScope::Own;
            }
        } else if all.len() < limit {
            let part = has_own && !identifier.scheme.starts_with("external:");
            let scope = if part { IdentifierScope::Parent } else { identifier.scope };
            all.push(Identifier { scope, ..identifier.clone() });
        } else {
            whole = false;
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn actor(members: &Value) -> NewActor {
        let mut actor = json!({"kind": "association", "name": "Fittja Grannar"});
        for (member, value) in members.as_object().into_iter().flatten() {
            actor[member] = value.clone();
        }
        NewActor::deserialize(actor).unwrap()
    }

    fn number(value: &str, scope: &str) -> Value {
        json!({"scheme": "SE-ON", "value": value, "scope": scope})
    }

    #[test]
    fn lists_are_united_gaps_filled_and_nothing_overwritten() {
        let survivor = actor(&json!({"focus": "Gemenskap", "policyDomains": ["housing"]}));
        let merged = actor(
            &json!({"name": "Grannarna", "focus": "Odling", "website": "https://a.example.se/", "policyDomains": ["health", "housing"]}),
        );
        let (becomes, members) = unite_actors(&survivor, &merged, |_| false).unwrap();
        assert_eq!(becomes.other_names, ["Grannarna"]);
        assert_eq!((becomes.focus.as_deref(), becomes.website.as_deref()), (Some("Gemenskap"), Some("https://a.example.se/")));
        assert_eq!(becomes.policy_domains, ["housing", "health"]);
        let how: Vec<_> = members.iter().map(|known| (known.member.as_str(), known.how)).collect();
        assert!(how.contains(&("focus", MergedHow::Kept)) && how.contains(&("website", MergedHow::Filled)), "{how:?}");
        // Undoing gives the survivor back, except for members that have changed since.
        let came = changed_members(&survivor, &becomes).unwrap();
        assert_eq!(revert_members(&becomes, &came).unwrap(), (survivor.clone(), Vec::new()));
        let edited = NewActor { website: Some("https://b.example.se/".to_owned()), ..becomes };
        let (back, changed) = revert_members(&edited, &came).unwrap();
        assert_eq!((back.website.as_deref(), changed), (Some("https://b.example.se/"), vec!["website".to_owned()]));
        assert!(back.other_names.is_empty());
    }

    #[test]
    fn what_is_withheld_does_not_come_along() {
        let merged = actor(&json!({"name": "Skyddat", "focus": "Skyddat boende"}));
        let (becomes, members) = unite_actors(&actor(&json!({})), &merged, |_| true).unwrap();
        assert_eq!(becomes, actor(&json!({})));
        assert!(members.iter().all(|known| known.how == MergedHow::Withheld));
    }

    #[test]
    fn a_number_is_nobodys_twice() {
        let own = |actor: &NewActor| actor.identifiers.iter().map(|one| (one.value.clone(), one.scope)).collect::<Vec<_>>();
        let (one, other) = ("8020010008", "2120002882");
        let with = |numbers: &[Value]| actor(&json!({"identifiers": numbers}));
        let (becomes, _) = unite_actors(&with(&[]), &with(&[number(one, "own")]), |_| false).unwrap();
        assert_eq!(own(&becomes), [(one.to_owned(), IdentifierScope::Own)]);
        let (becomes, _) = unite_actors(&with(&[number(other, "own")]), &with(&[number(one, "own")]), |_| false).unwrap();
        assert_eq!(own(&becomes), [(other.to_owned(), IdentifierScope::Own), (one.to_owned(), IdentifierScope::Parent)]);
        let (becomes, _) = unite_actors(&with(&[number(one, "parent")]), &with(&[number(one, "own")]), |_| false).unwrap();
        assert_eq!(own(&becomes), [(one.to_owned(), IdentifierScope::Own)]);
    }

    #[test]
    fn a_list_holds_no_more_than_the_contract_says() {
        let names = |from: usize| (from..from + 15).map(|number| format!("Namn {number}")).collect::<Vec<_>>();
        let (becomes, members) =
            unite_actors(&actor(&json!({"otherNames": names(0)})), &actor(&json!({"otherNames": names(100)})), |_| false).unwrap();
        assert_eq!(becomes.other_names.len(), 20);
        assert_eq!(members[0].how, MergedHow::Shortened);
    }
}
