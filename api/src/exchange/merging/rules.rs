//! What an actor becomes when another becomes part of it: nothing of it is overwritten, lists are united, gaps are filled.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::PartialSchema;

use super::{MergeMember, MergedHow};
use crate::{
    access::Visibility,
    exchange::sources::rules::{PARENT, writable_members},
    kernel::{Result, text},
    registry::actors::{Identifier, IdentifierScope, NewActor},
};

/// Members that say what the survivor is, and are its own whatever the other was.
const OWN: [&str; 6] = ["kind", "sector", "status", "visibility", "dissolved", PARENT];

/// What the survivor becomes, with what came of each member of the merged actor that differs. Members that are withheld do not
/// come along, for more people see the survivor than saw them.
///
/// # Errors
/// When an actor cannot be written as JSON.
pub fn united(survivor: &NewActor, merged: &NewActor, withheld: impl Fn(&str) -> bool) -> Result<(NewActor, Vec<MergeMember>)> {
    let mut becomes = object(survivor)?;
    let limits = limits();
    let mut members = Vec::new();
    for (member, given) in object(merged)? {
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
                united_or_kept(whole)
            }
            (Value::Array(own), Value::Array(given)) => {
                let (all, whole) = with(own, &given, limit(&limits, &member));
                becomes.insert(member.clone(), all.into());
                united_or_kept(whole)
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
        let (all, whole) = with(&own, &[merged.name.clone().into()], limit(&limits, "otherNames"));
        if all != own {
            becomes.insert("otherNames".to_owned(), all.into());
            if !members.iter().any(|known| known.member == "otherNames") {
                members.push(MergeMember { member: "otherNames".to_owned(), how: united_or_kept(whole) });
            }
        }
    }
    let mut becomes = NewActor::deserialize(Value::Object(becomes))?;
    if text::period_fault(becomes.founded, becomes.dissolved).is_some() {
        // It cannot have come to be after it was no more.
        becomes.founded = survivor.founded;
        members.retain(|known| known.member != "founded");
        members.push(MergeMember { member: "founded".to_owned(), how: MergedHow::Kept });
    }
    members.sort_by(|a, b| a.member.cmp(&b.member));
    Ok((becomes, members))
}

/// Whether a member of the merged actor may come along at all, or the survivor's is its own in any case.
#[must_use]
pub fn may_come(member: &str) -> bool {
    (member == PARENT || !OWN.contains(&member)) && writable_members().iter().any(|known| known == member)
}

/// Tells of members that are hidden that they are withheld, whatever they are: to be told of, or not, would tell of them.
pub fn conceal(told: &mut Vec<MergeMember>, hidden: &BTreeSet<String>) {
    told.retain(|known| !hidden.contains(&known.member));
    let withheld = hidden.iter().filter(|member| may_come(member));
    told.extend(withheld.map(|member| MergeMember { member: member.clone(), how: MergedHow::Withheld }));
    told.sort_by(|a, b| a.member.cmp(&b.member));
}

/// How many may see what has a visibility: the larger, the more.
#[must_use]
pub const fn breadth(visibility: Visibility) -> u8 {
    match visibility {
        Visibility::Public => 3,
        Visibility::Members => 2,
        Visibility::Forum => 1,
        Visibility::Actor => 0,
    }
}

/// The members that differ between two forms of an actor.
///
/// # Errors
/// When an actor cannot be written as JSON.
pub fn differing(before: &NewActor, after: &NewActor) -> Result<Vec<(String, Value, Value)>> {
    let after = object(after)?;
    let differs = |(member, before): (String, Value)| {
        let after = after.get(&member).cloned().unwrap_or_default();
        (before != after).then_some((member, before, after))
    };
    Ok(object(before)?.into_iter().filter_map(differs).collect())
}

