//! What the filled-in actors and mandates look like.

use chrono::{DateTime, TimeDelta, Utc};
use samsyn::{
    access::Visibility,
    geography::areas::AreaId,
    kernel::text,
    registry::{
        actors::{ActorKind, ActorStatus, Identifier, IdentifierScope, rules, table as actor},
        mandates::{Basis, Power, table as mandate},
    },
};
use sea_orm::ActiveValue::Set;
use uuid::Uuid;

use crate::seed::Random;

const ASSOCIATIONS: &[&str] = &[
    "Idrottsförening",
    "Hyresgästförening",
    "Kulturförening",
    "Folkets Hus",
    "Byalag",
    "Kvinnojour",
    "Ungdomsråd",
    "Pensionärsförening",
    "Koloniförening",
    "Föräldraförening",
    "Fotbollsklubb",
    "Scoutkår",
    "Naturskyddsförening",
    "Språkkafé",
    "Nattvandrare",
    "Bostadsrättsförening",
    "Hembygdsförening",
    "Biblioteksvänner",
    "Odlingslotter",
    "Teaterförening",
];
const OTHERS: &[(ActorKind, &str)] = &[
    (ActorKind::Company, "Fastigheter AB"),
    (ActorKind::Company, "Bygg och Miljö AB"),
    (ActorKind::PublicHousing, "Bostäder"),
    (ActorKind::FaithCommunity, "Församling"),
    (ActorKind::Foundation, "Stiftelse"),
    (ActorKind::Agency, "Servicekontor"),
    (ActorKind::Union, "Fackklubb"),
    (ActorKind::Network, "Nätverk"),
    (ActorKind::Cooperative, "Ekonomiska förening"),
];
const BEGINNINGS: &[&str] = &["", "", "", "Norra ", "Södra ", "Östra ", "Västra ", "Nya ", "Unga i ", "Vi i "];
pub const DOMAINS: &[&str] = &[
    "housing",
    "planning",
    "labour_market",
    "education",
    "preschool",
    "health",
    "social_care",
    "safety",
    "democracy",
    "culture_leisure",
    "civil_society",
    "digital",
];
const GROUPS: &[&str] = &["barn", "unga", "äldre", "nyanlända", "föräldrar", "arbetssökande"];
const POWERS: &[Power] = &[Power::Decide, Power::Fund, Power::Implement, Power::Regulate, Power::Advise, Power::Inform];

/// A statistical area, by whose name people call where they live.
pub struct Place {
    pub name: String,
    pub municipality: AreaId,
    /// The municipality's code.
    pub code: String,
}

/// An actor with its rows of all tables.
pub struct SeededActor {
    pub id: Uuid,
    pub row: actor::ActiveModel,
    pub served: actor::served::ActiveModel,
    pub identifier: actor::identifier::ActiveModel,
    /// For the index of words, separated by blanks.
    pub words: String,
}

pub fn actor(number: usize, places: &[Place], random: &mut Random) -> SeededActor {
    let at = moment(number);
    let id = id(number, at, 0, random);
    let place = random.of(places);
    // Seven actors of ten are associations.
    let (kind, ending) = if random.below(10) < 7 { (ActorKind::Association, *random.of(ASSOCIATIONS)) } else { *random.of(OTHERS) };
    let name = format!("{}{} {ending}", random.of(BEGINNINGS), place.name);
    let organisation_number = organisation_number(802_000_000 + number);
    let focus = format!("Arbetar för {} i {} tillsammans med skola, kommun och grannar.", random.of(GROUPS), place.name);
    let words = text::words(&format!("{name} {focus} {organisation_number}")).join(" ");
    let identifier = Identifier {
        scheme: rules::ORGANISATION_NUMBER.to_owned(),
        value: organisation_number.clone(),
        scope: IdentifierScope::Own,
        valid_from: None,
        valid_to: None,
    };
    let row = actor::ActiveModel {
        id: Set(id.into()),
        version: Set(1),
        created_at: Set(at),
        updated_at: Set(at),
        kind: Set(kind),
        sector: Set(rules::usual_sector(kind)),
        name_fold: Set(text::fold(&name)),
        name_sort: Set(text::sort_key(&name)),
        name: Set(name),
        other_names: Set(Vec::new().into()),
        parent_id: Set(None),
        seat_area_id: Set(Some(place.municipality)),
        municipality_code: Set(Some(place.code.clone())),
        areas_served: Set(vec![place.municipality].into()),
        identifiers: Set(vec![identifier].into()),
        policy_domains: Set(vec![(*random.of(DOMAINS)).to_owned()].into()),
        target_groups: Set(vec![(*random.of(GROUPS)).to_owned()].into()),
        focus: Set(Some(focus)),
        website: Set(Some(format!("https://www.example.se/{number}"))),
        status: Set(ActorStatus::Active),
        visibility: Set(Visibility::Public),
        pack: Set(None),
        pack_version: Set(None),
        deleted_at: Set(None),
        ..Default::default()
    };
    SeededActor {
        id,
        row,
        served: actor::served::ActiveModel { actor_id: Set(id.into()), area_id: Set(place.municipality) },
        identifier: actor::identifier::ActiveModel {
            id: Set(self::id(number, at, 1, random).into()),
            actor_id: Set(id.into()),
            scheme: Set(rules::ORGANISATION_NUMBER.to_owned()),
            value: Set(organisation_number),
            scope: Set(IdentifierScope::Own),
            live: Set(true),
            claimed: Set(false),
        },
        words,
    }
}

pub fn mandate(number: usize, actor: Uuid, places: &[Place], random: &mut Random) -> mandate::ActiveModel {
    let at = moment(number);
    mandate::ActiveModel {
        id: Set(id(number, at, 2, random).into()),
        version: Set(1),
        created_at: Set(at),
        updated_at: Set(at),
        actor_id: Set(actor.into()),
        policy_domain: Set((*random.of(DOMAINS)).to_owned()),
        area_id: Set(random.of(places).municipality),
        powers: Set(vec![*random.of(POWERS)].into()),
        basis: Set(Basis::Agreed),
        legal_basis: Set(None),
        valid_from: Set(Some(at.date_naive())),
        valid_to: Set(None),
        visibility: Set(Visibility::Public),
        confirmer: Set(None),
        deleted_at: Set(None),
    }
}

/// When a row was written: one each minute.
fn moment(number: usize) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(18_262) + TimeDelta::minutes(i64::try_from(number).unwrap_or_default())
}

/// Version 7, as the service gives them. Rows of different tables differ in their last byte.
fn id(number: usize, at: DateTime<Utc>, table: u8, random: &mut Random) -> Uuid {
    let mut tail = [0; 10];
    tail[..8].copy_from_slice(&random.next().to_be_bytes());
    tail[8] = u8::try_from(number % 251).unwrap_or_default();
    tail[9] = table;
    uuid::Builder::from_unix_timestamp_millis(at.timestamp_millis().unsigned_abs(), &tail).into_uuid()
}

/// Nine digits with their check digit by Luhn.
pub fn organisation_number(nine: usize) -> String {
    let digits = format!("{nine:09}");
    let sum: u32 = digits
        .bytes()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0') * if at % 2 == 0 { 2 } else { 1 };
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}
