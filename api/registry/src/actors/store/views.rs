//! Actors as they are stored, and as they stand in answers.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::{
    access::Visibility,
    actors::{Actor, ActorExpansion, ActorId, ActorKind, ActorStatus, NewActor, Sector, table},
    geography::areas::AreaId,
    kernel::{Rendered, Result},
};

/// The members of an actor in an answer that stand before its details.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Before<'a> {
    id: ActorId,
    version: i64,
    kind: ActorKind,
    sector: Sector,
    name: &'a str,
    parent_id: Option<ActorId>,
    seat_area_id: Option<AreaId>,
    areas_served: &'a [AreaId],
    founded: Option<NaiveDate>,
    dissolved: Option<NaiveDate>,
    status: ActorStatus,
    visibility: Visibility,
}

/// The members that stand after its details.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct After {
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    merged_into: Option<ActorId>,
    expanded: Option<ActorExpansion>,
}

/// Reads an actor from its row.
///
/// # Errors
/// When its details cannot be read (500).
pub(in crate::actors) fn view(row: table::Model) -> Result<Actor> {
    let details = table::Details::read(&row.details)?;
    Ok(Actor {
        id: row.id,
        version: row.version,
        fields: NewActor {
            kind: row.kind,
            sector: Some(row.sector),
            name: row.name,
            parent_id: row.parent_id,
            seat_area_id: row.seat_area_id,
            areas_served: row.areas_served.0,
            founded: row.founded,
            dissolved: row.dissolved,
            status: row.status,
            visibility: row.visibility,
            other_names: details.other_names.into_owned(),
            former_names: details.former_names.into_owned(),
            policy_domains: details.policy_domains.into_owned(),
            target_groups: details.target_groups.into_owned(),
            focus: details.focus.map(Cow::into_owned),
            working_methods: details.working_methods.into_owned(),
            languages: details.languages.into_owned(),
            website: details.website.map(Cow::into_owned),
            contact_points: details.contact_points.into_owned(),
            identifiers: details.identifiers.into_owned(),
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
        merged_into: row.merged_into,
        expanded: None,
    })
}

/// Returns an actor as it stands in answers: as [`Actor`] is serialised, without reading its details.
///
/// # Errors
/// When it cannot be written as JSON (500).
pub(in crate::actors) fn shown(row: &table::Model) -> Result<Rendered> {
    let before = Before {
        id: row.id,
        version: row.version,
        kind: row.kind,
        sector: row.sector,
        name: &row.name,
        parent_id: row.parent_id,
        seat_area_id: row.seat_area_id,
        areas_served: &row.areas_served.0,
        founded: row.founded,
        dissolved: row.dissolved,
        status: row.status,
        visibility: row.visibility,
    };
    let after = After { created_at: row.created_at, updated_at: row.updated_at, merged_into: row.merged_into, expanded: None };
    Rendered::joined(&before, &row.details, &after)
}
