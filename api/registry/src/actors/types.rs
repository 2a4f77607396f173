//! The types of this resource: request and response bodies, filters, enumerations and the id.

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

/// The id and name of an actor, as other records show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActorName {
    pub id: ActorId,
    pub name: String,
}

/// The kind of organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Municipality (kommun).
    Municipality,
    /// Region (region).
    Region,
    /// County administrative board (länsstyrelse).
    CountyBoard,
    /// Municipal association (kommunalförbund).
    MunicipalAssociation,
    /// State agency (statlig myndighet).
    Agency,
    /// Administration (förvaltning). It must have a parent.
    Administration,
    /// Non-profit association (ideell förening).
    Association,
    /// Foundation (stiftelse).
    Foundation,
    /// Faith community (trossamfund).
    FaithCommunity,
    /// Cooperative (ekonomisk förening, kooperativ).
    Cooperative,
    /// Company (företag).
    Company,
    /// Public housing company (allmännyttigt bostadsföretag).
    PublicHousing,
    /// Trade union (fackförbund).
    Union,
    /// Employers' organisation (arbetsgivarorganisation).
    EmployerOrganisation,
    /// Research environment (forskningsmiljö).
    Research,
    /// Network (nätverk).
    Network,
    /// Other (annat).
    Other,
}

impl ActorKind {
    /// Whether the actor is a body of the state, a region or a municipality. A mandate by law of such a body need not name the law.
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
    /// Public sector (offentlig sektor).
    Public,
    /// Civil society (civilsamhället).
    CivilSociety,
    /// Private sector (näringslivet).
    Private,
    /// Academia (akademin).
    Academia,
}

/// Whether an actor is active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ActorStatus {
    /// Active (verksam).
    #[default]
    Active,
    /// Inactive for the time being (vilande).
    Dormant,
    /// Dissolved (upplöst).
    Dissolved,
}

/// Whether an identifier belongs to the actor itself or to its parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum IdentifierScope {
    /// The actor's own number. It is refused when the caller can see that another actor has it as its own.
    #[default]
    Own,
    /// The number of the organisation that the actor is part of.
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
    /// The number or code. Organisation numbers are stored as ten digits. The number of a sole trader is a personal
    /// identity number and is refused.
    #[schema(min_length = 1, max_length = 100, example = "2120002882")]
    pub value: String,
    /// Whether the number belongs to the actor itself or to its parent. The default is `own`.
    #[serde(default)]
    pub scope: IdentifierScope,
    /// First day on which the identifier is valid.
    pub valid_from: Option<NaiveDate>,
    /// First day on which the identifier is no longer valid.
    pub valid_to: Option<NaiveDate>,
}

/// A former name of an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FormerName {
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 200, example = "Fittja Folkpark")]
    pub name: String,
    /// First day on which the actor had this name, if known.
    pub valid_from: Option<NaiveDate>,
    /// First day on which the actor no longer had this name, if known.
    pub valid_to: Option<NaiveDate>,
}

/// A function of an actor with its own address, such as a registrar or an office. It is never a private person: do not
/// give names or addresses of persons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactPoint {
    /// The name of the function, not of a person.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 200, example = "Registrator")]
    pub function: String,
    /// The e-mail address of the function.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(format = "email", max_length = 254, example = "registrator@kommun.example.se")]
    pub email: Option<String>,
    /// The telephone number of the function.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 40, pattern = "^\\+?[0-9][0-9 ()/-]{3,38}$", example = "08-530 610 00")]
    pub phone: Option<String>,
}

