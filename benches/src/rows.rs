//! What the filled-in actors, mandates and interventions look like. Rows are columns with their values, so that they fit
//! databases of other versions of the service.

use chrono::{DateTime, TimeDelta, Utc};
use samsyn::{kernel::text, registry::actors::rules};
use sea_orm::Value;
use serde_json::json;
use uuid::Uuid;

use crate::random::Random;

/// A row of a table: columns and their values.
pub type Row = Vec<(&'static str, Value)>;

/// Organisation numbers without their check digit: where those of filled-in, created and imported actors begin.
pub const SEEDED_NUMBERS: usize = 802_000_000;
pub const CREATED_NUMBERS: usize = 812_000_000;
const IMPORTED_NUMBERS: usize = 822_000_000;

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
const OTHERS: &[(&str, &str, &str)] = &[
    ("company", "private", "Fastigheter AB"),
    ("company", "private", "Bygg och Miljö AB"),
    ("public_housing", "public", "Bostäder"),
    ("faith_community", "civil_society", "Församling"),
    ("foundation", "civil_society", "Stiftelse"),
    ("agency", "public", "Servicekontor"),
    ("union", "civil_society", "Fackklubb"),
    ("network", "civil_society", "Nätverk"),
    ("cooperative", "civil_society", "Odlingskooperativ"),
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
const POWERS: &[&str] = &["decide", "fund", "implement", "regulate", "advise", "inform"];
const WORK: &[&str] =
    &["Läxhjälp", "Sommarjobb", "Trygghetsvandring", "Språkstöd", "Upprustning", "Mötesplats", "Fritidsledare", "Jobbcoach"];
const STATUSES: &[&str] = &["idea", "planned", "ongoing", "completed"];

/// A statistical area, by whose name people call where they live.
pub struct Place {
    pub name: String,
    pub municipality: Uuid,
    /// The municipality's code.
    pub code: String,
}

/// An actor with its rows of all tables.
pub struct SeededActor {
    pub id: Uuid,
    pub row: Row,
    pub served: Row,
    pub identifier: Row,
    /// For the index of words, separated by blanks.
    pub words: String,
}

/// A kind, its sector, and a name.
fn named(place: &Place, random: &mut Random) -> (&'static str, &'static str, String) {
    // Seven actors of ten are associations.
    let (kind, sector, ending) =
        if random.below(10) < 7 { ("association", "civil_society", *random.of(ASSOCIATIONS)) } else { *random.of(OTHERS) };
    (kind, sector, format!("{}{} {ending}", random.of(BEGINNINGS), place.name))
}

pub fn actor(number: usize, places: &[Place], random: &mut Random) -> SeededActor {
    let at = moment(number);
    let id = id(number, at, 0, random);
    let place = random.of(places);
    let (kind, sector, name) = named(place, random);
    let organisation_number = organisation_number(SEEDED_NUMBERS + number);
    let focus = format!("Arbetar för {} i {} tillsammans med skola, kommun och grannar.", random.of(GROUPS), place.name);
    let words = text::words(&format!("{name} {focus} {organisation_number}")).join(" ");
    let identifiers = json!([{ "scheme": "SE-ON", "value": organisation_number, "scope": "own", "validFrom": null, "validTo": null }]);
    let (domain, group, website) = (random.of(DOMAINS), random.of(GROUPS), format!("https://www.example.se/{number}"));
    let details = json!({
        "otherNames": [], "formerNames": [], "policyDomains": [domain], "targetGroups": [group], "focus": focus, "workingMethods": [],
        "languages": [], "website": website, "contactPoints": [], "identifiers": identifiers,
    });
    let mut row = resource(id, at);
    row.extend([
        ("details", details.to_string().into()),
        ("kind", kind.into()),
        ("sector", sector.into()),
        ("name_fold", text::fold(&name).into()),
        ("name_sort", text::sort_key(&name).into()),
        ("name_key", rules::name_key(&name).into()),
        ("name", name.into()),
        ("other_names", json!([]).into()),
        ("seat_area_id", place.municipality.into()),
        ("municipality_code", place.code.clone().into()),
        ("areas_served", json!([place.municipality]).into()),
        ("identifiers", identifiers.into()),
        ("policy_domains", json!([domain]).into()),
        ("target_groups", json!([group]).into()),
        ("focus", focus.into()),
        ("website", website.into()),
        ("status", "active".into()),
        ("visibility", "public".into()),
    ]);
    let identifier = vec![
        ("id", self::id(number, at, 1, random).into()),
        ("actor_id", id.into()),
        ("scheme", "SE-ON".into()),
        ("value", organisation_number.into()),
        ("scope", "own".into()),
        ("live", true.into()),
        ("claimed", false.into()),
    ];
    let served = vec![("actor_id", id.into()), ("area_id", place.municipality.into())];
    SeededActor { id, row, served, identifier, words }
}

pub fn mandate(number: usize, actor: Uuid, places: &[Place], random: &mut Random) -> Row {
    let at = moment(number);
    let mut row = resource(id(number, at, 2, random), at);
    row.extend([
        ("actor_id", actor.into()),
        ("policy_domain", (*random.of(DOMAINS)).into()),
        ("area_id", random.of(places).municipality.into()),
        ("powers", json!([random.of(POWERS)]).into()),
        ("basis", "agreed".into()),
        ("valid_from", at.date_naive().into()),
        ("visibility", "public".into()),
    ]);
    row
}

/// An intervention with its rows of all tables.
pub struct SeededIntervention {
    pub id: Uuid,
    pub row: Row,
    pub area: Row,
    pub words: String,
}

pub fn intervention(number: usize, owner: Uuid, places: &[Place], random: &mut Random) -> SeededIntervention {
    let at = moment(number);
    let id = id(number, at, 3, random);
    let place = random.of(places);
    let title = format!("{} i {} {}", random.of(WORK), place.name, 2020 + random.below(10));
    let description = format!("För {}, tillsammans med skolan och föreningarna.", random.of(GROUPS));
    let words = text::words(&format!("{title} {description}")).join(" ");
    let mut row = resource(id, at);
    row.extend([
        ("title_fold", text::fold(&title).into()),
        ("title_sort", text::sort_key(&title).into()),
        ("title", title.into()),
        ("description", description.into()),
        ("owner_actor_id", owner.into()),
        ("status", (*random.of(STATUSES)).into()),
        ("horizon", "short".into()),
        ("addresses", "consequence".into()),
        ("instrument", "area_measure".into()),
        ("areas", json!([place.municipality]).into()),
        ("causes", json!([]).into()),
        ("policy_domains", json!([random.of(DOMAINS)]).into()),
        ("target_groups", json!([random.of(GROUPS)]).into()),
        ("visibility", "public".into()),
    ]);
    let area = vec![("intervention_id", id.into()), ("area_id", place.municipality.into())];
    SeededIntervention { id, row, area, words }
}

/// A line of a file to import: kind, name, municipality code, organisation number and website.
pub fn line(number: usize, website: &str, places: &[Place], random: &mut Random) -> String {
    let place = random.of(places);
    let (kind, _, name) = named(place, random);
    let organisation_number = organisation_number(IMPORTED_NUMBERS + number);
    format!("{kind};{name};{};{organisation_number};https://{website}.example.se/{number}\n", place.code)
}

fn resource(id: Uuid, at: DateTime<Utc>) -> Row {
    vec![("id", id.into()), ("version", 1_i64.into()), ("created_at", at.into()), ("updated_at", at.into())]
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
