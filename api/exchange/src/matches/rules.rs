//! Finds the actors that a record may be. Neither a number nor a name identifies an actor for certain, so both only make
//! candidates.

use std::collections::BTreeSet;

use super::MatchReason;
use crate::{
    geography::areas::AreaId,
    registry::actors::{
        ActorId, Identifier, IdentifierScope,
        matching::{self, ByNameKey, MatchVisibility, Owners},
    },
};

/// The maximum number of candidates that a person is asked to look through.
const MAX_CANDIDATES: usize = 20;

/// An actor that a record may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Likeness {
    pub actor_id: ActorId,
    pub same_identifier: bool,
    pub same_name: bool,
}

impl Likeness {
    /// Returns the reasons why the record may be that actor.
    #[must_use]
    pub fn reasons(self) -> Vec<MatchReason> {
        reasons(self.same_identifier, self.same_name)
    }

    /// Returns the likeness with only those reasons that the caller may know; `None` when no reason is left.
    #[must_use]
    pub fn for_caller(self, telling: &MatchVisibility<'_>) -> Option<Self> {
        let shown = Self {
            same_identifier: self.same_identifier && telling.allows(MatchReason::SameIdentifier, self.actor_id),
            same_name: self.same_name && telling.allows(MatchReason::SameName, self.actor_id),
            ..self
        };
        (shown.same_identifier || shown.same_name).then_some(shown)
    }

    /// Returns the likeness with only those reasons that do not reveal these hidden members of the actor; `None` when no
    /// reason is left.
    #[must_use]
    pub fn without_hidden(self, hidden: &BTreeSet<String>) -> Option<Self> {
        let shown = Self {
            same_identifier: self.same_identifier && may_show(MatchReason::SameIdentifier, hidden),
            same_name: self.same_name && may_show(MatchReason::SameName, hidden),
            ..self
        };
        (shown.same_identifier || shown.same_name).then_some(shown)
    }
}

/// Returns the reasons as a list.
#[must_use]
pub fn reasons(same_identifier: bool, same_name: bool) -> Vec<MatchReason> {
    let all = [(same_identifier, MatchReason::SameIdentifier), (same_name, MatchReason::SameName)];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason).collect()
}

/// Returns whether a reason may be shown when these members of the actor are hidden. A reason reveals the members that are
/// alike.
#[must_use]
pub fn may_show(reason: MatchReason, hidden: &BTreeSet<String>) -> bool {
    reason.is_visible(|member| hidden.contains(member))
}

/// Returns the scheme and value of each identifier that is an actor's own.
#[must_use]
pub fn own_identifiers(identifiers: &[Identifier]) -> Vec<(String, String)> {
    let own = identifiers.iter().filter(|identifier| identifier.scope == IdentifierScope::Own);
    own.map(|identifier| (identifier.scheme.clone(), identifier.value.clone())).collect()
}

/// Returns the existing actors that a record may be, each once; those with its number come first. An actor with the same
/// name and another organisation number is another organisation, if the caller may know of the number.
#[must_use]
pub(crate) fn candidates(
    identifiers: &[Identifier],
    name_key: &str,
    seat: Option<AreaId>,
    owners: &Owners,
    named: &ByNameKey,
    tells_number: impl Fn(ActorId) -> bool,
) -> Vec<Likeness> {
    let mut found: Vec<Likeness> = Vec::new();
    for actor_id in own_identifiers(identifiers).iter().filter_map(|number| owners.get(number)).flatten().copied() {
        if !found.iter().any(|like| like.actor_id == actor_id) {
            found.push(Likeness { actor_id, same_identifier: true, same_name: false });
        }
    }
    // A name of punctuation only has no key, and is like no other name.
    let named = named.get(name_key).filter(|_| !name_key.is_empty());
    let numbers = matching::organisation_numbers(identifiers);
    let namesakes = named.into_iter().flatten().filter(|other| other.seat == seat);
    for namesake in namesakes.filter(|other| !other.is_different(&numbers) || !tells_number(other.actor_id)) {
        match found.iter_mut().find(|like| like.actor_id == namesake.actor_id) {
            Some(like) => like.same_name = true,
            None => found.push(Likeness { actor_id: namesake.actor_id, same_identifier: false, same_name: true }),
        }
    }
    found.truncate(MAX_CANDIDATES);
    found
}

/// Adds the public bodies that a record may be taken for.
pub(crate) fn add_bodies(found: &mut Vec<Likeness>, bodies: &[ActorId]) {
    for actor_id in bodies.iter().copied() {
        match found.iter_mut().find(|like| like.actor_id == actor_id) {
            Some(like) => like.same_name = true,
            // They come first, so that the limit never cuts them off.
            None => found.insert(0, Likeness { actor_id, same_identifier: false, same_name: true }),
        }
    }
    found.truncate(MAX_CANDIDATES);
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::registry::actors::matching::Namesake;

    fn number(value: &str, scope: IdentifierScope) -> Identifier {
        Identifier { scheme: "SE-ON".to_owned(), value: value.to_owned(), scope, valid_from: None, valid_to: None }
    }

    #[test]
    fn a_number_or_a_name_at_the_same_place_makes_a_candidate() {
        use MatchReason::{SameIdentifier, SameName};
        let [one, two, three] = [1, 2, 3].map(|id| ActorId::from(Uuid::from_u128(id)));
        let seat = Some(AreaId::from(Uuid::from_u128(9)));
        let owners = Owners::from([(("SE-ON".to_owned(), "8020010008".to_owned()), vec![two])]);
        let namesake = |actor_id, seat, numbers: &[&str]| Namesake {
            actor_id,
            seat,
            numbers: numbers.iter().map(|&number| number.to_owned()).collect(),
        };
        let named = vec![namesake(one, seat, &[]), namesake(two, seat, &["8020010008"]), namesake(three, None, &["8020010016"])];
        let named = ByNameKey::from([("fittja".to_owned(), named)]);
        let candidates_of = |identifiers: &[Identifier], key: &str, seat| {
            let found = candidates(identifiers, key, seat, &owners, &named, |actor| actor != three);
            found.into_iter().map(|like| (like.actor_id, like.reasons())).collect::<Vec<_>>()
        };
        let own = [number("8020010008", IdentifierScope::Own)];
        assert_eq!(candidates_of(&own, "fittja", seat), [(two, vec![SameIdentifier, SameName]), (one, vec![SameName])]);
        assert_eq!(candidates_of(&own, "annat", seat), [(two, vec![SameIdentifier])]);
        assert_eq!(candidates_of(&[], "fittja", None), [(three, vec![SameName])], "neither has a seat");
        assert!(
            candidates_of(&[number("8020010008", IdentifierScope::Parent)], "annat", None).is_empty(),
            "a branch carries its parent's number"
        );
        let other = [number("8020010024", IdentifierScope::Own)];
        assert_eq!(candidates_of(&other, "fittja", seat), [(one, vec![SameName])], "two numbers are two organisations");
        assert_eq!(candidates_of(&other, "fittja", None), [(three, vec![SameName])], "what is hidden tells nothing");
    }
}
