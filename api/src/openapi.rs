//! The published contract: the documentation of the handlers, completed with what is common to all of them.
//!
//! A handler documents only its own outcomes. This module adds to every operation its security, from its permission; the problems
//! that any call may meet; the common headers; and its examples. The examples are real: a test that calls every operation, the
//! story, records them (`openapi/examples.json`).

mod allowed;
mod documents;
mod lists;
mod older;
mod operations;
mod permissions;
mod shared;

use std::collections::BTreeSet;

use actix_web::App;
use serde_json::{Map, Value, json};
use utoipa_actix_web::AppExt;

use crate::{
    kernel::{
        contract::CODE_OF,
        problem::ProblemBody,
        record::{Declared, Record},
        secrecy::Redaction,
    },
    records, routes,
};

pub use documents::Documents;
pub use older::older;

/// The address in the golden file. A running service shows its own.
pub const CANONICAL_URL: &str = "https://samsyn.example.se";

const EXAMPLES: &str = include_str!("../../openapi/examples.json");

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ProblemBody, Redaction)))]
struct Base;

/// The contract as an `OpenAPI` 3.1 document.
#[must_use]
pub fn document(public_url: &str) -> Value {
    let (app, api) = App::new().into_utoipa_app().openapi(<Base as utoipa::OpenApi>::openapi()).configure(routes::api).split_for_parts();
    let mut document = serde_json::to_value(api).unwrap_or_default();
    permissions::complete(app, &mut document);
    add_info(&mut document, public_url);
    rename(&mut document);
    complete_patches(&mut document);
    merge_all_of(&mut document);
    inline_ids(&mut document);
    let written = request_schemas(&document);
    complete_schemas(&mut document, &written);
    add_redactions(&mut document);
    allowed::add_allowed_actions(&mut document);
    lists::add_headings(&mut document);
    lists::add_tables(&mut document);
    operations::complete(&mut document);
    lists::add_searches(&mut document);
    drop_unused(&mut document);
    mark_codes(&mut document);
    shared::share_components(&mut document);
    document
}

fn add_info(document: &mut Value, public_url: &str) {
    document["info"] = json!({
    "title": "Samsyn",
    "version": env!("CARGO_PKG_VERSION"),
    "description": "Samsyn är tjänsten där kommuner, regioner och civilsamhälle arbetar tillsammans mot segregation: aktörer och mandat, forum, statistik, gemensamma lägesbilder, insatser och prioriteringar.\n\nKända begränsningar: dialoger och vägledningens frågor finns ännu inte. Gränser för storlek och antal står i `GET /config`.\n\nSamsyn is the service with which municipalities, regions and civil society work together against segregation: actors and mandates, forums, statistics, shared situation assessments, interventions and priorities.\n\nKnown limitations: dialogues and the questions of the guidance are not there yet. The limits of size and number stand in `GET /config`.",
    "termsOfService": format!("{public_url}/"),
    "contact": {"name": "Samsyn", "url": format!("{public_url}/"), "email": "kontakt@samsyn.example.se"},
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    "x-sla": {"availability": "Set by the operator of the installation", "responseTime": "Set by the operator of the installation", "support": "Set by the operator of the installation"},
    "x-limitations": "Dialogues and guidance are not there yet; see GET /config for limits."
    });
    document["servers"] = json!([{"url": format!("{public_url}/samsyn/v1"), "description": "Samsyn"}]);
    document["externalDocs"] = json!({"description": "Every kind of problem, with its remedy", "url": format!("{public_url}/problems")});
    document["tags"] = json!([
    {"name": "service", "description": "The service about itself (tjänsten)"},
    {"name": "sessions", "description": "Signing in and out (inloggning)"},
    {"name": "account", "description": "The caller's own account (konto)"},
    {"name": "users", "description": "Users and service accounts (användare och tjänstekonton)"},
    {"name": "grants", "description": "Roles that users hold (behörigheter)"},
    {"name": "audit", "description": "The audit log (behandlingslogg)"},
    {"name": "reference", "description": "Codelists with labels (kodlistor)"},
    {"name": "areas", "description": "The division of the country (områden)"},
    {"name": "actors", "description": "Organisations that take part (aktörer)"},
    {"name": "mandates", "description": "Mandates of actors (mandat)"},
    {"name": "statements", "description": "Needs, challenges, competences and resources of actors (behov, utmaningar, kompetenser, resurser)"},
    {"name": "forums", "description": "Forums and their members (forum)"},
    {"name": "statistics", "description": "Indicators and their values (statistik)"},
    {"name": "assessments", "description": "Shared situation assessments (gemensamma lägesbilder)"},
    {"name": "interventions", "description": "Interventions (insatser)"},
    {"name": "priorities", "description": "Rounds of priorities, ballots and decisions (prioriteringar)"},
    {"name": "exchange", "description": "Exchange with other systems (utbyte)"},
    {"name": "disclosure", "description": "Secrecy, disclosure and the journal (sekretess, utlämnande, diarium)"},
    {"name": "insight", "description": "Connections between records, and tasks (spår)"},
    {"name": "privacy", "description": "Personal data (dataskydd och gallring)"}
    ]);
    document["components"]["securitySchemes"] = json!({
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The `accessToken` of `POST /sessions`."}
    });
}

