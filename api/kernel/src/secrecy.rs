//! Hides members of records that are under secrecy (sekretess) from a caller. They are replaced in every answer when it is made, so that
//! no handler can forget it.
//!
//! The kernel does not know the kinds of record. It gets the ids of marked records, each with its kind and the ground. The contract
//! determines the members of a kind that can be hidden, and the values that replace them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use actix_web::{HttpMessage, HttpRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    contract::Contract,
    language::say,
    problem::{Kind, Problem, Result},
    record::{self, Frozen},
};

/// The text that replaces a hidden text that may not be null.
pub const HIDDEN: &str = "[sekretess]";

/// The member of a summary of a record, such as a node of the trace, with a short description of the record. It is made of the record's
/// members, so it is hidden when one of them is.
const SUMMARY: &str = "label";

/// The permission to see hidden members.
pub const CLEARANCE: &str = "secrecy.see";

/// A member of a record that is hidden from the caller, with the ground for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redaction {
    /// The member of this record whose value is not shown.
    #[schema(example = "description")]
    pub member: String,
    /// The law, chapter and paragraph, such as `OSL 26:1` (the Public Access to Information and Secrecy Act, 2009:400).
    #[schema(example = "OSL 26:1")]
    pub ground: String,
}

/// A secrecy mark on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The kind of record, in snake case.
    pub kind: String,
    /// The member; `None` for the whole record.
    pub member: Option<String>,
    /// The ground as it is shown, such as `OSL 26:1`.
    pub ground: String,
    /// The forum that owns the record.
    pub forum: Option<Uuid>,
    /// The actor that owns the record.
    pub actor: Option<Uuid>,
}

/// All marks in force, by the id of the record.
pub type Marks = HashMap<Uuid, Vec<Mark>>;

/// The members of a kind of record, each with the value that replaces it when it is hidden. `None` for a member that is never hidden.
pub type Forms = BTreeMap<String, Option<Value>>;

/// The secrecy marks, with the clearance of one caller.
#[derive(Clone, Debug)]
pub struct Secrecy {
    marks: Arc<Marks>,
    contract: Arc<Contract>,
    /// The actors and forums whose records the caller is cleared for.
    cleared: Arc<Vec<Uuid>>,
    /// The members of all kinds of record that are served as they were stored, with their digests.
    frozen: Arc<[Frozen]>,
}

impl Secrecy {
    /// Makes the secrecy for a caller who is cleared for the records of these actors and forums.
    #[must_use]
    pub fn new(marks: Arc<Marks>, contract: Arc<Contract>, cleared: Vec<Uuid>) -> Self {
        Self { marks, contract, cleared: Arc::new(cleared), frozen: record::all().filter_map(|record| record.frozen).collect() }
    }

    /// Returns the secrecy for the caller of a request; `None` when nothing is hidden from the caller.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// Returns the marks on a record for which the caller is not cleared.
    fn hiding_marks(&self, id: Uuid) -> impl Iterator<Item = &Mark> {
        let cleared = |owner: Option<Uuid>| owner.is_some_and(|owner| self.cleared.contains(&owner));
        self.marks.get(&id).into_iter().flatten().filter(move |mark| !cleared(mark.forum) && !cleared(mark.actor))
    }

    /// Returns the members of a record that are hidden from the caller, each with its mark.
    #[must_use]
    pub fn hidden(&self, id: Uuid) -> BTreeMap<&str, &Mark> {
        let mut hidden = BTreeMap::new();
        for mark in self.hiding_marks(id) {
            match &mark.member {
                // The mark on the member itself is more specific than one on the whole record.
                Some(member) => drop(hidden.insert(member.as_str(), mark)),
                None => {
                    for (member, _) in self.contract.forms(&mark.kind).filter(|(_, form)| form.is_some()) {
                        hidden.entry(member.as_str()).or_insert(mark);
                    }
                }
            }
        }
        let kind = hidden.values().next().and_then(|mark| record::find_kind(&mark.kind));
        for (repeating, member) in kind.map(|kind| kind.repeats).unwrap_or_default() {
            if let Some(mark) = hidden.get(member).copied() {
                hidden.entry(repeating).or_insert(mark);
            }
        }
        hidden
    }

