//! Queries and inserts of disclosures. They are never changed.

use std::sync::Arc;

use sea_orm::{ActiveValue::Set, Condition, ConnectionTrait, EntityTrait, QueryTrait, entity::prelude::*, sea_query::Expr};
use serde_json::{Value, value::RawValue};

use super::{DisclosureId, NewRecordDisclosure, Outcome, RecordDisclosure, table, types::DisclosureFilter};
use crate::{
    access::{Reach, Visibility, secrecy::marks_in_force},
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        contract::Contract,
        events::{Change, ChangeOperation},
        frozen::Frozen,
        page::Key,
        request::Call,
        say,
        secrecy::{Redaction, Secrecy},
    },
    records::Record,
};

fn view(row: table::Model) -> Result<RecordDisclosure> {
    Ok(RecordDisclosure {
        id: row.id,
        version: row.version,
        fields: NewRecordDisclosure {
            record_kind: row.record_kind,
            record_id: row.record_id,
            requested_on: row.requested_on,
            decision: row.decision,
            note: row.note,
        },
        content: row.content.map(RawValue::from_string).transpose()?,
        digest: row.digest,
        form: row.form,
        masked: row.redacted.0,
        decided_by: row.decided_by_name,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Selects the disclosures of records whose actor, forum or area the reach covers. The owners are those at the time of the
/// disclosure.
fn find_within_reach(reach: &Reach) -> Select<table::Entity> {
    let mut within = if reach.everywhere { Condition::all() } else { Condition::any().add(Expr::val(false)) };
    if !reach.everywhere {
        within = within
            .add(table::Column::ActorId.is_in(reach.actors.iter().copied()))
            .add(table::Column::ForumId.is_in(reach.forums.iter().copied()));
        for path in &reach.areas {
            // The path of an area below another begins with the path of that other. The bar marks the beginning of a path.
            within = within.add(table::Column::Areas.contains(format!("|{path}")));
        }
    }
    table::Entity::find().filter(within)
}

pub(super) async fn list(
    reach: &Reach,
    filter: &DisclosureFilter,
    paging: &Paging,
    call: &Call,
    db: &Db,
) -> Result<Page<RecordDisclosure>> {
    let select = find_within_reach(reach).apply_if(filter.record_id, |select, record| select.filter(table::Column::RecordId.eq(record)));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    paging.fetch(select, keys, call, db).await?.try_map(view)
}

/// Returns one disclosure that the reach covers.
pub(super) async fn find(reach: &Reach, id: DisclosureId, db: &impl ConnectionTrait) -> Result<RecordDisclosure> {
    find_within_reach(reach).filter(table::Column::Id.eq(id)).one(db).await?.map(view).transpose()?.ok_or_else(Problem::not_found)
}

/// Stores the decision on a record with the content that is handed out. The content is masked as for a caller without any
/// clearance.
pub(super) async fn insert(record: Record, new: NewRecordDisclosure, contract: &Arc<Contract>, w: &Write<'_>) -> Result<RecordDisclosure> {
    let mut faults = Vec::new();
    if new.requested_on > w.today() {
        faults.push(Fault::at_pointer(
            "/requestedOn",
            "too-late",
            say!(
                "Dagen har inte varit än. Ange den dag då begäran kom in.",
                "That day has not come yet. Give the day on which it was asked for."
            ),
        ));
    }
    let mut content = record.json;
    let secrecy = Secrecy::new(Arc::new(marks_in_force(&w.tx).await?), Arc::clone(contract), Vec::new());
    secrecy.hide(&mut content);
    let mut masked = Vec::new();
    list_masked(&content, "", &mut masked);
    if new.decision == Outcome::Disclosed && !masked.is_empty() {
        faults.push(Fault::at_pointer(
            "/decision",
            "secrecy",
            say!(
                "Delar av posten är sekretessmarkerade. Välj disclosed_in_part, refused, eller häv markeringen först om sekretessen inte gäller.",
                "Parts of the record are under secrecy. Choose disclosed_in_part, refused, or lift the mark first if the secrecy does not apply."
            ),
        ));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let frozen = if new.decision == Outcome::Refused { None } else { Some(Frozen::freeze(&content)?) };
    let row = table::ActiveModel {
        id: Set(w.new_id()),
        version: Set(1),
        created_at: Set(w.now),
        updated_at: Set(w.now),
        record_kind: Set(new.record_kind),
        record_id: Set(new.record_id),
        requested_on: Set(new.requested_on),
        decision: Set(new.decision),
        note: Set(new.note),
        digest: Set(frozen.as_ref().and_then(|frozen| frozen.hash.clone())),
        form: Set(frozen.as_ref().and_then(|frozen| frozen.form)),
        content: Set(frozen.map(|frozen| frozen.content.get().to_owned())),
        redacted: Set(masked.into()),
        forum_id: Set(record.forum),
        actor_id: Set(record.actor),
        areas: Set(record.areas.iter().flat_map(|path| ["|", path.as_str()]).collect()),
        decided_by_name: Set(w.call.author.user_name.clone()),
    };
    let disclosure = view(row.insert(&w.tx).await?)?;
    let visible = Visibility::Actor.of(record.forum, record.actor);
    w.record(Change::new("disclosure", disclosure.id.uuid(), ChangeOperation::Upsert, 1, visible));
    Ok(disclosure)
}

/// Adds every redaction in a value, at any depth, to `found`. Its member becomes the path from the record, such as `causes/0/statement`.
fn list_masked(value: &Value, path: &str, found: &mut Vec<Redaction>) {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                list_masked(item, &format!("{path}{at}/"), found);
            }
        }
        Value::Object(members) => {
            for redaction in members.get("redacted").and_then(Value::as_array).into_iter().flatten() {
                if let Ok(redaction) = serde_json::from_value::<Redaction>(redaction.clone()) {
                    found.push(Redaction { member: format!("{path}{}", redaction.member), ..redaction });
                }
            }
            for (name, part) in members.iter().filter(|(name, _)| *name != "redacted") {
                list_masked(part, &format!("{path}{name}/"), found);
            }
        }
        _ => {}
    }
}
