//! The tables of actors, and the index tables of their areas and identifiers.

use std::borrow::Cow;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Actor, ActorId, ActorKind, ActorStatus, ContactPoint, FormerName, Identifier, IdentifierScope, NewActor, Sector};
use crate::{
    access::Visibility,
    geography::areas::AreaId,
    kernel::{
        Id, Result,
        db::{Cells, ReadResult},
        table::List,
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "actor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ActorId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub kind: ActorKind,
    pub sector: Sector,
    pub name: String,
    pub name_sort: Vec<u8>,
    pub name_key: String,
    pub parent_id: Option<ActorId>,
    pub seat_area_id: Option<AreaId>,
    pub municipality_code: Option<String>,
    pub areas_served: List<AreaId>,
    pub founded: Option<ChronoDate>,
    pub dissolved: Option<ChronoDate>,
    pub status: ActorStatus,
    pub visibility: Visibility,
    /// The [`Details`] in JSON.
    pub details: String,
    pub pack: Option<String>,
    pub pack_version: Option<i64>,
    pub deleted_at: Option<ChronoDateTimeUtc>,
    /// The actor that this one was merged into; then `deleted_at` is set too.
    pub merged_into: Option<ActorId>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Reads a row of `SQLite`. The columns are in the order of the fields.
///
/// # Errors
/// When a column holds something else.
pub fn read(cells: &mut Cells<'_>) -> ReadResult<Model> {
    Ok(Model {
        id: cells.id()?,
        version: cells.plain()?,
        created_at: cells.time()?,
        updated_at: cells.time()?,
        kind: cells.code()?,
        sector: cells.code()?,
        name: cells.plain()?,
        name_sort: cells.plain()?,
        name_key: cells.plain()?,
        parent_id: cells.optional_id()?,
        seat_area_id: cells.optional_id()?,
        municipality_code: cells.plain()?,
        areas_served: List(cells.json()?),
        founded: cells.optional_day()?,
        dissolved: cells.optional_day()?,
        status: cells.code()?,
        visibility: cells.code()?,
        details: cells.plain()?,
        pack: cells.plain()?,
        pack_version: cells.plain()?,
        deleted_at: cells.optional_time()?,
        merged_into: cells.optional_id()?,
    })
}

/// The members of an actor by which no list is filtered or sorted. They are stored as they stand in answers, so that actors are shown
/// without reading them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Details<'a> {
    pub other_names: Cow<'a, [String]>,
    pub former_names: Cow<'a, [FormerName]>,
    pub policy_domains: Cow<'a, [String]>,
    pub target_groups: Cow<'a, [String]>,
    pub focus: Option<Cow<'a, str>>,
    pub working_methods: Cow<'a, [String]>,
    pub languages: Cow<'a, [String]>,
    pub website: Option<Cow<'a, str>>,
    pub contact_points: Cow<'a, [ContactPoint]>,
    pub identifiers: Cow<'a, [Identifier]>,
}

impl Details<'static> {
    /// Reads the column.
    ///
    /// # Errors
    /// When it holds something else (500).
    pub fn read(column: &str) -> Result<Self> {
        Ok(serde_json::from_str(column)?)
    }
}

impl<'a> Details<'a> {
    /// Returns the details of an actor.
    #[must_use]
    pub fn of(actor: &'a NewActor) -> Self {
        Self {
            other_names: actor.other_names.as_slice().into(),
            former_names: actor.former_names.as_slice().into(),
            policy_domains: actor.policy_domains.as_slice().into(),
            target_groups: actor.target_groups.as_slice().into(),
            focus: actor.focus.as_deref().map(Cow::from),
            working_methods: actor.working_methods.as_slice().into(),
            languages: actor.languages.as_slice().into(),
            website: actor.website.as_deref().map(Cow::from),
            contact_points: actor.contact_points.as_slice().into(),
            identifiers: actor.identifiers.as_slice().into(),
        }
    }

    /// Returns the column.
    ///
    /// # Errors
    /// When it cannot be written as JSON (500).
    pub fn column(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

/// The areas that actors serve: an index for finding actors by area.
pub mod served {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "actor_area")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub actor_id: ActorId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub area_id: AreaId,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The identifiers of actors: an index for finding actors by number and for keeping own numbers unique.
pub mod identifier {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "actor_identifier")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Actor>,
        pub actor_id: ActorId,
        pub scheme: String,
        pub value: String,
        pub scope: IdentifierScope,
        pub live: bool,
        /// Whether another actor already had this number as its own when it was written, and the writer could not see that.
        pub claimed: bool,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