/// Gives generic types the names that a client developer expects: `Page_Actor` becomes `ActorPage`.
fn rename(document: &mut Value) {
    let better = |name: &str| {
        if let Some(item) = name.strip_prefix("Page_") {
            Some(format!("{item}Page"))
        } else {
            name.strip_prefix("Patch_").map(|record| format!("{}Patch", record.trim_start_matches("New")))
        }
    };
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        // A page contains the whole schema of its items; it should refer to it by name.
        for (name, mut page) in schemas.clone() {
            if let Some(item_name) = name.strip_prefix("Page_") {
                let item = page["properties"]["items"]["items"].take();
                page["properties"]["items"]["items"] = json!({"$ref": format!("#/components/schemas/{item_name}")});
                schemas.insert(name.clone(), page);
                schemas.entry(item_name).or_insert(item);
            }
        }
        *schemas = std::mem::take(schemas).into_iter().map(|(name, schema)| (better(&name).unwrap_or(name), schema)).collect();
    }
    visit_objects(document, &mut |value| {
        if let Some(name) = value["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/")).and_then(better) {
            value["$ref"] = json!(format!("#/components/schemas/{name}"));
        }
    });
}

/// Makes the schema of each patch: its record with every member optional.
fn complete_patches(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    let names: Vec<_> = schemas.keys().filter_map(|name| name.strip_suffix("Patch").map(ToOwned::to_owned)).collect();
    for name in names {
        let mut schema = schemas.get(&format!("New{name}")).cloned().unwrap_or_default();
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("required");
            for (_, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
                if let Some(property) = property.as_object_mut() {
                    property.remove("default");
                }
            }
            schema.insert(
                "description".into(),
                json!(
                    "The members to change (RFC 7396). A member that is left out stays, null clears it, and a list is replaced as a whole."
                ),
            );
        }
        schemas.insert(format!("{name}Patch"), schema);
    }
}

