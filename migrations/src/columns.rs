//! Columns and indexes that many tables have, so that the same thing has the same name and type everywhere.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

/// A new table of a resource, with id, version and times.
pub fn resource(name: &'static str) -> TableCreateStatement {
    let mut table = Table::create();
    table
        .table(name)
        .col(uuid("id").primary_key())
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"));
    table
}

/// The three forms of a name: as written, folded for comparing, and as a Swedish sort key.
pub fn named(table: &mut TableCreateStatement, name: &'static str) {
    table.col(text(name)).col(text(format!("{name}_fold"))).col(binary(format!("{name}_sort")));
}

/// The half-open period of validity: the first day, and the first day on which it no longer holds.
pub fn period(table: &mut TableCreateStatement) {
    table.col(date_null("valid_from")).col(date_null("valid_to"));
}

/// A reference to another table's id.
pub fn refers(table: &mut TableCreateStatement, column: &'static str, to: &'static str, required: bool) {
    table.col(if required { uuid(column) } else { uuid_null(column) });
    table.foreign_key(ForeignKey::create().from_col(column).to(to, "id"));
}

/// A code that lists are sorted by. It is compared byte by byte on both databases.
pub fn code(manager: &SchemaManager<'_>, column: &'static str) -> ColumnDef {
    let mut column = text(column);
    if manager.get_database_backend() == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

/// Creates a plain or unique index over columns, named after the table and the columns.
pub async fn index(manager: &SchemaManager<'_>, table: &'static str, columns: &[&'static str], unique: bool) -> Result<(), DbErr> {
    let mut index = Index::create();
    index.name(format!("{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    if unique {
        index.unique();
    }
    manager.create_index(index).await
}
