//! What is under secrecy (sekretess) and hidden from a caller: members of records, taken out of every answer where answers
//! leave the service, so that no handler can forget it.
//!
//! The kernel knows no record. It knows ids that are marked, by which kind of record and with what ground, and from the
//! contract which members of that kind can be hidden, and what stands in their place.

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

/// What stands in the place of a hidden text that may not be null.
pub const HIDDEN: &str = "[sekretess]";

/// The member of a summary of a record, such as a node of the trace, that says in short what the record is. It is made of the
/// record's members, so it is hidden when one of them is.
const SUMMARY: &str = "label";

/// The permission of who sees what is hidden from others.
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

/// A mark on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The kind of record, in snake case.
    pub kind: String,
    /// The member; nothing for the whole record.
    pub member: Option<String>,
    /// The ground, as it is shown.
    pub ground: String,
    /// The forum that owns the record.
    pub forum: Option<Uuid>,
    /// The actor that owns the record.
    pub actor: Option<Uuid>,
}

/// All marks that hold, by the record's id.
pub type Marks = HashMap<Uuid, Vec<Mark>>;

/// The members of a kind of record: those that can be hidden with what then stands there, the others with nothing.
pub type Forms = BTreeMap<String, Option<Value>>;

/// What is hidden from one caller.
#[derive(Clone, Debug)]
pub struct Secrecy {
    marks: Arc<Marks>,
    contract: Arc<Contract>,
    /// The actors and forums whose records the caller is cleared for.
    cleared: Arc<Vec<Uuid>>,
    /// The members of all kinds of record that are served as they were stored.
    frozen: Arc<[Frozen]>,
}

impl Secrecy {
    /// What these marks hide from who is cleared for these actors and forums.
    #[must_use]
    pub fn new(marks: Arc<Marks>, contract: Arc<Contract>, cleared: Vec<Uuid>) -> Self {
        Self { marks, contract, cleared: Arc::new(cleared), frozen: record::all().filter_map(|record| record.frozen).collect() }
    }

    /// What is hidden from the caller of a request; nothing when nothing is.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// The marks on a record that hold for the caller.
    fn on(&self, id: Uuid) -> impl Iterator<Item = &Mark> {
        let cleared = |owner: Option<Uuid>| owner.is_some_and(|owner| self.cleared.contains(&owner));
        self.marks.get(&id).into_iter().flatten().filter(move |mark| !cleared(mark.forum) && !cleared(mark.actor))
    }

    /// The hidden members of a record with their grounds.
    #[must_use]
    pub fn hidden(&self, id: Uuid) -> BTreeMap<&str, &Mark> {
        let mut hidden = BTreeMap::new();
        for mark in self.on(id) {
            match &mark.member {
                // What is said of the member itself is the nearer ground.
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

    /// The members of a record that the caller may not change, with their grounds: those that are hidden, and the other day of
    /// a period of which one is, for a period is checked as a whole and would tell of the hidden day by being refused.
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

    /// Refuses that a part of a record becomes a part of another, while it is marked because of the first: the mark would stay
    /// behind, and all would show. Who sees all that is hidden may.
    ///
    /// # Errors
    /// With the fault at `pointer`.
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

    /// Refuses to give what cannot be given in part, when something in it is hidden from the caller.
    ///
    /// # Errors
    /// When something is.
    pub fn refuse_redacted(&self, value: &mut Value) -> Result<()> {
        if !self.hide(value) {
            return Ok(());
        }
        Err(Problem { required_permission: Some(CLEARANCE), ..Problem::new(Kind::Forbidden) }.detail(say!(
            "Något i innehållet är sekretessmarkerat, och dess byte lämnas bara till den som får se allt. Läs utgåvan själv; där står resten.",
            "Something in the content is under secrecy, and its bytes are given only to those who may see all of it. Read the revision itself, which shows the rest."
        )))
    }

    /// The records of a kind of which something is hidden.
    #[must_use]
    pub fn records(&self, kind: &str) -> Vec<Uuid> {
        let mut ids: Vec<_> = self.marks.keys().copied().filter(|id| self.on(*id).any(|mark| mark.kind == kind)).collect();
        ids.sort_unstable();
        ids
    }

    /// Whether a list of this kind that is filtered by a parameter tells nothing of what can be hidden: the parameter is
    /// a member of the record that is never hidden.
    #[must_use]
    pub fn is_open(&self, kind: &str, parameter: &str) -> bool {
        self.contract.forms(kind).any(|(member, form)| member == parameter && form.is_none())
    }

    /// Refuses a change of what the caller may not see.
    ///
    /// # Errors
    /// When one of the members is hidden from the caller.
    pub fn refuse_hidden<'a>(&self, id: Uuid, mut members: impl Iterator<Item = &'a String>) -> Result<()> {
        let locked = self.locked(id);
        let Some((member, mark)) = members.find_map(|name| locked.get_key_value(name.as_str())) else { return Ok(()) };
        let ground = &mark.ground;
        Err(Problem { required_permission: Some(CLEARANCE), ..Problem::new(Kind::Forbidden) }.detail(say!(
            "Uppgiften {member} är sekretessmarkerad ({ground}) och kan bara ändras av den som får se den. Utelämna {member}, eller be den som ansvarar för uppgiften.",
            "The member {member} is under secrecy ({ground}) and can be changed only by those who may see it. Leave out {member}, or ask who answers for the record."
        )))
    }

    /// Hides what is hidden from the caller, wherever a marked record stands in an answer. Tells whether anything was.
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
                            // The one that is always there stays a text; the others may be null.
                            *digest = if frozen.digest == "hash" { json!(HIDDEN) } else { Value::Null };
                        }
                    }
                }
                any
            }
            _ => false,
        }
    }

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

/// The forms of a kind of record, by its schema in the contract.
pub(super) fn forms(schema: &Value, resolve: impl Fn(&Value) -> Value) -> Forms {
    let form = |name: &str, member: &Value| -> Option<Value> {
        if matches!(name, "id" | "version" | "createdAt" | "updatedAt" | "redacted") {
            return None;
        }
        let kinds = |schema: &Value| match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            other => vec![other.clone()],
        };
        let is = |schema: &Value, kind: &str| kinds(schema).iter().any(|one| one == kind);
        let nullable = is(member, "null") || member["oneOf"].as_array().is_some_and(|forms| forms.iter().any(|form| is(form, "null")));
        let member = resolve(member);
        let free = ["enum", "format", "pattern", "const"].iter().all(|limit| member.get(limit).is_none())
            && member["maxLength"].as_u64().is_none_or(|limit| limit >= HIDDEN.len() as u64);
        if nullable {
            Some(Value::Null)
        } else if is(&member, "array") && member["minItems"].as_u64().unwrap_or_default() == 0 {
            Some(json!([]))
        } else if is(&member, "string") && free {
            Some(json!(HIDDEN))
        } else {
            None
        }
    };
    schema["properties"].as_object().into_iter().flatten().map(|(name, member)| (name.clone(), form(name, member))).collect()
}