/// An actor to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewActor {
    pub kind: ActorKind,
    /// The part of society. The default is the usual sector of the kind.
    pub sector: Option<Sector>,
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 200, example = "Fittja Folkets Park")]
    pub name: String,
    /// The actor that this one is part of.
    pub parent_id: Option<ActorId>,
    /// The area of the actor's seat, usually a municipality.
    pub seat_area_id: Option<AreaId>,
    /// The areas that the actor serves.
    #[serde(default)]
    #[schema(max_items = 400)]
    pub areas_served: Vec<AreaId>,
    /// The day on which the actor was founded.
    pub founded: Option<NaiveDate>,
    /// The first day on which the actor no longer existed. It must be after `founded`.
    pub dissolved: Option<NaiveDate>,
    /// Whether the actor is active. The default is `active`.
    #[serde(default)]
    pub status: ActorStatus,
    /// The visibility of the actor. The default is `public`.
    #[serde(default)]
    pub visibility: Visibility,
    /// Short forms and names in other languages.
    #[serde(default, deserialize_with = "each_trimmed")]
    #[schema(max_items = 20)]
    pub other_names: Vec<String>,
    /// The former names of the actor, oldest first. When a change gives a new `name` and leaves `formerNames` as it was, the
    /// old name is added here with the day of the change as `validTo`.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub former_names: Vec<FormerName>,
    /// Codes of the codelist `PolicyDomain` that the actor works with.
    #[serde(default)]
    #[schema(max_items = 30)]
    pub policy_domains: Vec<String>,
    /// The people that the actor works for (målgrupper), in its own words.
    #[serde(default, deserialize_with = "each_trimmed")]
    #[schema(max_items = 30)]
    pub target_groups: Vec<String>,
    /// The subject that the actor concentrates on (inriktning).
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub focus: Option<String>,
    /// The methods that the actor uses (arbetssätt), in its own words.
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
    /// Functions by which the actor can be contacted, never private persons.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub contact_points: Vec<ContactPoint>,
    /// Numbers and codes by which other systems know the actor.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub identifiers: Vec<Identifier>,
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
    /// The actor that this one was merged into; null when it was not merged.
    pub merged_into: Option<ActorId>,
    /// Related records; null unless `expand` asks for them.
    pub expanded: Option<ActorExpansion>,
}

/// Records that belong to an actor.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActorExpansion {
    /// The mandates of the actor that the caller can see. Empty unless `expand` asks for them.
    pub mandates: Vec<Mandate>,
    /// The relations of the actor where the caller can see both actors. Empty unless `expand` asks for them.
    pub relations: Vec<ActorRelation>,
}

/// The kinds of records that can be shown together with an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorExpand {
    /// The actor's mandates.
    Mandates,
    /// The actor's relations to others.
    Relations,
}

/// Query parameters that decide what is shown of each actor.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Expansion {
    /// Related records to show with each actor.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub expand: Option<Vec<ActorExpand>>,
    /// Shows each actor as it was on this day, such as `2024-01-01`. `name` is the name on that day according to
    /// `formerNames`; `formerNames` has the names before that day; `identifiers` has those that were valid; `parentId` is the
    /// parent on that day; `expand` shows the mandates and relations that were valid. A list leaves out actors that were
    /// founded later or already dissolved, and the filter `parentId` means the parent on that day. Everything else is as it is
    /// now: visibility, areas, other texts, the matches of `q`, and the order.
    #[param(nullable = false)]
    pub as_of: Option<NaiveDate>,
}

impl Expansion {
    /// Whether actors are shown as they are stored.
    pub(super) fn is_empty(&self) -> bool {
        self.as_of.is_none() && self.expand.as_ref().is_none_or(Vec::is_empty)
    }
}

/// Filters of the list of actors.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ActorFilter {
    /// The actors with these ids.
    #[param(nullable = false, style = Form, explode = false)]
    pub id: Option<Vec<ActorId>>,
    /// Words to search for in names (also other and former names), focus and identifiers. Each must be the beginning of a word.
    /// Actors whose name begins with the search text come first.
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
    /// Actors that have this area among their `areasServed`.
    #[param(nullable = false)]
    pub serves: Option<AreaId>,
    /// Actors that are part of this one.
    #[param(nullable = false)]
    pub parent_id: Option<ActorId>,
    /// Actors that have any of these identifiers, each written as scheme, colon and value.
    #[param(nullable = false, style = Form, explode = false, example = json!(["SE-ON:2120002882"]))]
    pub identifier: Option<Vec<String>>,
    /// `true` lists removed actors instead: those that the caller may restore. `updatedAt` is the time of removal. `q` finds no
    /// removed actor.
    #[param(nullable = false)]
    pub removed: Option<bool>,
    /// Actors changed after this time.
    #[param(nullable = false)]
    pub updated_after: Option<DateTime<Utc>>,
    /// The order: `name` (Swedish alphabetical order), `createdAt` or `updatedAt`. A `-` in front reverses it.
    #[param(nullable = false, pattern = "^-?(name|createdAt|updatedAt)$", example = "name")]
    pub sort: Option<String>,
}
