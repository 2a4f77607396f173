//! Actors (aktörer): the organisations that work together, from the region to the smallest association. An actor tells
//! where it has its seat, whom it serves, what it works with and by which numbers other systems know it.

mod api;
pub mod matching;
pub mod rules;
pub mod store;
pub mod table;
pub mod tombstones;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{
    Actor, ActorBatch, ActorOperation, ContactPoint, CreateActor, DeleteActor, FormerName, Identifier, NewActor, UpdateActor, routes,
};

use crate::kernel::Id;

/// The id of an actor.
pub type ActorId = Id<Actor>;

/// An actor by name, where others name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActorName {
    pub id: ActorId,
    pub name: String,
}

/// What kind of organisation an actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Kommun.
    Municipality,
    /// Region.
    Region,
    /// Länsstyrelse.
    CountyBoard,
    /// Kommunalförbund.
    MunicipalAssociation,
    /// Statlig myndighet.
    Agency,
    /// Förvaltning; has a parent.
    Administration,
    /// Ideell förening.
    Association,
    /// Stiftelse.
    Foundation,
    /// Trossamfund.
    FaithCommunity,
    /// Ekonomisk förening, kooperativ.
    Cooperative,
    /// Företag.
    Company,
    /// Allmännyttigt bostadsföretag.
    PublicHousing,
    /// Fackförbund.
    Union,
    /// Arbetsgivarorganisation.
    EmployerOrganisation,
    /// Forskningsmiljö.
    Research,
    /// Nätverk.
    Network,
    /// Annat.
    Other,
}

impl ActorKind {
    /// Whether it is a body of the state, a region or a municipality, whose mandates by law are known.
    #[must_use]
    pub const fn is_public_body(self) -> bool {
        matches!(
            self,
            Self::Municipality | Self::Region | Self::CountyBoard | Self::MunicipalAssociation | Self::Agency | Self::Administration
        )
    }
}

/// The part of society that an actor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Sector {
    /// Offentlig sektor.
    Public,
    /// Civilsamhället.
    CivilSociety,
    /// Näringslivet.
    Private,
    /// Akademin.
    Academia,
}

/// Whether an actor is at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ActorStatus {
    /// At work.
    #[default]
    Active,
    /// Resting for the time being (vilande).
    Dormant,
    /// Dissolved (upplöst).
    Dissolved,
}

/// Whether an identifier is the actor's own or that of the organisation above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum IdentifierScope {
    /// The actor's own; no other living actor has it.
    #[default]
    Own,
    /// The organisation's that the actor is part of.
    Parent,
}