/// An actor with some members as they were, and those that have been changed since, which stay.
///
/// # Errors
/// When an actor cannot be written as JSON.
pub fn returned(now: &NewActor, came: &[(String, Value, Value)]) -> Result<(NewActor, Vec<String>)> {
    let mut becomes = object(now)?;
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

fn object(actor: &NewActor) -> Result<Map<String, Value>> {
    Ok(match serde_json::to_value(actor)? {
        Value::Object(members) => members,
        _ => Map::new(),
    })
}

/// How many items each list may have, as the contract says.
fn limits() -> Value {
    serde_json::to_value(NewActor::schema()).map(|mut schema| schema["properties"].take()).unwrap_or_default()
}

fn limit(limits: &Value, member: &str) -> usize {
    limits[member]["maxItems"].as_u64().and_then(|limit| limit.try_into().ok()).unwrap_or(usize::MAX)
}

const fn united_or_kept(whole: bool) -> MergedHow {
    if whole { MergedHow::United } else { MergedHow::Shortened }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_str().is_some_and(str::is_empty)
}

/// A list with what another has more, as far as there is room.
fn with(own: &[Value], more: &[Value], limit: usize) -> (Vec<Value>, bool) {
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

/// The merged one's numbers beside the survivor's. One of its own becomes the survivor's own where that has none of the scheme;
/// otherwise it is kept as that of a part. Each system has its own name for each record, so theirs stay own.
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
        let (becomes, members) = united(&survivor, &merged, |_| false).unwrap();
        assert_eq!(becomes.other_names, ["Grannarna"]);
        assert_eq!((becomes.focus.as_deref(), becomes.website.as_deref()), (Some("Gemenskap"), Some("https://a.example.se/")));
        assert_eq!(becomes.policy_domains, ["housing", "health"]);
        let how: Vec<_> = members.iter().map(|known| (known.member.as_str(), known.how)).collect();
        assert!(how.contains(&("focus", MergedHow::Kept)) && how.contains(&("website", MergedHow::Filled)), "{how:?}");
        // And back again, but for what has been changed since.
        let came = differing(&survivor, &becomes).unwrap();
        assert_eq!(returned(&becomes, &came).unwrap(), (survivor.clone(), Vec::new()));
        let edited = NewActor { website: Some("https://b.example.se/".to_owned()), ..becomes };
        let (back, changed) = returned(&edited, &came).unwrap();
        assert_eq!((back.website.as_deref(), changed), (Some("https://b.example.se/"), vec!["website".to_owned()]));
        assert!(back.other_names.is_empty());
    }

    #[test]
    fn what_is_withheld_does_not_come_along() {
        let merged = actor(&json!({"name": "Skyddat", "focus": "Skyddat boende"}));
        let (becomes, members) = united(&actor(&json!({})), &merged, |_| true).unwrap();
        assert_eq!(becomes, actor(&json!({})));
        assert!(members.iter().all(|known| known.how == MergedHow::Withheld));
    }

    #[test]
    fn a_number_is_nobodys_twice() {
        let own = |actor: &NewActor| actor.identifiers.iter().map(|one| (one.value.clone(), one.scope)).collect::<Vec<_>>();
        let (one, other) = ("8020010008", "2120002882");
        let with = |numbers: &[Value]| actor(&json!({"identifiers": numbers}));
        let (becomes, _) = united(&with(&[]), &with(&[number(one, "own")]), |_| false).unwrap();
        assert_eq!(own(&becomes), [(one.to_owned(), IdentifierScope::Own)]);
        let (becomes, _) = united(&with(&[number(other, "own")]), &with(&[number(one, "own")]), |_| false).unwrap();
        assert_eq!(own(&becomes), [(other.to_owned(), IdentifierScope::Own), (one.to_owned(), IdentifierScope::Parent)]);
        let (becomes, _) = united(&with(&[number(one, "parent")]), &with(&[number(one, "own")]), |_| false).unwrap();
        assert_eq!(own(&becomes), [(one.to_owned(), IdentifierScope::Own)]);
    }

    #[test]
    fn a_list_holds_no_more_than_the_contract_says() {
        let names = |from: usize| (from..from + 15).map(|number| format!("Namn {number}")).collect::<Vec<_>>();
        let (becomes, members) =
            united(&actor(&json!({"otherNames": names(0)})), &actor(&json!({"otherNames": names(100)})), |_| false).unwrap();
        assert_eq!(becomes.other_names.len(), 20);
        assert_eq!(members[0].how, MergedHow::Shortened);
    }
}
