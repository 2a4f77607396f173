//! The declarations of the kinds of record, compared with the schema of both databases and with the contract. Something that is
//! not declared fails here, with a sentence that says what to declare where.

use std::collections::{BTreeMap, BTreeSet};

use rstest::rstest;
use samsyn::{
    kernel::record::{DataSubject, Declared, End, Form, Owner, Record, Stored, Table},
    records,
};
use serde_json::{Value, json};

use crate::{
    abuse_privacy::rows,
    contract::file,
    harness::{Database, TestApp},
    merging,
};

/// The columns of each table with their types, by table. Internal tables of the databases are left out.
pub type Schema = BTreeMap<String, BTreeMap<String, String>>;

pub fn schema(app: &TestApp, database: Database) -> Schema {
    let sql = match database {
        Database::Sqlite => {
            "SELECT tables.name, columns.name AS c, columns.type FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
             WHERE tables.type = 'table'"
        }
        Database::Postgres => {
            "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = 'public'"
        }
    };
    let mut tables = Schema::new();
    for row in rows(&app.url, sql) {
        let [table, column, kind] = row.try_into().unwrap();
        let own = table != "seaql_migrations" && !table.starts_with("sqlite_") && !table.starts_with("search_words_");
        if own {
            tables.entry(table).or_default().insert(column, kind);
        }
    }
    assert!(tables.len() > 70, "the schema was read: {tables:?}");
    tables
}

pub fn tables() -> impl Iterator<Item = &'static Table> {
    records::ALL.iter().flat_map(Declared::tables)
}

pub fn kinds() -> impl Iterator<Item = &'static Record> {
    records::ALL.iter().filter_map(Declared::record)
}

