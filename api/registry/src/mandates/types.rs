//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::Visibility,
    actors::ActorId,
    geography::areas::AreaId,
    kernel::{Id, extract::blank_is_none},
};

/// The id of a mandate.
pub type MandateId = Id<Mandate>;

/// What a mandate lets an actor do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Besluta.
    Decide,
    /// Finansiera.
    Fund,
    /// Genomföra.
    Implement,
    /// Reglera.
    Regulate,
    /// Ge råd.
    Advise,
    /// Informera.
    Inform,
}

/// What a mandate rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = MandateBasis)]
pub enum Basis {
    /// Law (lagstadgat).
    Statutory,
    /// Delegation (delegerat).
    Delegated,
    /// Agreement (avtalat).
    Agreed,
    /// Own choice (frivilligt).
    Voluntary,
}

/// Who vouches for a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = MandateConfirmer)]
pub enum Confirmer {
    /// The actor's own people (självangivet).
    Party,
    /// Who coordinates where it holds (bekräftat).
    Coordinator,
}

/// A mandate to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMandate {
    pub actor_id: ActorId,
    /// A code of the codelist `PolicyDomain`.
    #[schema(max_length = 64, example = "housing")]
    pub policy_domain: String,
    /// Where the mandate holds.
    pub area_id: AreaId,
    /// What the actor may do.
    #[schema(min_items = 1, max_items = 6)]
    pub powers: Vec<Power>,
    pub basis: Basis,
    /// The law, decision or agreement that it rests on; required where a party that is no public body has it by law.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub legal_basis: Option<String>,
    /// First day of the mandate.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it no longer holds.
    pub valid_to: Option<NaiveDate>,
    /// Who may see it; `public` unless given.
    #[serde(default)]
    pub visibility: Visibility,
}

/// What an actor may do in a policy domain and an area (mandat).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mandate {
    pub id: MandateId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewMandate,
    /// Who vouches for it as it stands: the actor's own people, or who coordinates where it holds. Null where that is not known.
    pub confirmed_by: Option<Confirmer>,
    /// Whether it was found for an area below its own: it holds there too.
    pub inherited: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which mandates to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct MandateFilter {
    /// Mandates of this actor.
    #[param(nullable = false)]
    pub actor_id: Option<ActorId>,
    /// Mandates in this policy domain.
    #[param(nullable = false, max_length = 64, example = "housing")]
    pub policy_domain: Option<String>,
    /// Mandates that hold in this area: its own, and those of the areas that it lies in, which are `inherited`.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Mandates that hold on this day.
    #[param(nullable = false)]
    pub valid_on: Option<NaiveDate>,
    /// The same, as it is called in other lists.
    #[param(nullable = false)]
    pub as_of: Option<NaiveDate>,
}
