//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use crate::{
    access::Visibility,
    geography::areas::AreaId,
    kernel::{
        Id,
        extract::{blank_is_none, each_trimmed, trimmed},
    },
    mandates::Mandate,
    relations::ActorRelation,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

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

/// A number or code by which other systems know an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identifier {
    /// `SE-ON` (organisation number), `municipality_code` (four digits), `county_code` (two digits), `kolada_id` (four
    /// digits), or `external:` and the name of a source.
    #[schema(pattern = "^(SE-ON|municipality_code|county_code|kolada_id|external:[a-z0-9-]{1,40})$", example = "SE-ON")]
    pub scheme: String,
    /// The number or code. Organisation numbers are stored as ten digits. A sole trader's number is a personal identity
    /// number and is refused.
    #[schema(min_length = 1, max_length = 100, example = "2120002882")]
    pub value: String,
    /// Whose it is; `own` unless given.
    #[serde(default)]
    pub scope: IdentifierScope,
    /// First day on which it holds.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it no longer holds.
    pub valid_to: Option<NaiveDate>,
}

/// A name that an actor had before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FormerName {
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 200, example = "Fittja Folkpark")]
    pub name: String,
    /// First day on which the actor bore it, where that is known.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it no longer did, where that is known.
    pub valid_to: Option<NaiveDate>,
}

/// How to reach a function of an actor. It is a function with its own address, such as a registrar or an office, and never
/// a private person: neither names nor addresses of persons belong here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactPoint {
    /// The function, not the person who holds it.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 200, example = "Registrator")]
    pub function: String,
    /// The function's own e-mail address.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(format = "email", max_length = 254, example = "registrator@kommun.example.se")]
    pub email: Option<String>,
    /// The function's own telephone number.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 40, pattern = "^\\+?[0-9][0-9 ()/-]{3,38}$", example = "08-530 610 00")]
    pub phone: Option<String>,
}

/// An actor to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewActor {
    pub kind: ActorKind,
    /// The part of society; the usual one of the kind unless given.
    pub sector: Option<Sector>,
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 200, example = "Fittja Folkets Park")]
    pub name: String,
    /// Short forms and names in other languages.
    #[serde(default, deserialize_with = "each_trimmed")]
    #[schema(max_items = 20)]
    pub other_names: Vec<String>,
    /// What the actor was called before, oldest first. A change of `name` that does not itself give former names puts the old
    /// name here, with the day of the change as `validTo`.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub former_names: Vec<FormerName>,
    /// The actor that this one is part of.
    pub parent_id: Option<ActorId>,
    /// The area of the actor's seat, usually a municipality.
    pub seat_area_id: Option<AreaId>,
    /// The areas that the actor serves.
    #[serde(default)]
    #[schema(max_items = 400)]
    pub areas_served: Vec<AreaId>,
    /// Codes of the codelist `PolicyDomain` that the actor works with.
    #[serde(default)]
    #[schema(max_items = 30)]
    pub policy_domains: Vec<String>,
    /// Whom the actor works for, in its own words.
    #[serde(default, deserialize_with = "each_trimmed")]
    #[schema(max_items = 30)]
    pub target_groups: Vec<String>,
    /// What the actor aims at (inriktning).
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub focus: Option<String>,
    /// How the actor works (arbetssätt), in its own words.
    #[serde(default, deserialize_with = "each_trimmed")]
    #[schema(max_items = 30)]
    pub working_methods: Vec<String>,
    /// Languages that the actor works in, as BCP 47 codes such as `sv`, `ar`, `so` or `sv-FI`.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub languages: Vec<String>,
    /// The actor's own web page, with `https://` or `http://`.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 500, pattern = "^https?://[^\\s]+$")]
    pub website: Option<String>,
    /// Functions by which the actor is reached; never private persons.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub contact_points: Vec<ContactPoint>,
    /// The day on which the actor came to be.
    pub founded: Option<NaiveDate>,
    /// The first day on which it was no more; after `founded`.
    pub dissolved: Option<NaiveDate>,
    /// Numbers and codes by which other systems know the actor.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub identifiers: Vec<Identifier>,
    /// Whether the actor is at work; `active` unless given.
    #[serde(default)]
    pub status: ActorStatus,
    /// Who may see it; `public` unless given.
    #[serde(default)]
    pub visibility: Visibility,
}

/// An organisation that takes part (aktör).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    pub id: ActorId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewActor,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The actor that it became part of, when two turned out to be one.
    pub merged_into: Option<ActorId>,
    /// Related records, when asked for by `expand`.
    pub expanded: Option<ActorExpansion>,
}

/// Records that belong to an actor.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActorExpansion {
    /// What the actor may decide, as far as the caller may see it. Empty unless asked for.
    pub mandates: Vec<Mandate>,
    /// How the actor stands to others, as far as the caller sees both. Empty unless asked for.
    pub relations: Vec<ActorRelation>,
}

/// What can be shown together with an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorExpand {
    /// The actor's mandates.
    Mandates,
    /// The actor's relations to others.
    Relations,
}

/// What to show together with each actor.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Expansion {
    /// Related records to show with each actor.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub expand: Option<Vec<ActorExpand>>,
    /// A day, such as `2024-01-01`: each actor as it was then. Its `name` is the one that it bore according to `formerNames`,
    /// `formerNames` those from before, `identifiers` those that held, `parentId` what it was part of, and what is shown by
    /// `expand` what held on the day. A list has only actors that were founded, and not dissolved, and `parentId` as a filter
    /// means the parent of the day. All else is as it is now: who may see it, areas, other texts, what `q` finds and the order.
    #[param(nullable = false)]
    pub as_of: Option<NaiveDate>,
}

/// Which actors to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ActorFilter {
    /// The actors with these ids.
    #[param(nullable = false, style = Form, explode = false)]
    pub id: Option<Vec<ActorId>>,
    /// Words to search for in names (also other and former ones), focus and identifiers; each must begin some word. Names that begin with it come first.
    #[param(nullable = false, max_length = 200)]
    pub q: Option<String>,
    /// Actors of these kinds.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub kind: Option<Vec<ActorKind>>,
    /// Actors of this part of society.
    #[param(nullable = false, inline)]
    pub sector: Option<Sector>,
    /// Actors with their seat in the municipality with this code.
    #[param(nullable = false, pattern = "^[0-9]{4}$", example = "0127")]
    pub municipality: Option<String>,
    /// Actors that serve this area.
    #[param(nullable = false)]
    pub serves: Option<AreaId>,
    /// Actors that are part of this one.
    #[param(nullable = false)]
    pub parent_id: Option<ActorId>,
    /// The actors with any of these identifiers, each as scheme and value with a colon between.
    #[param(nullable = false, style = Form, explode = false, example = json!(["SE-ON:2120002882"]))]
    pub identifier: Option<Vec<String>>,
    /// `true` lists removed actors instead: those that the caller may restore, with the time of removal as `updatedAt`. `q`
    /// finds none of them.
    #[param(nullable = false)]
    pub removed: Option<bool>,
    /// Actors changed after this point in time.
    #[param(nullable = false)]
    pub updated_after: Option<DateTime<Utc>>,
    /// `name` (Swedish order), `createdAt` or `updatedAt`, with `-` before it for the other way round.
    #[param(nullable = false, pattern = "^-?(name|createdAt|updatedAt)$", example = "name")]
    pub sort: Option<String>,
}