/// Merges the parts of each `allOf` into one object, because inheritance breaks client generators.
fn merge_all_of(document: &mut Value) {
    let all = document["components"]["schemas"].clone();
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    for schema in schemas.values_mut() {
        let Some(parts) = schema.get("allOf").and_then(Value::as_array).cloned() else { continue };
        let mut flat = Map::new();
        flat.insert("type".into(), json!("object"));
        if let Some(description) = schema.get("description") {
            flat.insert("description".into(), description.clone());
        }
        let mut properties = Map::new();
        for part in parts {
            let part = part["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).map_or(&part, |name| &all[name]).clone();
            for (name, property) in part["properties"].as_object().into_iter().flatten() {
                properties.insert(name.clone(), property.clone());
            }
        }
        // The id and version come first, as in every record.
        let (first, rest): (Vec<_>, Vec<_>) = properties.into_iter().partition(|(name, _)| name == "id" || name == "version");
        flat.insert("properties".into(), first.into_iter().chain(rest).collect::<Map<_, _>>().into());
        *schema = flat.into();
    }
}

/// Replaces references to id types by a UUID, which every generator understands.
fn inline_ids(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    let ids: BTreeSet<_> =
        schemas.iter().filter(|(_, schema)| schema["format"] == "uuid").map(|(name, _)| format!("#/components/schemas/{name}")).collect();
    schemas.retain(|_, schema| schema["format"] != "uuid");
    let is_id = |value: &Value| value["$ref"].as_str().is_some_and(|reference| ids.contains(reference));
    let code = |id: &Value| {
        let name = id["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default();
        CODES.iter().find(|(known, ..)| known.strip_suffix("Id").is_some() && *known == name).map(|(_, kind, _)| *kind)
    };
    visit_objects(document, &mut |value| {
        if is_id(value) {
            let description = value.get("description").cloned();
            let kind = code(value);
            *value = json!({"type": "string", "format": "uuid"});
            if let Some(kind) = kind {
                value[CODE_OF] = json!(kind);
            }
            if let Some(description) = description {
                value["description"] = description;
            }
        }
        let forms = value["oneOf"].as_array();
        let null = forms.is_some_and(|forms| forms.iter().any(|form| form["type"] == "null"));
        let id = forms.and_then(|forms| forms.iter().find(|form| is_id(form))).filter(|_| null).cloned();
        if let Some(id) = id {
            let description = value.get("description").or(id.get("description")).cloned();
            let kind = code(&id);
            *value = json!({"type": ["string", "null"], "format": "uuid"});
            if let Some(kind) = kind {
                value[CODE_OF] = json!(kind);
            }
            if let Some(description) = description {
                value["description"] = description;
            }
        }
    });
}

/// The ids in whose place a call may give a code: the type of the id, the kind of record, and a description of the code.
const CODES: &[(&str, &str, &str)] = &[
    ("AreaId", "area", "the area's code, such as `0127`"),
    ("IndicatorId", "indicator", "the indicator's code, such as `neet`"),
    ("", "scope", "the code of the area or actor"),
    ("ActorId", "actor", "one of the actor's own identifiers, such as `SE-ON:212000-2882` or `municipality_code:0127`"),
];

/// Marks the ids of areas, indicators and actors in requests, where a call may give a code instead. Answers always have ids.
fn mark_codes(document: &mut Value) {
    fn describe(value: &mut Value) {
        if value.get(CODE_OF).is_none() {
            return;
        }
        let Some((_, _, looks)) = CODES.iter().find(|(_, kind, _)| value[CODE_OF] == *kind) else { return };
        let said = value["description"].as_str().map(|said| format!("{said} ")).unwrap_or_default();
        value["description"] = json!(format!("{said}Its id, or {looks}."));
        value["maxLength"] = json!(100);
        if let Some(value) = value.as_object_mut() {
            value.remove("format");
        }
    }
    let written = request_schemas(document);
    for (name, schema) in document["components"]["schemas"].as_object_mut().into_iter().flatten() {
        if let Some(id) = schema.pointer_mut("/properties/id").filter(|_| name == "GrantScope") {
            id[CODE_OF] = json!("scope");
        }
        if written.contains(name) {
            visit_objects(schema, &mut describe);
        }
    }
    for (_, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
                // A path parameter is named after its kind of record, such as `areaId`.
                if let Some((_, kind, _)) =
                    CODES.iter().find(|(_, kind, _)| parameter["in"] == "path" && parameter["name"] == format!("{kind}Id"))
                {
                    parameter["schema"][CODE_OF] = json!(kind);
                }
                visit_objects(parameter, &mut describe);
            }
        }
    }
    // The other marks are in schemas of answers.
    visit_objects(document, &mut |value| {
        if value.get(CODE_OF).is_some()
            && value["format"] == "uuid"
            && let Some(value) = value.as_object_mut()
        {
            value.remove(CODE_OF);
        }
    });
}

