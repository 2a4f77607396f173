//! Queries and writes of mandates. The mandates of a removed actor are not visible.

use std::collections::HashMap;

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder, QueryTrait, entity::prelude::*};

use super::{Basis, Confirmer, Mandate, MandateId, NewMandate, RECORD, table, types::MandateFilter};
use crate::{
    access::{Reach, Sight},
    actors::{ActorId, store as actors},
    geography::areas::store as areas,
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{ChangeOperation, Visible},
        history::{self, Version},
        page::Key,
        problem::Kind,
        request::Call,
        saved::Saved,
        say,
        secrecy::Secrecy,
        text,
    },
    reference::codelists::store::{self as codelists, POLICY_DOMAIN},
};

fn view(row: table::Model) -> Mandate {
    Mandate {
        id: row.id,
        version: row.version,
        fields: NewMandate {
            actor_id: row.actor_id,
            policy_domain: row.policy_domain,
            area_id: row.area_id,
            powers: row.powers.0,
            basis: row.basis,
            legal_basis: row.legal_basis,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            visibility: row.visibility,
        },
        confirmed_by: row.confirmer,
        inherited: false,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn find_visible(sight: &Sight) -> Select<table::Entity> {
    table::Entity::find()
        .filter(table::Column::DeletedAt.is_null())
        .filter(actors::is_not_removed(table::Column::ActorId))
        .filter(sight.rows(table::Column::Visibility, None, Some(table::Column::ActorId.into_expr())))
}

fn valid_on(select: Select<table::Entity>, day: NaiveDate) -> Select<table::Entity> {
    select.filter(crate::kernel::table::valid_on(table::Column::ValidFrom, table::Column::ValidTo, day))
}

pub(super) async fn list(sight: &Sight, filter: &MandateFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Mandate>> {
    // A mandate for an area is also valid in all areas below it.
    let above = match filter.area_id {
        Some(area) => Some(areas::at_or_above(&areas::path(area, db.reader()).await?.unwrap_or_default())),
        None => None,
    };
    let select = find_visible(sight)
        .apply_if(filter.actor_id, |select, actor| select.filter(table::Column::ActorId.eq(actor)))
        .apply_if(filter.policy_domain.clone(), |select, domain| select.filter(table::Column::PolicyDomain.eq(domain)))
        .apply_if(above, |select, above| select.filter(table::Column::AreaId.in_subquery(above)))
        .apply_if(filter.valid_on, valid_on)
        .apply_if(filter.as_of, valid_on);
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    let found = |row: table::Model| Mandate { inherited: filter.area_id.is_some_and(|area| area != row.area_id), ..view(row) };
    Ok(paging.fetch(select, keys, call, db).await?.map(found))
}

/// Returns one mandate that the caller can see.
///
/// # Errors
/// When it does not exist, is removed, or is hidden from the caller (404).
pub async fn find(sight: &Sight, id: MandateId, db: &impl ConnectionTrait) -> Result<Mandate> {
    find_visible(sight).filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Returns those of these mandates that the caller can see.
///
/// # Errors
/// When the database does not answer.
pub async fn find_all(sight: &Sight, ids: &[MandateId], db: &impl ConnectionTrait) -> Result<Vec<Mandate>> {
    let rows = find_visible(sight).filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// Returns the mandates of these actors that the caller can see, by actor, oldest first. With `day` only those that were valid on
/// that day, without mandates whose days are under secrecy.
///
/// # Errors
/// When the database does not answer.
pub async fn for_actors(
    sight: &Sight,
    actors: &[ActorId],
    day: Option<NaiveDate>,
    secrecy: Option<&Secrecy>,
    db: &impl ConnectionTrait,
) -> Result<HashMap<ActorId, Vec<Mandate>>> {
    // Such a mandate would appear on some days and not on others, which reveals the hidden days.
    let told = |select: Select<table::Entity>, secrecy: &Secrecy| {
        let mut hidden = secrecy.records("mandate");
        hidden.retain(|mandate| secrecy.hides(*mandate, "validFrom") || secrecy.hides(*mandate, "validTo"));
        select.filter(table::Column::Id.is_not_in(hidden))
    };
    let select = find_visible(sight)
        .apply_if(day, valid_on)
        .apply_if(secrecy.filter(|_| day.is_some()), told)
        .filter(table::Column::ActorId.is_in(actors.iter().copied()));
    let rows = select.order_by_asc(table::Column::Id).all(db).await?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        found.entry(row.actor_id).or_default().push(view(row));
    }
    Ok(found)
}

/// Checks that the caller may change an existing mandate. When its actor is hidden from the caller or removed, the caller needs the
/// permission everywhere.
///
/// # Errors
/// When the caller may not (403).
pub(super) async fn may_change(sight: &Sight, reach: &Reach, mandate: &NewMandate, db: &impl ConnectionTrait) -> Result<()> {
    match actors::may_write_records_of(sight, reach, mandate.actor_id, db).await {
        Err(problem) if problem.kind == Kind::Invalid => reach.require(&[], None, None),
        known => known,
    }
}

/// Returns who confirms a mandate that the caller writes: `Coordinator` when the caller may confirm it, otherwise `Party`.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn confirmer(reach: &Reach, mandate: &NewMandate, db: &impl ConnectionTrait) -> Result<Confirmer> {
    Ok(if may_confirm(reach, mandate, db).await.is_ok() { Confirmer::Coordinator } else { Confirmer::Party })
}

/// Checks that the reach covers the area of a mandate.
///
/// # Errors
/// When it does not (403).
pub(super) async fn may_confirm(reach: &Reach, mandate: &NewMandate, db: &impl ConnectionTrait) -> Result<()> {
    let path = areas::path(mandate.area_id, db).await?.unwrap_or_default();
    reach.require(&[path.as_str()], None, None)
}

/// Refuses a duplicate of another mandate of the actor: the same powers, domain, area, ground and period. `own` is the mandate that is
/// changed, which is not compared.
///
/// # Errors
/// When the caller can see such a mandate (409, with its address).
pub(super) async fn refuse_duplicate(sight: &Sight, new: &NewMandate, own: Option<MandateId>, db: &impl ConnectionTrait) -> Result<()> {
    let rows = find_visible(sight)
        .apply_if(own, |select, own| select.filter(table::Column::Id.ne(own)))
        .filter(table::Column::ActorId.eq(new.actor_id))
        .filter(table::Column::PolicyDomain.eq(new.policy_domain.as_str()))
        .filter(table::Column::AreaId.eq(new.area_id))
        .filter(table::Column::Basis.eq(new.basis))
        .all(db)
        .await?;
    let twin = rows.into_iter().find(|row| {
        (&row.legal_basis, row.valid_from, row.valid_to) == (&new.legal_basis, new.valid_from, new.valid_to)
            && row.powers.0.iter().all(|power| new.powers.contains(power))
            && new.powers.iter().all(|power| row.powers.0.contains(power))
    });
    twin.map_or(Ok(()), |twin| {
        Err(Problem::conflict(say!("Mandatet är redan registrerat.", "The mandate is registered already."))
            .with_record("/mandates", twin.id))
    })
}

/// Returns the fault when an actor that is no public body has a mandate by law and does not name the law.
async fn missing_law_fault(new: &NewMandate, w: &Write<'_>) -> Result<Option<Fault>> {
    if new.basis != Basis::Statutory || new.legal_basis.is_some() {
        return Ok(None);
    }
    let actor = actors::find(&Sight::of_installation(), new.actor_id, &w.tx).await?;
    Ok((!actor.fields.kind.is_public_body()).then(|| {
        Fault::at_pointer(
            "/legalBasis",
            "required",
            say!(
                "Ange lagen eller beslutet som mandatet vilar på, till exempel Skollagen (2010:800), eller välj en annan grund i basis.",
                "Give the law or decision that the mandate rests on, such as Skollagen (2010:800), or choose another ground in basis."
            ),
        )
    }))
}

/// Registers a mandate.
///
/// # Errors
/// When the fields are invalid (422, with all faults).
pub async fn insert(new: NewMandate, confirmer: Confirmer, w: &Write<'_>) -> Result<Mandate> {
    store(w.new_id(), 1, None, new, confirmer, w).await
}

/// Changes a mandate.
pub(super) async fn update(mandate: &Mandate, new: NewMandate, confirmer: Confirmer, w: &Write<'_>) -> Result<Mandate> {
    store(mandate.id, mandate.version + 1, Some(mandate), new, confirmer, w).await
}

async fn store(
    id: MandateId,
    version: i64,
    before: Option<&Mandate>,
    mut new: NewMandate,
    confirmer: Confirmer,
    w: &Write<'_>,
) -> Result<Mandate> {
    let mut faults: Vec<Fault> = text::period_fault(new.valid_from, new.valid_to).into_iter().collect();
    faults.extend(codelists::unknown_code_faults(POLICY_DOMAIN, std::slice::from_ref(&new.policy_domain), "/policyDomain", &w.tx).await?);
    // Checked only when the ground changes: older mandates without a named law can still get a `validTo`.
    let ground = |mandate: &NewMandate| (mandate.actor_id, mandate.basis, mandate.legal_basis.clone());
    if before.is_none_or(|before| ground(&before.fields) != ground(&new)) {
        faults.extend(missing_law_fault(&new, w).await?);
    }
    if areas::path(new.area_id, &w.tx).await?.is_none() {
        faults.push(areas::not_found_fault("/areaId"));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    // Sorted, so that equal sets of powers are stored as equal lists.
    new.powers.sort_by_key(|power| *power as u8);
    new.powers.dedup();
    let row = table::Model {
        id,
        version,
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        actor_id: new.actor_id,
        policy_domain: new.policy_domain,
        area_id: new.area_id,
        powers: new.powers.into(),
        basis: new.basis,
        legal_basis: new.legal_basis,
        valid_from: new.valid_from,
        valid_to: new.valid_to,
        visibility: new.visibility,
        confirmer: Some(confirmer),
        deleted_at: None,
    };
    w.put::<table::Entity>(row.clone(), before.map(|before| before.version)).await?;
    let mandate = view(row);
    publish(&mandate, before, ChangeOperation::Upsert, version, w).await?;
    Ok(mandate)
}

/// Removes a mandate. Its row stays, but the mandate is no longer shown.
pub(super) async fn remove(mandate: &Mandate, w: &Write<'_>) -> Result<()> {
    let version = w.remove(&RECORD, mandate.id, mandate.version).await?;
    publish(mandate, None, ChangeOperation::Delete, version, w).await
}

/// Records the change in the feed and stores the version in the history.
async fn publish(mandate: &Mandate, before: Option<&Mandate>, op: ChangeOperation, version: i64, w: &Write<'_>) -> Result<()> {
    // A mandate that is older than the history gets its earlier version stored together with its first change.
    let earlier = before.or((op == ChangeOperation::Delete).then_some(mandate)).map(|earlier| Version {
        kind: RECORD.kind,
        id: mandate.id.uuid(),
        version: earlier.version,
        op: ChangeOperation::Upsert,
        since: Some(earlier.updated_at),
        visible: visible(earlier),
        body: Some(&earlier.fields),
    });
    history::insert(earlier.as_slice(), w)?;
    let areas = before.into_iter().chain([mandate]).map(|mandate| mandate.fields.area_id);
    let saved = Saved::new(&RECORD, mandate.id, version, visible(mandate))
        .visible_before(before.map(visible))
        .in_areas(areas)
        .history(&mandate.fields)?;
    w.publish(if op == ChangeOperation::Delete { saved.removed() } else { saved }).await
}

fn visible(mandate: &Mandate) -> Visible {
    mandate.fields.visibility.of(None, Some(mandate.fields.actor_id.uuid()))
}
