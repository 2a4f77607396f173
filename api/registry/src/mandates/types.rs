//! The types of this resource: request and response bodies, filters, enumerations and the id.

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

/// A power that a mandate gives an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// To decide (besluta).
    Decide,
    /// To fund (finansiera).
    Fund,
    /// To implement (genomföra).
    Implement,
    /// To regulate (reglera).
    Regulate,
    /// To advise (ge råd).
    Advise,
    /// To inform (informera).
    Inform,
}

/// The ground of a mandate.
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

/// Who confirmed a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = MandateConfirmer)]
pub enum Confirmer {
    /// The actor's own users (självangivet).
    Party,
    /// A coordinator of the area of the mandate (bekräftat).
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
    /// The area in which the mandate is valid, with all areas below it.
    pub area_id: AreaId,
    /// The powers of the actor.
    #[schema(min_items = 1, max_items = 6)]
    pub powers: Vec<Power>,
    pub basis: Basis,
    /// The law, decision or agreement that the mandate rests on. Required for `statutory` when the actor is no public body.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub legal_basis: Option<String>,
    /// First day of the mandate.
    pub valid_from: Option<NaiveDate>,
    /// First day on which the mandate is no longer valid.
    pub valid_to: Option<NaiveDate>,
    /// The visibility of the mandate. The default is `public`.
    #[serde(default)]
    pub visibility: Visibility,
}

/// The right or duty of an actor to do something in a policy domain and an area (mandat).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mandate {
    pub id: MandateId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewMandate,
    /// Who confirmed the present version: the actor's own users, or a coordinator of the area. Null when that is not known.
    pub confirmed_by: Option<Confirmer>,
    /// Whether the list was filtered by an area below that of the mandate, in which the mandate is valid too.
    pub inherited: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Filters of the list of mandates.
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
    /// Mandates that are valid in this area: those for the area itself, and those for areas above it, which are `inherited`.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Mandates that are valid on this day.
    #[param(nullable = false)]
    pub valid_on: Option<NaiveDate>,
    /// The same as `validOn`, with the name that other lists use.
    #[param(nullable = false)]
    pub as_of: Option<NaiveDate>,
}
