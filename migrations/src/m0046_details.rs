//! The members of an actor by which no list is filtered or sorted, as they stand in answers, in one column.

use sea_orm_migration::{
    prelude::*,
    schema,
    sea_orm::{ConnectionTrait, JsonValue, QueryResult, prelude::Uuid},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The number of actors that are read at once.
const ACTORS: u64 = 1_000;

/// The columns that go, with the member's name in answers, and the members of each item in a list of objects.
const MEMBERS: &[(&str, &str, &[&str])] = &[
    ("other_names", "otherNames", &[]),
    ("former_names", "formerNames", &["name", "validFrom", "validTo"]),
    ("policy_domains", "policyDomains", &[]),
    ("target_groups", "targetGroups", &[]),
    ("focus", "focus", &[]),
    ("working_methods", "workingMethods", &[]),
    ("languages", "languages", &[]),
    ("website", "website", &[]),
    ("contact_points", "contactPoints", &["function", "email", "phone"]),
    ("identifiers", "identifiers", &["scheme", "value", "scope", "validFrom", "validTo"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        manager.alter_table(Table::alter().table("actor").add_column(schema::text("details").default("{}")).take()).await?;
        let mut last = Uuid::nil();
        loop {
            let mut select = Query::select();
            select.column("id").columns(MEMBERS.iter().map(|(column, ..)| *column)).from("actor");
            let rows = db.query_all(select.and_where(Expr::col("id").gt(last)).order_by("id", Order::Asc).limit(ACTORS)).await?;
            for row in &rows {
                last = row.try_get("", "id")?;
                let update = Query::update().table("actor").value("details", details(row)?).and_where(Expr::col("id").eq(last)).take();
                db.execute(&update).await?;
            }
            if rows.is_empty() {
                break;
            }
        }
        for (column, ..) in MEMBERS {
            db.execute_unprepared(&format!("ALTER TABLE actor DROP COLUMN {column}")).await?;
        }
        Ok(())
    }
}

fn details(row: &QueryResult) -> Result<String, DbErr> {
    let mut members = Vec::new();
    for (column, name, of_items) in MEMBERS {
        let value = match *column {
            "focus" | "website" => JsonValue::from(row.try_get::<Option<String>>("", column)?),
            _ => row.try_get("", column)?,
        };
        let written = match value.as_array().filter(|_| !of_items.is_empty()) {
            Some(items) => {
                // A database may keep the members of an item in another order.
                let item = |item: &JsonValue| {
                    let members = of_items.iter().map(|name| format!("\"{name}\":{}", item[*name])).collect::<Vec<_>>();
                    format!("{{{}}}", members.join(","))
                };
                format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(","))
            }
            None => value.to_string(),
        };
        members.push(format!("\"{name}\":{written}"));
    }
    Ok(format!("{{{}}}", members.join(",")))
}