    /// Whether a member of a record is hidden.
    #[must_use]
    pub fn hides(&self, id: Uuid, member: &str) -> bool {
        self.hidden(id).contains_key(member)
    }

    /// Returns the members of a record that the caller may not change, each with its mark. They are the hidden members. When one day of
    /// a period is hidden, they also include the other: a period is checked as a whole, so refusals would reveal the hidden day.
    #[must_use]
    pub fn locked(&self, id: Uuid) -> BTreeMap<&str, &Mark> {
        let mut locked = self.hidden(id);
        if let Some((first, last)) = locked.values().next().and_then(|mark| record::find_kind(&mark.kind)).map(|kind| kind.period) {
            for (one, other) in [(first, last), (last, first)] {
                if let Some(mark) = locked.get(one).copied() {
                    locked.entry(other).or_insert(mark);
                }
            }
        }
        locked
    }

    /// Refuses to move a marked record from one owner to another. A mark on the first owner as a whole would not follow, and the record
    /// would become visible. Clearance for some owners does not help. A caller with clearance everywhere has no `Secrecy` and is not
    /// checked.
    ///
    /// # Errors
    /// When the record has any mark (422), with the fault at `pointer`.
    pub fn refuse_moving(&self, id: Uuid, pointer: &str) -> Result<()> {
        if self.marks.get(&id).is_none_or(Vec::is_empty) {
            return Ok(());
        }
        Err(Problem::fault(
            pointer,
            "secrecy",
            say!(
                "Uppgiften är sekretessmarkerad och hör till sin aktör. Registrera en ny för den andra aktören, eller be den som prövar sekretess.",
                "The record is under secrecy and belongs to its actor. Register a new one for the other actor, or ask who decides on secrecy."
            ),
        ))
    }

    /// Refuses content that cannot be served in part, such as bytes with a digest, when something in it is hidden from the caller.
    ///
    /// # Errors
    /// When something in `value` is hidden (403). `value` is then redacted.
    pub fn refuse_redacted(&self, value: &mut Value) -> Result<()> {
        if !self.hide(value) {
            return Ok(());
        }
        Err(Problem { required_permission: Some(CLEARANCE), ..Problem::new(Kind::Forbidden) }.detail(say!(
            "Något i innehållet är sekretessmarkerat, och dess byte lämnas bara till den som får se allt. Läs utgåvan själv; där står resten.",
            "Something in the content is under secrecy, and its bytes are given only to those who may see all of it. Read the revision itself, which shows the rest."
        )))
    }

    /// Returns the ids of the records of a kind that have anything hidden, sorted.
    #[must_use]
    pub fn records(&self, kind: &str) -> Vec<Uuid> {
        let mut ids: Vec<_> = self.marks.keys().copied().filter(|id| self.hiding_marks(*id).any(|mark| mark.kind == kind)).collect();
        ids.sort_unstable();
        ids
    }

    /// Whether a filter of a list reveals no hidden values, because the parameter has the name of a member that is never hidden.
    #[must_use]
    pub fn is_open(&self, kind: &str, parameter: &str) -> bool {
        self.contract.forms(kind).any(|(member, form)| member == parameter && form.is_none())
    }