#[rstest]
fn every_table_and_column_is_declared(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let schema = schema(&app, database);
    let mut wrong = Vec::new();
    for (table, columns) in &schema {
        let Some(declared) = tables().find(|declared| declared.name == table) else {
            wrong.push(format!("declare the table {table}: in `tables` of its record or in `TABLES`, in the mod.rs of its resource"));
            continue;
        };
        let names: Vec<_> = declared.all().collect();
        for (column, kind) in columns {
            match names.iter().find(|(name, _)| name == column) {
                None => wrong.push(format!("say of {table}.{column} whether it holds something about people: `personal` or `plain`")),
                Some((_, form)) if database == Database::Postgres && declared.subject != DataSubject::None => {
                    let fits = match form {
                        Form::Id => kind == "uuid",
                        Form::Time => kind.starts_with("timestamp"),
                        Form::Day => kind == "date",
                        Form::Text => kind == "text" || kind == "character varying",
                        Form::Int => matches!(kind.as_str(), "integer" | "bigint"),
                        Form::Flag => kind == "boolean",
                        Form::Json => kind == "jsonb",
                        Form::Bytes => kind == "bytea",
                    };
                    if !fits {
                        wrong.push(format!("{table}.{column} is declared as {form:?} but is {kind}"));
                    }
                }
                Some(_) => {}
            }
        }
    }
    // The index of words is a table of its own on one database.
    for declared in tables().filter(|declared| database == Database::Sqlite || declared.name != "search_words") {
        for (column, _) in declared.all() {
            if !schema.get(declared.name).is_some_and(|columns| columns.contains_key(column)) {
                wrong.push(format!("{}.{column} is declared but does not exist", declared.name));
            }
        }
        let mut once = BTreeSet::new();
        wrong.extend(declared.all().filter(|(column, _)| !once.insert(*column)).map(|(column, _)| format!("{column} stands twice")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[rstest]
fn every_column_that_names_an_actor_follows_it_or_stays_for_a_reason(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let keys = match database {
        Database::Sqlite => {
            "SELECT tables.name, keys.\"from\" FROM sqlite_master AS tables, pragma_foreign_key_list(tables.name) AS keys WHERE keys.\"table\" = 'actor'"
        }
        Database::Postgres => {
            "SELECT own.table_name::text, own.column_name::text FROM information_schema.table_constraints AS rule \
             JOIN information_schema.key_column_usage AS own USING (constraint_schema, constraint_name) \
             JOIN information_schema.constraint_column_usage AS other USING (constraint_schema, constraint_name) \
             WHERE rule.constraint_type = 'FOREIGN KEY' AND other.table_name = 'actor'"
        }
    };
    let schema = schema(&app, database);
    let columns: BTreeSet<(String, String)> =
        schema.iter().flat_map(|(table, columns)| columns.keys().map(|column| (table.clone(), column.clone()))).collect();
    let declared: BTreeSet<(String, String)> =
        tables().flat_map(|table| table.actors.iter().map(|column| (table.name.to_owned(), column.name.to_owned()))).collect();
    let frozen: BTreeSet<(String, String)> =
        tables().flat_map(|table| table.frozen.iter().map(|column| (table.name.to_owned(), (*column).to_owned()))).collect();
    let mut naming: BTreeSet<_> = rows(&app.url, keys).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert!(naming.len() > 10, "the schema was read: {naming:?}");
    naming.extend(columns.iter().filter(|(_, column)| column.ends_with("actor_id")).cloned());
    let forgotten: Vec<_> = naming.difference(&declared).collect();
    assert!(forgotten.is_empty(), "say of these in `actors` of their tables whether they follow an actor or stay: {forgotten:?}");
    let unknown: Vec<_> = declared.union(&frozen).filter(|column| !columns.contains(column)).collect();
    assert!(unknown.is_empty(), "these are declared and not there: {unknown:?}");
    for record in kinds() {
        let follow = record.tables.iter().skip(1).flat_map(|table| table.actors).filter(|column| column.fixed_because.is_none());
        assert_eq!(follow.count(), 0, "only the first table of {} can follow an actor", record.kind);
    }
    // Only columns of JSON that are declared as frozen may name actors.
    let gone = merging::registered_twice(&app);
    let text = |column: &str| if database == Database::Sqlite { format!("\"{column}\"") } else { format!("\"{column}\"::text") };
    for column in &columns {
        let (table, name) = (&column.0, &column.1);
        let kept = matches!(table.as_str(), "event" | "audit_entry" | "idempotent_answer" | "record_version" | "actor" | "search_entry")
            || table.starts_with("search_words");
        if declared.contains(column) || frozen.contains(column) || kept || name.ends_with("record_id") {
            continue;
        }
        // As text, or as the bytes of an id.
        let (whole, bare) = (&gone, gone.replace('-', ""));
        let bytes = if database == Database::Sqlite { format!(" OR lower(hex(\"{name}\")) LIKE '%{bare}%'") } else { String::new() };
        let sql = format!("SELECT '1' AS found FROM \"{table}\" WHERE {} LIKE '%{whole}%'{bytes}", text(name));
        assert!(rows(&app.url, &sql).is_empty(), "say in `frozen` of {table} that {name} names actors, or in `actors` that it follows");
    }
}

#[rstest]
fn the_database_guards_columns_that_must_not_name_a_merged_actor(#[values(Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let guarded = |table: &Table| table.actors.iter().filter(|column| column.guarded).map(|column| column.name).collect::<Vec<_>>();
    let wanted: BTreeSet<String> = tables()
        .flat_map(|table| guarded(table).into_iter().map(|column| format!("{}_{column}_lives_on", table.name)))
        .flat_map(|name| [format!("{name}_insert"), format!("{name}_update")])
        .collect();
    let there = rows(&app.url, "SELECT DISTINCT tgname::text FROM pg_trigger WHERE tgname LIKE '%_lives_on_%'");
    assert_eq!(there.into_iter().map(|row| row[0].clone()).collect::<BTreeSet<_>>(), wanted);
}

#[rstest]
fn the_declaration_of_a_record_matches_its_table(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let schema = schema(&app, database);
    let mut wrong = Vec::new();
    for record in kinds() {
        let mut columns = vec!["id"];
        match record.owner {
            Owner::Actor(one) | Owner::Forum(one) => columns.extend([one, "visibility"]),
            Owner::ActorAndForum(one, other) => columns.extend([one, other, "visibility"]),
            Owner::ActorForSignedIn(one) | Owner::Source(one) => columns.push(one),
            Owner::Between(one, other) => columns.extend([one, other]),
            Owner::ForumOfWhole => columns.push("visibility"),
            Owner::Whole | Owner::Permission | Owner::Everybody => {}
        }
        match record.end {
            End::Never => {}
            End::RemovedAt(column) | End::Status(column, _) => columns.push(column),
        }
        columns.extend(record.part_of.map(|part| part.column));
        columns.extend(record.areas);
        // The id of a service account is that of its user.
        columns.retain(|column| (record.kind, *column) != ("service_account", "id"));
        let there = &schema[record.table];
        wrong.extend(columns.into_iter().filter(|column| !there.contains_key(*column)).map(|column| format!("{}.{column}", record.table)));
        if there.contains_key("deleted_at") && record.end != End::RemovedAt("deleted_at") {
            wrong.push(format!("{} can be removed: say `.ends(End::RemovedAt(\"deleted_at\"))`", record.kind));
        }
        if let Some(part) = record.part_of {
            assert!(kinds().any(|whole| whole.kind == part.kind), "{} is part of {}, which is no kind of record", record.kind, part.kind);
        }
        if matches!(record.owner, Owner::Whole | Owner::ForumOfWhole) && record.part_of.is_none() && record.kind != "revision" {
            wrong.push(format!("{} is seen as what it is a part of: say `.part_of(…)`", record.kind));
        }
        for link in record.links {
            let (table, columns) = match link.stored {
                Stored::Rows { table, from, to } => (table, vec![from, to]),
                Stored::List(column) => (record.table, vec![column]),
            };
            let there = &schema[table];
            let missing = columns.into_iter().filter(|column| !there.contains_key(*column));
            wrong.extend(missing.map(|column| format!("{table}.{column} of the link {}", link.name)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn contract() -> Value {
    serde_json::from_slice(&std::fs::read(file("openapi/samsyn.json")).unwrap()).unwrap()
}

/// The values of an enumeration of the contract.
fn values(schema: &str) -> BTreeSet<String> {
    let values: Vec<Value> = contract()["components"]["schemas"][schema]["enum"].as_array().unwrap().clone();
    values.into_iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_enumerations_of_kinds_are_the_declared_ones() {
    let named = |which: fn(&Record) -> bool| kinds().filter(|record| which(record)).map(|record| record.kind.to_owned()).collect();
    let disclosable: BTreeSet<String> = named(|record| record.disclosable);
    assert_eq!(values("DisclosableKind"), disclosable, "disclosure::records::RecordKind has a variant for each disclosable record");
    let holdable: BTreeSet<String> = named(|record| record.holdable);
    assert_eq!(values("HeldRecordKind"), holdable, "privacy::holds::RecordKind has a variant for each holdable record");
    let links: BTreeSet<String> = kinds().flat_map(|record| record.links).map(|link| link.name.to_owned()).collect();
    assert_eq!(values("TraceLink"), links, "insight::trace::TraceLink has a variant for each link");
    let mut once = BTreeSet::new();
    assert!(kinds().all(|record| once.insert(record.kind)), "each kind is declared once");
    let shown: Vec<_> = kinds().filter(|record| contract()["components"]["schemas"][record.schema()] == json!(null)).collect();
    let without: Vec<_> = shown.iter().map(|record| record.kind).collect();
    assert!(without.is_empty(), "each kind is called as its schema: {without:?}");
}