/// The names of the schemas that callers send.
fn request_schemas(document: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open: Vec<String> = Vec::new();
    let refers = |value: &Value, found: &mut Vec<String>| {
        let mut value = value.clone();
        visit_objects(&mut value, &mut |part| {
            found.extend(part["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).map(ToOwned::to_owned));
        });
    };
    for operation in operations(document) {
        refers(&operation["requestBody"], &mut open);
    }
    while let Some(name) = open.pop() {
        if names.insert(name.clone()) {
            refers(&document["components"]["schemas"][&name], &mut open);
        }
    }
    names
}

/// Members that may be absent. Content that was frozen before they existed does not have them, and evidence has `changed` only
/// where it is read.
const SOMETIMES: [(&str, &str); 6] = [
    ("Evidence", "changed"),
    ("RevisionContent", "names"),
    ("StatisticalAnswer", "areas"),
    ("StatisticalAnswer", "measured"),
    ("StatisticalAnswer", "origins"),
    ("StatisticalAnswer", "summaryGap"),
];

fn complete_schemas(document: &mut Value, written: &BTreeSet<String>) {
    for (name, schema) in document["components"]["schemas"].as_object_mut().into_iter().flatten() {
        let properties = schema["properties"].as_object().map(|properties| properties.keys().cloned().collect::<Vec<_>>());
        if let Some(properties) = properties.filter(|properties| !properties.is_empty() && !written.contains(name)) {
            // An answer has all its members.
            let sometimes = |member: &String| SOMETIMES.contains(&(name.as_str(), member.as_str()));
            schema["required"] = json!(properties.into_iter().filter(|member| !sometimes(member)).collect::<Vec<_>>());
        }
        // The member that tells the operations of a batch apart has one value in each form.
        if let Some(tag) = schema.pointer_mut("/properties/op").and_then(Value::as_object_mut)
            && let Some([word]) = tag.get("enum").and_then(Value::as_array).map(Vec::as_slice)
        {
            let word = word.clone();
            tag.remove("enum");
            tag.insert("const".into(), word);
        }
    }
    visit_objects(document, &mut |value| {
        let Some(object) = value.as_object_mut() else { return };
        let has_type = |object: &Map<String, Value>, kind: &str| {
            object
                .get("type")
                .is_some_and(|types| types == kind || types.as_array().is_some_and(|types| types.iter().any(|one| one == kind)))
        };
        if has_type(object, "integer") && !matches!(object.get("format").and_then(Value::as_str), Some("int32" | "int64")) {
            object.insert("format".into(), json!("int64"));
        }
        if has_type(object, "string") && !object.contains_key("example") {
            match object.get("format").and_then(Value::as_str) {
                Some("date") => drop(object.insert("example".into(), json!("2026-03-31"))),
                Some("date-time") => drop(object.insert("example".into(), json!("2026-03-31T09:00:00Z"))),
                _ => {}
            }
        }
    });
}

/// Adds `redacted` to every record that can be under secrecy. It is absent when nothing is hidden, so that the frozen content of
/// revisions keeps its digest.
fn add_redactions(document: &mut Value) {
    let kinds = records::ALL.iter().filter_map(Declared::record).filter(|record| record.markable || record.part_of.is_some());
    // The nodes of a trace show records too.
    for name in kinds.map(Record::schema).chain(["TraceNode".to_owned()]) {
        let schema = &mut document["components"]["schemas"][&name];
        if schema["properties"].is_object() {
            schema["properties"]["redacted"] = json!({
            "type": "array", "items": {"$ref": "#/components/schemas/Redaction"},
            "description": "Members that are hidden from the caller because of secrecy (sekretess), with the ground. Absent when nothing is hidden. A hidden member is null, an empty list or the text `[sekretess]`, as its type allows."
            });
        }
    }
}

/// The problems that any call may meet, by status.
fn problem_responses(examples: &Value) -> Value {
    use crate::kernel::problem::Kind;
    let mut responses = Map::new();
    for status in Kind::ALL.iter().map(|kind| kind.status()).collect::<BTreeSet<_>>() {
        let kinds: Vec<_> = Kind::ALL.iter().filter(|kind| kind.status() == status).collect();
        let description = kinds.iter().map(|kind| format!("{} (`{}`)", kind.title().en, kind.slug())).collect::<Vec<_>>().join(" or ");
        let mut headers = json!({"traceparent": {"description": "The trace that the answer belongs to.", "schema": {"type": "string"}}});
        match status {
            401 => headers["WWW-Authenticate"] = json!({"description": "How to sign in.", "schema": {"type": "string"}}),
            405 => headers["Allow"] = json!({"description": "The methods that can be used.", "schema": {"type": "string"}}),
            412 => headers["ETag"] = json!({"description": "The present version.", "schema": {"type": "string", "format": "etag"}}),
            429 | 503 | 507 => {
                if status == 429 {
                    operations::rate_limits(&mut headers);
                }
                headers["Retry-After"] = json!({"description": "Seconds to wait.", "schema": {"type": "integer", "format": "int32"}});
            }
            _ => {}
        }
        let example = examples.get("problems").and_then(|problems| problems.get(status.to_string())).cloned().unwrap_or_else(|| {
            let body = crate::kernel::Problem::new(*kinds[0]).body(
                crate::kernel::language::Language::Sv,
                CANONICAL_URL,
                "01890a5d-ac96-774b-bcce-b302099a8057",
            );
            serde_json::to_value(body).unwrap_or_default()
        });
        responses.insert(
            format!("Problem{status}"),
            json!({
            "description": description, "headers": headers,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
            }),
        );
    }
    responses.into()
}

/// Removes components that nothing refers to, because they are noise in a client.
fn drop_unused(document: &mut Value) {
    loop {
        let mut used = BTreeSet::new();
        visit_objects(&mut document.clone(), &mut |value| used.extend(value["$ref"].as_str().map(ToOwned::to_owned)));
        let mut dropped = false;
        for kind in ["schemas", "responses"] {
            if let Some(components) = document["components"][kind].as_object_mut() {
                let before = components.len();
                components.retain(|name, _| used.contains(&format!("#/components/{kind}/{name}")));
                dropped |= components.len() != before;
                components.sort_keys();
            }
        }
        if !dropped {
            break;
        }
    }
    let tags: BTreeSet<_> = operations(document).filter_map(|operation| operation["tags"][0].as_str().map(ToOwned::to_owned)).collect();
    if let Some(all) = document["tags"].as_array_mut() {
        all.retain(|tag| tag["name"].as_str().is_some_and(|name| tags.contains(name)));
    }
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    document["paths"].as_object().into_iter().flatten().flat_map(|(_, item)| {
        item.as_object().into_iter().flatten().filter(|(_, operation)| operation.is_object()).map(|(_, operation)| operation)
    })
}

/// Visits every object of a document, each before its parts. Examples are data, so they are skipped.
fn visit_objects(value: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    if value.is_object() {
        visit(value);
    }
    match value {
        Value::Object(object) => object.iter_mut().filter(|(name, _)| *name != "example").for_each(|(_, part)| visit_objects(part, visit)),
        Value::Array(array) => array.iter_mut().for_each(|part| visit_objects(part, visit)),
        _ => {}
    }
}