    /// Refuses a change of members that the caller may not see.
    ///
    /// # Errors
    /// When one of the members is locked for the caller ([`Self::locked`], 403).
    pub fn refuse_hidden<'a>(&self, id: Uuid, mut members: impl Iterator<Item = &'a String>) -> Result<()> {
        let locked = self.locked(id);
        let Some((member, mark)) = members.find_map(|name| locked.get_key_value(name.as_str())) else { return Ok(()) };
        let ground = &mark.ground;
        Err(Problem { required_permission: Some(CLEARANCE), ..Problem::new(Kind::Forbidden) }.detail(say!(
            "Uppgiften {member} är sekretessmarkerad ({ground}) och kan bara ändras av den som får se den. Utelämna {member}, eller be den som ansvarar för uppgiften.",
            "The member {member} is under secrecy ({ground}) and can be changed only by those who may see it. Leave out {member}, or ask who answers for the record."
        )))
    }

    /// Replaces all hidden members in an answer, wherever a marked record occurs in it. Returns whether it replaced any. The digests of a
    /// stored member that has changed thereby are hidden too, and its `complete` becomes false.
    pub fn hide(&self, value: &mut Value) -> bool {
        match value {
            Value::Array(items) => items.iter_mut().fold(false, |any, item| self.hide(item) | any),
            Value::Object(_) => {
                let here = self.hide_record(value);
                let Some(members) = value.as_object_mut() else { return here };
                let before: Vec<_> = self.frozen.iter().map(|frozen| members.get(frozen.member).cloned()).collect();
                let any = members.iter_mut().fold(here, |any, (_, part)| self.hide(part) | any);
                for (frozen, before) in self.frozen.iter().zip(before).filter(|_| any) {
                    if before.as_ref() != members.get(frozen.member) {
                        if let Some(complete) = members.get_mut("complete") {
                            *complete = Value::Bool(false);
                        }
                        if let Some(digest) = members.get_mut(frozen.digest) {
                            // `hash` may not be null, so it stays a text. The other digests may be null.
                            *digest = if frozen.digest == "hash" { json!(HIDDEN) } else { Value::Null };
                        }
                    }
                }
                any
            }
            _ => false,
        }
    }

    /// Replaces the hidden members of one record, and adds the member `redacted`. Returns whether it replaced any.
    fn hide_record(&self, record: &mut Value) -> bool {
        let Some(id) = record["id"].as_str().and_then(|id| Uuid::parse_str(id).ok()) else { return false };
        let hidden = self.hidden(id);
        let (Some(members), Some(mark)) = (record.as_object_mut(), hidden.values().next()) else { return false };
        let mut redacted = Vec::new();
        let forms: BTreeMap<_, _> = self.contract.forms(&mark.kind).filter_map(|(name, form)| Some((name, form.as_ref()?))).collect();
        for (member, mark) in &hidden {
            if let (Some(value), Some(form)) = (members.get_mut(*member), forms.get(&(*member).to_owned())) {
                *value = (*form).clone();
                redacted.push(Redaction { member: (*member).to_owned(), ground: mark.ground.clone() });
            }
        }
        if let Some(summary) = members.get_mut(SUMMARY) {
            *summary = json!(HIDDEN);
            redacted.push(Redaction { member: SUMMARY.to_owned(), ground: mark.ground.clone() });
        }
        if redacted.is_empty() {
            return false;
        }
        members.insert("redacted".to_owned(), json!(redacted));
        true
    }
}

/// Returns the members of a kind of record with the values that replace them, from its schema in the contract. A member that may be
/// null becomes null, a list that may be empty becomes empty, and free text becomes [`HIDDEN`]. Other members are never hidden.
pub(super) fn forms(schema: &Value, resolve: impl Fn(&Value) -> Value) -> Forms {
    let replacement = |name: &str, member: &Value| -> Option<Value> {
        if matches!(name, "id" | "version" | "createdAt" | "updatedAt" | "redacted") {
            return None;
        }
        let kinds = |schema: &Value| match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            other => vec![other.clone()],
        };
        let has_type = |schema: &Value, kind: &str| kinds(schema).iter().any(|one| one == kind);
        let nullable =
            has_type(member, "null") || member["oneOf"].as_array().is_some_and(|forms| forms.iter().any(|form| has_type(form, "null")));
        let member = resolve(member);
        let is_free_text = ["enum", "format", "pattern", "const"].iter().all(|limit| member.get(limit).is_none())
            && member["maxLength"].as_u64().is_none_or(|limit| limit >= HIDDEN.len() as u64);
        if nullable {
            Some(Value::Null)
        } else if has_type(&member, "array") && member["minItems"].as_u64().unwrap_or_default() == 0 {
            Some(json!([]))
        } else if has_type(&member, "string") && is_free_text {
            Some(json!(HIDDEN))
        } else {
            None
        }
    };
    schema["properties"].as_object().into_iter().flatten().map(|(name, member)| (name.clone(), replacement(name, member))).collect()
}
